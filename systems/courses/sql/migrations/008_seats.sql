-- Seats: a quota of the platform's holds for each event, with its waitlist. A seat is held while somebody pays, used once they
-- have, and free again when they give it up; while people wait, what gets free is offered to them in the order of joining.
--
-- Locks are taken in one order: the payment's order, the registration, the coupon's pool, the event's pool.

create function private.require_user() returns uuid language plpgsql stable set search_path = '' as $$
begin
  if auth.uid() is null then
    perform plinth.refuse('sign_in_required', 401, 'Sign in first.', p_hint => 'Send the token of a signed-in user.');
  end if;
  return auth.uid();
end $$;
comment on function private.require_user() is 'Who is signed in. Raises sign_in_required.';

create function private.seat_key(p_event_id uuid, p_user_id uuid) returns text language sql immutable set search_path = '' as $$
  select p_event_id || '/' || p_user_id
$$;
comment on function private.seat_key(uuid, uuid) is 'The key by which somebody holds a seat of an event, or waits for one.';

create function private.keep_seats() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform plinth.set_limit('seat', new.id, new.max_participants);
  perform plinth.set_waitlist('seat', new.id, make_interval(hours => new.claim_hours),
    case when new.cancelled_at is null then new.starts_at else least(new.starts_at, new.cancelled_at) end);
  return null;
end $$;
comment on function private.keep_seats() is 'Trigger: an event''s seats, and until when people may wait for one.';
create trigger keep_seats after insert or update of max_participants, claim_hours, starts_at, cancelled_at on public.events
  for each row execute function private.keep_seats();

create function private.keep_coupon() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform plinth.set_limit('coupon', new.id, coalesce(new.max_redemptions, 1000000000));
  return null;
end $$;
comment on function private.keep_coupon() is 'Trigger: how often a coupon may be used.';
create trigger keep_pool after insert or update of max_redemptions on public.coupons for each row execute function private.keep_coupon();

-- What waitlists do, shown ---------------------------------------------------------------------------------------

create function private.show_waiters() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.event_waitlist as w (event_id, user_id, status, position, notified_at, expires_at, ended_as, joined_at, updated_at)
  select c.thing, c.owner,
    case c.state when 'waiting' then 'waiting' when 'offered' then 'notified' when 'accepted' then 'registered' else 'expired' end::public.waitlist_status,
    case c.state when 'waiting' then (
      select count(*) from plinth.waiters x where x.kind = 'seat' and x.thing = c.thing and x.state = 'waiting' and x.seq <= c.seq) end,
    c.offered_at,
    case c.state when 'offered' then c.offer_until end,
    case when c.state not in ('waiting', 'offered') then c.state::text end,
    c.joined_at, plinth.now()
  from changed c
  where c.kind = 'seat' and c.owner is not null and exists (select from auth.users u where u.id = c.owner)
  on conflict (event_id, user_id) do update set status = excluded.status, position = excluded.position, notified_at = excluded.notified_at,
    expires_at = excluded.expires_at, ended_as = excluded.ended_as, joined_at = excluded.joined_at, updated_at = excluded.updated_at;
  -- Who is behind somebody that left moves up; only rows that change are written.
  update public.event_waitlist w set position = n.position
  from (
    select x.thing, x.owner, row_number() over (partition by x.thing order by x.seq) as position
    from plinth.waiters x
    where x.kind = 'seat' and x.state = 'waiting' and x.owner is not null
      and x.thing in (select c.thing from changed c where c.kind = 'seat' and c.state <> 'waiting')
  ) n
  where w.event_id = n.thing and w.user_id = n.owner and w.status = 'waiting' and w.position <> n.position;
  perform private.tell_offer(c.thing, c.owner, c.offer_until) from changed c
    where c.kind = 'seat' and c.state = 'offered' and c.owner is not null
      and not exists (select from old_waiters o where o.kind = c.kind and o.thing = c.thing and o.key = c.key and o.state = 'offered');
  return null;
end $$;
comment on function private.show_waiters() is 'Trigger: event_waitlist shows what plinth.waiters says, with everybody''s place; who is offered a seat is told.';

