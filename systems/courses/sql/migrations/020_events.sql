-- An event's life: held, moved, cancelled, copied; what its people are told; what is recorded of who changed it.

create function private.audit(p_action text, p_type text, p_id text, p_old jsonb, p_new jsonb, p_reason text default null) returns void
language sql security definer set search_path = '' as $$
  insert into public.admin_audit_logs (admin_id, action, resource_type, resource_id, old_values, new_values, reason)
  values (auth.uid(), p_action, p_type, p_id, p_old, p_new, p_reason)
$$;
comment on function private.audit(text, text, text, jsonb, jsonb, text) is 'Writes down what an administrator or an instructor did.';

create function private.audit_row() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_old jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  v_new jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
begin
  -- The platform's own work is in the journal; here is what people decided.
  if auth.uid() is null then
    return null;
  end if;
  if tg_op = 'UPDATE' then
    select jsonb_object_agg(o.key, o.value), jsonb_object_agg(o.key, v_new -> o.key) into v_old, v_new
      from jsonb_each(v_old) o where o.value is distinct from v_new -> o.key and o.key <> 'updated_at';
    if v_old is null then
      return null;
    end if;
  end if;
  perform private.audit(lower(tg_op), tg_table_name, coalesce(to_jsonb(new) ->> tg_argv[0], to_jsonb(old) ->> tg_argv[0]), v_old, v_new);
  return null;
end $$;
comment on function private.audit_row() is 'Trigger: writes down what somebody who is signed in changed, of an update the columns that differ.';

create trigger audit after insert or update or delete on public.events for each row execute function private.audit_row('id');
create trigger audit after insert or update or delete on public.event_meetings for each row execute function private.audit_row('event_id');
create trigger audit after insert or update or delete on public.materials for each row execute function private.audit_row('id');
create trigger audit after insert or update or delete on public.coupons for each row execute function private.audit_row('id');
create trigger audit after insert or update or delete on public.session_recordings for each row execute function private.audit_row('id');
create trigger audit after insert on public.organisation for each row execute function private.audit_row('id');
create trigger audit after update of is_admin, is_instructor on public.profiles for each row execute function private.audit_row('id');
create trigger audit after update of revoked_at on public.certificates for each row execute function private.audit_row('id');

create function private.require_teacher(p_event_id uuid) returns public.events language plpgsql stable security definer set search_path = '' as $$
declare
  v_event public.events;
begin
  select * into v_event from public.events where id = p_event_id;
  if not found or not (private.teaches(p_event_id) or plinth.is_trusted()) then
    perform plinth.refuse('event_not_found', 404, 'There is no such event.', jsonb_build_object('event_id', p_event_id));
  end if;
  return v_event;
end $$;
comment on function private.require_teacher(uuid) is 'An event for who holds it, or an administrator. Raises event_not_found.';

create function public.schedule_event(p_event_id uuid, p_local timestamp, p_timezone text default null, p_minutes integer default null) returns public.events
language plpgsql security definer set search_path = '' as $$
declare
  v_event public.events := private.require_teacher(p_event_id);
  v_zone text := coalesce(p_timezone, v_event.timezone);
  v_start timestamptz := p_local at time zone v_zone;
begin
  if v_event.cancelled_at is not null then
    perform plinth.refuse('event_cancelled', 409, 'The event was cancelled.', jsonb_build_object('event_id', p_event_id));
  end if;
  update public.events set starts_at = v_start, timezone = v_zone,
    ends_at = v_start + coalesce(make_interval(mins => p_minutes), v_event.ends_at - v_event.starts_at)
    where id = p_event_id returning * into v_event;
  return v_event;
end $$;
comment on function public.schedule_event(uuid, timestamp, text, integer) is
  'Moves an event to a time of the wall clock of a zone; whoever has a seat is told, with the changed calendar entry. Raises '
  'event_not_found, event_cancelled.';

create function public.clone_event(p_event_id uuid, p_starts_at timestamptz) returns public.events
language plpgsql security definer set search_path = '' as $$
declare
  v_event public.events := private.require_teacher(p_event_id);
