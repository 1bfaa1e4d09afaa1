-- Studios, what they subscribe to, their projects and footage: the eight tables of the requirement (E-T1, E-T2) and those
-- that go with them. 002_policies says who may touch them. Applies to Plinth and, after the platform's SQL, to a Supabase project.
--
-- The tenant is the user who pays: user_profiles.id, and user_id in every other table. What somebody adds to another's project
-- belongs to the project's owner, whose room and credits it takes.

create schema private;
comment on schema private is 'Functions and tables that clients do not call: behind policies, triggers, routes. Not exposed by REST.';
-- Realtime resolves the functions of policies by name as the subscriber. Each function is granted on its own.
grant usage on schema private to anon, authenticated, service_role;

create type public.user_role as enum ('user', 'admin', 'super_admin');
create type public.billing_interval as enum ('month', 'year');
create type public.subscription_status as enum ('active', 'cancelled', 'past_due', 'trialing', 'incomplete');
create type public.project_type as enum ('feature_film', 'short_film', 'commercial', 'music_video', 'documentary', 'social_media', 'other');
create type public.project_status as enum ('draft', 'in_progress', 'review', 'completed', 'archived');
create type public.processing_status as enum ('pending', 'pending_upload', 'uploaded', 'processing', 'ready', 'error');
create type public.transaction_status as enum ('pending', 'completed', 'failed', 'refunded', 'cancelled');
create type public.transaction_type as enum ('subscription', 'credit_purchase', 'one_time', 'refund');
create type public.member_role as enum ('viewer', 'commenter', 'editor');
create type public.team_role as enum ('member', 'manager');
create type public.approval_status as enum ('pending', 'approved', 'changes_requested');

-- People -----------------------------------------------------------------------------------------------------------

create table public.user_profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  full_name text check (length(full_name) <= 200),
  company_name text check (length(company_name) <= 200),
  industry text check (length(industry) <= 100),
  country text not null default 'Thailand' check (length(country) <= 100),
  role public.user_role not null default 'user',
  preferences jsonb not null default '{}' check (jsonb_typeof(preferences) = 'object' and octet_length(preferences::text) <= 16384),
  suspended_at timestamptz,
  suspension_reason text,
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now()
);
comment on table public.user_profiles is 'The tenants: one row per account, made with it.';
comment on column public.user_profiles.role is 'admin sees everything and changes users; super_admin also appoints admins.';
comment on column public.user_profiles.suspended_at is 'Since when the account is shut out. Nothing of its data is touched.';
create index user_profiles_created on public.user_profiles (created_at desc, id);
create index user_profiles_staff on public.user_profiles (role) where role <> 'user';
create trigger touch before update on public.user_profiles for each row execute function plinth.touch_row();

-- Plans ------------------------------------------------------------------------------------------------------------

create table public.subscription_plans (
  id uuid primary key default gen_random_uuid(),
  name text not null unique,
  display_name text not null,
  description text not null default '',
  price bigint not null check (price >= 0),
  currency text not null default 'thb' check (currency ~ '^[a-z]{3}$'),
  billing_interval public.billing_interval not null default 'month',
  credits_included integer not null check (credits_included >= 0),
  storage_gb integer not null check (storage_gb > 0),
  features jsonb not null default '[]' check (jsonb_typeof(features) = 'array'),
  stripe_price_id text,
  is_active boolean not null default true,
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now()
);
comment on table public.subscription_plans is 'What can be subscribed to (E-N1). Written by init/plans.';
comment on column public.subscription_plans.price is 'Satang for one interval, VAT included: 29900 is 299 baht.';
comment on column public.subscription_plans.storage_gb is 'GiB, 1024³ bytes each.';
create trigger touch before update on public.subscription_plans for each row execute function plinth.touch_row();

create table public.user_subscriptions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null unique references public.user_profiles (id) on delete cascade,
  plan_id uuid not null references public.subscription_plans (id),
  subscription uuid,
  stripe_subscription_id text,
  stripe_customer_id text,
  status public.subscription_status not null default 'active',
  current_period_start timestamptz not null,
  current_period_end timestamptz not null,
  cancel_at_period_end boolean not null default false,
  credits_included bigint not null default 0 check (credits_included >= 0),
  credits_used bigint not null default 0 check (credits_used >= 0),
  credits_extra bigint not null default 0 check (credits_extra >= 0),
  credits_owed bigint not null default 0 check (credits_owed >= 0),
  storage_used_bytes bigint not null default 0 check (storage_used_bytes >= 0),
  storage_limit_bytes bigint not null check (storage_limit_bytes >= 0),
  storage_grace_until timestamptz,
  warned_at timestamptz,
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now()
);
comment on table public.user_subscriptions is
  'What each user enjoys now: one row per account, freemium where nothing is subscribed. Every column follows from subscriptions, lots and files.';
