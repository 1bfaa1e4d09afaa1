-- Checking in and out. Whoever has a seat may check in from some minutes before the start to the end; one stay at a time. What
-- counts is the union of the stays within the session, so that two devices at once count once.

create function private.stay_minutes(p_event public.events, p_from timestamptz, p_until timestamptz) returns integer
language sql immutable set search_path = '' as $$
  select greatest(0, floor(extract(epoch from least(p_until, p_event.ends_at) - greatest(p_from, p_event.starts_at)) / 60))::integer
$$;
comment on function private.stay_minutes(public.events, timestamptz, timestamptz) is 'Whole minutes of a stay that lie within the session.';

create function private.attended_minutes(p_registration_id uuid) returns integer language sql stable security definer set search_path = '' as $$
  select coalesce(floor(sum(extract(epoch from upper(stay) - lower(stay))) / 60), 0)::integer
  from (
    select unnest(range_agg(tstzrange(greatest(a.check_in_time, e.starts_at), least(a.check_out_time, e.ends_at)))) as stay
    from public.session_attendance a join public.events e on e.id = a.event_id
    where a.registration_id = p_registration_id and a.check_out_time > e.starts_at and a.check_in_time < e.ends_at
  ) stays
$$;
comment on function private.attended_minutes(uuid) is 'Whole minutes of the union of a registration''s ended stays within the session.';

create function private.count_minutes() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  update public.registrations set attended_minutes = private.attended_minutes(new.registration_id) where id = new.registration_id;
  return null;
end $$;
comment on function private.count_minutes() is 'Trigger: attended_minutes follows from session_attendance.';
create trigger count_minutes after insert or update of check_in_time, check_out_time on public.session_attendance
  for each row when (new.check_out_time is not null) execute function private.count_minutes();

create function private.count_again() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  update public.registrations r set attended_minutes = private.attended_minutes(r.id)
    where r.event_id = new.id and exists (select from public.session_attendance a where a.registration_id = r.id);
  return null;
end $$;
comment on function private.count_again() is 'Trigger: a session that was at another time counts other minutes.';
-- By its name before keep_seats: registrations are locked before the seats of their event.
create trigger count_again after update of starts_at, ends_at on public.events
  for each row when ((old.starts_at, old.ends_at) is distinct from (new.starts_at, new.ends_at)) execute function private.count_again();

-- The changing code ----------------------------------------------------------------------------------------------

create function private.code_at(p_secret bytea, p_step bigint) returns text language sql immutable set search_path = '' as $$
  -- Six of 32 letters and digits that are not mistaken for each other; two in a thousand million are right at a time.
  select string_agg(substr('23456789ABCDEFGHJKLMNPQRSTUVWXYZ', 1 + (get_byte(h.hash, i) & 31), 1), '' order by i)
  from (select sha256(p_secret || int8send(p_step)) as hash) h, generate_series(0, 5) i
$$;
comment on function private.code_at(bytea, bigint) is 'The code of a session in one span of 30 seconds.';

