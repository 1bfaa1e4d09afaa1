-- Who runs the platform and whose businesses it runs: the tables that the requirement names (R-T2, R-T4), with their
-- constraints. 002_policies says who may touch them. Applies to Plinth and, after the platform's 000_plinth, to a
-- Supabase project.
--
-- Every table of a business carries business_id, first in its composite indexes. References between a business's tables
-- carry it too, so that no row can point into another business.

create schema private;
comment on schema private is 'Functions and tables that clients do not call: behind policies, triggers and RPC. Not exposed by REST.';
-- Realtime resolves the functions of policies by name as the subscriber. Each function is granted on its own.
grant usage on schema private to authenticated;

create type public.business_plan as enum ('basic', 'pro', 'enterprise');
create type public.business_status as enum ('active', 'inactive', 'pending');
create type public.business_payment_status as enum ('paid', 'pending', 'overdue');
create type public.member_role as enum ('owner', 'manager', 'worker');
create type public.payment_type as enum ('upfront', 'maintenance');
create type public.record_status as enum ('pending', 'confirmed', 'failed');
create type public.setting_type as enum ('number', 'text', 'boolean', 'json');

-- Super admins ---------------------------------------------------------------------------------------------------

create table public.super_admins (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null unique references auth.users (id),
  email text,
  full_name text,
  is_active boolean not null default true,
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now()
);
comment on table public.super_admins is
  'Who runs the platform. The first one comes from `plinth rekon30 admin add`; the last active one cannot be removed (R-O11).';

create function private.keep_a_super_admin() returns trigger language plpgsql set search_path = '' as $$
begin
  -- Two who remove each other at once: the second waits here, and then sees what the first one did.
  perform pg_advisory_xact_lock(hashtext('rekon30.super_admins'));
  if old.is_active and (tg_op = 'DELETE' or not new.is_active)
    and not exists (select from public.super_admins where is_active and id <> old.id)
  then
    perform plinth.refuse('last_super_admin', 409, 'The last active super admin cannot be removed.',
      p_hint => 'Add another one first.');
  end if;
  return case tg_op when 'DELETE' then old else new end;
end $$;
comment on function private.keep_a_super_admin() is 'Trigger: keeps the last active super admin.';
create trigger keep_one before update of is_active or delete on public.super_admins
  for each row execute function private.keep_a_super_admin();
create trigger touch before update on public.super_admins for each row execute function plinth.touch_row();

-- Businesses -----------------------------------------------------------------------------------------------------

create table public.businesses (
  id uuid primary key default gen_random_uuid(),
  business_name text not null check (length(trim(business_name)) between 1 and 200),
  owner_id uuid references auth.users (id) on delete set null,
  owner_name text,
  email text,
  phone text,
  address text,
  plan public.business_plan not null default 'basic',
  status public.business_status not null default 'pending',
  payment_status public.business_payment_status not null default 'pending',
  currency text not null default 'GHS' check (currency ~ '^[A-Z]{3}$'),
  timezone text not null default 'Africa/Accra',
  last_payment_date date,
  next_payment_date date,
  credit_minor bigint not null default 0 check (credit_minor >= 0),
  deactivated_at timestamptz,
  deactivation_reason text check (deactivation_reason in ('overdue', 'operator')),
  deactivation_note text,
  receipt_footer text,
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now(),
  check ((status = 'inactive') = (deactivated_at is not null)),
  check ((deactivated_at is null) = (deactivation_reason is null))
);
comment on table public.businesses is 'The tenants: one row per business, with its plan and what follows from its payments.';
comment on column public.businesses.owner_id is 'Null once the owner''s account was deleted: a business''s facts outlive an account.';
comment on column public.businesses.payment_status is 'Derived from payment_records and the date, as the four columns that follow it from them.';
comment on column public.businesses.next_payment_date is 'The first day that is not paid for.';
comment on column public.businesses.credit_minor is 'Paid beyond what was due, in minor units of the platform''s currency: it counts towards the next period.';
comment on column public.businesses.deactivated_at is 'Since when its users are shut out. Nothing of its data is touched.';
comment on column public.businesses.currency is 'In which the business trades. What it pays the platform is in the platform''s currency.';
comment on column public.businesses.timezone is 'IANA zone of the business''s day.';
create index businesses_owner on public.businesses (owner_id);
create index businesses_due on public.businesses (next_payment_date) where status <> 'inactive';

