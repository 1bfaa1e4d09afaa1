-- What people do in the app, what others report to us, and what administrators changed.

create type public.analytics_category as enum ('engagement', 'conversion', 'navigation', 'error');
create type public.webhook_status as enum ('received', 'processed', 'failed');

create table public.analytics_events (
  id uuid primary key default gen_random_uuid(),
  client_event_id uuid not null unique default gen_random_uuid(),
  user_id uuid references auth.users (id) on delete set null,
  event_name text not null check (event_name ~ '^[a-zA-Z][a-zA-Z0-9_.:-]{0,99}$'),
  event_category public.analytics_category not null default 'engagement',
  event_data jsonb not null default '{}' check (pg_column_size(event_data) <= 16384),
  session_id text not null check (length(session_id) between 1 and 100),
  variant text check (length(variant) <= 100),
  occurred_at timestamptz not null default plinth.now(),
  created_at timestamptz not null default plinth.now()
);
comment on table public.analytics_events is 'What people did, as their app reports it. The same client_event_id counts once, however often it is sent.';
comment on column public.analytics_events.variant is 'Which form of an experiment the session saw: `experiment:variant`.';
create index analytics_events_name on public.analytics_events (event_name, occurred_at);
create index analytics_events_session on public.analytics_events (session_id, occurred_at);
create index analytics_events_user on public.analytics_events (user_id, occurred_at) where user_id is not null;
create index analytics_events_data on public.analytics_events using gin (event_data jsonb_path_ops);

create table public.webhook_logs (
  id uuid primary key default gen_random_uuid(),
  source text not null check (source ~ '^[a-z][a-z0-9_-]{0,40}$'),
  event_type text not null,
  event_id text not null,
  payload jsonb not null,
  status public.webhook_status not null default 'received',
  error_message text,
  deliveries integer not null default 1,
  received_at timestamptz not null default plinth.now(),
  processed_at timestamptz,
  -- Who sends an event twice is answered twice; it is one event.
  unique (source, event_id)
);
comment on table public.webhook_logs is 'Every webhook whose signature fits, with its whole body. What does not fit is stored nowhere and counted on the health page.';
create index webhook_logs_received on public.webhook_logs (source, received_at);
create index webhook_logs_open on public.webhook_logs (received_at) where status <> 'processed';
create index webhook_logs_payload on public.webhook_logs using gin (payload jsonb_path_ops);

create table public.admin_audit_logs (
  id uuid primary key default gen_random_uuid(),
  admin_id uuid,
  action text not null,
  resource_type text not null,
  resource_id text not null,
  old_values jsonb,
  new_values jsonb,
  reason text,
  created_at timestamptz not null default plinth.now()
);
comment on table public.admin_audit_logs is 'What administrators and instructors changed: who, what, before and after. Rows are never changed.';
comment on column public.admin_audit_logs.admin_id is 'Null: the service. The id stays when the account is gone.';
create index admin_audit_logs_resource on public.admin_audit_logs (resource_type, resource_id, created_at);
create index admin_audit_logs_admin on public.admin_audit_logs (admin_id, created_at);
create index admin_audit_logs_created on public.admin_audit_logs (created_at);

create function private.refuse_change() returns trigger language plpgsql set search_path = '' as $$
begin
  raise exception 'Rows of % are never changed.', tg_table_name using errcode = '42501';
end $$;
comment on function private.refuse_change() is 'Trigger: keeps rows as they were written.';
create trigger append_only before update or delete on public.admin_audit_logs for each row execute function private.refuse_change();
create trigger keep before truncate on public.admin_audit_logs for each statement execute function private.refuse_change();

alter table public.analytics_events enable row level security;
alter table public.webhook_logs enable row level security;
alter table public.admin_audit_logs enable row level security;