comment on column public.user_subscriptions.subscription is 'The row of plinth.subscriptions; null on freemium.';
comment on column public.user_subscriptions.credits_included is 'Credits that the present period granted, less what was taken back.';
comment on column public.user_subscriptions.credits_used is 'Credits burned since the period began.';
comment on column public.user_subscriptions.credits_extra is 'Credits that were bought or given and are left.';
comment on column public.user_subscriptions.credits_owed is 'Credits that were burned and whose money was taken back afterwards; other credits cover them before they can be spent.';
comment on column public.user_subscriptions.storage_limit_bytes is 'Most bytes, until storage_grace_until perhaps those of an earlier plan.';
comment on column public.user_subscriptions.warned_at is 'When the user was last warned of few credits; null once there are enough again.';
create index user_subscriptions_plan on public.user_subscriptions (plan_id, status);
create index user_subscriptions_free_periods on public.user_subscriptions (current_period_end) where subscription is null;
create index user_subscriptions_grace on public.user_subscriptions (storage_grace_until) where storage_grace_until is not null;
create trigger touch before update on public.user_subscriptions for each row execute function plinth.touch_row();

-- Teams ------------------------------------------------------------------------------------------------------------

create table public.teams (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.user_profiles (id) on delete cascade,
  name text not null check (length(trim(name)) between 1 and 200),
  created_at timestamptz not null default plinth.now(),
  unique (user_id, id)
);
comment on table public.teams is 'Workspaces: a user''s projects that a team sees together. The user pays for what is in them.';

create table public.team_members (
  team_id uuid not null,
  user_id uuid not null,
  member_id uuid not null references public.user_profiles (id) on delete cascade,
  role public.team_role not null default 'member',
  created_at timestamptz not null default plinth.now(),
  primary key (team_id, member_id),
  foreign key (user_id, team_id) references public.teams (user_id, id) on delete cascade
);
comment on table public.team_members is 'Who belongs to a team: members see its projects, managers also edit them. user_id is the team''s owner.';
create index team_members_member on public.team_members (member_id, team_id);
create index team_members_owner on public.team_members (user_id, team_id);

-- Projects ---------------------------------------------------------------------------------------------------------

create table public.projects (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.user_profiles (id) on delete cascade,
  team_id uuid,
  name text not null check (length(trim(name)) between 1 and 200),
  description text not null default '' check (length(description) <= 10000),
  type public.project_type not null default 'other',
  status public.project_status not null default 'draft',
  settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object' and octet_length(settings::text) <= 65536),
  collaboration_settings jsonb not null default '{}'
    check (jsonb_typeof(collaboration_settings) = 'object' and octet_length(collaboration_settings::text) <= 65536),
  tags text[] not null default '{}' check (cardinality(tags) <= 50),
  file_count integer not null default 0 check (file_count >= 0),
  total_duration numeric(14, 3) not null default 0 check (total_duration >= 0),
  export_count integer not null default 0 check (export_count >= 0),
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now(),
  status_changed_at timestamptz not null default plinth.now(),
  unique (user_id, id),
  foreign key (user_id, team_id) references public.teams (user_id, id) on delete set null (team_id)
);
comment on table public.projects is 'Film projects. user_id owns one and pays for what is in it.';
comment on column public.projects.file_count is 'Files that are there, older versions included; kept by a trigger, as total_duration (seconds).';
comment on column public.projects.export_count is 'Exports that were made, also those that are gone since.';
create index projects_user on public.projects (user_id, updated_at desc);
create index projects_team on public.projects (user_id, team_id) where team_id is not null;
create index projects_tags on public.projects using gin (tags);

create table public.project_members (
  project_id uuid not null,
  user_id uuid not null,
  member_id uuid not null references public.user_profiles (id) on delete cascade,
  role public.member_role not null default 'viewer',
  created_at timestamptz not null default plinth.now(),
  primary key (project_id, member_id),
  foreign key (user_id, project_id) references public.projects (user_id, id) on delete cascade
);
comment on table public.project_members is 'Who works on a project beside its owner. user_id is the owner.';
create index project_members_member on public.project_members (member_id, project_id);
create index project_members_owner on public.project_members (user_id, project_id);

create table public.project_folders (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null,
  user_id uuid not null,
  parent_id uuid,
  name text not null check (length(trim(name)) between 1 and 200),
  created_at timestamptz not null default plinth.now(),
  unique (user_id, project_id, id),
  unique nulls not distinct (project_id, parent_id, name),
  check (parent_id <> id),
  foreign key (user_id, project_id) references public.projects (user_id, id) on delete cascade,
  foreign key (user_id, project_id, parent_id) references public.project_folders (user_id, project_id, id) on delete cascade
);
comment on table public.project_folders is 'Folders of a project''s files.';
create index project_folders_project on public.project_folders (user_id, project_id, parent_id);