-- The same for rows that are new: nobody of them was offered anything before.
create function private.show_new_waiters() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.event_waitlist as w (event_id, user_id, status, position, joined_at, updated_at)
  select c.thing, c.owner, 'waiting',
    (select count(*) from plinth.waiters x where x.kind = 'seat' and x.thing = c.thing and x.state = 'waiting' and x.seq <= c.seq),
    c.joined_at, plinth.now()
  from changed c
  where c.kind = 'seat' and c.owner is not null
  on conflict (event_id, user_id) do update set status = excluded.status, position = excluded.position, notified_at = null,
    expires_at = null, ended_as = null, joined_at = excluded.joined_at, updated_at = excluded.updated_at;
  return null;
end $$;
comment on function private.show_new_waiters() is 'Trigger: who joins a waitlist is shown in event_waitlist, at the end of the line.';
create trigger show_new_waiters after insert on plinth.waiters referencing new table as changed
  for each statement execute function private.show_new_waiters();
create trigger show_waiters after update on plinth.waiters referencing old table as old_waiters new table as changed
  for each statement execute function private.show_waiters();

create function private.leave_lines() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform plinth.leave_waitlist(w.kind, w.thing, w.key) from plinth.waiters w
    where w.owner = old.id and w.kind = 'seat' and w.state in ('waiting', 'offered');
  return old;
end $$;
comment on function private.leave_lines() is 'Trigger: an account that is removed waits for nothing, and keeps no offer from others.';
create trigger leave_lines before delete on public.profiles for each row execute function private.leave_lines();

-- Messages -------------------------------------------------------------------------------------------------------

create function private.event_facts(p_event_id uuid) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object('event', e.title, 'event_id', e.id, 'zone', e.timezone,
    'starts', to_char(e.starts_at at time zone e.timezone, 'Dy DD Mon YYYY, HH24:MI'))
  from public.events e where e.id = p_event_id
$$;
comment on function private.event_facts(uuid) is 'What messages say of an event: title, and its start by the wall clock of its zone.';

create function private.calendar_of(p_registration_id uuid, p_cancelled boolean default false) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('uid', 'registration-' || r.id || '@courses', 'start', e.starts_at, 'end', e.ends_at, 'summary', e.title,
    'description', left(e.description, 2000), 'remindMinutes', jsonb_build_array(60), 'cancelled', p_cancelled,
    -- Whoever gets a seat back that they passed on has an entry that counts on from the one that was taken away.
    'sequence', e.sequence + 2 * (select count(*) from public.registration_transfers t where t.registration_id = r.id and t.accepted_at is not null)
      + p_cancelled::integer)
  from public.registrations r join public.events e on e.id = r.event_id where r.id = p_registration_id
$$;
comment on function private.calendar_of(uuid, boolean) is
  'The calendar entry of a registration, by one uid for ever: a higher sequence changes it, cancelled removes it.';

create function private.tell(p_user_id uuid, p_template text, p_key text, p_variables jsonb, p_options jsonb default '{}') returns void
language sql security definer set search_path = '' as $$
  select plinth.queue_messages(jsonb_agg(
    jsonb_build_object('person', p_user_id, 'channel', c.channel, 'template', p_template, 'variables', p_variables,
      'dedupe_key', p_template || '/' || p_key || '/' || c.channel)
    || case c.channel when 'email' then p_options else p_options - 'calendar' end))
  from unnest(array['email', 'in_app']) c (channel)
  where p_user_id is not null
$$;
comment on function private.tell(uuid, text, text, jsonb, jsonb) is
  'Queues a message by e-mail and in the app, once for a key, in the transaction of what it is about.';

create function private.tell_offer(p_event_id uuid, p_user_id uuid, p_until timestamptz) returns void
language sql security definer set search_path = '' as $$
  select private.tell(p_user_id, 'seat-offered', p_event_id || '/' || extract(epoch from plinth.now()),
    private.event_facts(p_event_id) || jsonb_build_object('until', to_char(p_until at time zone e.timezone, 'Dy DD Mon YYYY, HH24:MI')),
    '{"priority": "urgent", "level": "success"}')
  from public.events e where e.id = p_event_id
$$;
comment on function private.tell_offer(uuid, uuid, timestamptz) is 'Tells somebody that a seat is offered to them, and until when.';

-- Registering ----------------------------------------------------------------------------------------------------

create function private.open_event(p_event_id uuid) returns public.events language plpgsql stable security definer set search_path = '' as $$
declare
  v_event public.events;
