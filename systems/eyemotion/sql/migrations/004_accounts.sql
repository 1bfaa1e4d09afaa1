-- Accounts begin on freemium, whichever way they sign up; plans decide how many credits a period has and how much room there is.

-- Plans (E-N1) -----------------------------------------------------------------------------------------------------

create function private.init_plans(p_prices jsonb default '{}') returns setof text language plpgsql security definer set search_path = '' as $$
begin
  return query
    with wanted (id, name, display_name, description, price, credits, gib, features, place) as (values
      ('e7e00000-0000-4000-8000-000000000000'::uuid, 'freemium', 'Freemium', 'To try it.', 0, 100, 1, '["1 GiB of storage", "100 credits a month"]'::jsonb, 0),
      ('e7e00000-0000-4000-8000-000000000001', 'creator', 'Creator', 'For one person.', 29900, 1000, 5, '["5 GiB of storage", "1,000 credits a month"]', 1),
      ('e7e00000-0000-4000-8000-000000000002', 'pro', 'Pro', 'For a small team.', 99900, 5000, 50, '["50 GiB of storage", "5,000 credits a month"]', 2),
      ('e7e00000-0000-4000-8000-000000000003', 'studio', 'Studio', 'For a studio.', 299900, 20000, 500, '["500 GiB of storage", "20,000 credits a month"]', 3)
    ),
    stored as (
      insert into public.subscription_plans as p (id, name, display_name, description, price, credits_included, storage_gb, features, stripe_price_id)
      select w.id, w.name, w.display_name, w.description, w.price, w.credits, w.gib, w.features,
        case when w.price > 0 then coalesce(p_prices ->> w.name, format('price_%s_monthly_thb', w.name)) end
      from wanted w order by w.place
      on conflict (name) do update set price = excluded.price, credits_included = excluded.credits_included, storage_gb = excluded.storage_gb,
        features = excluded.features, stripe_price_id = coalesce(p_prices ->> p.name, p.stripe_price_id)
      returning p.*
    ),
    plans as (
      insert into plinth.plans (id, name, rank, entitlements, allowances)
      select s.name, s.display_name, w.place, jsonb_build_object('storage_gb', s.storage_gb), jsonb_build_object('credits', s.credits_included)
      from stored s join wanted w using (name) where s.price > 0
      on conflict (id) do update set name = excluded.name, rank = excluded.rank, entitlements = excluded.entitlements, allowances = excluded.allowances
      returning id
    ),
    prices as (
      insert into plinth.plan_prices (plan, currency, amount, unit, provider_prices)
      select s.name, 'THB', s.price, 'month', jsonb_build_object('stripe', s.stripe_price_id) from stored s join plans on plans.id = s.name
      on conflict (plan, currency, unit, units, valid_from) do update set amount = excluded.amount, provider_prices = excluded.provider_prices
    )
    select s.name from stored s;
end $$;
comment on function private.init_plans(jsonb) is
  'Writes the four plans, or sets them right again; p_prices has Stripe''s price ids by plan. Security definer: plans of the platform are the owner''s.';
select private.init_plans();

-- Room -------------------------------------------------------------------------------------------------------------

create function private.plan_bytes(p_plan uuid) returns bigint language sql stable set search_path = '' as $$
  select storage_gb * 1073741824::bigint from public.subscription_plans where id = p_plan
$$;
comment on function private.plan_bytes(uuid) is 'Bytes that a plan has room for.';

create function private.set_room(p_user uuid, p_at timestamptz, p_grace interval default '30 days') returns void
language plpgsql set search_path = '' as $$
declare
  v_row public.user_subscriptions;
  v_wanted bigint;
  v_used bigint;
begin
  select * into v_row from public.user_subscriptions where user_id = p_user for no key update;
  v_wanted := private.plan_bytes(v_row.plan_id);
  v_used := coalesce((select v_row.storage_limit_bytes - a.available from plinth.availability('bytes', array[p_user], p_at) a), 0);
  if v_used > v_wanted and v_row.storage_limit_bytes > v_wanted and coalesce(v_row.storage_grace_until, p_at + p_grace) > p_at then
    -- The files are more than the plan has room for: the earlier limit stays for a while, and nothing is ever deleted.
    if v_row.storage_grace_until is null then
      update public.user_subscriptions set storage_grace_until = p_at + p_grace where id = v_row.id;
      perform plinth.notify(p_user::text, 'email', 'storage-grace',
        jsonb_build_object('until', to_char(p_at + p_grace, 'YYYY-MM-DD'), 'gib', v_wanted / 1073741824));
    end if;
    return;
  end if;
  perform plinth.set_limit('bytes', p_user, v_wanted, p_at);
  update public.user_subscriptions set storage_limit_bytes = v_wanted, storage_grace_until = null where id = v_row.id;
end $$;
comment on function private.set_room(uuid, timestamptz, interval) is
  'Gives a user the room of the plan. After a downgrade with more files than that, the earlier room stays until the grace is over; then '
  'nothing can be added until something was removed.';

-- Freemium ---------------------------------------------------------------------------------------------------------

