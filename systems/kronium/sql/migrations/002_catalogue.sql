-- What can be booked: services, who or what does them, and when they are open.

create table public.schedules (
  id uuid primary key default gen_random_uuid(),
  name varchar(255) not null check (name <> ''),
  timezone text not null default 'UTC',
  "isDefault" boolean not null default false,
  "createdAt" timestamptz not null default plinth.now(),
  "updatedAt" timestamptz not null default plinth.now()
);
comment on table public.schedules is 'Opening hours by the wall clock of a zone. A service without a schedule has the default one.';
create unique index schedules_default on public.schedules ("isDefault") where "isDefault";
create trigger touch before update on public.schedules for each row execute function private.touch();

create function private.check_zone() returns trigger language plpgsql set search_path = '' as $$
begin
  -- PostgreSQL also takes POSIX offsets (XYZ+3), whose sign is the other way round.
  if new.timezone !~ '^[A-Za-z]+$|/' then
    raise invalid_parameter_value;
  end if;
  perform pg_catalog.now() at time zone new.timezone;
  return new;
exception when invalid_parameter_value then
  perform plinth.refuse('unknown_zone', 422, format('There is no time zone "%s".', new.timezone), jsonb_build_object('timezone', new.timezone),
    'Use an IANA name like Europe/London.');
  return null;
end $$;
comment on function private.check_zone() is 'Trigger: a zone is one that PostgreSQL knows.';
create trigger check_zone before insert or update of timezone on public.schedules for each row execute function private.check_zone();

create table public.opening_hours (
  id uuid primary key default gen_random_uuid(),
  "scheduleId" uuid not null references public.schedules (id) on delete cascade,
  weekday smallint not null check (weekday between 1 and 7),
  opens smallint not null check (opens between 0 and 1439),
  closes smallint not null check (closes between 1 and 1440),
  check (opens < closes),
  unique ("scheduleId", weekday, opens)
);
comment on table public.opening_hours is 'Open while the wall clock shows opens ≤ time < closes, minutes of the day; weekday 1 is Monday. Over midnight: two rows.';

create table public.schedule_overrides (
  id uuid primary key default gen_random_uuid(),
  "scheduleId" uuid not null references public.schedules (id) on delete cascade,
  date date not null,
  opens smallint check (opens between 0 and 1439),
  closes smallint check (closes between 1 and 1440),
  reason varchar(255),
  check ((opens is null) = (closes is null) and (opens is null or opens < closes)),
  unique nulls not distinct ("scheduleId", date, opens)
);
comment on table public.schedule_overrides is
  'The hours of one date, in place of those of its weekday and of a holiday. A row without hours adds none, so alone it closes the date.';

create table public.holidays (
  id uuid primary key default gen_random_uuid(),
  date date not null unique,
  name varchar(255) not null default ''
);
comment on table public.holidays is 'Dates on which every schedule is closed that has no override for them.';

create table public.resources (
  id uuid primary key default gen_random_uuid(),
  name varchar(255) not null check (name <> ''),
  kind varchar(20) not null default 'staff' check (kind in ('staff', 'room', 'equipment')),
  "userId" uuid references public.users (id) on delete set null,
  "isActive" boolean not null default true,
  "createdAt" timestamptz not null default plinth.now(),
  "updatedAt" timestamptz not null default plinth.now()
);
comment on table public.resources is 'People, rooms and things that do one booking at a time, whatever the service.';
comment on column public.resources."userId" is 'The account of somebody of the staff: their bookings are assigned to them.';
create index resources_by_user on public.resources ("userId") where "userId" is not null;
create trigger touch before update on public.resources for each row execute function private.touch();

