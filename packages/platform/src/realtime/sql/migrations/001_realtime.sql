-- What realtime needs of a project's database, under the names that Supabase gives it.

create schema realtime;
comment on schema realtime is 'Channels: who may use the private ones, messages sent from SQL, and the functions that check policies.';
grant usage on schema realtime to anon, authenticated, service_role;

create table realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  binary_payload bytea,
  event text,
  private boolean default false,
  updated_at timestamp not null default (now() at time zone 'utc'),
  inserted_at timestamp not null default (now() at time zone 'utc'),
  id uuid not null default gen_random_uuid(),
  primary key (id, inserted_at)
) partition by range (inserted_at);
comment on table realtime.messages is 'Messages sent from SQL, a partition per UTC day, kept for three days. Its policies say who may use private channels: select to receive, insert to send, by realtime.topic() and the column extension (broadcast or presence).';
create index messages_by_topic on realtime.messages (topic, inserted_at desc) where private;
alter table realtime.messages enable row level security;
grant select, insert on realtime.messages to anon, authenticated, service_role;

create table realtime.messages_other partition of realtime.messages default;
comment on table realtime.messages_other is 'Messages of days that have no partition of their own, so that sending never fails for the lack of one.';
alter table realtime.messages_other enable row level security;

create function realtime.topic() returns text language sql stable
set search_path = ''
as $$ select nullif(current_setting('realtime.topic', true), '') $$;
comment on function realtime.topic() is 'Name of the channel that is being checked or sent to, for policies on realtime.messages.';

-- Messages travel in the WAL of the transaction that writes them: they arrive after its commit, or never.
create function realtime.announce_message() returns trigger language plpgsql
set search_path = ''
as $$
begin
  if new.extension = 'broadcast' then
    perform pg_catalog.pg_logical_emit_message(true, 'plinth.broadcast', pg_catalog.jsonb_build_object(
      'id', new.id, 'topic', new.topic, 'event', new.event, 'private', coalesce(new.private, false),
      'payload', new.payload, 'bytes', pg_catalog.encode(new.binary_payload, 'base64'))::text);
  end if;
  return null;
end
$$;
comment on function realtime.announce_message() is 'Hands a new message to everyone on its channel.';
create trigger announce after insert on realtime.messages
  for each row execute function realtime.announce_message();

create function realtime.send(payload jsonb, event text, topic text, private boolean default true) returns void
language plpgsql
set search_path = ''
as $$
declare
  message uuid := pg_catalog.gen_random_uuid();
begin
  perform pg_catalog.set_config('realtime.topic', send.topic, true);
  insert into realtime.messages (id, payload, event, topic, private, extension)
  values (message,
    case when pg_catalog.jsonb_typeof(send.payload) = 'object'
      then pg_catalog.jsonb_build_object('id', message) || send.payload else send.payload end,
    send.event, send.topic, send.private, 'broadcast');
exception when others then
  raise warning 'realtime.send could not send to %: %', send.topic, sqlerrm;
end
$$;
comment on function realtime.send(jsonb, text, text, boolean) is 'Broadcasts to a channel when the transaction commits. An object without an id gets that of the message. A refusal is a warning, so that it never undoes the work it reports.';

create function realtime.send_binary(payload bytea, event text, topic text, private boolean default true) returns void
language plpgsql
set search_path = ''
as $$
begin
  perform pg_catalog.set_config('realtime.topic', send_binary.topic, true);
  insert into realtime.messages (binary_payload, event, topic, private, extension)
  values (send_binary.payload, send_binary.event, send_binary.topic, send_binary.private, 'broadcast');
exception when others then
  raise warning 'realtime.send_binary could not send to %: %', send_binary.topic, sqlerrm;
end
$$;
comment on function realtime.send_binary(bytea, text, text, boolean) is 'Broadcasts bytes to a channel when the transaction commits, for clients that take bytes. A refusal is a warning.';

