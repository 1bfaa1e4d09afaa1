-- The platform above its shops: plans, what shops pay, and its own metrics. For its administrators and the service role.
--
-- Whatever changes in what a shop pays leaves a row in subscription_changes, written by triggers. A day's figures are
-- derived from those rows, so that a past day comes out the same whatever happened since.

create table public.plans (
  plan public.subscription_plan not null,
  billing_interval public.billing_interval not null,
  valid_from date not null,
  price_minor bigint not null check (price_minor >= 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  primary key (plan, billing_interval, valid_from)
);
comment on table public.plans is 'What plans cost per interval, in minor units. All in one currency. The prices are examples: set your own.';
comment on column public.plans.valid_from is 'Day (UTC) from which subscriptions that change pay this price.';
insert into public.plans (plan, billing_interval, valid_from, price_minor, currency) values
  ('Starter', 'month', '1970-01-01', 0, 'USD'), ('Starter', 'year', '1970-01-01', 0, 'USD'),
  ('Pro', 'month', '1970-01-01', 1000000, 'USD'), ('Pro', 'year', '1970-01-01', 12000000, 'USD'),
  ('Growth', 'month', '1970-01-01', 2500000, 'USD'), ('Growth', 'year', '1970-01-01', 30000000, 'USD');

create table private.data_extension (
  only_row boolean primary key default true check (only_row),
  price_minor bigint not null check (price_minor >= 0)
);
comment on table private.data_extension is 'What a period of the data extension costs, minor units of the plans'' currency. An example: set your own.';
insert into private.data_extension (price_minor) values (0);
alter table private.data_extension enable row level security;
grant select, update on private.data_extension to service_role;

create table public.subscription_changes (
  id bigint generated always as identity primary key,
  shop_id uuid not null,
  at timestamptz not null,
  plan public.subscription_plan not null,
  status public.subscription_status not null,
  billing_interval public.billing_interval not null,
  data_extension_status public.data_extension_status not null,
  mrr_minor bigint not null,
  mrr_before_minor bigint not null,
  data_extension_revenue_minor bigint not null default 0,
  is_closed boolean not null default false
);
comment on table public.subscription_changes is 'Every change of what a shop pays, append-only: how it was afterwards. Written by triggers.';
comment on column public.subscription_changes.shop_id is 'No reference: what a shop paid outlives it.';
comment on column public.subscription_changes.mrr_minor is 'What it pays a month from then on, at the prices of then.';
comment on column public.subscription_changes.is_closed is 'The shop was deleted.';
create index subscription_changes_shop on public.subscription_changes (shop_id, id);
create index subscription_changes_time on public.subscription_changes (at);

alter table public.plans enable row level security;
alter table public.subscription_changes enable row level security;
revoke all on public.plans, public.subscription_changes from anon, authenticated, service_role;
grant select on public.plans, public.subscription_changes to authenticated, service_role;
grant insert, update, delete on public.plans to service_role;
create policy "everybody reads prices" on public.plans for select to authenticated using (true);
create policy "owners and platform admins read" on public.subscription_changes for select to authenticated
  using (shop_id = any ((select private.my_shops('Owner'))::uuid[]) or (select private.is_platform_admin()));

create function private.monthly_price(p_plan public.subscription_plan, p_status public.subscription_status, p_interval public.billing_interval)
returns bigint language sql stable set search_path = '' as $$
  select coalesce((
    select case p_interval when 'year' then round(price_minor / 12.0)::bigint else price_minor end
    from public.plans
    where plan = p_plan and billing_interval = p_interval and p_status = 'active'
      and valid_from <= (plinth.now() at time zone 'UTC')::date
    order by valid_from desc limit 1), 0)
$$;
comment on function private.monthly_price(public.subscription_plan, public.subscription_status, public.billing_interval) is
  'What a subscription pays a month, minor units: nothing unless it is active.';

-- security definer: the changes are closed to everyone.
create function private.record_subscription() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_shop public.shops := case tg_op when 'DELETE' then old else new end;
  v_before bigint := coalesce((select mrr_minor from public.subscription_changes where shop_id = v_shop.id order by id desc limit 1), 0);
begin
  insert into public.subscription_changes (shop_id, at, plan, status, billing_interval, data_extension_status, mrr_minor, mrr_before_minor,
    data_extension_revenue_minor, is_closed)
  values (v_shop.id, plinth.now(), v_shop.subscription_plan, v_shop.subscription_status, v_shop.billing_interval, v_shop.data_extension_status,
    case when tg_op = 'DELETE' then 0
      else private.monthly_price(v_shop.subscription_plan, v_shop.subscription_status, v_shop.billing_interval) end,
    v_before,
    case when tg_op <> 'DELETE' and v_shop.data_extension_status = 'active' and (tg_op = 'INSERT' or old.data_extension_status <> 'active')
      then (select price_minor from private.data_extension) else 0 end,
    tg_op = 'DELETE');
  return null;
end $$;
comment on function private.record_subscription() is 'Trigger: what a shop pays changed.';
create trigger record_subscription after insert or delete on public.shops for each row execute function private.record_subscription();
create trigger record_subscription_change after update on public.shops for each row
  when ((old.subscription_plan, old.subscription_status, old.billing_interval, old.data_extension_status)
    is distinct from (new.subscription_plan, new.subscription_status, new.billing_interval, new.data_extension_status))
  execute function private.record_subscription();

-- Subscriptions ----------------------------------------------------------------------------------------------------

create function private.require_platform_admin() returns void language plpgsql stable set search_path = '' as $$
begin
  if not plinth.is_trusted() and not private.is_platform_admin() then
    perform plinth.refuse('forbidden', 403, 'Only administrators of the platform may do this.');
  end if;
end $$;
comment on function private.require_platform_admin() is 'Raises forbidden (PT403).';

-- security definer: nobody but the service role writes these columns; the caller is checked here.
create function public.set_subscription(p_shop_id uuid, p_plan public.subscription_plan, p_status public.subscription_status,
  p_interval public.billing_interval default 'month', p_trial_ends_at timestamptz default null, p_period_ends_at timestamptz default null)
returns void language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_platform_admin();
  update public.shops
    set subscription_plan = p_plan, subscription_status = p_status, billing_interval = p_interval,
      trial_ends_at = p_trial_ends_at, period_ends_at = p_period_ends_at
    where id = p_shop_id;
  if not found then
    perform plinth.refuse('unknown_shop', 404, 'There is no such shop.');
  end if;
end $$;
comment on function public.set_subscription(uuid, public.subscription_plan, public.subscription_status, public.billing_interval, timestamptz, timestamptz) is
  'Sets what a shop pays for. For administrators of the platform and the service role.';

-- security definer: as above.
create function private.expire_subscriptions() returns integer language plpgsql security definer set search_path = '' as $$
declare
  v_count integer;
begin
  -- A shop that has a subscription follows it, which knows of overdue payments.
  update public.shops set subscription_status = 'expired'
    where subscription_status = 'trialing' and trial_ends_at <= plinth.now()
      or subscription_id is null and subscription_status = 'active' and period_ends_at <= plinth.now();
  get diagnostics v_count = row_count;
  update public.shops set data_extension_status = 'expired'
    where data_extension_status = 'active' and data_extension_ends_at <= plinth.now();
  return v_count;
end $$;
comment on function private.expire_subscriptions() is 'Ends trials, paid periods and data extensions that ran out; returns how many subscriptions.';

-- Metrics ----------------------------------------------------------------------------------------------------------

-- security definer: reads over all shops; the caller is checked here.
create function public.generate_platform_metrics(p_date date) returns public.platform_metrics
language plpgsql security definer set search_path = '' as $$
declare
  v_starts timestamptz := p_date::timestamp at time zone 'UTC';
  v_ends timestamptz;
  v_currency text := (select min(currency) from public.plans);
  v_row public.platform_metrics;
begin
  perform private.require_platform_admin();
  perform private.require_days(p_date, p_date);
  v_ends := v_starts + interval '1 day';
  perform pg_advisory_xact_lock(hashtextextended('plinth.platform_day:' || p_date, 0));
  with standing as (
    select distinct on (c.shop_id) c.* from public.subscription_changes c where c.at < v_ends order by c.shop_id, c.id desc
  ),
  change as (
    select * from public.subscription_changes where at >= v_starts and at < v_ends
  ),
  sales as (
    select currency, sum(gross_minor) as gross from public.daily_sales_metrics where date = p_date group by currency
  ),
  money as (
    select coalesce(sum(mrr_minor) filter (where mrr_before_minor = 0), 0) as new,
      coalesce(sum(mrr_minor - mrr_before_minor) filter (where mrr_before_minor > 0 and mrr_minor > mrr_before_minor), 0) as expansion,
      coalesce(sum(mrr_before_minor - mrr_minor) filter (where mrr_minor > 0 and mrr_minor < mrr_before_minor), 0) as contraction,
      coalesce(sum(mrr_before_minor) filter (where mrr_minor = 0), 0) as churned,
      count(*) filter (where mrr_before_minor = 0 and mrr_minor > 0) as subscriptions,
      count(*) filter (where mrr_before_minor > 0 and mrr_minor = 0) as ended,
      coalesce(sum(data_extension_revenue_minor), 0) as extensions
    from change
  )
  insert into public.platform_metrics as p (date, currency, gmv_minor, gmv_by_currency, mrr_minor, new_mrr_minor, expansion_mrr_minor,
    contraction_mrr_minor, churned_mrr_minor, data_extension_revenue_minor, new_users, new_subscriptions, churned_subscriptions, total_shops,
    active_shops, total_orders, total_conversations, ai_messages_processed, plan_distribution, data_extension_distribution)
  select p_date, coalesce(v_currency, 'USD'), coalesce((select gross from sales where currency = v_currency), 0),
    coalesce((select jsonb_object_agg(currency, gross) from sales), '{}'),
    coalesce((select sum(mrr_minor) from standing), 0), m.new, m.expansion, m.contraction, m.churned, m.extensions,
    (select count(*) from public.profiles where created_at >= v_starts and created_at < v_ends), m.subscriptions, m.ended,
    (select count(*) from standing where not is_closed),
    (select count(*) from public.shops s where
      exists (select from public.form_submissions f where f.shop_id = s.id and f.submitted_at >= v_ends - interval '30 days' and f.submitted_at < v_ends)
      or exists (select from public.messages g where g.shop_id = s.id and g."timestamp" >= v_ends - interval '30 days' and g."timestamp" < v_ends)
      or exists (select from public.stock_history h where h.shop_id = s.id and h."timestamp" >= v_ends - interval '30 days' and h."timestamp" < v_ends)),
    (select count(*) from public.shops s join public.form_submissions f on f.shop_id = s.id and f.submitted_at >= v_starts and f.submitted_at < v_ends),
    (select count(*) from public.conversations where created_at >= v_starts and created_at < v_ends),
    (select count(*) from public.shops s join public.messages g on g.shop_id = s.id and g."timestamp" >= v_starts and g."timestamp" < v_ends where g.is_ai),
    coalesce((select jsonb_object_agg(d.plan, d.statuses) from (
      select e.plan, jsonb_object_agg(e.status, e.shops) as statuses
      from (select plan, status, count(*) as shops from standing where not is_closed group by plan, status) e group by e.plan) d), '{}'),
    coalesce((select jsonb_object_agg(d.data_extension_status, d.shops) from (
      select data_extension_status, count(*) as shops from standing where not is_closed group by data_extension_status) d), '{}')
  from money m
  on conflict (date) do update
    set currency = excluded.currency, gmv_minor = excluded.gmv_minor, gmv_by_currency = excluded.gmv_by_currency,
      mrr_minor = excluded.mrr_minor, new_mrr_minor = excluded.new_mrr_minor, expansion_mrr_minor = excluded.expansion_mrr_minor,
      contraction_mrr_minor = excluded.contraction_mrr_minor, churned_mrr_minor = excluded.churned_mrr_minor,
      data_extension_revenue_minor = excluded.data_extension_revenue_minor, new_users = excluded.new_users,
      new_subscriptions = excluded.new_subscriptions, churned_subscriptions = excluded.churned_subscriptions,
      total_shops = excluded.total_shops, active_shops = excluded.active_shops, total_orders = excluded.total_orders,
      total_conversations = excluded.total_conversations, ai_messages_processed = excluded.ai_messages_processed,
      plan_distribution = excluded.plan_distribution, data_extension_distribution = excluded.data_extension_distribution,
      generated_at = now()
  returning p.* into v_row;
  return v_row;
end $$;
comment on function public.generate_platform_metrics(date) is
  'Derives the platform''s figures of a day (UTC) and answers them (S-D7); sales are those of the shops'' own day of that date. '
  'Safe to repeat. For administrators of the platform and the service role.';

-- security definer: as above.
create function public.get_platform_stats(p_start_date date, p_end_date date) returns setof public.platform_metrics
language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_platform_admin();
  perform private.require_days(p_start_date, p_end_date);
  return query select * from public.platform_metrics where date between p_start_date and p_end_date order by date;
end $$;
comment on function public.get_platform_stats(date, date) is
  'The platform''s figures of a range of days, both ends included, oldest first. For its administrators and the service role.';

-- security definer: as above.
create function public.explain_platform_day(p_date date)
returns table (shop_id uuid, shop_name text, currency text, gross_minor bigint, mrr_minor bigint, mrr_before_minor bigint,
  data_extension_revenue_minor bigint)
language plpgsql stable security definer set search_path = '' as $$
declare
  v_starts timestamptz := p_date::timestamp at time zone 'UTC';
  v_ends timestamptz := (p_date + 1)::timestamp at time zone 'UTC';
begin
  perform private.require_platform_admin();
  perform private.require_days(p_date, p_date);
  return query
    select coalesce(n.shop_id, m.shop_id), s.name, m.currency, coalesce(m.gross_minor, 0), coalesce(n.mrr_minor, 0),
      coalesce(case when n.at >= v_starts then (
        select c.mrr_before_minor from public.subscription_changes c where c.shop_id = n.shop_id and c.at >= v_starts and c.at < v_ends order by c.id limit 1)
        else n.mrr_minor end, 0),
      coalesce((select sum(c.data_extension_revenue_minor) from public.subscription_changes c
        where c.shop_id = n.shop_id and c.at >= v_starts and c.at < v_ends), 0)::bigint
    from (
      select distinct on (c.shop_id) c.* from public.subscription_changes c where c.at < v_ends order by c.shop_id, c.id desc
    ) n
    full join (select d.* from public.daily_sales_metrics d where d.date = p_date) m on m.shop_id = n.shop_id
    left join public.shops s on s.id = coalesce(n.shop_id, m.shop_id)
    order by coalesce(m.gross_minor, 0) desc, coalesce(n.shop_id, m.shop_id);
end $$;
comment on function public.explain_platform_day(date) is
  'The shops behind a day''s platform figures: what each sold, and what it pays a month at the end of the day and paid before it. Their sums '
  'are GMV by currency, MRR and the revenue of the data extension. For administrators of the platform and the service role.';

revoke all on all functions in schema private from public;
grant execute on function private.expire_subscriptions() to service_role;
revoke all on function
  public.set_subscription(uuid, public.subscription_plan, public.subscription_status, public.billing_interval, timestamptz, timestamptz),
  public.generate_platform_metrics(date), public.get_platform_stats(date, date), public.explain_platform_day(date) from public, anon;
grant execute on function
  public.set_subscription(uuid, public.subscription_plan, public.subscription_status, public.billing_interval, timestamptz, timestamptz),
  public.generate_platform_metrics(date), public.get_platform_stats(date, date), public.explain_platform_day(date) to authenticated, service_role;
