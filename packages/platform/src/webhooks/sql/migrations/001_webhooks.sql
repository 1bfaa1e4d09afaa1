-- Outgoing webhooks: who is told of which changes, and every delivery until it has arrived.

create table plinth.webhook_endpoints (
  id uuid primary key default gen_random_uuid(),
  url text not null check (url ~ '^https?://'),
  tenant text,
  tables text[] not null default '{}',
  operations text[] not null default '{insert,update,delete}',
  sealed_secret bytea not null,
  enabled boolean not null default true,
  created_at timestamptz not null default now()
);
comment on table plinth.webhook_endpoints is 'Addresses that are told of changes, signed as Standard Webhooks describe.';
comment on column plinth.webhook_endpoints.tenant is 'Only changes of this tenant''s rows; null for all.';
comment on column plinth.webhook_endpoints.tables is 'schema.table; empty for every published table.';
comment on column plinth.webhook_endpoints.sealed_secret is 'The signing secret, sealed under the project''s key.';

create table plinth.webhook_deliveries (
  id uuid primary key default gen_random_uuid(),
  endpoint uuid not null references plinth.webhook_endpoints on delete cascade,
  sequence bigint generated always as identity,
  sealed_payload bytea not null,
  attempts int not null default 0,
  next_attempt_at timestamptz default now(),
  delivered_at timestamptz,
  last_status int,
  last_problem text,
  created_at timestamptz not null default now()
);
comment on table plinth.webhook_deliveries is 'One message for one endpoint. Its id is the webhook-id, the same in every attempt, so that the receiver can drop repetitions.';
comment on column plinth.webhook_deliveries.next_attempt_at is 'Null when it has arrived or was given up; plinth.replay_webhooks sets it again.';
create index webhook_deliveries_due on plinth.webhook_deliveries (next_attempt_at, sequence) where next_attempt_at is not null;
comment on column plinth.webhook_deliveries.sealed_payload is 'The body, sealed under the project''s key: rows may hold personal data.';
create index webhook_deliveries_endpoint on plinth.webhook_deliveries (endpoint, created_at);

create table plinth.webhook_position (
  only_one boolean primary key default true check (only_one),
  position pg_lsn not null
);
comment on table plinth.webhook_position is 'The last transaction whose messages were queued, by the start of its commit record.';

create function plinth.replay_webhooks(p_endpoint uuid, p_since timestamptz) returns bigint language sql
set search_path = ''
as $$
  with again as (
    update plinth.webhook_deliveries set next_attempt_at = clock_timestamp(), attempts = 0, delivered_at = null
    where endpoint = p_endpoint and created_at >= p_since returning 1)
  select count(*) from again
$$;
comment on function plinth.replay_webhooks(uuid, timestamptz) is 'Sends everything again that was made for the endpoint since then, under the same ids; gives how many.';

alter table plinth.webhook_position enable row level security;
alter table plinth.webhook_endpoints enable row level security;
alter table plinth.webhook_deliveries enable row level security;