begin
  select * into v_event from public.events where id = p_event_id and is_published;
  if not found then
    perform plinth.refuse('event_not_found', 404, 'There is no such event.', jsonb_build_object('event_id', p_event_id));
  elsif v_event.cancelled_at is not null then
    perform plinth.refuse('event_cancelled', 409, 'The event was cancelled.', jsonb_build_object('event_id', p_event_id));
  elsif v_event.starts_at <= plinth.now() then
    perform plinth.refuse('event_started', 409, 'The event has begun.', jsonb_build_object('event_id', p_event_id, 'starts_at', v_event.starts_at));
  end if;
  return v_event;
end $$;
comment on function private.open_event(uuid) is 'An event that people may still register for. Raises event_not_found, event_cancelled, event_started.';

create function private.usable_coupon(p_code text, p_event public.events, p_user_id uuid) returns public.coupons
language plpgsql stable security definer set search_path = '' as $$
declare
  v_coupon public.coupons;
begin
  select * into v_coupon from public.coupons where code = upper(trim(p_code));
  -- One answer for all, so that nobody learns of codes that are not theirs.
  if v_coupon.id is null or not v_coupon.is_active or plinth.now() < v_coupon.starts_at or plinth.now() >= v_coupon.expires_at
    or (v_coupon.user_id is not null and v_coupon.user_id <> p_user_id)
    or (v_coupon.event_id is not null and v_coupon.event_id <> p_event.id)
    or (v_coupon.category is not null and v_coupon.category <> p_event.category) then
    perform plinth.refuse('coupon_invalid', 422, 'This coupon does not count for this event.', p_hint => 'Check the code, and for what it is and until when.');
  end if;
  return v_coupon;
end $$;
comment on function private.usable_coupon(text, public.events, uuid) is 'The coupon of a code, for an event and a person. Raises coupon_invalid.';

create function private.gst_of(p_amount bigint, p_rate numeric) returns bigint language sql immutable set search_path = '' as $$
  select p_amount - round(p_amount * 100 / (100 + p_rate))::bigint
$$;
comment on function private.gst_of(bigint, numeric) is 'The GST that an amount includes, in minor units; the net part is rounded half away from zero.';

create function private.show_registration(p_id uuid) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('registration_id', r.id, 'event_id', r.event_id, 'payment_status', r.payment_status, 'amount', r.amount,
    'discount', r.discount, 'currency', r.currency, 'held_until', r.held_until, 'seated', r.seated_at is not null and r.cancelled_at is null,
    'cancelled_at', r.cancelled_at)
  from public.registrations r where r.id = p_id
$$;
comment on function private.show_registration(uuid) is 'A registration as functions answer it.';

create function private.lock_registration(p_id uuid) returns public.registrations language plpgsql security definer set search_path = '' as $$
declare
  v_registration public.registrations;
begin
  -- The payment's order before the registration, as the fold of a payment takes them.
  perform from plinth.payment_orders where id = (select order_id from public.registrations where id = p_id) for no key update;
  select * into v_registration from public.registrations where id = p_id for no key update;
  return v_registration;
end $$;
comment on function private.lock_registration(uuid) is 'A registration and its order, locked in this order; null when there is none.';

create function private.hold_seat(p_registration public.registrations, p_until timestamptz) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_offered timestamptz;
  -- Who holds a seat keeps it for an hour at the most: nobody keeps it from others by beginning to pay again and again.
  v_since timestamptz := case when p_registration.held_until > plinth.now() then p_registration.held_since else plinth.now() end;
  v_until timestamptz := least(p_until, v_since + interval '1 hour');
begin
  if p_registration.coupon_id is not null
    and plinth.try_hold('coupon', p_registration.coupon_id, p_registration.id::text, 1, v_until) is not null then
    perform plinth.refuse('coupon_used_up', 409, 'This coupon was used as often as it may be.', p_hint => 'Register without it.');
  end if;
  select offer_until into v_offered from plinth.waiters
    where kind = 'seat' and thing = p_registration.event_id and key = p_registration.seat_key and state = 'offered';
  -- Who was offered a seat has it until the offer ends, and for the time that everybody has to pay.
  v_until := greatest(v_until, v_offered);
  if plinth.try_hold('seat', p_registration.event_id, p_registration.seat_key, 1, v_until, p_registration.user_id) is not null then
    return false;
  end if;
  update public.registrations set held_since = v_since, held_until = v_until where id = p_registration.id;
  return true;
