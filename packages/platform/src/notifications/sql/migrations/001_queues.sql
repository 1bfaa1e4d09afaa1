-- Messages to people: which tables hold them, where each one stands, and what providers say of it afterwards.
--
-- The content of a message is a row of a queue: plinth.notifications, or a table of the system that
-- plinth.map_notifications declares. A row of plinth.notification_deliveries beside it says where it stands; triggers keep
-- the two together, so that a plain insert queues a message and a plain update cancels or repeats one.

create table plinth.notification_maps (
  name text primary key,
  kind text not null check (kind in ('queue', 'in_app', 'preferences')),
  columns jsonb not null,
  types jsonb not null,
  states jsonb not null,
  own boolean not null
);
comment on table plinth.notification_maps is 'Tables that messages are read from or written to. By role (person, channel, status, …): the column, and its type. own: the platform made it, so that a person''s rows in it are removed with them.';
create unique index notification_maps_one on plinth.notification_maps (kind) where kind <> 'queue';

create table plinth.notification_deliveries (
  id uuid primary key default gen_random_uuid(),
  queue text not null references plinth.notification_maps (name) on delete cascade,
  message text not null,
  channel text not null check (channel in ('email', 'sms', 'push', 'in_app')),
  purpose text not null check (purpose in ('security', 'transactional', 'alert', 'marketing')),
  topic text,
  person text,
  batch text,
  trusted boolean not null,
  priority smallint not null check (priority between 0 and 3),
  due_at timestamptz not null,
  state text not null default 'waiting' check (state in ('waiting', 'sent', 'failed', 'cancelled')),
  claims int not null default 0,
  failures int not null default 0,
  lease uuid,
  handed_over_at timestamptz,
  withdrawn boolean not null default false,
  provider text,
  provider_id text,
  problem text,
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  delivered_at timestamptz,
  opened_at timestamptz,
  bounced_at timestamptz,
  complained_at timestamptz,
  unique (queue, message)
);
comment on table plinth.notification_deliveries is 'Where each queued message stands. Its id is the key that providers get, the same in every attempt.';
comment on column plinth.notification_deliveries.trusted is 'False: a client wrote the row, so it goes to that client only and its address is not believed.';
comment on column plinth.notification_deliveries.due_at is '-infinity: at once. While a worker has the message, the moment its lease ends.';
comment on column plinth.notification_deliveries.lease is 'Token of the worker that has the message; only it may record what became of it.';
comment on column plinth.notification_deliveries.handed_over_at is 'An SMS is handed over at most once: set before the attempt, and cleared only when the provider certainly did not take it.';
comment on column plinth.notification_deliveries.withdrawn is 'Cancelled while a worker had it: it is not tried again.';
create index notification_deliveries_due on plinth.notification_deliveries (channel, priority, due_at) where state = 'waiting';
create index notification_deliveries_person on plinth.notification_deliveries (person) where person is not null;
create index notification_deliveries_batch on plinth.notification_deliveries (batch) where batch is not null;
create index notification_deliveries_provider on plinth.notification_deliveries (provider_id) where provider_id is not null;
create index notification_deliveries_age on plinth.notification_deliveries (created_at);

create table plinth.notifications (
  id uuid primary key default gen_random_uuid(),
  person text,
  channel text not null,
  purpose text,
  topic text,
  template text,
  variables jsonb,
  subject text,
  body text,
  html text,
  address text,
  locale text,
  priority text,
  scheduled_for timestamptz,
  status text not null default 'pending',
  attempts int not null default 0,
  sent_at timestamptz,
  error text,
  data jsonb,
  dedupe_key text unique,
  batch text,
  created_at timestamptz not null default now()
);
comment on table plinth.notifications is 'The queue of systems that have none of their own: one row for each message and channel.';

create table plinth.notification_facts (
  id bigint generated always as identity primary key,
  provider text not null,
  event text not null,
  kind text not null check (kind in ('accepted', 'delivered', 'opened', 'bounced', 'complained', 'failed', 'unsubscribed', 'other')),
  delivery uuid,
  happened_at timestamptz not null,
  received_at timestamptz not null,
  sealed_raw bytea not null,
  unique (provider, event)
);
comment on table plinth.notification_facts is 'What providers reported, each event once, as it came (sealed: it names addresses). Deliveries are folded from it.';
create index notification_facts_delivery on plinth.notification_facts (delivery) where delivery is not null;