begin
  insert into public.events (title, description, category, instructor_id, starts_at, ends_at, timezone, price, currency, gst_rate, max_participants,
    claim_hours, refund_hours, checkin_minutes, requires_code, min_attendance_minutes, is_published)
  values (v_event.title, v_event.description, v_event.category, v_event.instructor_id, p_starts_at, p_starts_at + (v_event.ends_at - v_event.starts_at),
    v_event.timezone, v_event.price, v_event.currency, v_event.gst_rate, v_event.max_participants, v_event.claim_hours, v_event.refund_hours,
    v_event.checkin_minutes, v_event.requires_code, v_event.min_attendance_minutes, false)
  returning * into v_event;
  insert into public.materials (event_id, title, url) select v_event.id, title, url from public.materials where event_id = p_event_id and url is not null;
  return v_event;
end $$;
comment on function public.clone_event(uuid, timestamptz) is
  'Copies an event and the links among its materials to another date, unpublished; nobody of the first one is registered for it. Raises event_not_found.';

create function private.tell_seated(p_event_id uuid, p_template text, p_key text, p_variables jsonb, p_options jsonb) returns void
language sql security definer set search_path = '' as $$
  select plinth.queue_messages(jsonb_agg(
    jsonb_build_object('person', r.user_id, 'channel', c.channel, 'template', p_template, 'variables', p_variables,
      'dedupe_key', p_template || '/' || p_key || '/' || r.user_id || '/' || c.channel)
    || case c.channel when 'email' then p_options else p_options - 'calendar' end
    || case when c.channel = 'email' and p_options ? 'calendar' then jsonb_build_object('calendar', private.calendar_of(r.id)) else '{}' end))
  from public.registrations r cross join unnest(array['email', 'in_app']) c (channel)
  where r.event_id = p_event_id and r.payment_status in ('completed', 'free') and r.cancelled_at is null and r.user_id is not null
$$;
comment on function private.tell_seated(uuid, text, text, jsonb, jsonb) is 'Queues a message for everybody who has a seat, once for a key; with `calendar` among the options each gets their own entry.';

create function private.tell_move() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform private.tell_seated(new.id, 'event-moved', new.id || '/' || new.sequence,
    private.event_facts(new.id) || jsonb_build_object('before', to_char(old.starts_at at time zone old.timezone, 'Dy DD Mon YYYY, HH24:MI')),
    '{"priority": "high", "level": "warning", "calendar": true}');
  return null;
end $$;
comment on function private.tell_move() is 'Trigger: an event that moved tells everybody who has a seat.';
create trigger tell_move after update of starts_at, ends_at on public.events for each row
  when (new.cancelled_at is null and (old.starts_at, old.ends_at) is distinct from (new.starts_at, new.ends_at)) execute function private.tell_move();

create function public.cancel_event(p_event_id uuid, p_reason text default '') returns public.events
language plpgsql security definer set search_path = '' as $$
declare
  v_event public.events := private.require_teacher(p_event_id);
begin
  if v_event.cancelled_at is null then
    if v_event.ends_at <= plinth.now() then
      perform plinth.refuse('event_over', 409, 'The event is over.', jsonb_build_object('event_id', p_event_id));
    end if;
    update public.events set cancelled_at = plinth.now(), cancel_reason = left(coalesce(p_reason, ''), 2000)
      where id = p_event_id and cancelled_at is null returning * into v_event;
    perform plinth.add_job('settle-cancelled-event', jsonb_build_object('event', p_event_id), null, 'settle ' || p_event_id);
  end if;
  return v_event;
end $$;
comment on function public.cancel_event(uuid, text) is
  'Cancels an event: nobody gets a seat any more, and everybody who has one is told and gets all of their money back. Raises event_not_found, event_over.';

create function private.cancelled_seats(p_event_id uuid) returns setof uuid language sql stable security definer set search_path = '' as $$
  select r.id from public.registrations r join public.events e on e.id = r.event_id
  where r.event_id = p_event_id and r.cancelled_at is null and e.cancelled_at is not null order by r.id
