-- Referrals: two that were paid give free access to the event, or a voucher where that is paid for already; technical events only.

create function private.pending_referrals() returns setof uuid language sql stable security definer set search_path = '' as $$
  select f.id from public.referrals f join public.registrations r on r.id = f.registration_id
  where f.status = 'pending' and f.voided_at is null and r.payment_status = 'completed' and r.cancelled_at is null
  order by f.id
$$;
comment on function private.pending_referrals() is 'Referrals whose registration was paid since the last look.';

create function private.shares_device(p_one uuid, p_other uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (
      select from public.payment_attempts a join public.payment_attempts b on b.user_id = p_other
        and (a.device_id = b.device_id or (a.ip_address = b.ip_address and a.user_agent = b.user_agent))
      where a.user_id = p_one)
    or exists (
      select from public.registrations a join public.registrations b on b.user_id = p_other and a.device_id = b.device_id
      where a.user_id = p_one)
$$;
comment on function private.shares_device(uuid, uuid) is 'Whether two people registered or paid from one device, or from one address with one browser.';

create function private.complete_referral(p_id uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  v_referral public.referrals;
begin
  select * into v_referral from public.referrals where id = p_id for update;
  if v_referral.status is distinct from 'pending' or v_referral.voided_at is not null
    or not exists (select from public.registrations where id = v_referral.registration_id and payment_status = 'completed' and cancelled_at is null) then
    return false;
  elsif private.shares_device(v_referral.referrer_id, v_referral.referred_id) then
    update public.referrals set voided_at = plinth.now(), void_reason = 'same_device' where id = p_id;
    return false;
  end if;
  update public.referrals set status = 'completed', completed_at = plinth.now() where id = p_id;
  return true;
end $$;
comment on function private.complete_referral(uuid) is 'Counts a referral whose registration is paid; one from the referrer''s own device is void. False: it does not count.';

create function private.due_rewards() returns table (referrer_id uuid, event_id uuid) language sql stable security definer set search_path = '' as $$
  select f.referrer_id, f.event_id
  from public.referrals f join public.events e on e.id = f.event_id
  where f.status in ('completed', 'rewarded') and f.voided_at is null and f.referrer_id is not null and e.category = 'technical'
    and not exists (select from public.referral_rewards w where w.referrer_id = f.referrer_id and w.event_id = f.event_id)
  group by f.referrer_id, f.event_id having count(*) >= 2 order by f.event_id, f.referrer_id
$$;
comment on function private.due_rewards() is 'Who completed two referrals to a technical event, and has no reward of it.';

create function private.free_access(p_referrer uuid, p_event public.events) returns uuid language plpgsql security definer set search_path = '' as $$
declare
  v_registration public.registrations := private.lock_registration((
    select id from public.registrations where event_id = p_event.id and user_id = p_referrer and cancelled_at is null));
begin
  if v_registration.seated_at is not null or p_event.cancelled_at is not null or p_event.starts_at <= plinth.now() then
    return null;
  elsif v_registration.id is null then
    insert into public.registrations (event_id, user_id, discount, currency, seat_key, attendee_name)
    values (p_event.id, p_referrer, p_event.price, p_event.currency, private.seat_key(p_event.id, p_referrer),
      coalesce((select full_name from public.profiles where id = p_referrer), ''))
    on conflict do nothing returning * into v_registration;
  elsif v_registration.coupon_id is not null then
    perform plinth.release_holds('coupon', array[v_registration.id::text]);
    update public.registrations set coupon_id = null where id = v_registration.id returning * into v_registration;
  end if;
  if v_registration.id is null or not private.hold_seat(v_registration, plinth.now() + interval '1 minute')
    or not private.seat_registration(v_registration.id, 'free') then
    -- What was made for a seat that there is not goes again; a registration that waits to be paid stays as it was.
    delete from public.registrations where id = v_registration.id and order_id is null and seated_at is null;
    return null;
  end if;
  return v_registration.id;
end $$;
comment on function private.free_access(uuid, public.events) is 'Seats somebody in an event free of charge; null: they have a seat, or there is none.';

create function private.grant_reward(p_referrer uuid, p_event_id uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_event public.events;
  v_registration uuid;
  v_coupon uuid;
  v_reward public.referral_rewards;
begin
  -- Whoever else grants it waits here, and finds it granted.
  perform pg_advisory_xact_lock(hashtextextended('reward ' || p_referrer || p_event_id, 0));
  if not exists (select from private.due_rewards() d where d.referrer_id = p_referrer and d.event_id = p_event_id) then
    return null;
  end if;
  select * into v_event from public.events where id = p_event_id;
  v_registration := private.free_access(p_referrer, v_event);
  if v_registration is null then
    insert into public.coupons (code, percent_off, category, user_id, max_redemptions, expires_at)
    values ('REF-' || upper(substr(replace(gen_random_uuid()::text, '-', ''), 1, 16)), 100, 'technical', p_referrer, 1, plinth.now() + interval '1 year')
    returning id into v_coupon;
  end if;
  insert into public.referral_rewards (referrer_id, event_id, kind, registration_id, coupon_id)
  values (p_referrer, p_event_id, case when v_registration is null then 'voucher' else 'free_access' end, v_registration, v_coupon)
  returning * into v_reward;
  update public.referrals set status = 'rewarded', rewarded_at = plinth.now()
    where referrer_id = p_referrer and event_id = p_event_id and status = 'completed' and voided_at is null;
  perform private.tell(p_referrer, 'referral-reward', v_reward.id::text, private.event_facts(p_event_id)
    || jsonb_build_object('code', (select code from public.coupons where id = v_coupon)), '{"priority": "high", "level": "success"}');
  return jsonb_build_object('referrer_id', p_referrer, 'event_id', p_event_id, 'kind', v_reward.kind, 'registration_id', v_registration, 'coupon_id', v_coupon);
end $$;
comment on function private.grant_reward(uuid, uuid) is
  'Gives somebody what two completed referrals to an event are worth, once: a seat in it, or where they have one, a voucher for another technical event.';

create function private.void_referral() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_referral public.referrals;
begin
  update public.referrals set voided_at = plinth.now(), void_reason = 'refunded'
    where registration_id = new.id and voided_at is null returning * into v_referral;
  -- The voucher's pool is locked in a transaction of its own: here the seats of the event are, and those come last.
  if v_referral.status = 'rewarded' then
    perform plinth.add_job('claw-back-reward', jsonb_build_object('referrer', v_referral.referrer_id, 'event', v_referral.event_id));
  end if;
  return null;
end $$;
comment on function private.void_referral() is 'Trigger: a registration that was paid back refers nobody.';

create function private.take_seat_back(p_reward public.referral_rewards) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  v_registration public.registrations := private.lock_registration(p_reward.registration_id);
begin
  if v_registration.payment_status is distinct from 'free' or v_registration.cancelled_at is not null
    or exists (select from public.events where id = p_reward.event_id and starts_at <= plinth.now()) then
    return false;
  end if;
  perform private.end_registration(v_registration, 'The registrations that it was a reward for were paid back.', false);
  update public.referral_rewards set clawed_back_at = plinth.now() where id = p_reward.id;
  return true;
end $$;
comment on function private.take_seat_back(public.referral_rewards) is 'Takes a seat back that was a reward, until the event begins. False: it stays.';

create function private.claw_back(p_referrer uuid, p_event_id uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  v_reward public.referral_rewards;
begin
  select * into v_reward from public.referral_rewards
    where referrer_id = p_referrer and event_id = p_event_id and clawed_back_at is null for update;
  if v_reward.id is null or (select count(*) from public.referrals
    where referrer_id = p_referrer and event_id = p_event_id and status <> 'pending' and voided_at is null) >= 2 then
    return false;
  end if;
  if v_reward.kind = 'free_access' then
    return private.take_seat_back(v_reward);
  end if;
  -- Who registers with the voucher takes its pool first: either that is seen here, or they find it used up.
  perform plinth.lock_pools('coupon', array[v_reward.coupon_id]);
  if exists (select from public.registrations where coupon_id = v_reward.coupon_id and cancelled_at is null) then
    return false;
  end if;
  update public.coupons set is_active = false, max_redemptions = 0 where id = v_reward.coupon_id;
  update public.referral_rewards set clawed_back_at = plinth.now() where id = v_reward.id;
  return true;
end $$;
comment on function private.claw_back(uuid, uuid) is
  'Takes a reward back that fewer than two referrals stand for: a voucher that is not used, a seat until the event begins. False: it stays.';

create trigger void_referral after update of payment_status on public.registrations
  for each row when (new.payment_status = 'refunded' and old.payment_status <> 'refunded') execute function private.void_referral();

revoke all on function private.pending_referrals(), private.shares_device(uuid, uuid), private.complete_referral(uuid), private.due_rewards(),
  private.free_access(uuid, public.events), private.grant_reward(uuid, uuid), private.void_referral(), private.take_seat_back(public.referral_rewards), private.claw_back(uuid, uuid) from public;
grant execute on function private.pending_referrals(), private.complete_referral(uuid), private.due_rewards(), private.grant_reward(uuid, uuid), private.claw_back(uuid, uuid) to service_role;