create table public.services (
  id uuid primary key default gen_random_uuid(),
  title varchar(255) not null check (title <> ''),
  description text not null default '',
  category varchar(100) not null default '',
  price numeric(10,2) not null default 0 check (price >= 0),
  duration integer not null default 60 check (duration between 1 and 1440),
  "imageUrl" text,
  "videoUrl" text,
  "isActive" boolean not null default true,
  "createdAt" timestamptz not null default plinth.now(),
  "updatedAt" timestamptz not null default plinth.now(),
  currency varchar(3) not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
  media jsonb not null default '[]' check (jsonb_typeof(media) = 'array' and jsonb_array_length(media) <= 50),
  "scheduleId" uuid references public.schedules (id) on delete set null,
  capacity integer not null default 1 check (capacity between 1 and 200),
  "bufferBefore" integer not null default 0 check ("bufferBefore" between 0 and 1440),
  "bufferAfter" integer not null default 0 check ("bufferAfter" between 0 and 1440),
  "slotStep" integer not null default 15 check ("slotStep" between 5 and 1440),
  "minimumNotice" integer not null default 60 check ("minimumNotice" between 0 and 525600),
  horizon integer not null default 90 check (horizon between 1 and 1095),
  "cancellationWindow" integer not null default 1440 check ("cancellationWindow" between 0 and 525600),
  "autoConfirm" boolean not null default false,
  "createsProject" boolean not null default false,
  "depositPercent" numeric(5,2) not null default 0 check ("depositPercent" between 0 and 100),
  "depositMinutes" integer not null default 30 check ("depositMinutes" between 5 and 10080),
  questions jsonb not null default '[]' check (jsonb_typeof(questions) = 'array' and jsonb_array_length(questions) <= 50)
);
comment on table public.services is 'The catalogue. duration, buffers, slotStep, minimumNotice and cancellationWindow are minutes, horizon is days.';
comment on column public.services.capacity is 'Bookings at the same time, for a service that names no resources.';
comment on column public.services."depositPercent" is 'Part of the price that is paid to keep a slot; unpaid for depositMinutes, the slot is free again.';
comment on column public.services.questions is 'Asked with a booking: [{id, label, type: text|number|boolean|choice, required, options}].';
create index services_recent on public.services ("createdAt" desc, id);
create index services_by_category on public.services (category, "createdAt" desc) where "isActive";
create index services_by_title on public.services (title);
create trigger touch before update on public.services for each row execute function private.touch();

create table public.service_resources (
  "serviceId" uuid not null references public.services (id) on delete cascade,
  "resourceId" uuid not null references public.resources (id) on delete cascade,
  rank smallint not null default 0,
  primary key ("serviceId", "resourceId")
);
comment on table public.service_resources is 'The pool of a service: a booking gets the free one of the lowest rank.';
create index service_resources_by_resource on public.service_resources ("resourceId");

insert into public.schedules (id, name, timezone, "isDefault")
  values ('00000000-0000-4000-8000-000000000001', 'Opening hours', 'UTC', true);
insert into public.opening_hours ("scheduleId", weekday, opens, closes)
  select '00000000-0000-4000-8000-000000000001', d, 9 * 60, 17 * 60 from generate_series(1, 5) d;

-- Pools of plinth.holds ------------------------------------------------------------------------------------------
--
-- Kind slot. A resource is a pool of ranges; a service is a group of its resources, or of as many unnamed places as its
-- capacity; a resource that somebody asks for by name is a group of one, so that the buffers are those of the service.

create function private.place_id(p_service uuid, p_place text) returns uuid language sql immutable set search_path = '' as $$
  select encode(substr(sha256(convert_to(p_service || '/' || p_place, 'UTF8')), 1, 16), 'hex')::uuid
$$;
comment on function private.place_id(uuid, text) is 'The id of an unnamed place of a service, or of one of its resources as a group of one.';

create function private.arrange_pools(p_service uuid) returns void language plpgsql set search_path = '' as $$
declare
  v_service public.services;
  v_places uuid[];
  v_place uuid;
  v_before interval;
  v_after interval;
begin
  select * into v_service from public.services where id = p_service for no key update;
  if not found then
    return;
  end if;
  v_before := make_interval(mins => v_service."bufferBefore");
  v_after := make_interval(mins => v_service."bufferAfter");
  select array_agg(r.id order by sr.rank, r.id) into v_places
    from public.service_resources sr join public.resources r on r.id = sr."resourceId"
    where sr."serviceId" = p_service and r."isActive";
  if v_places is not null then
    foreach v_place in array v_places loop
      perform plinth.set_resource('slot', v_place);
      perform plinth.set_resource('slot', private.place_id(p_service, v_place::text), v_before, v_after, array[v_place]);
    end loop;
  elsif exists (select from public.service_resources where "serviceId" = p_service) then
    v_places := '{}';
  else
    v_places := array(select private.place_id(p_service, n::text) from generate_series(1, v_service.capacity) n);
    foreach v_place in array v_places loop
      perform plinth.set_resource('slot', v_place);
    end loop;
  end if;
  perform plinth.set_resource('slot', p_service, v_before, v_after, v_places);
end $$;
comment on function private.arrange_pools(uuid) is 'Brings the pools of a service in line with its row and its resources. Bookings keep what they have.';

