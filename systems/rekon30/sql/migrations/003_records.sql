-- What the platform does and says about businesses: backups, restores, events, keys of third parties (R-T2).

create type public.backup_status as enum ('pending', 'completed', 'failed');
create type public.backup_kind as enum ('full', 'incremental');
create type public.backup_trigger as enum ('scheduled', 'manual');
create type public.restore_status as enum ('pending', 'processing', 'completed', 'failed');
create type public.restore_type as enum ('full', 'selective');

create table public.backup_records (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null references public.businesses (id),
  backup_type public.backup_kind not null,
  trigger public.backup_trigger not null default 'scheduled',
  slot timestamptz,
  status public.backup_status not null default 'pending',
  filename text,
  file_path text,
  data_size bigint check (data_size >= 0),
  rows_count bigint check (rows_count >= 0),
  sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
  base_backup_id uuid references public.backup_records (id) on delete set null,
  rehearsed_at timestamptz,
  error_message text,
  started_at timestamptz not null default plinth.now(),
  completed_at timestamptz,
  created_at timestamptz not null default plinth.now()
);
comment on table public.backup_records is 'Each backup of a business that is kept. A slot in which nothing had changed has none: backup_status tells of it.';
comment on column public.backup_records.slot is 'The five minutes that a scheduled one is for; however many ask, it is made once (R-N1).';
create unique index backup_records_slot on public.backup_records (business_id, slot) where slot is not null and status <> 'failed';
create index backup_records_business on public.backup_records (business_id, started_at desc);

create table public.restore_requests (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null references public.businesses (id),
  backup_id uuid references public.backup_records (id) on delete set null,
  restore_type public.restore_type not null,
  data_types text[],
  ids uuid[],
  at timestamptz,
  status public.restore_status not null default 'pending',
  requested_by uuid references public.super_admins (id),
  preview jsonb,
  result jsonb,
  error_message text,
  created_at timestamptz not null default plinth.now(),
  completed_at timestamptz,
  check (data_types <@ array['products', 'customers', 'workers', 'sales', 'payments'])
);
comment on table public.restore_requests is 'Who asked for which data back, what it would have changed and what it did change (R-O6).';
create index restore_requests_business on public.restore_requests (business_id, created_at desc);

create table public.realtime_events (
  id uuid primary key default gen_random_uuid(),
  seq bigint generated always as identity,
  event_type text not null check (event_type ~ '^[a-z][a-z0-9_.]{0,62}$'),
  business_id uuid references public.businesses (id) on delete cascade,
  data jsonb not null default '{}' check (pg_column_size(data) < 32768),
  created_by uuid references auth.users (id) on delete set null default auth.uid(),
  created_at timestamptz not null default plinth.now()
);
comment on table public.realtime_events is 'What happened on the platform (R-O7). Each is broadcast to the private channel super-admin-dashboard.';
create index realtime_events_newest on public.realtime_events (seq desc);
create index realtime_events_business on public.realtime_events (business_id, seq desc);

create function private.announce_event() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform realtime.send(to_jsonb(new), new.event_type, 'super-admin-dashboard', true);
  return null;
end $$;
comment on function private.announce_event() is 'Trigger: broadcasts an event to the super admins when its transaction commits.';
create trigger announce after insert on public.realtime_events for each row execute function private.announce_event();

create function private.note_event(p_type text, p_business_id uuid, p_data jsonb default '{}') returns uuid
language sql set search_path = '' as $$
  insert into public.realtime_events (event_type, business_id, data) values (p_type, p_business_id, p_data) returning id
$$;
comment on function private.note_event(text, uuid, jsonb) is 'Notes an event in the caller''s transaction: nobody hears of what was rolled back.';

create function private.note_business() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    perform private.note_event('new_business', new.id,
      jsonb_build_object('business_name', new.business_name, 'plan', new.plan, 'status', new.status));
  elsif new.status is distinct from old.status then
    perform private.note_event('system_status', new.id, jsonb_build_object(
      'business_name', new.business_name, 'status', new.status, 'was', old.status,
      'reason', new.deactivation_reason, 'note', new.deactivation_note));
  end if;
  return null;
end $$;
comment on function private.note_business() is 'Trigger: tells the super admins of new businesses and of those switched on or off.';
create trigger note after insert or update of status on public.businesses
  for each row execute function private.note_business();

create table public.api_keys (
  id uuid primary key default gen_random_uuid(),
  key_name text not null check (length(key_name) between 1 and 200),
  key_value text not null,
  business_id uuid references public.businesses (id) on delete cascade,
  permissions jsonb not null default '[]',
  rate_limit integer not null default 1000 check (rate_limit >= 0),
  is_active boolean not null default true,
  expires_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz not null default plinth.now()
);
comment on table public.api_keys is 'Keys of third parties (R-T1); business_id null for the whole system. key_value keeps four letters: the key is stored as a hash.';
create index api_keys_business on public.api_keys (business_id);

create table public.api_usage_logs (
  id bigint generated always as identity primary key,
  api_key_id uuid,
  business_id uuid,
  endpoint text not null,
  method text not null,
  status_code integer not null,
  response_time_ms integer,
  ip_address text,
  created_at timestamptz not null default plinth.now()
);
comment on table public.api_usage_logs is 'Calls made with keys, the refused ones too.';
create index api_usage_logs_key on public.api_usage_logs (api_key_id, created_at desc);

select plinth.adopt_api_keys('public.api_keys', '{"name": "key_name", "value": "key_value", "tenant": "business_id"}');
select plinth.adopt_api_usage('public.api_usage_logs', '{"key_id": "api_key_id", "tenant": "business_id", "path": "endpoint",
  "status": "status_code", "milliseconds": "response_time_ms", "address": "ip_address", "at": "created_at"}');