end $$;
comment on function private.hold_seat(public.registrations, timestamptz) is
  'Holds a seat, and a use of the coupon, until an instant, and for an hour in all. False: there is none, or others wait for it. Raises coupon_used_up.';

create function private.take_unit(p_kind text, p_thing uuid, p_key text, p_owner uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from plinth.commit_holds(p_kind, array[p_key])) then
    return true;
  elsif plinth.try_hold(p_kind, p_thing, p_key, 1, plinth.now() + interval '1 minute', p_owner) is not null then
    return false;
  end if;
  return exists (select from plinth.commit_holds(p_kind, array[p_key]));
end $$;
comment on function private.take_unit(text, uuid, text, uuid) is
  'Uses a held unit. A hold that ran out is taken again, if nobody else has it and nobody waits for it. False: the unit is gone.';

create function private.seat_registration(p_id uuid, p_status public.registration_payment_status) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_registration public.registrations;
begin
  select * into v_registration from public.registrations where id = p_id;
  if v_registration.coupon_id is not null and not private.take_unit('coupon', v_registration.coupon_id, p_id::text, null) then
    return false;
  end if;
  if not private.take_unit('seat', v_registration.event_id, v_registration.seat_key, v_registration.user_id) then
    if v_registration.coupon_id is not null then
      perform plinth.return_units('coupon', array[v_registration.coupon_id], array[1::bigint]);
    end if;
    return false;
  end if;
  update public.registrations set payment_status = p_status, seated_at = plinth.now(), held_until = null,
    paid_at = case when p_status = 'completed' then plinth.now() end
    where id = p_id;
  perform private.tell(v_registration.user_id, 'registration-confirmed', p_id::text || '/' || v_registration.user_id,
    private.event_facts(v_registration.event_id), jsonb_build_object('priority', 'high', 'level', 'success', 'calendar', private.calendar_of(p_id)));
  return true;
end $$;
comment on function private.seat_registration(uuid, public.registration_payment_status) is
  'Gives a locked registration its seat for good, and uses its coupon. False: the seat or the coupon is gone, and nothing was changed.';

create function private.refer(p_registration public.registrations, p_code text) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_referrer uuid;
begin
  select id into v_referrer from public.profiles where referral_code = upper(trim(p_code));
  if v_referrer is null or v_referrer = p_registration.user_id then
    perform plinth.refuse('referral_invalid', 422, 'This referral code does not count.', p_hint => 'It is unknown, or your own. Register without it.');
  end if;
  insert into public.referrals (event_id, referrer_id, referred_id, registration_id)
    values (p_registration.event_id, v_referrer, p_registration.user_id, p_registration.id)
    on conflict do nothing;
end $$;
comment on function private.refer(public.registrations, text) is 'Notes who brought somebody; the first one counts. Raises referral_invalid.';

create function private.begin_registration(p_event public.events, p_user_id uuid, p_coupon_code text, p_name text, p_device_id text)
returns uuid language plpgsql security definer set search_path = '' as $$
declare
  v_coupon public.coupons;
  v_price bigint := plinth.to_minor(p_event.price, p_event.currency);
  v_discount bigint := 0;
  v_registration public.registrations;
begin
  if coalesce(trim(p_coupon_code), '') <> '' then
    v_coupon := private.usable_coupon(p_coupon_code, p_event, p_user_id);
    v_discount := least(v_price, coalesce(round(v_price * v_coupon.percent_off / 100)::bigint, plinth.to_minor(v_coupon.amount_off, p_event.currency)));
    -- Razorpay takes no less than one rupee.
    if v_price - v_discount < 100 then
      v_discount := v_price;
    end if;
  end if;
  insert into public.registrations (event_id, user_id, amount, discount, currency, coupon_id, seat_key, attendee_name, device_id)
  values (p_event.id, p_user_id, plinth.to_major(v_price - v_discount, p_event.currency), plinth.to_major(v_discount, p_event.currency),
    p_event.currency, v_coupon.id, private.seat_key(p_event.id, p_user_id),
    coalesce(nullif(trim(p_name), ''), (select full_name from public.profiles where id = p_user_id), ''), p_device_id)
  -- One for an event and a person, and one for a coupon and a person: who comes second waits here for who came first.
  on conflict do nothing
  returning * into v_registration;
  return v_registration.id;