create function realtime.broadcast_changes(
  topic_name text, event_name text, operation text, table_name text, table_schema text,
  new record, old record, level text default 'ROW'
) returns void
language plpgsql
set search_path = ''
as $$
begin
  if level <> 'ROW' then
    raise exception 'realtime.broadcast_changes needs a trigger FOR EACH ROW, not %', level;
  end if;
  perform realtime.send(
    pg_catalog.jsonb_build_object(
      'id', pg_catalog.gen_random_uuid(), 'operation', operation, 'schema', table_schema, 'table', table_name,
      'record', pg_catalog.to_jsonb(new), 'old_record', pg_catalog.to_jsonb(old)),
    event_name, topic_name);
end
$$;
comment on function realtime.broadcast_changes(text, text, text, text, text, record, record, text) is 'For row triggers: broadcasts what happened to a row to a private channel.';

create function realtime.keep_partitions() returns void language plpgsql
set search_path = ''
as $$
declare
  today date := (now() at time zone 'utc')::date;
  each_day date;
  old_partition text;
begin
  perform pg_catalog.pg_advisory_xact_lock(7077006);
  for each_day in select today + n from pg_catalog.generate_series(0, 3) n loop
    begin
      if pg_catalog.to_regclass(pg_catalog.format('realtime.%I', 'messages_' || to_char(each_day, 'YYYY_MM_DD'))) is null then
        execute pg_catalog.format('create table realtime.%I partition of realtime.messages for values from (%L) to (%L)',
          'messages_' || to_char(each_day, 'YYYY_MM_DD'), each_day, each_day + 1);
        execute pg_catalog.format('alter table realtime.%I enable row level security',
          'messages_' || to_char(each_day, 'YYYY_MM_DD'));
      end if;
    exception when check_violation then
      null; -- messages_other already holds messages of that day, so they stay there
    end;
  end loop;
  for old_partition in
    select c.relname from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'realtime.messages'::regclass and c.relname ~ '^messages_\d{4}_\d{2}_\d{2}$'
      and c.relname < 'messages_' || to_char(today - 3, 'YYYY_MM_DD')
  loop
    execute pg_catalog.format('drop table realtime.%I', old_partition);
  end loop;
  delete from realtime.messages_other where inserted_at < today - 3;
end
$$;
comment on function realtime.keep_partitions() is 'Makes the partitions of today and the next three days and drops those older than three days.';
select realtime.keep_partitions();

-- What can change the answer of a table's policies without a change of data, as text that differs when it changed.
create function realtime.table_states(tables oid[]) returns table (id oid, state text) language sql stable
set search_path = ''
as $$
  select c.oid, pg_catalog.concat_ws(' ', c.xmin, c.relacl::text, c.relrowsecurity, c.relforcerowsecurity, c.relreplident,
    (select pg_catalog.string_agg(p.oid || ':' || p.xmin, ',' order by p.oid) from pg_catalog.pg_policy p where p.polrelid = c.oid),
    (select pg_catalog.string_agg(a.attnum || ':' || a.xmin, ',' order by a.attnum) from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0),
    (select pg_catalog.string_agg(b.pubname, ',' order by b.pubname) from pg_catalog.pg_publication_rel r
      join pg_catalog.pg_publication b on b.oid = r.prpubid where r.prrelid = c.oid))
  from pg_catalog.pg_class c where c.oid = any (tables)
$$;
comment on function realtime.table_states(oid[]) is 'A mark per table that differs when its columns, rights, policies or publications changed.';

do $$
begin
  -- From 18 on, full replica identity demands that stored generated columns are published; before, they never are.
  if current_setting('server_version_num')::int >= 180000 then
    create publication supabase_realtime with (publish_generated_columns = stored);
  else
    create publication supabase_realtime;
  end if;
end
$$;

grant execute on function realtime.topic() to anon, authenticated, service_role;
grant execute on function realtime.send(jsonb, text, text, boolean) to anon, authenticated, service_role;
grant execute on function realtime.send_binary(bytea, text, text, boolean) to anon, authenticated, service_role;
grant execute on function realtime.broadcast_changes(text, text, text, text, text, record, record, text)
  to anon, authenticated, service_role;