create table plinth.notification_suppressions (
  channel text not null check (channel in ('email', 'sms')),
  address_mac bytea not null,
  scope text not null check (scope in ('all', 'marketing')),
  reason text not null check (reason in ('bounce', 'complaint', 'unsubscribe', 'manual')),
  since timestamptz not null,
  primary key (channel, address_mac, scope)
);
comment on table plinth.notification_suppressions is 'Addresses that get nothing, or no marketing. An address is kept as a MAC under the project''s key.';

create table plinth.notification_rates (
  provider text primary key,
  tokens double precision not null,
  refilled_at timestamptz not null,
  paused_until timestamptz not null default '-infinity'
);
comment on table plinth.notification_rates is 'How many messages each provider may be handed now, by all nodes together.';

create table plinth.notification_pushes (
  delivery uuid not null references plinth.notification_deliveries on delete cascade,
  endpoint text not null,
  primary key (delivery, endpoint)
);
comment on table plinth.notification_pushes is 'Devices that have a message already, so that an attempt after a failure leaves them out.';

alter table plinth.notification_maps enable row level security;
alter table plinth.notification_deliveries enable row level security;
alter table plinth.notifications enable row level security;
alter table plinth.notification_facts enable row level security;
alter table plinth.notification_suppressions enable row level security;
alter table plinth.notification_rates enable row level security;
alter table plinth.notification_pushes enable row level security;

-- Tables of a system --------------------------------------------------------------------------------------------

create function plinth.notification_roles(p_kind text) returns text[] language sql immutable
set search_path = ''
as $$
  select case p_kind
    when 'queue' then array['key', 'person', 'channel', 'purpose', 'topic', 'template', 'variables', 'subject', 'body', 'html',
      'address', 'locale', 'priority', 'scheduled_for', 'status', 'attempts', 'sent_at', 'error', 'data', 'dedupe_key', 'batch']
    when 'in_app' then array['key', 'person', 'title', 'message', 'level', 'action_url', 'data', 'created_at']
    when 'preferences' then array['person', 'topic', 'email', 'sms', 'push', 'in_app', 'marketing', 'quiet_from', 'quiet_until',
      'zone', 'locale']
  end
$$;
comment on function plinth.notification_roles(text) is 'What the columns of a mapped table may stand for.';

create function plinth.map_notifications(p_kind text, p_table regclass, p_columns jsonb default '{}', p_states jsonb default '{}',
  p_own boolean default false)
returns void language plpgsql
set search_path = ''
as $$
declare
  v_name text;
  v_columns jsonb;
  v_types jsonb;
  v_unknown text;
  v_by text;
  v_states jsonb := '{"waiting": "pending", "sent": "sent", "failed": "failed", "cancelled": "cancelled"}'::jsonb || p_states;
