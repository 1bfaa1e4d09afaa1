-- What is known of backups. The backups themselves say the same (their manifests), so that they are found without this.

create table plinth.backups (
  id uuid primary key default gen_random_uuid(),
  tenant text not null,
  trigger text not null check (trigger in ('schedule', 'manual')),
  slot timestamptz,
  wanted text not null default 'auto' check (wanted in ('auto', 'full', 'incremental')),
  label text check (length(label) <= 200),
  requested_by text,
  requested_at timestamptz not null default plinth.now(),
  status text not null default 'waiting' check (status in ('waiting', 'running', 'completed', 'failed', 'removed')),
  kind text check (kind in ('full', 'incremental')),
  base uuid references plinth.backups (id),
  previous uuid references plinth.backups (id),
  started_at timestamptz,
  taken_at timestamptz,
  completed_at timestamptz,
  milliseconds integer check (milliseconds >= 0),
  sequence bigint,
  rows bigint check (rows >= 0),
  bytes bigint check (bytes >= 0),
  parts integer check (parts >= 0),
  file text unique,
  sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
  error_code text,
  error text,
  rehearsed_at timestamptz,
  rehearsal text check (rehearsal in ('sound', 'failed')),
  copied_at timestamptz,
  check (status <> 'completed' or (kind is not null and file is not null and sha256 is not null and taken_at is not null)),
  check (kind is distinct from 'incremental' or base is not null)
);
comment on table plinth.backups is 'Backups that were asked for and what became of them. tenant is empty for what belongs to none.';
comment on column plinth.backups.slot is 'The five minutes that a scheduled one is for: however many ask, it is made once.';
comment on column plinth.backups.wanted is 'auto: incremental where the journal allows it.';
comment on column plinth.backups.taken_at is 'The instant that it holds.';
comment on column plinth.backups.sequence is 'The last change of the tenant''s journal that it holds; null where nothing is journalled.';
comment on column plinth.backups.rows is 'Rows in it: of an incremental one those that changed.';
comment on column plinth.backups.milliseconds is 'How long it took.';
create unique index backups_slot on plinth.backups (tenant, slot) where slot is not null and status <> 'failed';
create index backups_tenant on plinth.backups (tenant, requested_at desc);
create index backups_unrehearsed on plinth.backups (completed_at) where status = 'completed' and rehearsal is null;
create index backups_base on plinth.backups (base) where base is not null;
create index backups_previous on plinth.backups (previous) where previous is not null;
create index backups_failed on plinth.backups (requested_at) where status = 'failed';
alter table plinth.backups enable row level security;

create table plinth.backup_heads (
  tenant text primary key,
  last uuid not null references plinth.backups (id),
  base uuid not null references plinth.backups (id),
  sequence bigint,
  state jsonb not null,
  full_at timestamptz not null,
  checked_slot timestamptz,
  checked_at timestamptz not null,
  is_scheduled boolean not null default false
);
comment on table plinth.backup_heads is 'Where each tenant''s next incremental backup begins, and when it was last found unchanged.';
comment on column plinth.backup_heads.state is 'The index of the last backup: hashes, columns, gaps and changes of the schema.';
comment on column plinth.backup_heads.is_scheduled is 'Whether the last slot looked at the tenant by itself: one that is gone is not late.';
comment on column plinth.backup_heads.checked_slot is 'The last slot in which nothing had changed: it has no backup of its own.';
alter table plinth.backup_heads enable row level security;

create table plinth.backup_receipts (
  id uuid primary key default gen_random_uuid(),
  backup uuid not null references plinth.backups (id) on delete cascade,
  tenant text not null,
  outcome text not null check (outcome in ('sound', 'failed')),
  began_at timestamptz not null,
  milliseconds integer not null check (milliseconds >= 0),
  document jsonb not null,
  signature jsonb not null
);
comment on table plinth.backup_receipts is 'Rehearsals: what was restored into a scratch database, and what was found there; signed.';
create index backup_receipts_backup on plinth.backup_receipts (backup, began_at desc);
create index backup_receipts_tenant on plinth.backup_receipts (tenant, began_at desc);
alter table plinth.backup_receipts enable row level security;

create table plinth.restores (
  id uuid primary key default gen_random_uuid(),
  backup uuid not null,
  tenant text not null,
  copied_to text,
  choice jsonb not null default '{}',
  actor jsonb not null default '{}',
  began_at timestamptz not null,
  status text not null default 'running' check (status in ('running', 'completed', 'failed')),
  completed_at timestamptz,
  milliseconds integer check (milliseconds >= 0),
  result jsonb,
  error_code text,
  error text
);
comment on table plinth.restores is 'Restores: who asked for what, and what it changed. `completed` is written in the transaction that changes the rows.';
create index restores_tenant on plinth.restores (tenant, began_at desc);
alter table plinth.restores enable row level security;

create function plinth.request_backup(
  p_tenant text, p_label text default null, p_kind text default 'full', p_requested_by text default null
) returns uuid language plpgsql set search_path = '' as $$
declare
  v_id uuid;
begin
  insert into plinth.backups (tenant, trigger, wanted, label, requested_by)
  values (p_tenant, 'manual', p_kind, p_label, p_requested_by) returning id into v_id;
  perform plinth.add_job('take-backup', jsonb_build_object('id', v_id), null, 'backup ' || v_id);
  return v_id;
end $$;
comment on function plinth.request_backup(text, text, text, text) is
  'Asks for a backup of a tenant (empty: of what belongs to none) and gives its id at once; it is taken when the transaction '
  'commits. plinth.backups says what became of it. Kept until it is deleted.';

create function plinth.backup_status(p_tenant text default null) returns table (
  tenant text, last_backup uuid, last_taken_at timestamptz, last_full_at timestamptz, last_slot timestamptz, checked_at timestamptz,
  rehearsed_at timestamptz, failures_24h bigint, completed_24h bigint, backups bigint, bytes bigint, restore_milliseconds bigint
) language sql stable set search_path = '' as $$
  select h.tenant, h.last, b.taken_at, h.full_at,
    greatest(h.checked_slot, (select max(s.slot) from plinth.backups s where s.tenant = h.tenant and s.status = 'completed')),
    h.checked_at,
    (select max(r.began_at) from plinth.backup_receipts r where r.tenant = h.tenant and r.outcome = 'sound'),
    (select count(*) from plinth.backups f where f.tenant = h.tenant and f.status = 'failed' and f.requested_at > plinth.now() - interval '24 hours'),
    (select count(*) from plinth.backups f where f.tenant = h.tenant and f.status = 'completed' and f.requested_at > plinth.now() - interval '24 hours'),
    (select count(*) from plinth.backups f where f.tenant = h.tenant and f.status = 'completed'),
    (select coalesce(sum(f.bytes), 0)::bigint from plinth.backups f where f.tenant = h.tenant and f.status = 'completed'),
    (select (r.document ->> 'restoreMilliseconds')::bigint from plinth.backup_receipts r
      where r.tenant = h.tenant and r.outcome = 'sound' order by r.began_at desc limit 1)
  from plinth.backup_heads h join plinth.backups b on b.id = h.last
  where p_tenant is null or h.tenant = p_tenant
$$;
comment on function plinth.backup_status(text) is
  'How the backups of one tenant, or of all, do: the last one and the last slot, rehearsals, successes and failures of a day, room, and how long the last sound rehearsal took to restore it (the measured RTO). What is '
  'lost at most (RPO) is what changed since checked_at.';

-- Systems call these from functions of their own, which say who may.
revoke all on function plinth.request_backup(text, text, text, text), plinth.backup_status(text) from public;