end $$;
comment on function private.begin_registration(public.events, uuid, text, text, text) is
  'Makes a registration, with its price; null when this person has one of the event or of the coupon. Raises coupon_invalid.';

create function private.order_registration(p_registration public.registrations, p_event public.events) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_amount bigint := plinth.to_minor(p_registration.amount, p_registration.currency);
  v_gst bigint := private.gst_of(v_amount, p_event.gst_rate);
  v_order uuid;
begin
  v_order := plinth.create_payment_order('', 'registration', p_registration.id::text, v_amount, p_registration.currency,
    jsonb_build_array(jsonb_build_object('account', 'courses', 'kind', 'income', 'amount', v_amount - v_gst))
      || case when v_gst > 0 then jsonb_build_array(jsonb_build_object('account', 'gst', 'kind', 'liability', 'amount', v_gst)) else '[]' end,
    p_registration.user_id, jsonb_build_object('event_id', p_event.id, 'gst', v_gst, 'gst_rate', p_event.gst_rate));
  update public.registrations set order_id = v_order where id = p_registration.id;
  insert into public.payment_transactions (registration_id, event_id, user_id, order_id, amount, currency)
  values (p_registration.id, p_event.id, p_registration.user_id, v_order, p_registration.amount, p_registration.currency)
  on conflict (order_id) do nothing;
end $$;
comment on function private.order_registration(public.registrations, public.events) is 'Makes the order that is to be paid for a registration, GST apart.';

create function private.refuse_full(p_event_id uuid) returns void language plpgsql stable security definer set search_path = '' as $$
begin
  perform plinth.refuse('event_full', 409, 'No seat is free.', jsonb_build_object('event_id', p_event_id,
    'waiting', (select count(*) from plinth.waiters where kind = 'seat' and thing = p_event_id and state = 'waiting')), 'Join the waitlist.');
end $$;
comment on function private.refuse_full(uuid) is 'Raises event_full, with how many people wait.';

create function private.may_have_seat(p_event_id uuid, p_user_id uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select from plinth.availability('seat', array[p_event_id]) where available > 0)
    or exists (select from public.registrations where event_id = p_event_id and user_id = p_user_id and cancelled_at is null)
    or exists (select from plinth.holds where kind = 'seat' and key = private.seat_key(p_event_id, p_user_id))
$$;
comment on function private.may_have_seat(uuid, uuid) is
  'False: the event is full, and nothing of it is this person''s. Asked without a lock, so that a rush on a full event costs little.';

create function public.register_for_event(p_event_id uuid, p_coupon_code text default null, p_referral_code text default null,
  p_attendee_name text default null, p_device_id text default null)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid := private.require_user();
  v_event public.events := private.open_event(p_event_id);
  v_until timestamptz := least(plinth.now() + interval '15 minutes', v_event.starts_at);
  v_id uuid;
  v_registration public.registrations;
begin
  if not private.may_have_seat(p_event_id, v_user) then
    perform private.refuse_full(p_event_id);
  end if;
  v_id := private.begin_registration(v_event, v_user, p_coupon_code, left(p_attendee_name, 200), left(p_device_id, 200));
  if v_id is null then
    return private.resume_registration(v_event, v_user, v_until, p_coupon_code);
  end if;
  select * into v_registration from public.registrations where id = v_id;
  if coalesce(trim(p_referral_code), '') <> '' then
    perform private.refer(v_registration, p_referral_code);
  end if;
  if not private.hold_seat(v_registration, v_until) then
    perform private.refuse_full(p_event_id);
  end if;
  -- Asked again under the lock of the seats: a cancellation that came in between is seen here.
  v_event := private.open_event(p_event_id);
  if v_registration.amount = 0 then
    perform private.seat_registration(v_id, 'free');
  else
    perform private.order_registration(v_registration, v_event);
  end if;
  return private.show_registration(v_id);
end $$;
comment on function public.register_for_event(uuid, text, text, text, text) is
  'Registers who is signed in: a free event at once, else the seat is held for 15 minutes, or as long as it is offered, to be paid. The '
  'same call again is the same registration. Raises event_not_found, event_cancelled, event_started, event_full, coupon_invalid, '
  'coupon_used, coupon_used_up, coupon_fixed, referral_invalid.';

create function private.resume_registration(p_event public.events, p_user_id uuid, p_until timestamptz, p_coupon_code text)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_registration public.registrations := private.lock_registration((
    select id from public.registrations where event_id = p_event.id and user_id = p_user_id and cancelled_at is null));