create table public.project_files (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null,
  user_id uuid not null,
  uploaded_by uuid references public.user_profiles (id) on delete set null,
  folder_id uuid,
  filename text not null check (length(filename) between 1 and 255),
  file_type text not null check (length(file_type) between 1 and 255),
  file_size bigint not null check (file_size between 0 and 10737418240),
  storage_path text not null unique,
  thumbnail_url text,
  duration numeric(14, 3) check (duration >= 0),
  resolution text,
  fps numeric(8, 3) check (fps > 0),
  codec text,
  processing_status public.processing_status not null default 'pending_upload',
  credits_cost bigint not null default 0 check (credits_cost >= 0),
  tags text[] not null default '{}' check (cardinality(tags) <= 50),
  version_group uuid not null,
  version integer not null default 1 check (version > 0),
  approval public.approval_status not null default 'pending',
  approved_by uuid references public.user_profiles (id) on delete set null,
  approved_at timestamptz,
  expires_at timestamptz,
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now(),
  unique (user_id, id),
  unique (version_group, version),
  foreign key (user_id, project_id) references public.projects (user_id, id) on delete cascade,
  foreign key (user_id, project_id, folder_id) references public.project_folders (user_id, project_id, id) on delete set null (folder_id),
  check ((processing_status = 'pending_upload') = (expires_at is not null))
);
comment on table public.project_files is 'Footage and other files of a project. Bytes are in the bucket eyemotion-projects under storage_path.';
comment on column public.project_files.user_id is 'The project''s owner, whose credits and room it takes; uploaded_by may be a member.';
comment on column public.project_files.file_size is 'Bytes: as announced while the upload is pending, the true size from its confirmation on.';
comment on column public.project_files.credits_cost is 'Credits held for the upload, and burned by it from its confirmation on.';
comment on column public.project_files.version_group is 'The id of the first version: versions of one file share it.';
comment on column public.project_files.expires_at is 'When a pending upload is given up and its credits and room are free again.';
create index project_files_project on public.project_files (user_id, project_id, created_at desc);
create index project_files_folder on public.project_files (user_id, project_id, folder_id) where folder_id is not null;
create index project_files_pending on public.project_files (expires_at) where expires_at is not null;
create index project_files_tags on public.project_files using gin (tags);
create trigger touch before update on public.project_files for each row execute function plinth.touch_row();

create table public.file_comments (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null,
  user_id uuid not null,
  file_id uuid not null,
  author_id uuid references public.user_profiles (id) on delete set null,
  author_name text not null check (length(trim(author_name)) between 1 and 200),
  review_link_id uuid,
  frame bigint not null default 0 check (frame >= 0),
  body text not null check (length(trim(body)) between 1 and 10000),
  resolved_at timestamptz,
  created_at timestamptz not null default plinth.now(),
  foreign key (user_id, project_id) references public.projects (user_id, id) on delete cascade,
  foreign key (user_id, file_id) references public.project_files (user_id, id) on delete cascade
);
comment on table public.file_comments is 'What people say about a frame of a file. user_id is the project''s owner, author_id who said it; null for a guest of a review link.';
comment on column public.file_comments.frame is 'Counted from 0; what time that is follows from the file''s fps.';
create index file_comments_file on public.file_comments (user_id, file_id, frame, created_at);
create index file_comments_project on public.file_comments (user_id, project_id);

create table public.review_links (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null,
  user_id uuid not null,
  token_hash bytea not null unique,
  can_comment boolean not null default true,
  created_by uuid references public.user_profiles (id) on delete set null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  created_at timestamptz not null default plinth.now(),
  foreign key (user_id, project_id) references public.projects (user_id, id) on delete cascade
);
comment on table public.review_links is 'Addresses that open a project to whoever has one, until they expire. Only the hash of the token is kept.';
create index review_links_project on public.review_links (user_id, project_id);

create table public.project_exports (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null,
  user_id uuid not null,
  requested_by uuid references public.user_profiles (id) on delete set null,
  storage_path text not null unique,
  file_size bigint not null default 0 check (file_size >= 0),
  created_at timestamptz not null default plinth.now(),
  foreign key (user_id, project_id) references public.projects (user_id, id) on delete cascade
);
comment on table public.project_exports is 'Exports of projects in the bucket eyemotion-exports.';
create index project_exports_project on public.project_exports (user_id, project_id, created_at desc);

-- Money and credits ------------------------------------------------------------------------------------------------

