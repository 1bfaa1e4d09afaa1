-- Bookings. A slot is a range hold of the platform (docs/holds.md), placed and moved by triggers: whoever writes a booking, by
-- whatever way, gets the slot or a refusal. The hold's key is the id of the booking.

create table public.bookings (
  id uuid primary key default gen_random_uuid(),
  "serviceName" varchar(255) not null default '',
  "clientName" varchar(255) not null default '',
  "clientEmail" varchar(255),
  "clientPhone" varchar(50),
  date timestamptz not null,
  status varchar(20) not null default 'pending'
    check (status in ('pending', 'confirmed', 'inProgress', 'completed', 'cancelled', 'noShow')),
  price numeric(10,2) check (price >= 0),
  location text check (length(location) <= 2000),
  notes text check (length(notes) <= 10000),
  "createdAt" timestamptz not null default plinth.now(),
  "updatedAt" timestamptz not null default plinth.now(),
  "serviceId" uuid references public.services (id) on delete set null,
  "customerId" uuid default auth.uid() references public.users (id) on delete set null,
  "resourceId" uuid references public.resources (id) on delete set null,
  "endsAt" timestamptz not null,
  timezone text not null,
  currency varchar(3) not null default 'USD',
  terms jsonb not null default '{}',
  "seriesId" uuid,
  answers jsonb not null default '{}' check (jsonb_typeof(answers) = 'object' and length(answers::text) <= 20000),
  "depositAmount" numeric(10,2) not null default 0 check ("depositAmount" >= 0),
  "depositStatus" varchar(20) not null default 'none' check ("depositStatus" in ('none', 'due', 'paid', 'returning', 'returned', 'kept')),
  "holdUntil" timestamptz,
  sequence integer not null default 0,
  "cancelledAt" timestamptz,
  "cancelReason" varchar(500),
  check (date < "endsAt")
);
comment on table public.bookings is 'Who comes when, for what. Columns after updatedAt are derived but for serviceId, resourceId, timezone, answers and cancelReason.';
comment on column public.bookings.timezone is 'The zone in which the client is told the time.';
comment on column public.bookings.terms is 'The price and the terms of the service as they were when it was booked.';
comment on column public.bookings."holdUntil" is 'Until when the slot waits for the deposit; null for as long as the booking stands.';
comment on column public.bookings.sequence is 'Version for calendars (RFC 5545): higher with each change of time and with the cancellation.';
create index bookings_by_customer on public.bookings ("customerId", date desc);
create index bookings_by_date on public.bookings (date, id);
create index bookings_by_resource on public.bookings ("resourceId", date) where "resourceId" is not null;
create index bookings_by_service on public.bookings ("serviceId", date) where "serviceId" is not null;
create index bookings_by_status on public.bookings (status, date);
create index bookings_recent on public.bookings ("createdAt" desc, id);
create index bookings_unpaid on public.bookings ("holdUntil") where status = 'pending' and "holdUntil" is not null;
create index bookings_series on public.bookings ("seriesId") where "seriesId" is not null;
create trigger touch before update on public.bookings for each row execute function private.touch();

-- States ---------------------------------------------------------------------------------------------------------

create table private.booking_moves (
  was text not null,
  becomes text not null,
  by_client boolean not null,
  primary key (was, becomes)
);
comment on table private.booking_moves is 'The changes of state that there are, and which of them clients make; any other is refused. tests/bookings.db.test.ts tries every pair.';
alter table private.booking_moves enable row level security;
insert into private.booking_moves values
  ('pending', 'confirmed', false), ('pending', 'cancelled', true),
  ('confirmed', 'inProgress', false), ('confirmed', 'completed', false), ('confirmed', 'cancelled', true), ('confirmed', 'noShow', false),
  ('inProgress', 'completed', false), ('inProgress', 'cancelled', false),
  ('noShow', 'completed', false), ('completed', 'noShow', false);

create table private.booking_events (
  id bigint generated always as identity primary key,
  "bookingId" uuid not null references public.bookings (id) on delete cascade,
  kind text not null check (kind in ('requested', 'confirmed', 'moved', 'cancelled', 'expired', 'completed', 'noShow')),
  at timestamptz not null default plinth.now(),
  was timestamptz
);
comment on table private.booking_events is 'What people are told of a booking, written with it; the job tell-booking tells it once.';
alter table private.booking_events enable row level security;
create index booking_events_by_booking on private.booking_events ("bookingId", id);