create function private.begin_free_period(p_user uuid, p_at timestamptz, p_force boolean default false) returns void
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.user_subscriptions;
  v_plan public.subscription_plans;
  v_months integer;
  v_start timestamptz;
  v_end timestamptz;
begin
  perform private.lock_credits(p_user);
  select * into v_row from public.user_subscriptions where user_id = p_user for no key update;
  if not found or v_row.subscription is not null or (v_row.current_period_end > p_at and not p_force) then
    return;
  end if;
  select * into v_plan from public.subscription_plans where name = 'freemium';
  -- Months are counted from the day of the account: 31 January, 28 February, 31 March.
  v_months := greatest(0, (extract(year from p_at) - extract(year from v_row.created_at)) * 12
    + extract(month from p_at) - extract(month from v_row.created_at));
  if v_months > 0 and v_row.created_at + make_interval(months => v_months) > p_at then
    v_months := v_months - 1;
  end if;
  v_start := v_row.created_at + make_interval(months => v_months);
  v_end := v_row.created_at + make_interval(months => v_months + 1);
  update public.user_subscriptions set plan_id = v_plan.id, status = 'active', cancel_at_period_end = false,
    current_period_start = v_start, current_period_end = v_end where id = v_row.id;
  perform private.grant_credits(p_user, 'free ' || to_char(v_start, 'YYYY-MM-DD"T"HH24:MI:SS'), v_plan.credits_included, v_end, 0);
end $$;
comment on function private.begin_free_period(uuid, timestamptz, boolean) is
  'Goes on to the present month of an account on freemium and grants its credits, once a month however often plans change.';

create function private.open_account() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_at timestamptz := coalesce(new.created_at, plinth.now());
  v_plan public.subscription_plans;
begin
  select * into v_plan from public.subscription_plans where name = 'freemium';
  insert into public.user_profiles (id, full_name, created_at)
  values (new.id, left(coalesce(new.raw_user_meta_data ->> 'full_name', new.raw_user_meta_data ->> 'fullName', new.raw_user_meta_data ->> 'name'), 200), v_at);
  insert into public.user_subscriptions (user_id, plan_id, current_period_start, current_period_end, storage_limit_bytes, created_at)
  values (new.id, v_plan.id, v_at, v_at, 0, v_at);
  perform private.begin_free_period(new.id, v_at);
  perform private.set_room(new.id, v_at);
  return null;
end $$;
comment on function private.open_account() is 'Trigger on auth.users: every account has a profile and a place on freemium. Security definer: auth writes users.';
create trigger open_account after insert on auth.users for each row execute function private.open_account();

create function private.roll_accounts(p_at timestamptz) returns bigint language plpgsql set search_path = '' as $$
declare
  v_user uuid;
  v_count bigint := 0;
begin
  for v_user in
    select user_id from public.user_subscriptions where subscription is null and current_period_end <= p_at order by user_id limit 10000
  loop
    perform private.begin_free_period(v_user, p_at);
    v_count := v_count + 1;
  end loop;
  for v_user in
    select user_id from public.user_subscriptions where storage_grace_until <= p_at order by user_id limit 10000
  loop
    perform private.set_room(v_user, p_at);
    v_count := v_count + 1;
  end loop;
  return v_count;
end $$;
comment on function private.roll_accounts(timestamptz) is 'Begins free months and ends times of grace that are due; returns how many.';

-- Auth -------------------------------------------------------------------------------------------------------------

create function private.welcome_account(p_event jsonb) returns jsonb language sql stable set search_path = '' as $$
  select case when plinth.flag('authEnabled') then '{}'::jsonb
    else jsonb_build_object('error', jsonb_build_object('message', 'Signing up is switched off.')) end
$$;
comment on function private.welcome_account(jsonb) is 'Auth''s hook before an account is made: none while authEnabled is off.';

create function private.claims_of_account(p_event jsonb) returns jsonb language sql stable set search_path = '' as $$
  select case
    when p.suspended_at is not null then jsonb_build_object('error', jsonb_build_object('message', 'This account is suspended.'))
    -- Those who can switch it on again come in.
    when not plinth.flag('authEnabled') and coalesce(p.role, 'user') = 'user'
      then jsonb_build_object('error', jsonb_build_object('message', 'Signing in is switched off.'))
    else jsonb_build_object('claims', (p_event -> 'claims') || jsonb_build_object('user_role', coalesce(p.role, 'user')))
  end
  from (select (p_event ->> 'user_id')::uuid as id) u left join public.user_profiles p using (id)
$$;
comment on function private.claims_of_account(jsonb) is
  'Auth''s hook before a token is given: none for a suspended account, and none for users while authEnabled is off. Adds user_role for the client''s pages; rights are asked in the database.';

revoke all on function private.init_plans(jsonb), private.plan_bytes(uuid), private.set_room(uuid, timestamptz, interval),
  private.begin_free_period(uuid, timestamptz, boolean), private.open_account(), private.roll_accounts(timestamptz),
  private.welcome_account(jsonb), private.claims_of_account(jsonb) from public;
grant execute on function private.init_plans(jsonb) to service_role;