create table public.payment_transactions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references public.user_profiles (id) on delete set null,
  source text not null unique,
  stripe_payment_intent_id text,
  amount bigint not null check (amount >= 0),
  currency text not null default 'thb' check (currency ~ '^[a-z]{3}$'),
  status public.transaction_status not null,
  transaction_type public.transaction_type not null,
  description text not null default '',
  credits bigint not null default 0 check (credits >= 0),
  refunded_amount bigint not null default 0 check (refunded_amount >= 0),
  risk_level text,
  invoice_number text,
  invoice_url text,
  receipt_url text,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now()
);
comment on table public.payment_transactions is
  'What was paid and given back, as its user sees it: rows follow the orders and invoices of plinth.payment_facts. Kept without the user when the account is deleted.';
comment on column public.payment_transactions.source is 'What the row follows: an order, an invoice or a refund.';
comment on column public.payment_transactions.amount is 'Satang, VAT included.';
create index payment_transactions_user on public.payment_transactions (user_id, created_at desc);
create index payment_transactions_created on public.payment_transactions (created_at desc, id);
create trigger touch before update on public.payment_transactions for each row execute function plinth.touch_row();

create table public.credits_usage (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references public.user_profiles (id) on delete set null,
  subscription_id uuid references public.user_subscriptions (id) on delete set null,
  burn_key text not null unique,
  credits_used bigint not null check (credits_used >= 0),
  action text not null check (length(action) between 1 and 100),
  resource_type text check (length(resource_type) <= 100),
  resource_id text check (length(resource_id) <= 200),
  details jsonb not null default '{}' check (octet_length(details::text) <= 65536),
  created_at timestamptz not null default plinth.now()
);
comment on table public.credits_usage is 'Credits that were burned; details.lots names the lots that they came from.';
create index credits_usage_user on public.credits_usage (user_id, created_at desc);
create index credits_usage_subscription on public.credits_usage (subscription_id);

-- Activity ---------------------------------------------------------------------------------------------------------

create table public.activity_logs (
  id uuid not null default gen_random_uuid(),
  user_id uuid references public.user_profiles (id) on delete set null,
  action text not null,
  resource_type text,
  resource_id text,
  details jsonb not null default '{}',
  ip_address text,
  user_agent text,
  session_id text,
  created_at timestamptz not null default plinth.now(),
  primary key (id, created_at)
) partition by range (created_at);
comment on table public.activity_logs is 'Who did what, from where (E-X4), for 90 days. A partition for each month, in the schema private.';
create index activity_logs_user on public.activity_logs (user_id, created_at desc);
create index activity_logs_created on public.activity_logs (created_at desc);
create table private.activity_logs_other partition of public.activity_logs default;
comment on table private.activity_logs_other is 'Rows of months that have no partition.';
alter table private.activity_logs_other enable row level security;

-- security definer: partitions are made and dropped by the owner of the table.
create function private.keep_activity_logs(p_at timestamptz, p_days integer default 90) returns bigint
language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_oldest constant timestamptz := p_at - make_interval(days => p_days);
  v_month timestamptz;
  v_next timestamptz;
  v_name text;
  v_gone bigint;
  v_removed bigint := 0;
begin
  perform pg_advisory_xact_lock(hashtext('eyemotion.activity_logs'));
  for v_month in select date_trunc('month', p_at) + make_interval(months => n) from generate_series(0, 2) n loop
    v_next := v_month + interval '1 month';
    v_name := to_char(v_month, '"activity_logs_"YYYY_MM');
    if to_regclass('private.' || v_name) is null then
      -- Rows that came before the partition are moved into it.
      execute format('create table private.%I (like public.activity_logs including defaults)', v_name);
      execute format('alter table private.%I enable row level security', v_name);
      execute format('with moved as (delete from private.activity_logs_other where created_at >= %L and created_at < %L returning *)
        insert into private.%I select * from moved', v_month, v_next, v_name);
      execute format('alter table public.activity_logs attach partition private.%I for values from (%L) to (%L)', v_name, v_month, v_next);
    end if;
  end loop;
  for v_name in
    select c.relname::text from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'public.activity_logs'::regclass and c.relname ~ '^activity_logs_\d{4}_\d\d$'
      and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= v_oldest::timestamp
  loop
    execute format('select count(*) from private.%I', v_name) into v_gone;
    execute format('drop table private.%I', v_name);
    v_removed := v_removed + v_gone;
  end loop;
  delete from public.activity_logs where created_at < v_oldest;
  get diagnostics v_gone = row_count;
  return v_removed + v_gone;
end $$;
comment on function private.keep_activity_logs(timestamptz, integer) is
  'Makes the partitions of this month and the next two, drops those that are older than so many days, deletes what else is older, and returns how many rows went.';
revoke all on function private.keep_activity_logs(timestamptz, integer) from public;
grant execute on function private.keep_activity_logs(timestamptz, integer) to service_role;
select private.keep_activity_logs(plinth.now());