-- Checks ---------------------------------------------------------------------------------------------------------

create function private.check_answers(p_questions jsonb, p_answers jsonb) returns void language plpgsql immutable set search_path = '' as $$
declare
  v_question jsonb;
  v_answer jsonb;
  v_fits boolean;
begin
  for v_question in select q from jsonb_array_elements(p_questions) q loop
    v_answer := p_answers -> (v_question ->> 'id');
    if v_answer is null or v_answer in ('null', '""') then
      if (v_question -> 'required') = 'true' then
        perform plinth.refuse('answer_missing', 422, format('The question "%s" wants an answer.', v_question ->> 'label'),
          jsonb_build_object('question', v_question ->> 'id'));
      end if;
      continue;
    end if;
    v_fits := case coalesce(v_question ->> 'type', 'text')
      when 'number' then jsonb_typeof(v_answer) = 'number'
      when 'boolean' then jsonb_typeof(v_answer) = 'boolean'
      when 'choice' then coalesce((v_question -> 'options') @> jsonb_build_array(v_answer), false)
      else jsonb_typeof(v_answer) = 'string'
    end;
    if not v_fits then
      perform plinth.refuse('answer_unfit', 422, format('The answer to "%s" does not fit.', v_question ->> 'label'),
        jsonb_build_object('question', v_question ->> 'id'));
    end if;
  end loop;
end $$;
comment on function private.check_answers(jsonb, jsonb) is 'Raises answer_missing or answer_unfit (PT422) unless the questions of a service are answered.';

create function private.check_time(p_service public.services, p_from timestamptz, p_until timestamptz, p_by_client boolean) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_schedule public.schedules := private.schedule_of(p_service);
begin
  if date_trunc('minute', p_from) <> p_from or not isfinite(p_from) then
    perform plinth.refuse('time_unfit', 422, 'A booking begins at a whole minute.');
  end if;
  if p_by_client then
    if p_from < plinth.now() + make_interval(mins => p_service."minimumNotice") then
      perform plinth.refuse('too_soon', 409, format('This service is booked at least %s minutes ahead.', p_service."minimumNotice"),
        jsonb_build_object('minimumNotice', p_service."minimumNotice"));
    end if;
    if p_from >= plinth.now() + make_interval(hours => 24 * p_service.horizon) then
      perform plinth.refuse('too_far', 409, format('This service is booked at most %s days ahead.', p_service.horizon),
        jsonb_build_object('horizon', p_service.horizon));
    end if;
  end if;
  if not private.is_open(v_schedule, p_from, p_until) then
    perform plinth.refuse('closed_then', 409, 'The service is closed at this time.',
      jsonb_build_object('timezone', v_schedule.timezone), 'GET /services/:id/slots lists the times that are free.');
  end if;
end $$;
comment on function private.check_time(public.services, timestamptz, timestamptz, boolean) is
  'Raises time_unfit (PT422), too_soon, too_far or closed_then (PT409). The staff books outside notice and horizon, never outside hours.';

-- Slots ----------------------------------------------------------------------------------------------------------

create function private.take_slot(p_booking public.bookings, p_expires_at timestamptz) returns uuid language plpgsql set search_path = '' as $$
declare
  v_key text := p_booking.id::text;
  v_during tstzrange := tstzrange(p_booking.date, p_booking."endsAt");
  v_thing uuid;
  v_taken uuid;