create function public.session_code(p_event_id uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_event public.events := private.require_teacher(p_event_id);
  v_step bigint := floor(extract(epoch from plinth.now()) / 30);
  v_secret bytea;
begin
  insert into private.session_secrets (event_id) values (v_event.id) on conflict do nothing;
  select secret into v_secret from private.session_secrets where event_id = v_event.id;
  return jsonb_build_object('code', private.code_at(v_secret, v_step), 'valid_until', to_timestamp((v_step + 2) * 30));
end $$;
comment on function public.session_code(uuid) is 'The code that a session''s instructor shows now; it changes every 30 seconds, and the one before is still taken. Raises event_not_found.';

create function private.is_code(p_event_id uuid, p_code text) returns boolean language sql stable security definer set search_path = '' as $$
  select coalesce(upper(trim(p_code)) in (private.code_at(s.secret, n.step), private.code_at(s.secret, n.step - 1)), false)
  from private.session_secrets s, (select floor(extract(epoch from plinth.now()) / 30)::bigint as step) n
  where s.event_id = p_event_id
$$;
comment on function private.is_code(uuid, text) is 'Whether a code is that of the session now, or was in the 30 seconds before.';

-- Checking in ----------------------------------------------------------------------------------------------------

create function private.begin_stay(p_registration public.registrations, p_method text, p_ip text, p_agent text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_event public.events;
  v_stay public.session_attendance;
begin
  select * into v_event from public.events where id = p_registration.event_id;
  if p_registration.cancelled_at is not null or p_registration.payment_status not in ('completed', 'free') then
    perform plinth.refuse('not_paid', 403, 'This registration is not paid.', private.show_registration(p_registration.id), 'Pay it first.');
  elsif v_event.cancelled_at is not null then
    perform plinth.refuse('event_cancelled', 409, 'The event was cancelled.', jsonb_build_object('event_id', v_event.id));
  elsif plinth.now() < v_event.starts_at - make_interval(mins => v_event.checkin_minutes) or plinth.now() >= v_event.ends_at then
    perform plinth.refuse('checkin_closed', 409, 'One cannot check in now.', jsonb_build_object('event_id', v_event.id,
      'from', v_event.starts_at - make_interval(mins => v_event.checkin_minutes), 'until', v_event.ends_at));
  end if;
  insert into public.session_attendance (registration_id, event_id, user_id, method, ip_address, user_agent)
  values (p_registration.id, v_event.id, p_registration.user_id, p_method, case when p_ip ~ '^[0-9a-fA-F.:]+$' then p_ip::inet end, left(p_agent, 1000))
  on conflict (registration_id) where check_out_time is null do nothing
  returning * into v_stay;
  if v_stay.id is null then
    -- Somebody who is there already is answered with where they are.
    select * into v_stay from public.session_attendance where registration_id = p_registration.id and check_out_time is null;
  else
    perform private.note_step(p_registration.user_id, 'session_checkin', v_event.id, v_stay.id);
  end if;
  return private.show_stay(v_stay);
end $$;
comment on function private.begin_stay(public.registrations, text, text, text) is
  'Checks a registration in, or gives the stay that is open. Raises not_paid, event_cancelled, checkin_closed.';

create function private.note_step(p_user_id uuid, p_name text, p_event_id uuid, p_key uuid) returns void language sql security definer set search_path = '' as $$
  insert into public.analytics_events (client_event_id, user_id, event_name, event_category, event_data, session_id)
  values (md5(p_name || p_key)::uuid, p_user_id, p_name, case p_name when 'session_checkin' then 'engagement' when 'session_checkout' then 'engagement' else 'conversion' end::public.analytics_category,
    jsonb_build_object('event_id', p_event_id), 'server:' || coalesce(p_user_id::text, 'nobody'))
  on conflict (client_event_id) do nothing
$$;
comment on function private.note_step(uuid, text, uuid, uuid) is 'Notes what somebody did as an analytics event, once.';

create function private.show_stay(p_stay public.session_attendance) returns jsonb language sql immutable set search_path = '' as $$
  select jsonb_build_object('id', p_stay.id, 'registration_id', p_stay.registration_id, 'event_id', p_stay.event_id,
    'check_in_time', p_stay.check_in_time, 'check_out_time', p_stay.check_out_time, 'duration_minutes', p_stay.duration_minutes)
$$;
comment on function private.show_stay(public.session_attendance) is 'A stay as functions answer it.';

create function private.check_in(p_user_id uuid, p_registration_id uuid, p_event_id uuid, p_code text, p_ip text, p_user_agent text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_registration public.registrations;
begin
  select * into v_registration from public.registrations
    where id = p_registration_id and event_id = p_event_id and user_id = p_user_id for no key update;
  if not found then
    perform plinth.refuse('registration_not_found', 404, 'There is no such registration.', jsonb_build_object('registration_id', p_registration_id, 'event_id', p_event_id));
  elsif (p_code is not null or exists (select from public.events where id = p_event_id and requires_code)) and not coalesce(private.is_code(p_event_id, p_code), false) then
    perform plinth.refuse('code_wrong', 403, 'This is not the code of the session.', jsonb_build_object('event_id', p_event_id), 'Read the code again: it changes every 30 seconds.');
  end if;
  return private.begin_stay(v_registration, case when p_code is null then 'self' else 'code' end, p_ip, p_user_agent);
end $$;
comment on function private.check_in(uuid, uuid, uuid, text, text, text) is
  'Checks a user into a session, with the address and device that the server saw. Raises registration_not_found, code_wrong, not_paid, event_cancelled, checkin_closed.';

create function public.check_in_by_token(p_token text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_registration public.registrations;
begin
  select * into v_registration from public.registrations where checkin_token = p_token for no key update;
  if not found or not private.teaches(v_registration.event_id) then
    perform plinth.refuse('registration_not_found', 404, 'There is no such registration.');
  end if;
  return private.begin_stay(v_registration, 'qr', null, null) || jsonb_build_object('attendee_name', v_registration.attendee_name);
end $$;
comment on function public.check_in_by_token(text) is
  'Checks somebody in by the QR code that they show, for the event''s instructor. Raises registration_not_found, not_paid, event_cancelled, checkin_closed.';

create function private.end_stay(p_id uuid, p_until timestamptz, p_by text) returns public.session_attendance
language plpgsql security definer set search_path = '' as $$
declare
  v_stay public.session_attendance;
begin
  update public.session_attendance a set check_out_time = greatest(a.check_in_time, p_until), closed_by = p_by,
    duration_minutes = private.stay_minutes(e, a.check_in_time, p_until)
    from public.events e where a.id = p_id and e.id = a.event_id and a.check_out_time is null
    returning a.* into v_stay;
  if v_stay.id is not null then
    perform private.note_step(v_stay.user_id, 'session_checkout', v_stay.event_id, v_stay.id);
  end if;
  return v_stay;
end $$;
comment on function private.end_stay(uuid, timestamptz, text) is 'Ends an open stay.';

create function public.check_out(p_attendance_id uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid := private.require_user();
  v_stay public.session_attendance;
  v_end timestamptz;
begin
  select * into v_stay from public.session_attendance where id = p_attendance_id and user_id = v_user;
  if not found then
    perform plinth.refuse('attendance_not_found', 404, 'There is no such stay.', jsonb_build_object('attendance_id', p_attendance_id));
  end if;
  select least(plinth.now(), ends_at) into v_end from public.events where id = v_stay.event_id;
  perform private.end_stay(p_attendance_id, v_end, 'self');
  select * into v_stay from public.session_attendance where id = p_attendance_id;
  return private.show_stay(v_stay);
end $$;
comment on function public.check_out(uuid) is 'Ends a stay of who is signed in; one that has ended is given as it is. Raises attendance_not_found.';

create function public.attendance_history() returns jsonb language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(private.show_stay(a) || jsonb_build_object('event', jsonb_build_object('id', e.id, 'title', e.title, 'category', e.category,
    'starts_at', e.starts_at, 'ends_at', e.ends_at)) order by a.check_in_time desc), '[]')
  from (select * from public.session_attendance where user_id = (select auth.uid()) order by check_in_time desc limit 1000) a
  join public.events e on e.id = a.event_id
$$;
comment on function public.attendance_history() is 'The latest 1,000 stays of who is signed in, with their events.';

create function private.close_stays() returns integer language sql security definer set search_path = '' as $$
  select count(*)::integer from (
    select a.id, e.ends_at from public.session_attendance a join public.events e on e.id = a.event_id
    where a.check_out_time is null and e.ends_at <= plinth.now() order by a.id limit 10000) o,
    lateral private.end_stay(o.id, o.ends_at, 'automatic') ended
$$;
comment on function private.close_stays() is 'Ends the stays of sessions that are over, at the end of the session; gives how many.';

create function public.set_attendance(p_registration_id uuid, p_from timestamptz, p_until timestamptz, p_reason text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_registration public.registrations;
  v_event public.events;
  v_stay public.session_attendance;
begin
  select * into v_registration from public.registrations where id = p_registration_id for no key update;
  if not found or not private.teaches(v_registration.event_id) then
    perform plinth.refuse('registration_not_found', 404, 'There is no such registration.', jsonb_build_object('registration_id', p_registration_id));
  end if;
  select * into v_event from public.events where id = v_registration.event_id;
  if coalesce(length(trim(p_reason)), 0) not between 3 and 1000 then
    perform plinth.refuse('reason_required', 422, 'A reason is needed.', p_hint => 'Say why, in 3 to 1000 characters.');
  elsif p_from is null or p_until is null or p_from >= p_until or p_from < v_event.starts_at or p_until > v_event.ends_at or p_until > plinth.now() then
    perform plinth.refuse('stay_invalid', 422, 'A stay lies within the session, and in the past.', jsonb_build_object('starts_at', v_event.starts_at, 'ends_at', v_event.ends_at));
  elsif v_registration.payment_status not in ('completed', 'free') then
    perform plinth.refuse('not_paid', 403, 'This registration is not paid.', private.show_registration(p_registration_id));
  end if;
  insert into public.session_attendance (registration_id, event_id, user_id, check_in_time, check_out_time, duration_minutes, method, closed_by)
  values (p_registration_id, v_event.id, v_registration.user_id, p_from, p_until, private.stay_minutes(v_event, p_from, p_until), 'override', 'override')
  returning * into v_stay;
  perform private.audit('override', 'session_attendance', v_stay.id::text, jsonb_build_object('attended_minutes', v_registration.attended_minutes),
    jsonb_build_object('from', p_from, 'until', p_until, 'attended_minutes', private.attended_minutes(p_registration_id)), trim(p_reason));
  return private.show_stay(v_stay);
end $$;
comment on function public.set_attendance(uuid, timestamptz, timestamptz, text) is
  'The instructor says that somebody was there, and why; it is audited. Raises registration_not_found, reason_required, stay_invalid, not_paid.';

revoke all on function private.stay_minutes(public.events, timestamptz, timestamptz), private.attended_minutes(uuid), private.count_minutes(), private.count_again(),
  private.code_at(bytea, bigint), public.session_code(uuid), private.is_code(uuid, text), private.begin_stay(public.registrations, text, text, text),
  private.note_step(uuid, text, uuid, uuid), private.show_stay(public.session_attendance), private.check_in(uuid, uuid, uuid, text, text, text),
  public.check_in_by_token(text), private.end_stay(uuid, timestamptz, text), public.check_out(uuid), public.attendance_history(),
  private.close_stays(), public.set_attendance(uuid, timestamptz, timestamptz, text) from public;
grant execute on function public.session_code(uuid), public.check_in_by_token(text), public.check_out(uuid),
  public.attendance_history(), public.set_attendance(uuid, timestamptz, timestamptz, text) to authenticated;
grant execute on function private.check_in(uuid, uuid, uuid, text, text, text), private.close_stays() to service_role;
