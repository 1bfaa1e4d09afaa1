-- How the parts of a project did, which alerts are open, and who was told.

create table plinth.health_states (
  component text primary key,
  status text not null check (status in ('ok', 'degraded', 'down')),
  since timestamptz not null,
  differing text check (differing in ('ok', 'degraded', 'down')),
  differing_times integer not null default 0,
  checked_at timestamptz not null,
  milliseconds integer not null,
  problem text
);
comment on table plinth.health_states is 'Each part as it counts: a status changes only when it was seen several times in a row.';
comment on column plinth.health_states.differing is 'What was seen last, when it is another one, and how many times in a row something other than the status was.';
alter table plinth.health_states enable row level security;

create table plinth.health_history (
  id bigint generated always as identity primary key,
  component text not null,
  status text not null,
  began_at timestamptz not null,
  ended_at timestamptz,
  problem text
);
comment on table plinth.health_history is 'Stretches of time in which a part had a status.';
create index health_history_component on plinth.health_history (component, began_at desc);
create unique index health_history_open on plinth.health_history (component) where ended_at is null;
alter table plinth.health_history enable row level security;

create table plinth.health_hours (
  component text not null,
  hour timestamptz not null,
  checks integer not null,
  ok integer not null,
  milliseconds bigint not null,
  slowest integer not null,
  primary key (component, hour)
);
comment on table plinth.health_hours is 'Checks of each part by hour: how many, how many were well, how long they took together and at most.';
alter table plinth.health_hours enable row level security;

create table plinth.alerts (
  id uuid primary key default gen_random_uuid(),
  rule text not null,
  severity text not null check (severity in ('warning', 'critical')),
  summary text not null,
  value numeric,
  began_at timestamptz not null,
  ended_at timestamptz
);
comment on table plinth.alerts is 'Alerts, open while ended_at is null.';
create unique index alerts_open on plinth.alerts (rule) where ended_at is null;
create index alerts_began on plinth.alerts (began_at desc);
alter table plinth.alerts enable row level security;

create table plinth.alert_rules (
  rule text primary key,
  beyond_since timestamptz,
  within_since timestamptz
);
comment on table plinth.alert_rules is 'Since when a figure is beyond its bound without an alert yet, or within it while the alert is open.';
alter table plinth.alert_rules enable row level security;

create table plinth.alert_notices (
  id uuid primary key default gen_random_uuid(),
  sequence bigint generated always as identity,
  alert uuid not null references plinth.alerts on delete cascade,
  event text not null check (event in ('began', 'ended')),
  created_at timestamptz not null,
  sent_at timestamptz,
  unique (alert, event)
);
comment on table plinth.alert_notices is 'What people are told: once that an alert began, and once that it ended.';
create index alert_notices_due on plinth.alert_notices (sequence) where sent_at is null;
alter table plinth.alert_notices enable row level security;
