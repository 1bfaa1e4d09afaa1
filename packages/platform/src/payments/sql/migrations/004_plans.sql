-- Plans, what they cost and give, and who is subscribed to which. docs/payments.md has the table of states.

create table plinth.plans (
  id text primary key check (id <> ''),
  name text not null,
  rank int not null default 0,
  trial_days int not null default 0 check (trial_days >= 0),
  needs_approval boolean not null default false,
  entitlements jsonb not null default '{}' check (jsonb_typeof(entitlements) = 'object'),
  allowances jsonb not null default '{}' check (jsonb_typeof(allowances) = 'object'),
  open boolean not null default true
);
comment on table plinth.plans is 'What can be subscribed to.';
comment on column plinth.plans.entitlements is 'By name: what a subscriber may, {"storage_gb": 50}; asked by plinth.entitlement().';
comment on column plinth.plans.allowances is 'By name: how many units each period grants, {"credits": 1000}; granted once a period, see plinth.grant_allowances().';
comment on column plinth.plans.open is 'False: nobody new subscribes to it.';

create table plinth.plan_prices (
  id uuid primary key default gen_random_uuid(),
  plan text not null references plinth.plans,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  amount bigint not null check (amount >= 0),
  unit text not null check (unit in ('day', 'week', 'month', 'year')),
  units int not null default 1 check (units > 0),
  valid_from timestamptz not null default '-infinity',
  provider_prices jsonb not null default '{}',
  unique (plan, currency, unit, units, valid_from)
);
comment on table plinth.plan_prices is 'What a plan costs for a period, from a date on. A subscriber keeps the price until the next period.';
comment on column plinth.plan_prices.amount is 'Minor units for one period.';
comment on column plinth.plan_prices.provider_prices is 'Its id at providers that manage subscriptions themselves: {"stripe": "price_…"}.';

create table plinth.subscriptions (
  id uuid primary key default gen_random_uuid(),
  tenant text not null default '',
  subject text not null check (subject <> ''),
  person uuid,
  plan text not null references plinth.plans,
  price uuid not null references plinth.plan_prices,
  next_price uuid references plinth.plan_prices,
  manager text not null default 'plinth' check (manager in ('plinth', 'stripe')),
  provider_object text unique,
  provider_customer text,
  status text not null check (status in
    ('pending_approval', 'incomplete', 'trialing', 'active', 'past_due', 'cancelled', 'expired')),
  anchor timestamptz,
  period_start timestamptz,
  period_end timestamptz,
  trial_used boolean not null default false,
  cancel_at_period_end boolean not null default false,
  approved_by uuid,
  approved_at timestamptz,
  created_at timestamptz not null default plinth.now(),
  changed_at timestamptz not null default plinth.now()
);
comment on table plinth.subscriptions is 'Who is subscribed to which plan, for which period.';
comment on column plinth.subscriptions.subject is 'Who enjoys it, in the words of the system: the id of a shop or of a user.';
comment on column plinth.subscriptions.manager is 'Who renews it: plinth by orders of its own, or stripe, which tells of it by facts.';
comment on column plinth.subscriptions.anchor is 'Start of the first paid period, from which the ends of months are counted.';
create unique index subscriptions_live on plinth.subscriptions (tenant, subject)
  where status not in ('cancelled', 'expired');
create index subscriptions_due on plinth.subscriptions (period_end)
  where manager = 'plinth' and status in ('trialing', 'active', 'past_due');

create table plinth.subscription_grants (
  subscription uuid not null references plinth.subscriptions,
  period_start timestamptz not null,
  name text not null,
  granted bigint not null check (granted > 0),
  primary key (subscription, period_start, name)
);
comment on table plinth.subscription_grants is 'Units that a period has granted so far: changing plans to and fro grants no unit twice.';

alter table plinth.plans enable row level security;
alter table plinth.plan_prices enable row level security;
alter table plinth.subscriptions enable row level security;
alter table plinth.subscription_grants enable row level security;

create function plinth.plan_price(p_plan text, p_currency text, p_unit text default 'month', p_units int default 1,
  p_at timestamptz default plinth.now()) returns uuid language sql stable set search_path = '' as $$
  select id from plinth.plan_prices
  where plan = p_plan and currency = p_currency and unit = p_unit and units = p_units and valid_from <= p_at
  order by valid_from desc limit 1
$$;
comment on function plinth.plan_price(text, text, text, int, timestamptz) is 'The price of a plan at an instant; null when it has none.';

create function plinth.has_subscription(p_tenant text, p_subject text, p_at timestamptz default plinth.now())
returns text language sql stable set search_path = '' as $$
  select plan from plinth.subscriptions
  where tenant = p_tenant and subject = p_subject and status in ('active', 'trialing', 'past_due')
    and (not cancel_at_period_end or period_end > p_at)
$$;
comment on function plinth.has_subscription(text, text, timestamptz) is
  'The plan that a subject enjoys now; null for none. An overdue one is enjoyed until it expires.';

create function plinth.entitlement(p_tenant text, p_subject text, p_name text) returns jsonb language sql stable
set search_path = '' as $$
  select entitlements -> p_name from plinth.plans where id = plinth.has_subscription(p_tenant, p_subject)
$$;
comment on function plinth.entitlement(text, text, text) is
  'What a subject''s plan gives under a name; null without a plan, or where the plan does not name it.';

create function plinth.grant_allowances(p_subscription uuid)
returns table (name text, granted bigint, period_start timestamptz, expires_at timestamptz) language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  v_row plinth.subscriptions;
begin
  select * into v_row from plinth.subscriptions where id = p_subscription for no key update;
  if v_row.status not in ('active', 'trialing') or v_row.period_start is null then
    return;
  end if;
  return query
    with wanted as (
      select a.key as name, a.value::bigint as amount from plinth.plans p, jsonb_each_text(p.allowances) a
      where p.id = v_row.plan and a.value::bigint > 0
    ),
    before as (
      select w.name, w.amount, coalesce(g.granted, 0) as granted
      from wanted w left join plinth.subscription_grants g
        on g.subscription = p_subscription and g.period_start = v_row.period_start and g.name = w.name
    ),
    put as (
      insert into plinth.subscription_grants as g (subscription, period_start, name, granted)
      select p_subscription, v_row.period_start, b.name, b.amount from before b where b.amount > b.granted
      on conflict (subscription, period_start, name) do update set granted = excluded.granted
    )
    select b.name, b.amount - b.granted, v_row.period_start, v_row.period_end from before b where b.amount > b.granted;
end $$;
comment on function plinth.grant_allowances(uuid) is
  'Grants what the plan''s allowance exceeds what the period has granted already, and returns it: an upgrade grants the '
  'difference, a downgrade nothing, and the same again nothing.';

revoke all on function plinth.plan_price(text, text, text, int, timestamptz), plinth.has_subscription(text, text, timestamptz),
  plinth.entitlement(text, text, text), plinth.grant_allowances(uuid) from public, anon, authenticated, service_role;