-- security definer: pools belong to the owner.
create function private.follow_catalogue() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_service uuid;
begin
  if tg_table_name = 'services' then
    perform private.arrange_pools(new.id);
  elsif tg_table_name = 'service_resources' then
    perform private.arrange_pools(coalesce(to_jsonb(new) ->> 'serviceId', to_jsonb(old) ->> 'serviceId')::uuid);
  else
    perform plinth.set_resource('slot', new.id);
    for v_service in select "serviceId" from public.service_resources where "resourceId" = new.id order by 1 loop
      perform private.arrange_pools(v_service);
    end loop;
  end if;
  return null;
end $$;
comment on function private.follow_catalogue() is 'Trigger: pools follow services and resources.';
create trigger arrange_pools after insert or update of capacity, "bufferBefore", "bufferAfter" on public.services
  for each row execute function private.follow_catalogue();
create trigger arrange_pools after insert or delete or update on public.service_resources
  for each row execute function private.follow_catalogue();
create trigger arrange_pools after insert or update of "isActive" on public.resources
  for each row execute function private.follow_catalogue();

-- Opening hours --------------------------------------------------------------------------------------------------

create function private.schedule_of(p_service public.services) returns public.schedules language sql stable set search_path = '' as $$
  select s from public.schedules s where s.id = (p_service)."scheduleId" or (p_service)."scheduleId" is null and s."isDefault" limit 1
$$;
comment on function private.schedule_of(public.services) is 'The schedule of a service.';

create function private.is_open(p_schedule public.schedules, p_from timestamptz, p_until timestamptz) returns boolean
language sql stable set search_path = '' as $$
  with minutes as (
    select t at time zone (p_schedule).timezone as wall
    from generate_series(p_from, p_until - interval '1 minute', interval '1 minute') t
  ),
  days as (
    select wall::date as day, min(extract(hour from wall) * 60 + extract(minute from wall)) as first,
      max(extract(hour from wall) * 60 + extract(minute from wall)) as last,
      array_agg(distinct extract(hour from wall) * 60 + extract(minute from wall)) as minutes
    from minutes group by wall::date
  ),
  hours as (
    select d.day, o.opens, o.closes
    from days d join public.schedule_overrides o on o."scheduleId" = (p_schedule).id and o.date = d.day and o.opens is not null
    union all
    select d.day, o.opens, o.closes
    from days d join public.opening_hours o on o."scheduleId" = (p_schedule).id and o.weekday = extract(isodow from d.day)
    where not exists (select from public.schedule_overrides x where x."scheduleId" = (p_schedule).id and x.date = d.day)
      and not exists (select from public.holidays h where h.date = d.day)
  )
  select not exists (
    select from days d
    where not exists (select from hours h where h.day = d.day and h.opens <= d.first and d.last < h.closes)
      and exists (
        select from unnest(d.minutes) m (minute)
        where not exists (select from hours h where h.day = d.day and h.opens <= m.minute and m.minute < h.closes))
  )
$$;
comment on function private.is_open(public.schedules, timestamptz, timestamptz) is
  'Whether a schedule is open in every minute of a time, by what the wall clock of its zone shows in that minute. So hours that a '
  'change of the clock skips are not open, and those that it repeats are open twice.';

-- Rights ---------------------------------------------------------------------------------------------------------

do $$
declare
  t text;
begin
  foreach t in array array['services', 'schedules', 'opening_hours', 'schedule_overrides', 'holidays', 'resources', 'service_resources'] loop
    execute format('alter table public.%I enable row level security', t);
    execute format('revoke all on public.%I from anon, authenticated', t);
    execute format('grant select on public.%I to anon', t);
    execute format('grant select, insert, update, delete on public.%I to authenticated', t);
    execute format('create policy "admins keep the catalogue" on public.%I for all to authenticated
      using ((select private.scope_of(''manage_services'')) = ''all'') with check ((select private.scope_of(''manage_services'')) = ''all'')', t);
    if t not in ('services', 'resources') then
      execute format('create policy "everybody reads it" on public.%I for select to anon, authenticated
        using ((select private.scope_of(''view_services'')) is not null)', t);
    end if;
  end loop;
end $$;
create policy "everybody sees active services" on public.services for select to anon, authenticated
  using ("isActive" and (select private.scope_of('view_services')) is not null);
create policy "everybody sees active resources" on public.resources for select to anon, authenticated
  using ("isActive" and (select private.scope_of('view_services')) is not null);
-- The account of somebody of the staff is nobody's business.
revoke select on public.resources from anon;
grant select (id, name, kind, "isActive", "createdAt", "updatedAt") on public.resources to anon;

revoke all on function private.place_id(uuid, text), private.arrange_pools(uuid), private.follow_catalogue(), private.check_zone(),
  private.schedule_of(public.services), private.is_open(public.schedules, timestamptz, timestamptz) from public;