$$;
comment on function private.cancelled_seats(uuid) is 'Registrations of a cancelled event that are not settled yet.';

create function private.settle_seat(p_registration_id uuid) returns void language plpgsql security definer set search_path = '' as $$
declare
  v_registration public.registrations := private.lock_registration(p_registration_id);
begin
  if v_registration.cancelled_at is null then
    perform private.end_registration(v_registration,
      'The event was cancelled. ' || coalesce((select cancel_reason from public.events where id = v_registration.event_id), ''), true);
  end if;
end $$;
comment on function private.settle_seat(uuid) is 'Ends a registration of a cancelled event and asks for its money to be given back. One transaction for each: no order of locks between them.';

create function private.advance_events() returns integer language plpgsql security definer set search_path = '' as $$
declare
  v_count integer;
begin
  update public.events set status = status
    where status <> private.event_status_at(starts_at, ends_at, plinth.now());
  get diagnostics v_count = row_count;
  return v_count;
end $$;
comment on function private.advance_events() is 'Brings the status of every event up to its times (C-J3); gives how many changed.';

create function public.announce(p_event_id uuid, p_subject text, p_message text) returns public.announcements
language plpgsql security definer set search_path = '' as $$
declare
  v_event public.events := private.require_teacher(p_event_id);
  v_announcement public.announcements;
begin
  insert into public.announcements (event_id, author_id, subject, message) values (v_event.id, auth.uid(), p_subject, p_message)
    returning * into v_announcement;
  perform private.tell_seated(p_event_id, 'announcement', v_announcement.id::text,
    private.event_facts(p_event_id) || jsonb_build_object('subject', regexp_replace(p_subject, '\s+', ' ', 'g'), 'message', p_message), '{"level": "info"}');
  return v_announcement;
end $$;
comment on function public.announce(uuid, text, text) is 'Tells everybody who has a seat something, by e-mail and in the app. Raises event_not_found.';