create function private.check_zone() returns trigger language plpgsql set search_path = '' as $$
begin
  -- Raises 22023 for a zone that does not exist.
  perform now() at time zone new.timezone;
  return new;
end $$;
comment on function private.check_zone() is 'Trigger: refuses a time zone that PostgreSQL does not know.';
create trigger check_zone before insert or update of timezone on public.businesses
  for each row execute function private.check_zone();
create trigger touch before update on public.businesses for each row execute function plinth.touch_row();

create table public.business_members (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null references public.businesses (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role public.member_role not null,
  is_active boolean not null default true,
  created_at timestamptz not null default plinth.now(),
  unique (business_id, user_id)
);
comment on table public.business_members is
  'Who works in a business and as what; written when an invitation is accepted. The owner by businesses.owner_id needs no row.';
create index business_members_user on public.business_members (user_id, business_id);

create table public.business_invitations (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null references public.businesses (id) on delete cascade,
  email text not null check (email = lower(trim(email)) and email like '%_@_%'),
  role public.member_role not null check (role <> 'owner'),
  worker_id uuid,
  invited_by uuid references auth.users (id) on delete set null,
  created_at timestamptz not null default plinth.now(),
  expires_at timestamptz not null default plinth.now() + interval '14 days',
  unique (business_id, email)
);
comment on table public.business_invitations is 'Offers to work in a business; whoever proves the address may accept it by accept_invitation().';
create index business_invitations_email on public.business_invitations (email);

create table public.business_features (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null references public.businesses (id) on delete cascade,
  feature_name text not null check (feature_name ~ '^[a-z][a-z0-9_]{0,62}$'),
  is_enabled boolean not null default true,
  updated_by uuid references auth.users (id) on delete set null default auth.uid(),
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now(),
  unique (business_id, feature_name)
);
comment on table public.business_features is
  'What a business may use (R-T4). Policies ask it: inventory, customers, sales, payments, workers. No row means yes.';
create trigger touch before update on public.business_features for each row execute function plinth.touch_row();

-- Settings -------------------------------------------------------------------------------------------------------

create table public.system_settings (
  id uuid primary key default gen_random_uuid(),
  setting_key text not null check (setting_key ~ '^[a-z][a-z0-9_]{0,62}$'),
  setting_type public.setting_type not null,
  setting_value jsonb not null,
  description text,
  effective_from date not null default '-infinity',
  updated_by uuid references auth.users (id) on delete set null default auth.uid(),
  created_at timestamptz not null default plinth.now(),
  unique (setting_key, effective_from),
  check (setting_type = 'json' or jsonb_typeof(setting_value) = case setting_type when 'text' then 'string' else setting_type::text end),
  check (setting_type <> 'number' or (setting_value #>> '{}')::numeric >= 0)
);
comment on table public.system_settings is
  'What holds for all businesses, from a day on: a price that changes is a new row, so that what was paid before is judged by what held then.';

create function private.keep_setting_type() returns trigger language plpgsql set search_path = '' as $$
declare
  v_known public.setting_type;
begin
  select setting_type into v_known from public.system_settings where setting_key = new.setting_key and id <> new.id limit 1;
  if new.setting_key = 'currency' and v_known is not null then
    perform plinth.refuse('setting_fixed', 422, 'The platform''s currency does not change.');
  elsif v_known is distinct from new.setting_type and v_known is not null then
    perform plinth.refuse('setting_type_differs', 422, format('Setting %s is a %s.', new.setting_key, v_known),
      jsonb_build_object('setting_key', new.setting_key, 'setting_type', v_known));
  end if;
  return new;
end $$;
comment on function private.keep_setting_type() is 'Trigger: every row of a setting has the same type.';
create trigger keep_type before insert or update on public.system_settings
  for each row execute function private.keep_setting_type();

create function private.setting(p_key text, p_day date) returns jsonb
language sql stable security definer set search_path = '' as $$
  select setting_value from public.system_settings
  where setting_key = p_key and effective_from <= p_day
  order by effective_from desc limit 1
$$;
comment on function private.setting(text, date) is 'The value of a setting on a day; null for one that does not hold yet.';

create function private.platform_currency() returns text
language sql stable set search_path = '' as $$ select private.setting('currency', '-infinity') #>> '{}' $$;
comment on function private.platform_currency() is 'In which businesses pay the platform. It never changes: amounts of different currencies do not add up.';

insert into public.system_settings (setting_key, setting_type, setting_value, description) values
  ('currency', 'text', '"GHS"', 'In which businesses pay the platform.'),
  ('upfront_price_basic', 'number', '1500', 'Price of starting on this plan, in the platform''s currency.'),
  ('upfront_price_pro', 'number', '3000', 'Price of starting on this plan, in the platform''s currency.'),
  ('upfront_price_enterprise', 'number', '5000', 'Price of starting on this plan, in the platform''s currency.'),
  ('maintenance_price_basic', 'number', '200', 'Price of a further period on this plan.'),
  ('maintenance_price_pro', 'number', '400', 'Price of a further period on this plan.'),
  ('maintenance_price_enterprise', 'number', '800', 'Price of a further period on this plan.'),
  ('maintenance_months', 'number', '6', 'Months that one payment covers.'),
  ('maintenance_reminder_days', 'number', '30', 'Days before the next payment at which its reminder goes out.'),
  ('grace_days', 'number', '14', 'Days after the next payment was due before a business is shut out.'),
  ('sync_interval_minutes', 'number', '5', 'Minutes between two backups of a business.');

-- Payments to the platform ---------------------------------------------------------------------------------------

create table public.payment_records (
  id uuid primary key default gen_random_uuid(),
  seq bigint generated always as identity unique,
  business_id uuid not null references public.businesses (id),
  payment_amount numeric(14, 4) not null check (payment_amount > 0 and payment_amount < 'Infinity'),
  currency text not null,
  payment_type public.payment_type not null,
  plan public.business_plan not null,
  payment_method text not null check (length(trim(payment_method)) between 1 and 60),
  payment_reference text not null check (length(trim(payment_reference)) between 1 and 200),
  status public.record_status not null default 'confirmed',
  paid_on date not null,
  verified_by uuid references public.super_admins (id),
  verified_at timestamptz,
  reversed_by uuid references public.super_admins (id),
  reversed_at timestamptz,
  reversal_reason text,
  notes text,
  created_at timestamptz not null default plinth.now(),
  check (status <> 'confirmed' or (verified_by is not null and verified_at is not null and reversed_at is null)),
  check ((reversed_at is null) = (reversal_reason is null)),
  check (reversed_at is null or status = 'failed')
);
comment on table public.payment_records is
  'Payments that a super admin verified: facts. None is changed or deleted; a wrong one is reversed, which says who and why.';
comment on column public.payment_records.payment_type is 'What was due when it was verified.';
comment on column public.payment_records.plan is 'The business''s plan when it was verified: its prices judge the payment for ever.';
comment on column public.payment_records.paid_on is 'The day of the payment in the business''s zone.';
create index payment_records_business on public.payment_records (business_id, seq);
-- One transfer pays once, however it is written, and whatever business it is entered for. A reversed one may be entered again.
create unique index payment_records_reference on public.payment_records (lower(trim(payment_method)), lower(trim(payment_reference)))
  where reversed_at is null;