begin
  select h.claimed into v_thing from plinth.holds h where h.kind = 'slot' and h.key = v_key;
  if v_thing is null then
    v_thing := case when p_booking.terms ? 'resourceId' then private.place_id(p_booking."serviceId", p_booking.terms ->> 'resourceId')
      else p_booking."serviceId" end;
    if not exists (select from plinth.pools where kind = 'slot' and thing = v_thing)
      or p_booking.terms ? 'resourceId' and not exists (select from public.resources r join public.service_resources sr on sr."resourceId" = r.id
        where r.id = (p_booking.terms ->> 'resourceId')::uuid and sr."serviceId" = p_booking."serviceId" and r."isActive") then
      perform plinth.refuse('unknown_resource', 422, 'This resource does not do this service.');
    end if;
  end if;
  -- Asked without a lock first: of a hundred who want one slot, those who come late wait for nobody.
  if not exists (
      select from plinth.members m join plinth.resources g on g.kind = 'slot' and g.thing = m.pool
      where m.kind = 'slot' and m.pool = v_thing and not exists (
        select from plinth.holds h
        where h.kind = 'slot' and h.thing = m.member and h.expires_at > plinth.now() and h.key <> v_key
          and h.blocks && tstzrange(p_booking.date - g.buffer_before, p_booking."endsAt" + g.buffer_after)))
    or plinth.try_hold('slot', v_thing, v_key, 1, p_expires_at, p_booking."customerId", v_during, plinth.now()) is not null then
    perform plinth.refuse('slot_taken', 409, 'This time is taken.', jsonb_build_object('serviceId', p_booking."serviceId",
      'date', to_json(p_booking.date) #>> '{}'), 'Choose another time: GET /services/:id/slots lists the free ones.');
  end if;
  select h.thing into v_taken from plinth.holds h where h.kind = 'slot' and h.key = v_key and h.claimed = v_thing;
  return (select r.id from public.resources r where r.id = v_taken);
end $$;
comment on function private.take_slot(public.bookings, timestamptz) is
  'Holds the slot of a booking, or moves its hold to another time. Gives the resource, null for an unnamed place. Raises slot_taken (PT409).';

create function private.require_room(p_customer uuid) returns void language plpgsql set search_path = '' as $$
begin
  -- The person's row is the lock: of two bookings at once the second sees the first.
  perform from public.users where id = p_customer for no key update;
  if (select count(*) from public.bookings where "customerId" = p_customer and status in ('pending', 'confirmed') and date > plinth.now() - interval '1 day')
    >= private.limit_of('bookings') then
    perform plinth.refuse('too_many_bookings', 409, format('A client has at most %s bookings that are to come.', private.limit_of('bookings')));
  end if;
end $$;
comment on function private.require_room(uuid) is 'Raises too_many_bookings (PT409).';

create function private.terms_of(p_service public.services) returns jsonb language sql immutable set search_path = '' as $$
  select jsonb_build_object('title', (p_service).title, 'price', (p_service).price, 'currency', (p_service).currency, 'duration', (p_service).duration,
    'cancellationWindow', (p_service)."cancellationWindow", 'depositPercent', (p_service)."depositPercent")
$$;
comment on function private.terms_of(public.services) is 'What a client agrees to.';

create function private.by_client() returns boolean language sql stable set search_path = '' as $$
  select coalesce(current_setting('kronium.by_client', true), '') = 'on' or not plinth.is_trusted()
$$;
comment on function private.by_client() is
  'Whether the rules of clients hold. The service says so, by the setting kronium.by_client, when it acts for a guest with a signed link.';

-- security definer: holds and counts belong to the owner.
create function private.open_booking() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_staff boolean := not private.by_client() or private.may_all('book_services');
  v_service public.services;
  v_client public.users;
begin
  -- Two inserts of one id wait for each other here: the second must not move the hold of the first.
  perform pg_advisory_xact_lock(hashtextextended(new.id::text, 4004));
  if exists (select from public.bookings where id = new.id) then
    perform plinth.refuse('booking_exists', 409, 'There is a booking of this id.');
  end if;
  select * into v_service from public.services s
    where case when new."serviceId" is not null then s.id = new."serviceId" else s.title = new."serviceName" and s."isActive" end
    order by s."createdAt" limit 1;
  if v_service.id is null and not v_staff then
    perform plinth.refuse('unknown_service', 404, 'There is no such service.');
  elsif not v_service."isActive" and not v_staff then
    perform plinth.refuse('service_inactive', 409, 'This service is not offered at the moment.');
  end if;
  new.sequence := 0;
  new."createdAt" := plinth.now();
  new."updatedAt" := plinth.now();
  new."cancelledAt" := null;
  new."cancelReason" := null;
  new."depositStatus" := 'none';
  new."depositAmount" := 0;
  new."holdUntil" := null;
  if not (v_staff and new.status in ('pending', 'confirmed')) then
    new.status := 'pending';
  end if;
  if new."customerId" is not null then
    perform private.require_room(new."customerId");
    select * into v_client from public.users where id = new."customerId";
    new."clientName" := coalesce(nullif(new."clientName", ''), v_client.name, '');
    new."clientEmail" := coalesce(nullif(new."clientEmail", ''), v_client.email);
    new."clientPhone" := coalesce(nullif(new."clientPhone", ''), v_client.phone);
  end if;
  if v_service.id is null then
    -- The staff may note anything; without a service there is nothing to collide with.
    new."endsAt" := coalesce(new."endsAt", new.date + interval '1 hour');
    new.timezone := coalesce(new.timezone, 'UTC');
    new.price := coalesce(new.price, 0);
    return new;
  end if;
  new."serviceId" := v_service.id;
  new."serviceName" := v_service.title;
  new.currency := v_service.currency;
  new.terms := private.terms_of(v_service) || case when new."resourceId" is null then '{}'::jsonb else jsonb_build_object('resourceId', new."resourceId") end;
  new.price := case when v_staff then coalesce(new.price, v_service.price) else v_service.price end;
  new."endsAt" := new.date + make_interval(mins => v_service.duration);
  new.timezone := coalesce(new.timezone, (private.schedule_of(v_service)).timezone);
  perform private.check_answers(case when v_staff then '[]' else v_service.questions end, new.answers);
  perform private.check_time(v_service, new.date, new."endsAt", not v_staff);
  if v_service."depositPercent" > 0 and new.price > 0 and new.status = 'pending' then
    new."depositAmount" := plinth.to_major(plinth.to_minor(new.price * v_service."depositPercent" / 100, new.currency), new.currency);
    new."depositStatus" := case when new."depositAmount" > 0 then 'due' else 'none' end;
  end if;
  if new."depositStatus" = 'due' then
    new."holdUntil" := plinth.now() + make_interval(mins => v_service."depositMinutes");
  elsif v_service."autoConfirm" and not v_staff then
    new.status := 'confirmed';
  end if;
  new."resourceId" := private.take_slot(new, coalesce(new."holdUntil", 'infinity'));
  return new;
end $$;
comment on function private.open_booking() is
  'Trigger, before insert: finds the service, takes its price and terms, checks time and answers, and holds the slot. Raises '
  'unknown_service (PT404), service_inactive, too_many_bookings, slot_taken and what private.check_time() and check_answers() raise.';
create trigger open_booking before insert on public.bookings for each row execute function private.open_booking();
create trigger check_zone before insert or update of timezone on public.bookings for each row when (new.timezone is not null) execute function private.check_zone();

create function private.manages(p_resource uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select case private.scope_of('manage_bookings')
    when 'all' then true
    when 'assigned' then exists (select from public.resources r where r.id = p_resource and r."userId" = (select auth.uid()))
    else false
  end
$$;
comment on function private.manages(uuid) is 'Whether the caller manages the bookings of a resource.';

create function private.kept(p_new uuid, p_old uuid, p_table text) returns uuid language plpgsql stable set search_path = '' as $$
declare
  v_there boolean;
begin
  if p_new is not null or p_old is null then
    return p_new;
  end if;
  execute format('select exists (select from public.%I where id = $1)', p_table) into v_there using p_old;
  return case when not v_there then p_old end;
end $$;
comment on function private.kept(uuid, uuid, text) is 'The new value of a reference; the old one where it became null because its row is gone.';

-- security definer: as private.open_booking().
create function private.change_booking() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_trusted boolean := not private.by_client();
  v_staff boolean := v_trusted or private.manages(old."resourceId");
  v_service public.services;
  v_window integer := coalesce((old.terms ->> 'cancellationWindow')::integer, 0);
  v_moves boolean := new.date is distinct from old.date;
  v_ends boolean := new.status is distinct from old.status and new.status in ('cancelled', 'completed', 'noShow');
  v_late boolean := old.status = 'confirmed' and plinth.now() > old.date - make_interval(mins => v_window);
begin
  if not v_trusted then
    -- A reference also ends because the row that it names was deleted.
    if (new.id, private.kept(new."serviceId", old."serviceId", 'services'), new."serviceName", private.kept(new."customerId", old."customerId", 'users'), new."createdAt", new.currency, new.terms, new."seriesId", new."depositAmount",
        new."depositStatus", new."holdUntil", new.sequence, new."cancelledAt", private.kept(new."resourceId", old."resourceId", 'resources'), new."endsAt")
      is distinct from (old.id, old."serviceId", old."serviceName", old."customerId", old."createdAt", old.currency, old.terms, old."seriesId", old."depositAmount",
        old."depositStatus", old."holdUntil", old.sequence, old."cancelledAt", old."resourceId", old."endsAt") then
      perform plinth.refuse('column_is_fixed', 403, 'This column follows from others and is not written.',
        p_hint => 'Of a booking one writes date, status, notes, location, answers, timezone, cancelReason, and how to reach the client.');
    end if;
    if new.price is distinct from old.price and private.scope_of('manage_bookings') is distinct from 'all' then
      perform plinth.refuse('column_is_fixed', 403, 'The price is the one that was agreed.', '{"column": "price"}');
    end if;
  end if;
  if new.status is distinct from old.status then
    if not exists (select from private.booking_moves m where m.was = old.status and m.becomes = new.status and (v_staff or m.by_client)) then
      perform plinth.refuse('invalid_transition', 409, format('A booking that is %s does not become %s%s.', old.status, new.status,
        case when v_staff then '' else ' by its client' end), jsonb_build_object('from', old.status, 'to', new.status));
    end if;
    if new.status = 'noShow' and plinth.now() < old.date then
      perform plinth.refuse('not_begun', 409, 'The booking has not begun.');
    end if;
  end if;
  if v_moves and old."serviceId" is null and not v_staff then
    perform plinth.refuse('booking_is_closed', 409, 'This service is not offered any more.');
  elsif v_moves and (v_ends or old.status not in ('pending', 'confirmed')) then
    perform plinth.refuse('booking_is_closed', 409, format('A booking that is %s is not moved.', case when v_ends then new.status else old.status end));
  end if;
  if not v_staff and v_late and (v_moves or new.status = 'cancelled') then
    perform plinth.refuse('window_closed', 409, format('This booking could be changed until %s minutes before it begins.', v_window),
      jsonb_build_object('cancellationWindow', v_window, 'until', to_json(old.date - make_interval(mins => v_window)) #>> '{}'), 'Ask the staff.');
  end if;
  if v_moves then
    new."endsAt" := new.date + (old."endsAt" - old.date);
    new.sequence := old.sequence + 1;
    select * into v_service from public.services where id = old."serviceId";
    if found then
      perform private.check_time(v_service, new.date, new."endsAt", not v_staff);
    end if;
  end if;
  if old."serviceId" is not null and not v_ends and (v_moves or new.status = 'confirmed' and old.status <> 'confirmed') then
    if new.status = 'confirmed' then
      new."holdUntil" := null;
    end if;
    new."resourceId" := private.take_slot(new, coalesce(new."holdUntil", 'infinity'));
  elsif v_ends then
    perform plinth.release_holds('slot', array[old.id::text], plinth.now());
    new."holdUntil" := null;
    if new.status = 'cancelled' then
      new.sequence := old.sequence + 1;
      new."cancelledAt" := plinth.now();
    end if;
    if old."depositStatus" = 'paid' then
      new."depositStatus" := case when new.status = 'cancelled' and (v_staff or not v_late) then 'returning'
        when new.status in ('cancelled', 'noShow') then 'kept' else 'paid' end;
    elsif old."depositStatus" = 'due' and new."depositStatus" = 'due' then
      new."depositStatus" := 'none';
    end if;
    perform private.claim_absences(old."resourceId");
  end if;
  return new;
end $$;
comment on function private.change_booking() is
  'Trigger, before update: derived columns stay, states change as private.booking_moves says, clients keep to the cancellation window, and '
  'the hold follows. Raises column_is_fixed (PT403), invalid_transition, not_begun, booking_is_closed, window_closed, slot_taken (PT409).';
create trigger change_booking before update on public.bookings for each row execute function private.change_booking();

-- Absences and what other calendars say --------------------------------------------------------------------------

create table public.absences (
  id uuid primary key default gen_random_uuid(),
  "resourceId" uuid not null references public.resources (id) on delete cascade,
  "startsAt" timestamptz not null,
  "endsAt" timestamptz not null,
  reason varchar(255),
  "calendarId" uuid,
  check ("startsAt" < "endsAt" and isfinite("startsAt") and isfinite("endsAt"))
);
comment on table public.absences is 'When a resource is away. With calendarId: another calendar said so.';
create index absences_by_resource on public.absences ("resourceId", "startsAt");
create index absences_by_calendar on public.absences ("calendarId") where "calendarId" is not null;

create function private.claim_absences(p_resource uuid) returns void language plpgsql set search_path = '' as $$
declare
  v_key text := 'absent/' || p_resource;
  v_free tstzmultirange;
  v_part tstzrange;
  v_number integer := 0;
begin
  if p_resource is null or not exists (select from plinth.pools where kind = 'slot' and thing = p_resource) then
    return;
  end if;
  perform plinth.lock_pools('slot', array[p_resource]);
  delete from plinth.holds where kind = 'slot' and thing = p_resource and key like v_key || '/%';
  select range_agg(tstzrange(a."startsAt", a."endsAt")) into v_free from public.absences a
    where a."resourceId" = p_resource and a."endsAt" > plinth.now();
  -- What is booked already stays booked: an absence takes the rest.
  v_free := v_free - coalesce((select range_agg(h.blocks) from plinth.holds h
    where h.kind = 'slot' and h.thing = p_resource and h.expires_at > plinth.now()), '{}');
  delete from plinth.holds where kind = 'slot' and thing = p_resource and expires_at <= plinth.now();
  foreach v_part in array coalesce((select array_agg(r) from unnest(v_free) r), '{}') loop
    v_number := v_number + 1;
    perform plinth.place_hold('slot', p_resource, v_key || '/' || v_number, 1, upper(v_part), null, v_part, plinth.now());
  end loop;
end $$;
comment on function private.claim_absences(uuid) is
  'Holds the time in which a resource is away, as far as it is not booked. Called again when a booking ends, because its time may be such.';

-- security definer: holds belong to the owner.
create function private.follow_absences() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if tg_op <> 'INSERT' and not plinth.is_trusted() and exists (select from public.external_calendars where id = old."calendarId") then
    perform plinth.refuse('absence_of_calendar', 409, 'Another calendar says so; change it there.');
  end if;
  if tg_op <> 'INSERT' then
    perform private.claim_absences(old."resourceId");
  end if;
  if tg_op <> 'DELETE' and (tg_op = 'INSERT' or new."resourceId" <> old."resourceId") then
    perform private.claim_absences(new."resourceId");
  end if;
  return null;
end $$;
comment on function private.follow_absences() is 'Trigger: holds follow absences.';
create trigger follow_absences after insert or update or delete on public.absences
  for each row when (coalesce(current_setting('kronium.many_absences', true), '') <> 'on') execute function private.follow_absences();

-- What follows from a booking ------------------------------------------------------------------------------------

-- security definer: events, jobs and projects are not the client's to write.
create function private.follow_booking() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_kind text := case
    when tg_op = 'INSERT' and new.status = 'confirmed' then 'confirmed'
    when tg_op = 'INSERT' then 'requested'
    when new.status is distinct from old.status then
      case when new.status = 'cancelled' and new."cancelReason" = 'deposit not paid' then 'expired'
        when new.status in ('confirmed', 'cancelled', 'completed', 'noShow') then new.status end
    when new.date is distinct from old.date then 'moved'
  end;
  v_event bigint;
begin
  if v_kind is not null then
    insert into private.booking_events ("bookingId", kind, was)
      values (new.id, v_kind, case when tg_op = 'UPDATE' then old.date end) returning id into v_event;
    perform private.add_job('tell-booking', jsonb_build_object('event', v_event));
  end if;
  if new."depositStatus" = 'returning' and (tg_op = 'INSERT' or old."depositStatus" <> 'returning') then
    perform private.add_job('return-deposit', jsonb_build_object('booking', new.id));
  end if;
  if new.status = 'confirmed' and (tg_op = 'INSERT' or old.status <> 'confirmed') then
    insert into public.projects (title, description, "clientName", "clientEmail", "clientPhone", location, "customerId", "staffId", "bookingId")
      select new."serviceName", coalesce(new.notes, ''), new."clientName", new."clientEmail", new."clientPhone", new.location, new."customerId",
        (select r."userId" from public.resources r where r.id = new."resourceId"), new.id
      from public.services s where s.id = new."serviceId" and s."createsProject"
      on conflict ("bookingId") do nothing;
  end if;
  return null;
end $$;
comment on function private.follow_booking() is
  'Trigger: what people are told, deposits that go back, and the project of a service that makes one, exactly once by projects.bookingId.';
create trigger follow_booking after insert or update on public.bookings for each row execute function private.follow_booking();

-- security definer: counts bookings that the caller may not see.
create function private.keep_booked_service() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform plinth.lock_pools('slot', array[old.id]);
  if exists (select from public.bookings where "serviceId" = old.id and status in ('pending', 'confirmed', 'inProgress')) then
    perform plinth.refuse('service_in_use', 409, 'This service has bookings that are to come.', p_hint => 'Set isActive to false: nobody books it then.');
  end if;
  return old;
end $$;
comment on function private.keep_booked_service() is 'Trigger, before delete: a service with bookings to come stays.';
create trigger keep_booked_service before delete on public.services for each row execute function private.keep_booked_service();

-- security definer: pools belong to the owner.
create function private.drop_service_pools() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform plinth.drop_pool('slot', old.id, true);
  return null;
end $$;
comment on function private.drop_service_pools() is 'Trigger, after delete: nobody claims a service that is gone.';
create trigger drop_service_pools after delete on public.services for each row execute function private.drop_service_pools();

create function private.expire_unpaid() returns integer language plpgsql security definer set search_path = '' as $$
declare
  v_count integer;
begin
  update public.bookings set status = 'cancelled', "cancelReason" = 'deposit not paid'
    where id in (select id from public.bookings where status = 'pending' and "depositStatus" = 'due' and "holdUntil" <= plinth.now()
      order by id for update skip locked);
  get diagnostics v_count = row_count;
  return v_count;
end $$;
comment on function private.expire_unpaid() is 'Cancels bookings whose deposit did not come in time. Their slots are free already.';

create function private.pay_deposit(p_booking uuid) returns text language plpgsql security definer set search_path = '' as $$
declare
  v_booking public.bookings;
begin
  select * into v_booking from public.bookings where id = p_booking for update;
  if not found or v_booking."depositStatus" in ('paid', 'returning', 'returned', 'kept') then
    return 'settled';
  elsif v_booking.status not in ('pending', 'cancelled') then
    update public.bookings set "depositStatus" = 'paid' where id = p_booking;
    return 'paid';
  end if;
  begin
    if v_booking.status = 'pending' then
      update public.bookings set "depositStatus" = 'paid', status = 'confirmed' where id = p_booking;
      return 'confirmed';
    end if;
  exception when sqlstate 'PT409' then
    null;
  end;
  -- The money came when the slot was gone: it goes back.
  update public.bookings set "depositStatus" = 'returning', "cancelReason" = coalesce("cancelReason", 'the slot was taken before the deposit came'),
    status = 'cancelled' where id = p_booking;
  return 'returning';
end $$;
comment on function private.pay_deposit(uuid) is
  'A paid deposit confirms the booking. Where its slot has been taken since, or the booking was cancelled, the money goes back.';

-- Rights ---------------------------------------------------------------------------------------------------------

create function private.my_resources() returns uuid[] language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(r.id), '{}') from public.resources r where r."userId" = (select auth.uid())
$$;
comment on function private.my_resources() is 'The resources that are the caller.';

alter table public.bookings enable row level security;
revoke all on public.bookings from anon, authenticated;
grant select, insert, update on public.bookings to authenticated;
create policy "see bookings" on public.bookings for select to authenticated using (
  "customerId" = (select auth.uid()) and (select private.scope_of('view_bookings')) is not null
  or (select private.scope_of('view_bookings')) = 'all'
  or (select private.scope_of('view_bookings')) = 'assigned' and "resourceId" = any ((select private.my_resources())::uuid[]));
create policy "book" on public.bookings for insert to authenticated with check (
  "customerId" = (select auth.uid()) and (select private.scope_of('book_services')) is not null
  or (select private.scope_of('book_services')) = 'all');
create policy "change bookings" on public.bookings for update to authenticated using (
  "customerId" = (select auth.uid()) and (select private.scope_of('book_services')) is not null
  or (select private.scope_of('manage_bookings')) = 'all'
  or (select private.scope_of('manage_bookings')) = 'assigned' and "resourceId" = any ((select private.my_resources())::uuid[]))
  with check (
  "customerId" = (select auth.uid()) and (select private.scope_of('book_services')) is not null
  or (select private.scope_of('manage_bookings')) in ('assigned', 'all'));

alter table public.absences enable row level security;
revoke all on public.absences from anon, authenticated;
grant select, delete on public.absences to authenticated;
grant insert (id, "resourceId", "startsAt", "endsAt", reason), update ("startsAt", "endsAt", reason) on public.absences to authenticated;
create policy "keep absences" on public.absences for all to authenticated using (
  (select private.scope_of('manage_calendar')) = 'all'
  or (select private.scope_of('manage_calendar')) = 'assigned' and "resourceId" = any ((select private.my_resources())::uuid[]))
  with check (
  (select private.scope_of('manage_calendar')) = 'all'
  or (select private.scope_of('manage_calendar')) = 'assigned' and "resourceId" = any ((select private.my_resources())::uuid[]));

-- Reminders -----------------------------------------------------------------------------------------------------

create function private.due_reminders(p_at timestamptz, p_hours integer) returns setof jsonb language sql stable security definer set search_path = '' as $$
  select to_jsonb(b) from public.bookings b
  where b.status = 'confirmed' and b.date > p_at and b.date <= p_at + make_interval(hours => p_hours)
    and b."createdAt" < b.date - make_interval(hours => p_hours)
    and not exists (select from plinth.notifications n where n.dedupe_key = format('reminder/%s/%s/email', b.id, b.sequence))
  order by b.date, b.id limit 1000
$$;
comment on function private.due_reminders(timestamptz, integer) is 'Bookings that begin soon, of which their client was not reminded at their present time.';

-- What the availability engine asks (availability/) ---------------------------------------------------------------

create function private.availability_of(p_service uuid, p_from timestamptz, p_until timestamptz, p_resource uuid default null) returns json
language sql stable security definer set search_path = '' as $$
  select json_build_object(
    'service', json_build_object('id', s.id, 'title', s.title, 'duration', s.duration, 'bufferBefore', s."bufferBefore", 'bufferAfter', s."bufferAfter",
      'slotStep', s."slotStep", 'minimumNotice', s."minimumNotice", 'horizon', s.horizon, 'isActive', s."isActive"),
    'timezone', c.timezone,
    'weekly', coalesce((select json_agg(json_build_object('weekday', o.weekday, 'opens', o.opens, 'closes', o.closes))
      from public.opening_hours o where o."scheduleId" = c.id), '[]'),
    'overrides', coalesce((select json_agg(json_build_object('date', o.date, 'opens', o.opens, 'closes', o.closes))
      from public.schedule_overrides o where o."scheduleId" = c.id and o.date between p_from::date - 2 and p_until::date + 2), '[]'),
    'holidays', coalesce((select json_agg(h.date) from public.holidays h where h.date between p_from::date - 2 and p_until::date + 2), '[]'),
    'places', coalesce((
      select json_agg(json_build_object('id', m.member, 'named', exists (select from public.resources r where r.id = m.member), 'busy', coalesce(b.busy, '[]')) order by m.rank, m.member)
      from plinth.members m
      left join lateral (
        -- One array and one conversion: a busy month has thousands of blocks.
        select to_json(array_agg(array[extract(epoch from lower(h.blocks))::bigint, extract(epoch from upper(h.blocks))::bigint])) as busy
        from plinth.holds h
        where h.kind = 'slot' and h.thing = m.member and h.expires_at > plinth.now() and h.blocks && tstzrange(p_from, p_until)
      ) b on true
      where m.kind = 'slot' and m.pool = s.id and (p_resource is null or m.member = p_resource)), '[]'))
  from public.services s cross join lateral private.schedule_of(s) c
  where s.id = p_service
$$;
comment on function private.availability_of(uuid, timestamptz, timestamptz, uuid) is
  'The rules of a service and, for each place of its pool, what blocks it within a time: seconds since 1970. It says nothing of who booked.';
