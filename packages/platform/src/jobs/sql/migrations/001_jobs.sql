-- Jobs are queued by graphile-worker; these are the parts around it: what exists, when it is due, what ran.

create table plinth.jobs (
  name text primary key,
  attempts int not null check (attempts > 0),
  cron_line text,
  cron_zone text,
  last_tick timestamptz
);
comment on table plinth.jobs is 'The jobs that the running version declares, each with the last tick of its schedule that was queued.';
alter table plinth.jobs enable row level security;

create table plinth.job_runs (
  job_id bigint not null,
  attempt int not null,
  job text not null,
  scheduled_for timestamptz not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  outcome text not null default 'running' check (outcome in ('running', 'succeeded', 'failed', 'lost')),
  error text,
  node text not null,
  primary key (job_id, attempt)
);
create index job_runs_by_job on plinth.job_runs (job, started_at desc);
comment on table plinth.job_runs is 'One row for each attempt at a job. lost: the node died while it ran.';
alter table plinth.job_runs enable row level security;

create table plinth.job_nodes (
  worker text primary key,
  node text not null
);
comment on table plinth.job_nodes is 'Which node each worker belongs to. A node holds an advisory lock while it lives, so the others see that it died.';
alter table plinth.job_nodes enable row level security;

create function plinth.add_job(
  job text,
  payload jsonb default '{}',
  run_at timestamptz default null,
  job_key text default null
) returns bigint
language plpgsql
-- Definer: the queue's tables are the owner's; a caller may add a declared job and nothing else.
security definer
set search_path = ''
as $$
declare
  declared plinth.jobs;
  id bigint;
begin
  select * into declared from plinth.jobs where name = add_job.job;
  if not found then
    raise exception 'There is no job %.', add_job.job using errcode = 'undefined_object',
      hint = 'Jobs are declared in the system''s system.ts.';
  end if;
  select added.id into id from graphile_worker.add_job(
    declared.name,
    json_build_object('payload', payload, 'scheduled_for', coalesce(run_at, now())),
    run_at => run_at,
    job_key => job_key,
    max_attempts => declared.attempts,
    -- The kind: a node skips kinds that have as many runs under way as they may.
    flags => array[declared.name]
  ) as added;
  return id;
end
$$;
comment on function plinth.add_job is 'Queues a job in the caller''s transaction: it runs if and when that commits. A job_key that is already queued is replaced.';
revoke all on function plinth.add_job from public;
grant execute on function plinth.add_job to service_role;
