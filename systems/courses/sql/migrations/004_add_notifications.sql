-- Messages to people. The platform works on these tables themselves: notifications_queue is the queue that it delivers from.

create type public.notification_type as enum ('email', 'sms', 'in_app');
create type public.notification_channel as enum ('transactional', 'marketing', 'alert');
create type public.notification_status as enum ('pending', 'sent', 'failed', 'cancelled');
create type public.notification_priority as enum ('low', 'medium', 'high', 'urgent');
create type public.in_app_type as enum ('info', 'success', 'warning', 'error');

create table public.notifications_queue (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references auth.users (id) on delete cascade,
  type public.notification_type not null,
  channel public.notification_channel not null default 'transactional',
  recipient text,
  subject text,
  content text,
  template text,
  variables jsonb,
  status public.notification_status not null default 'pending',
  priority public.notification_priority not null default 'medium',
  scheduled_for timestamptz not null default now(),
  retry_count integer not null default 0,
  sent_at timestamptz,
  error_message text,
  dedupe_key text unique,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now()
);
comment on table public.notifications_queue is 'The queue of all messages: a plain insert queues one, the status says what became of it.';
comment on column public.notifications_queue.retry_count is 'Attempts that failed; at three the message has failed.';
comment on column public.notifications_queue.recipient is 'Instead of the user''s own address; only the service writes it.';
comment on column public.notifications_queue.dedupe_key is 'What the message is about: a second one of the same key is not queued.';
create index notifications_queue_user on public.notifications_queue (user_id, created_at);
create index notifications_queue_pending on public.notifications_queue (priority desc, scheduled_for) where status = 'pending';
create index notifications_queue_created on public.notifications_queue (created_at, status);

create table public.in_app_notifications (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null default '',
  message text not null,
  type public.in_app_type not null default 'info',
  action_url text,
  metadata jsonb not null default '{}',
  read_at timestamptz,
  created_at timestamptz not null default now()
);
comment on table public.in_app_notifications is 'Messages in the app. Their reader marks them as read, and changes nothing else.';
create index in_app_notifications_user on public.in_app_notifications (user_id, created_at desc);
create index in_app_notifications_unread on public.in_app_notifications (user_id) where read_at is null;

create table public.notification_preferences (
  user_id uuid primary key default auth.uid() references auth.users (id) on delete cascade,
  email_enabled boolean not null default true,
  sms_enabled boolean not null default false,
  in_app_enabled boolean not null default true,
  marketing_enabled boolean not null default false,
  quiet_from time,
  quiet_until time,
  zone text,
  locale text,
  updated_at timestamptz not null default plinth.now()
);
comment on table public.notification_preferences is 'What somebody wants to get. Without a row the defaults of its columns count.';
create trigger touch before update on public.notification_preferences for each row execute function plinth.touch_row();

select plinth.map_notifications('queue', 'public.notifications_queue', '{"person": "user_id", "channel": "type", "purpose": "channel",
  "address": "recipient", "body": "content", "attempts": "retry_count", "error": "error_message", "data": "metadata"}');
select plinth.map_notifications('in_app', 'public.in_app_notifications', '{"person": "user_id", "level": "type", "data": "metadata"}');
select plinth.map_notifications('preferences', 'public.notification_preferences', '{"person": "user_id", "email": "email_enabled",
  "sms": "sms_enabled", "in_app": "in_app_enabled", "marketing": "marketing_enabled"}');

alter table public.notifications_queue enable row level security;
alter table public.in_app_notifications enable row level security;
alter table public.notification_preferences enable row level security;