begin
  if plinth.notification_roles(p_kind) is null then
    raise exception 'plinth.map_notifications: there is no kind %.', p_kind using hint = 'Kinds are queue, in_app and preferences.';
  end if;
  select format('%I.%I', n.nspname, c.relname) into v_name
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = p_table;

  select string_agg(given, ', ') into v_unknown from jsonb_object_keys(p_columns) given
  where given <> all (plinth.notification_roles(p_kind));
  if v_unknown is null then
    select string_agg(value, ', ') into v_unknown from jsonb_each_text(p_columns)
    where value is not null and not exists (
      select from pg_catalog.pg_attribute a where a.attrelid = p_table and a.attname = value and a.attnum > 0 and not a.attisdropped);
  end if;
  if v_unknown is not null then
    raise exception 'plinth.map_notifications: % has no such column or role: %.', v_name, v_unknown
      using errcode = 'undefined_column';
  end if;

  with wanted as (
    select role, case when p_columns ? role then p_columns ->> role when role = 'key' then 'id' else role end as name
    from unnest(plinth.notification_roles(p_kind)) role
  )
  select jsonb_object_agg(w.role, w.name), jsonb_object_agg(w.role, pg_catalog.format_type(a.atttypid, null))
  into v_columns, v_types
  from wanted w join pg_catalog.pg_attribute a
    on a.attrelid = p_table and a.attname = w.name and a.attnum > 0 and not a.attisdropped;

  if v_columns is null or not (v_columns ?& (case p_kind when 'queue' then array['key', 'channel', 'status', 'person']
    when 'in_app' then array['key', 'person', 'message'] else array['person'] end)) then
    raise exception 'plinth.map_notifications: % needs more columns than %.', v_name, coalesce(v_columns, '{}') using errcode = 'undefined_column';
  end if;

  insert into plinth.notification_maps (name, kind, columns, types, states, own)
  values (v_name, p_kind, v_columns, v_types, v_states, p_own)
  on conflict (name) do update set columns = excluded.columns, types = excluded.types, states = excluded.states;
  if p_kind = 'queue' then
    -- Who acts is asked where the statement runs: inside the functions it would always be their owner.
    foreach v_by in array array['trusted', 'client'] loop
      execute format('create or replace trigger queue_notifications_%s after insert on %s referencing new table as new_rows
        for each statement when (current_user %s in (''anon'', ''authenticated''))
        execute function plinth.queue_notifications(%L)', v_by, v_name, case v_by when 'trusted' then 'not' end, v_by);
      execute format('create or replace trigger follow_notifications_%s after update on %s referencing old table as old_rows new table as new_rows
        for each statement when (current_user %s in (''anon'', ''authenticated''))
        execute function plinth.follow_notifications(%L)', v_by, v_name, case v_by when 'trusted' then 'not' end, v_by);
    end loop;
    execute format('create or replace trigger forget_notifications after delete on %s referencing old table as old_rows
      for each statement execute function plinth.forget_notifications()', v_name);
  end if;
end $$;
comment on function plinth.map_notifications(text, regclass, jsonb, jsonb, boolean) is
  'Declares a table of the system as a queue of messages, as the place of in-app messages, or as people''s preferences. Columns are '
  'found by their role''s name (key: id); p_columns names those that are called otherwise, null for none. p_states gives the words of '
  'the status column for waiting, sent, failed and cancelled.';

create function plinth.notification_priority(p_word text) returns smallint language sql immutable
set search_path = ''
as $$ select (case lower(p_word) when 'urgent' then 0 when 'high' then 1 when 'low' then 3 else 2 end)::smallint $$;
comment on function plinth.notification_priority(text) is 'urgent 0, high 1, medium (and anything else) 2, low 3.';

create function plinth.due_of_notification(p_scheduled timestamptz) returns timestamptz language sql stable
set search_path = ''
as $$ select case when p_scheduled is null or p_scheduled in (now(), plinth.now()) then '-infinity' else p_scheduled end $$;
comment on function plinth.due_of_notification(timestamptz) is 'A column whose default is now() means at once, whatever clock the project goes by.';

-- What queues, follows and forgets -----------------------------------------------------------------------------

create function plinth.wake_notifications(p_channel text, p_at timestamptz) returns void language plpgsql
set search_path = ''
as $$
declare
  v_job text := 'deliver-' || replace(p_channel, '_', '-');
  v_memo text := 'plinth.woken_' || p_channel;
begin
  -- What is due later than in a minute is found by the tick of that minute; jobs exist once a server has declared them.
  if p_at > now() + interval '1 minute' or not exists (select from plinth.jobs where name = v_job) then
    return;
  end if;
  -- One job for each transaction is enough. A key would make transactions that queue messages wait for one another.
  if p_at <= now() then
    if current_setting(v_memo, true) = pg_current_xact_id()::text then return; end if;
    perform set_config(v_memo, pg_current_xact_id()::text, true);
  end if;
  perform plinth.add_job(v_job, '{}', case when p_at > now() then p_at end);
end $$;
comment on function plinth.wake_notifications(text, timestamptz) is 'Adds the job that delivers what is due in a channel.';

create function plinth.queue_notifications() returns trigger language plpgsql
-- Definer: whoever may insert into a queue has no rights on the platform's own tables.
security definer
set search_path = ''
as $$
declare
  v_map plinth.notification_maps;
  v_trusted boolean := tg_argv[0] = 'trusted';
  v_due record;
begin
  select * into strict v_map from plinth.notification_maps where name = format('%I.%I', tg_table_schema, tg_table_name);
  if not v_trusted and exists (
    select from new_rows n, to_jsonb(n) r
    where (r ->> (v_map.columns ->> 'person')) is distinct from (select auth.uid())::text
      or (r ->> (v_map.columns ->> 'address')) is not null
  ) then
    perform plinth.refuse('notification_not_yours', 403, 'A message of your own goes to yourself, at the addresses of your account.',
      '{}', 'Leave the address out and name yourself, or queue it with the service role.');
  end if;
  for v_due in
    with added as (
      insert into plinth.notification_deliveries (queue, message, channel, purpose, topic, person, batch, trusted, priority, due_at)
      select v_map.name, r ->> (v_map.columns ->> 'key'), r ->> (v_map.columns ->> 'channel'),
        coalesce(case when v_trusted or r ->> (v_map.columns ->> 'purpose') <> 'security' then r ->> (v_map.columns ->> 'purpose') end,
          'transactional'),
        coalesce(r ->> (v_map.columns ->> 'topic'), r -> (v_map.columns ->> 'data') ->> 'topic'),
        r ->> (v_map.columns ->> 'person'),
        r ->> (v_map.columns ->> 'batch'),
        v_trusted,
        plinth.notification_priority(r ->> (v_map.columns ->> 'priority')),
        plinth.due_of_notification((r ->> (v_map.columns ->> 'scheduled_for'))::timestamptz)
      from new_rows n, to_jsonb(n) r
      where r ->> (v_map.columns ->> 'status') = v_map.states ->> 'waiting'
      returning channel, due_at
    )
    select channel, min(due_at) as at from added group by channel
  loop
    perform plinth.wake_notifications(v_due.channel, v_due.at);
  end loop;
  return null;
end $$;
comment on function plinth.queue_notifications() is 'Trigger, after insert on a queue: makes the deliveries and wakes whoever delivers.';

create function plinth.follow_notifications() returns trigger language plpgsql
-- Definer: as plinth.queue_notifications.
security definer
set search_path = ''
as $$
declare
  v_map plinth.notification_maps;
  v_trusted boolean := tg_argv[0] = 'trusted';
  v_due record;
begin
  select * into strict v_map from plinth.notification_maps where name = format('%I.%I', tg_table_schema, tg_table_name);
  if not v_trusted then
    with written as materialized (select to_jsonb(n) ->> (v_map.columns ->> 'key') as message from new_rows n)
    update plinth.notification_deliveries d set trusted = false
    from written w where d.queue = v_map.name and d.message = w.message and d.trusted;
  end if;
  for v_due in
    -- Materialised: a row becomes JSON once, however the join is done.
    with after as materialized (
      select r, r ->> (v_map.columns ->> 'key') as message from new_rows n, to_jsonb(n) r
    ), before as materialized (
      select b, b ->> (v_map.columns ->> 'key') as message from old_rows o, to_jsonb(o) b
    ), changed as materialized (
      select after.message,
        (select key from jsonb_each_text(v_map.states) where value = r ->> (v_map.columns ->> 'status')) as state,
        r ->> (v_map.columns ->> 'status') is distinct from b ->> (v_map.columns ->> 'status') as moved,
        plinth.notification_priority(r ->> (v_map.columns ->> 'priority')) as priority,
        case when r -> (v_map.columns ->> 'scheduled_for') is distinct from b -> (v_map.columns ->> 'scheduled_for')
          then plinth.due_of_notification((r ->> (v_map.columns ->> 'scheduled_for'))::timestamptz) end as due_at
      from after join before using (message)
    ), withdrawn as (
      -- A worker that has it may have sent it already; it decides.
      update plinth.notification_deliveries d set withdrawn = true, state = case when d.lease is null then 'cancelled' else d.state end
      from changed c where c.moved and c.state is distinct from 'waiting'
        and d.queue = v_map.name and d.message = c.message and d.state = 'waiting'
    ), repeated as (
      update plinth.notification_deliveries d
      set state = 'waiting', withdrawn = false, failures = 0, claims = 0, handed_over_at = null, problem = null, lease = null,
        due_at = coalesce(c.due_at, '-infinity'), priority = c.priority
      from changed c where c.moved and c.state = 'waiting'
        and d.queue = v_map.name and d.message = c.message and d.state in ('failed', 'cancelled')
      returning d.channel, d.due_at
    ), moved as (
      update plinth.notification_deliveries d set due_at = coalesce(c.due_at, d.due_at), priority = c.priority
      from changed c where not c.moved and c.state = 'waiting' and (c.due_at is not null or c.priority <> d.priority)
        and d.queue = v_map.name and d.message = c.message and d.state = 'waiting' and d.lease is null
      returning d.channel, d.due_at
    )
    select channel, min(due_at) as at from (select * from repeated union all select * from moved) due group by channel
  loop
    perform plinth.wake_notifications(v_due.channel, v_due.at);
  end loop;
  return null;
end $$;
comment on function plinth.follow_notifications() is
  'Trigger, after update on a queue: a status that leaves waiting withdraws the message, one that comes back to it repeats it; times '
  'and priorities count as long as nobody has the message.';

create function plinth.forget_notifications() returns trigger language plpgsql
-- Definer: as plinth.queue_notifications.
security definer
set search_path = ''
as $$
declare
  v_map plinth.notification_maps;
begin
  select * into strict v_map from plinth.notification_maps where name = format('%I.%I', tg_table_schema, tg_table_name);
  with gone as materialized (select to_jsonb(o) ->> (v_map.columns ->> 'key') as message from old_rows o)
  delete from plinth.notification_deliveries d using gone where d.queue = v_map.name and d.message = gone.message;
  return null;
end $$;
comment on function plinth.forget_notifications() is 'Trigger, after delete on a queue.';

-- Queueing by SQL -----------------------------------------------------------------------------------------------

create function plinth.by_column(p_map plinth.notification_maps, p_message jsonb) returns jsonb language sql stable
set search_path = ''
as $$
  with given as (select key, value from jsonb_each(p_message) where value <> 'null')
  select coalesce(jsonb_object_agg(p_map.columns ->> key, value) filter (where p_map.columns ? key), '{}')
    || case when not p_map.columns ? 'data' or bool_and(p_map.columns ? key) then '{}'
      else jsonb_build_object(p_map.columns ->> 'data',
        coalesce(p_message -> 'data', '{}') || jsonb_object_agg(key, value) filter (where not p_map.columns ? key)) end
  from given
$$;
comment on function plinth.by_column(plinth.notification_maps, jsonb) is
  'A message by the columns of its table; what has no column of its own goes into the one of the role data.';

create function plinth.queue_of_notifications() returns plinth.notification_maps language sql stable
set search_path = ''
as $$
  select m from plinth.notification_maps m where kind = 'queue' order by (name = 'plinth.notifications'), name limit 1
$$;
comment on function plinth.queue_of_notifications() is 'Where plinth.notify writes to: the system''s own queue, else the platform''s.';

create function plinth.queue_messages(p_messages jsonb) returns bigint language plpgsql
-- Definer: the service role and the system's own functions queue into tables that only the owner writes.
security definer
set search_path = ''
as $$
declare
  v_map plinth.notification_maps := plinth.queue_of_notifications();
  v_rows jsonb;
  v_columns text;
  v_count bigint;
begin
  select jsonb_agg(plinth.by_column(v_map, m || jsonb_build_object('status', v_map.states -> 'waiting'))) into v_rows
  from jsonb_array_elements(p_messages) m;
  select string_agg(quote_ident(name), ', ') into v_columns
  from (select distinct jsonb_object_keys(r) as name from jsonb_array_elements(v_rows) r) names;
  if v_columns is null then return 0; end if;
  -- A column that only some messages give would lose its default in the others.
  if exists (select from jsonb_array_elements(v_rows) r
    where (select count(*) from jsonb_object_keys(r)) <> cardinality(string_to_array(v_columns, ', '))) then
    v_count := 0;
    for v_rows in select jsonb_build_array(m) from jsonb_array_elements(p_messages) m loop
      v_count := v_count + plinth.queue_messages(v_rows);
    end loop;
    return v_count;
  end if;
  execute format('insert into %s (%s) select %s from jsonb_populate_recordset(null::%s, $1) on conflict do nothing',
    v_map.name, v_columns, v_columns, v_map.name) using v_rows;
  get diagnostics v_count = row_count;
  return v_count;
end $$;
comment on function plinth.queue_messages(jsonb) is
  'Queues messages, objects by role, in the caller''s transaction; gives how many. One whose dedupe_key is there already is left out.';

create function plinth.notify(p_person text, p_channel text, p_template text, p_variables jsonb default '{}', p_options jsonb default '{}')
returns boolean language sql
set search_path = ''
as $$
  select plinth.queue_messages(jsonb_build_array(coalesce(p_options, '{}') || jsonb_build_object(
    'person', p_person, 'channel', p_channel, 'template', p_template, 'variables', coalesce(p_variables, '{}')))) = 1
$$;
comment on function plinth.notify(text, text, text, jsonb, jsonb) is
  'Queues one message in the caller''s transaction: it goes out if and when that commits. p_options: address, locale, topic, purpose, '
  'priority, scheduled_for, dedupe_key, batch. False: a message of the same dedupe_key was there.';

create function plinth.cancel_notifications(p_dedupe_key text) returns bigint language plpgsql
set search_path = ''
as $$
declare
  v_map plinth.notification_maps := plinth.queue_of_notifications();
  v_key text := case when v_map.columns ? 'dedupe_key' then format('%I', v_map.columns ->> 'dedupe_key')
    when v_map.columns ? 'data' then format('(%I ->> ''dedupe_key'')', v_map.columns ->> 'data') end;
  v_count bigint := 0;
begin
  if v_key is not null then
    execute format('update %s set %I = ($1 ->> ''cancelled'')::%s where %I::text = $1 ->> ''waiting'' and %s = any ($2)',
      v_map.name, v_map.columns ->> 'status', v_map.types ->> 'status', v_map.columns ->> 'status', v_key)
    using v_map.states, array[p_dedupe_key, p_dedupe_key || '/email', p_dedupe_key || '/sms', p_dedupe_key || '/push',
      p_dedupe_key || '/in_app'];
    get diagnostics v_count = row_count;
  end if;
  return v_count;
end $$;
comment on function plinth.cancel_notifications(text) is 'Withdraws the waiting messages of a dedupe key; gives how many.';

create function plinth.replay_notifications(p_id uuid, p_since timestamptz) returns bigint language plpgsql
set search_path = ''
as $$
declare
  v_map plinth.notification_maps;
  v_count bigint;
  v_sum bigint := 0;
begin
  for v_map in select m.* from plinth.notification_maps m where m.kind = 'queue' loop
    execute format('update %s t set %I = ($1 ->> ''waiting'')::%s from plinth.notification_deliveries d
      where d.queue = $2 and t.%I = d.message::%s and d.state = ''failed''
        and (d.id = $3 or ($3 is null and d.created_at >= $4 and d.handed_over_at is null))',
      v_map.name, v_map.columns ->> 'status', v_map.types ->> 'status', v_map.columns ->> 'key', v_map.types ->> 'key')
    using v_map.states, v_map.name, p_id, coalesce(p_since, '-infinity');
    get diagnostics v_count = row_count;
    v_sum := v_sum + v_count;
  end loop;
  return v_sum;
end $$;
comment on function plinth.replay_notifications(uuid, timestamptz) is
  'Queues messages again that were given up: one, or all since then but those that may have gone out; gives how many.';

select plinth.map_notifications('queue', 'plinth.notifications', p_own => true);

revoke all on function plinth.map_notifications(text, regclass, jsonb, jsonb, boolean), plinth.queue_messages(jsonb),
  plinth.notify(text, text, text, jsonb, jsonb) from public;
grant execute on function plinth.queue_messages(jsonb), plinth.notify(text, text, text, jsonb, jsonb) to service_role;