begin
  if v_registration.id is null then
    perform plinth.refuse('coupon_used', 409, 'You have used this coupon.', p_hint => 'Register without it.');
  elsif v_registration.seated_at is null then
    if coalesce(trim(p_coupon_code), '') <> ''
      and not exists (select from public.coupons where id = v_registration.coupon_id and code = upper(trim(p_coupon_code))) then
      perform plinth.refuse('coupon_fixed', 409, 'A registration keeps the price that it began with.', p_hint => 'Cancel it, and register with the coupon.');
    end if;
    if not private.hold_seat(v_registration, p_until) then
      perform private.refuse_full(p_event.id);
    end if;
    perform private.open_event(p_event.id);
  end if;
  return private.show_registration(v_registration.id);
end $$;
comment on function private.resume_registration(public.events, uuid, timestamptz, text) is 'The registration that somebody has: its seat is held anew while it is not paid.';

-- Giving a seat up -----------------------------------------------------------------------------------------------

create function private.free_seat(p_registration public.registrations, p_reason text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  update public.registrations set cancelled_at = plinth.now(), cancel_reason = p_reason, held_until = null,
    payment_status = case when payment_status = 'pending' then 'failed' else payment_status end
    where id = p_registration.id;
  if p_registration.seated_at is null then
    perform plinth.release_holds('coupon', array[p_registration.id::text]);
    perform plinth.release_holds('seat', array[p_registration.seat_key]);
  else
    if p_registration.coupon_id is not null then
      perform plinth.return_units('coupon', array[p_registration.coupon_id], array[1::bigint]);
    end if;
    perform plinth.return_units('seat', array[p_registration.event_id], array[1::bigint]);
  end if;
end $$;
comment on function private.free_seat(public.registrations, text) is 'Ends a locked registration: its seat is free for the next in line.';

create function private.ask_refund(p_order uuid, p_registration_id uuid, p_cause text, p_amount bigint, p_reason text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform plinth.request_refund(p_order, p_cause, p_amount, p_reason, auth.uid());
exception when sqlstate 'PT409' then
  -- What was captured is on its way back already, or in a dispute: that stops nobody else's refund, and somebody looks at it.
  perform private.flag_payment(p_registration_id, null, 'refund_failed', jsonb_build_object('cause', p_cause, 'problem', sqlerrm));
end $$;
comment on function private.ask_refund(uuid, uuid, text, bigint, text) is
  'Asks for a refund, once per cause; one that no payment has enough left for is flagged for review.';

create function private.end_registration(p_registration public.registrations, p_reason text, p_refund boolean) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.free_seat(p_registration, p_reason);
  if p_refund and p_registration.payment_status = 'completed' then
    perform private.ask_refund(p_registration.order_id, p_registration.id, 'registration ended', null, p_reason);
  end if;
  if p_registration.seated_at is not null then
    perform private.tell(p_registration.user_id, 'registration-cancelled', p_registration.id::text,
      private.event_facts(p_registration.event_id) || jsonb_build_object('reason', p_reason,
        'refund', p_refund and p_registration.payment_status = 'completed'),
      jsonb_build_object('priority', 'high', 'level', 'warning', 'calendar', private.calendar_of(p_registration.id, true)));
  end if;
end $$;
comment on function private.end_registration(public.registrations, text, boolean) is
  'Ends a locked registration, asks for its money to be given back if that is said, and tells its person.';

create function public.cancel_registration(p_registration_id uuid, p_reason text default '') returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid := private.require_user();
  v_registration public.registrations := private.lock_registration(p_registration_id);
  v_event public.events;
begin
  if v_registration.id is null or (v_registration.user_id is distinct from v_user and not private.is_admin()) then
    perform plinth.refuse('registration_not_found', 404, 'There is no such registration.', jsonb_build_object('registration_id', p_registration_id));
  end if;
  select * into v_event from public.events where id = v_registration.event_id;
  if v_registration.cancelled_at is null then
    if v_event.starts_at <= plinth.now() and not private.is_admin() then
      perform plinth.refuse('event_started', 409, 'The event has begun.', jsonb_build_object('event_id', v_event.id, 'starts_at', v_event.starts_at));
    end if;
    perform private.end_registration(v_registration, left(coalesce(p_reason, ''), 2000),
      private.is_admin() or plinth.now() <= v_event.starts_at - make_interval(hours => v_event.refund_hours));
  end if;
  return private.show_registration(p_registration_id);
end $$;
comment on function public.cancel_registration(uuid, text) is
  'Gives a seat up before the event begins; it is paid back in full up to refund_hours before the start, and always by an administrator. '
  'Raises registration_not_found, event_started.';

-- Waiting --------------------------------------------------------------------------------------------------------

create function private.show_place(p_event_id uuid, p_user_id uuid) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('event_id', w.event_id, 'status', w.status, 'position', w.position, 'expires_at', w.expires_at, 'ended_as', w.ended_as)
  from public.event_waitlist w where w.event_id = p_event_id and w.user_id = p_user_id
$$;
comment on function private.show_place(uuid, uuid) is 'Somebody''s entry of a waitlist as functions answer it.';

create function public.join_waitlist(p_event_id uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid := private.require_user();
  v_event public.events := private.open_event(p_event_id);
begin
  if exists (select from public.registrations
    where event_id = p_event_id and user_id = v_user and cancelled_at is null and seated_at is not null) then
    perform plinth.refuse('already_registered', 409, 'You have a seat.', jsonb_build_object('event_id', p_event_id));
  end if;
  perform plinth.join_waitlist('seat', v_event.id, private.seat_key(p_event_id, v_user), 1, v_user);
  return private.show_place(p_event_id, v_user);
end $$;
comment on function public.join_waitlist(uuid) is
  'Puts who is signed in at the end of the line; a seat that is free, and that nobody waits for, is offered at once. Raises '
  'already_registered, event_not_found, event_cancelled, event_started, waitlist_closed, already_held.';

create function public.leave_waitlist(p_event_id uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid := private.require_user();
begin
  perform plinth.leave_waitlist('seat', p_event_id, private.seat_key(p_event_id, v_user));
  return private.show_place(p_event_id, v_user);
end $$;
comment on function public.leave_waitlist(uuid) is 'Leaves the line, or declines the seat that is offered: the next one gets it. Null for who never waited.';

create function public.seats_of(p_event_ids uuid[]) returns table (event_id uuid, capacity bigint, free bigint, waiting bigint)
language sql stable security definer set search_path = '' as $$
  select e.id, e.max_participants::bigint, greatest(0, a.available),
    (select count(*) from plinth.waiters w where w.kind = 'seat' and w.thing = e.id and w.state = 'waiting')
  from public.events e join plinth.availability('seat', p_event_ids[1:500]) a on a.thing = e.id
  where e.is_published
$$;
comment on function public.seats_of(uuid[]) is 'How many seats events have, how many are free now, and how many people wait; of up to 500 published events.';

revoke all on function private.require_user(), private.seat_key(uuid, uuid), private.keep_seats(), private.keep_coupon(), private.show_waiters(),
  private.show_new_waiters(), private.leave_lines(), private.event_facts(uuid), private.calendar_of(uuid, boolean),
  private.tell(uuid, text, text, jsonb, jsonb), private.tell_offer(uuid, uuid, timestamptz), private.open_event(uuid),
  private.usable_coupon(text, public.events, uuid), private.gst_of(bigint, numeric), private.show_registration(uuid),
  private.lock_registration(uuid), private.hold_seat(public.registrations, timestamptz),
  private.take_unit(text, uuid, text, uuid), private.seat_registration(uuid, public.registration_payment_status), private.refer(public.registrations, text),
  private.begin_registration(public.events, uuid, text, text, text), private.order_registration(public.registrations, public.events),
  private.refuse_full(uuid), private.may_have_seat(uuid, uuid), private.resume_registration(public.events, uuid, timestamptz, text), private.free_seat(public.registrations, text),
  private.ask_refund(uuid, uuid, text, bigint, text), private.end_registration(public.registrations, text, boolean), private.show_place(uuid, uuid),
  public.register_for_event(uuid, text, text, text, text), public.cancel_registration(uuid, text), public.join_waitlist(uuid),
  public.leave_waitlist(uuid), public.seats_of(uuid[]) from public;
grant execute on function public.register_for_event(uuid, text, text, text, text), public.cancel_registration(uuid, text),
  public.join_waitlist(uuid), public.leave_waitlist(uuid) to authenticated;
grant execute on function public.seats_of(uuid[]) to anon, authenticated, service_role;