create function public.attendees(p_event_id uuid)
returns table (registration_id uuid, name text, email text, payment_status public.registration_payment_status, amount numeric, currency text,
  registered_at timestamptz, attended_minutes integer)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  perform private.require_teacher(p_event_id);
  return query
    -- A spreadsheet takes a name that begins like this for a formula.
    select r.id, regexp_replace(r.attendee_name, '^([=+@\t-])', '''\1'), u.email::text, r.payment_status, r.amount, r.currency, r.created_at, r.attended_minutes
    from public.registrations r left join auth.users u on u.id = r.user_id
    where r.event_id = p_event_id and r.payment_status in ('completed', 'free') and r.cancelled_at is null order by r.attendee_name, r.id;
end $$;
comment on function public.attendees(uuid) is
  'Who has a seat, for who holds the event; as a file with `accept: text/csv`. Raises event_not_found.';

-- Passing a seat on ----------------------------------------------------------------------------------------------

create function public.offer_transfer(p_registration_id uuid, p_email text) returns public.registration_transfers
language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid := private.require_user();
  v_registration public.registrations := private.lock_registration(p_registration_id);
  v_transfer public.registration_transfers;
begin
  if v_registration.id is null or v_registration.user_id is distinct from v_user then
    perform plinth.refuse('registration_not_found', 404, 'There is no such registration.', jsonb_build_object('registration_id', p_registration_id));
  elsif v_registration.seated_at is null or v_registration.cancelled_at is not null then
    perform plinth.refuse('no_seat', 409, 'This registration has no seat.', private.show_registration(p_registration_id));
  end if;
  perform private.open_event(v_registration.event_id);
  if (select count(*) from public.registration_transfers where registration_id = p_registration_id) >= 10 then
    perform plinth.refuse('transfers_used_up', 409, 'This seat was offered as often as it may be.', jsonb_build_object('registration_id', p_registration_id));
  end if;
  update public.registration_transfers set withdrawn_at = plinth.now()
    where registration_id = p_registration_id and accepted_at is null and withdrawn_at is null;
  insert into public.registration_transfers (registration_id, from_user, to_email) values (p_registration_id, v_user, lower(trim(p_email)))
    returning * into v_transfer;
  perform plinth.queue_messages(jsonb_build_array(jsonb_build_object('channel', 'email', 'address', v_transfer.to_email, 'template', 'seat-passed-on',
    'variables', private.event_facts(v_registration.event_id), 'dedupe_key', 'seat-passed-on/' || v_transfer.id)));
  return v_transfer;
end $$;
comment on function public.offer_transfer(uuid, text) is
  'Offers a seat to whoever proves an address; the offer before it is withdrawn; ten at the most. Raises registration_not_found, no_seat, transfers_used_up, event_started, event_cancelled.';

create function public.accept_transfer(p_transfer_id uuid, p_attendee_name text default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid := private.require_user();
  v_registration public.registrations := private.lock_registration((select registration_id from public.registration_transfers where id = p_transfer_id));
  v_transfer public.registration_transfers;
  v_before uuid := v_registration.user_id;
begin
  select t.* into v_transfer from public.registration_transfers t join auth.users u on u.id = v_user
    where t.id = p_transfer_id and t.accepted_at is null and t.withdrawn_at is null
      and lower(u.email) = t.to_email and u.email_confirmed_at is not null for update of t;
  if not found or v_registration.seated_at is null or v_registration.cancelled_at is not null then
    perform plinth.refuse('transfer_not_found', 404, 'There is no such offer for an address that you have proven.', jsonb_build_object('transfer_id', p_transfer_id));
  end if;
  perform private.open_event(v_registration.event_id);
  if exists (select from public.registrations where event_id = v_registration.event_id and user_id = v_user and cancelled_at is null) then
    perform plinth.refuse('already_registered', 409, 'You have a seat.', jsonb_build_object('event_id', v_registration.event_id));
  end if;
  update public.registration_transfers set accepted_at = plinth.now(), to_user = v_user where id = p_transfer_id;
  update public.registrations set user_id = v_user,
    attendee_name = left(coalesce(nullif(trim(p_attendee_name), ''), (select full_name from public.profiles where id = v_user), ''), 200),
    checkin_token = encode(substr(sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 1, 16), 'hex')
    where id = v_registration.id;
  perform private.tell(v_user, 'registration-confirmed', v_registration.id || '/' || v_user, private.event_facts(v_registration.event_id),
    jsonb_build_object('priority', 'high', 'level', 'success', 'calendar', private.calendar_of(v_registration.id)));
  perform private.tell(v_before, 'registration-cancelled', 'passed/' || p_transfer_id,
    private.event_facts(v_registration.event_id) || '{"reason": "The seat was passed on.", "refund": false}',
    jsonb_build_object('priority', 'medium', 'level', 'info', 'calendar', private.calendar_of(v_registration.id, true)));
  return private.show_registration(v_registration.id);
end $$;
comment on function public.accept_transfer(uuid, text) is
  'Takes a seat that was offered to the address of who is signed in. What was paid stays with who paid it. Raises transfer_not_found, '
  'already_registered, event_started, event_cancelled.';

revoke all on function private.audit(text, text, text, jsonb, jsonb, text), private.audit_row(), private.require_teacher(uuid),
  public.schedule_event(uuid, timestamp, text, integer), public.clone_event(uuid, timestamptz), private.tell_seated(uuid, text, text, jsonb, jsonb),
  private.tell_move(), public.cancel_event(uuid, text), private.cancelled_seats(uuid), private.settle_seat(uuid), private.advance_events(),
  public.announce(uuid, text, text), public.attendees(uuid), public.offer_transfer(uuid, text), public.accept_transfer(uuid, text) from public;
grant execute on function public.schedule_event(uuid, timestamp, text, integer), public.clone_event(uuid, timestamptz), public.cancel_event(uuid, text),
  public.announce(uuid, text, text), public.attendees(uuid) to authenticated, service_role;
grant execute on function public.offer_transfer(uuid, text), public.accept_transfer(uuid, text) to authenticated;
grant execute on function private.cancelled_seats(uuid), private.settle_seat(uuid), private.advance_events() to service_role;
