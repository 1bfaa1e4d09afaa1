-- Keys by which other programs call a project: what each may do, for whom, how often, and the hash that recognises it.

create table plinth.api_keys (
  id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 200),
  value text not null,
  tenant text,
  user_id uuid references auth.users on delete cascade,
  permissions jsonb not null default '[]',
  rate_limit integer check (rate_limit >= 0),
  service boolean not null default false,
  is_active boolean not null default true,
  expires_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz not null default plinth.now()
);
comment on table plinth.api_keys is
  'The keys of a system that has no table of its own for them; see plinth.adopt_api_keys.';
create index api_keys_user on plinth.api_keys (user_id) where user_id is not null;
alter table plinth.api_keys enable row level security;

create table plinth.key_hashes (
  hash bytea primary key,
  key_id uuid not null,
  valid_until timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default plinth.now()
);
comment on table plinth.key_hashes is 'What recognises a key: the SHA-256 of its text. A key that was rotated has two for a while.';
comment on column plinth.key_hashes.valid_until is 'When the text that was replaced by a rotation ends.';
comment on column plinth.key_hashes.revoked_at is 'Never taken back: whatever happens to the key''s row, a rewind included, this text opens nothing any more.';
create index key_hashes_key on plinth.key_hashes (key_id);
alter table plinth.key_hashes enable row level security;

-- Unlogged: the text of a key is in no WAL and in no backup. A node seals it within milliseconds and deletes it here.
create unlogged table plinth.plain_keys (
  key_id uuid primary key,
  value text not null,
  is_stored boolean not null default false,
  created_at timestamptz not null default plinth.now()
);
comment on table plinth.plain_keys is
  'Keys whose text was made by SQL, until a node has sealed it. is_stored: the row of the key was really written.';
alter table plinth.plain_keys enable row level security;

create table plinth.unread_keys (
  key_id uuid primary key,
  sealed bytea not null,
  created_at timestamptz not null
);
comment on table plinth.unread_keys is
  'Keys whose text was made by SQL, sealed under the project''s key until somebody has read them once, for 24 hours at most.';
alter table plinth.unread_keys enable row level security;

create table plinth.key_events (
  id bigint generated always as identity primary key,
  key_id uuid not null,
  event text not null check (event in ('created', 'changed', 'rotated', 'revealed', 'revoked', 'deleted')),
  by_role text not null,
  by_user text,
  at timestamptz not null default plinth.now()
);
comment on table plinth.key_events is 'What happened to each key, and who did it.';
create index key_events_key on plinth.key_events (key_id, id);
alter table plinth.key_events enable row level security;

-- What a policy may ask of the caller's key -----------------------------------------------------------------------

create function plinth.key_id() returns uuid language sql stable set search_path = '' as $$
  select (auth.jwt() -> 'key' ->> 'id')::uuid
$$;
comment on function plinth.key_id() is 'The API key that calls; null for everybody else.';

create function plinth.key_tenant() returns text language sql stable set search_path = '' as $$
  select auth.jwt() -> 'key' ->> 'tenant'
$$;
comment on function plinth.key_tenant() is 'The tenant that the calling key is limited to; null for a key of the whole project, and for everybody else.';

create function plinth.key_may(p_permission text, p_tenant text default null) returns boolean language sql stable set search_path = '' as $$
  select coalesce(
    (auth.jwt() -> 'key' -> 'permissions') ?| array[p_permission, '*']
      and coalesce(auth.jwt() -> 'key' ->> 'tenant' = p_tenant, auth.jwt() -> 'key' ->> 'tenant' is null),
    false)
$$;
comment on function plinth.key_may(text, text) is
  'Whether an API key calls that has the permission and reaches the tenant: its own, or any for a key of the whole project. '
  'In policies write (select plinth.key_may(''orders:read'')) and compare the tenant''s column with plinth.key_tenant().';

revoke all on function plinth.key_id(), plinth.key_tenant(), plinth.key_may(text, text) from public;
grant execute on function plinth.key_id(), plinth.key_tenant(), plinth.key_may(text, text) to anon, authenticated, service_role;

-- Rows of keys -----------------------------------------------------------------------------------------------------

create function plinth.note_key_event(p_key uuid, p_event text) returns void language sql set search_path = '' as $$
  insert into plinth.key_events (key_id, event, by_role, by_user)
  values (p_key, p_event, coalesce(auth.jwt() ->> 'role', 'owner'), auth.jwt() ->> 'sub')
$$;
comment on function plinth.note_key_event(uuid, text) is 'Notes what the caller did with a key.';

-- security definer: whoever may write the table of keys may not read or write the hashes.
create function plinth.check_key_row() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_columns jsonb := tg_argv[0]::jsonb;
  v_new jsonb := to_jsonb(new);
  v_old jsonb := case when tg_op = 'UPDATE' then to_jsonb(old) else '{}'::jsonb end;
  v_value text := v_new ->> (v_columns ->> 'value');
  v_service boolean := coalesce((v_new ->> (v_columns ->> 'service'))::boolean, false);
  v_user text := v_new ->> (v_columns ->> 'user_id');
  v_permissions jsonb := v_new -> (v_columns ->> 'permissions');
begin
  if not plinth.is_trusted() then
    if plinth.key_id() is not null then
      perform plinth.refuse('key_makes_no_keys', 403, 'A key neither makes keys nor changes them.');
    end if;
    if v_service or coalesce((v_old ->> (v_columns ->> 'service'))::boolean, false) then
      perform plinth.refuse('key_not_yours', 403, 'Keys that act as the service are made and changed by the service.');
    end if;
    if v_user is distinct from v_old ->> (v_columns ->> 'user_id') and v_user is not null and v_user is distinct from auth.uid()::text then
      perform plinth.refuse('key_not_yours', 403, 'A key acts for a user only when that user makes it.');
    end if;
  end if;
  if jsonb_typeof(v_permissions) is distinct from 'array'
    or jsonb_array_length(v_permissions) > 100
    or exists (
      select from jsonb_array_elements(v_permissions) p (value)
      where jsonb_typeof(p.value) <> 'string' or p.value #>> '{}' !~ '^(\*|[A-Za-z0-9_.*-]{1,100}(:[A-Za-z0-9_.*-]{1,100})*)$')
  then
    perform plinth.refuse('key_permissions_invalid', 422, 'Permissions of a key are a list of at most 100 names such as "orders:read".');
  end if;
  if v_permissions ? '*' and not v_service then
    perform plinth.refuse('key_permissions_invalid', 422, 'Only a key that acts as the service may have all permissions, "*".',
      p_hint => 'Name what it may do.');
  end if;
  if tg_op = 'UPDATE' and v_new ->> (v_columns ->> 'id') is distinct from v_old ->> (v_columns ->> 'id') then
    perform plinth.refuse('key_value_invalid', 422, 'The id of a key never changes.');
  end if;
  -- The owner writes hashes himself and only the hidden form here.
  if v_value is not distinct from v_old ->> (v_columns ->> 'value') or (plinth.is_trusted() and v_value ~ '^sk_[A-Za-z0-9_-]{4}…$') then
    return new;
  end if;
  if coalesce(v_value, '') !~ '^sk_[A-Za-z0-9_-]{24,128}$' then
    perform plinth.refuse('key_value_invalid', 422, 'A key is "sk_" and 24 to 128 letters, digits, "_" and "-".');
  end if;
  insert into plinth.plain_keys (key_id, value) values ((v_new ->> (v_columns ->> 'id'))::uuid, v_value)
  on conflict (key_id) do update set value = excluded.value, is_stored = false, created_at = excluded.created_at;
  return jsonb_populate_record(new, jsonb_build_object(v_columns ->> 'value', left(v_value, 7) || '…'));
end $$;
comment on function plinth.check_key_row() is
  'Trigger, before insert and update of a table of keys: refuses rights that the writer may not give, and replaces the text '
  'of a key by its first letters.';

-- security definer: as above. The hash is written after the row is, because a row that conflicts with another is not:
-- otherwise a text could be tied to a key of somebody else.
create function plinth.store_key_hash() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_columns jsonb := tg_argv[0]::jsonb;
  v_new jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  v_old jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  v_id uuid := (coalesce(v_new, v_old) ->> (v_columns ->> 'id'))::uuid;
  v_text text;
begin
  if tg_op = 'DELETE' then
    delete from plinth.key_hashes where key_id = v_id;
    delete from plinth.plain_keys where key_id = v_id;
    delete from plinth.unread_keys where key_id = v_id;
    perform plinth.note_key_event(v_id, 'deleted');
    perform pg_notify('plinth_keys', v_id::text);
    return null;
  end if;
  if tg_op = 'INSERT' or v_new -> (v_columns ->> 'value') is distinct from v_old -> (v_columns ->> 'value') then
    update plinth.plain_keys set is_stored = true where key_id = v_id and not is_stored returning value into v_text;
    if v_text is not null then
      if exists (select from plinth.key_hashes where hash = sha256(convert_to(v_text, 'UTF8'))) then
        perform plinth.refuse('key_taken', 409, 'There is a key of this text already.');
      end if;
      update plinth.key_hashes set revoked_at = plinth.now() where key_id = v_id and revoked_at is null;
      insert into plinth.key_hashes (hash, key_id) values (sha256(convert_to(v_text, 'UTF8')), v_id);
      perform pg_notify('plinth_keys', 'plain');
    end if;
  end if;
  if not (v_new ->> (v_columns ->> 'is_active'))::boolean then
    update plinth.key_hashes set revoked_at = plinth.now() where key_id = v_id and revoked_at is null;
    delete from plinth.unread_keys where key_id = v_id;
  end if;
  perform plinth.note_key_event(v_id, case
    when tg_op = 'INSERT' then 'created'
    when (v_old ->> (v_columns ->> 'is_active'))::boolean and not (v_new ->> (v_columns ->> 'is_active'))::boolean then 'revoked'
    when v_new -> (v_columns ->> 'value') is distinct from v_old -> (v_columns ->> 'value') then 'rotated'
    else 'changed' end);
  perform pg_notify('plinth_keys', v_id::text);
  return null;
end $$;
comment on function plinth.store_key_hash() is
  'Trigger, after insert, update and delete of a table of keys: keeps the hashes in line and lets every node know.';

create function plinth.forget_all_keys() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  delete from plinth.key_hashes;
  perform pg_notify('plinth_keys', '*');
  return null;
end $$;
comment on function plinth.forget_all_keys() is 'Trigger, after truncate of a table of keys. Security definer: as plinth.store_key_hash.';

-- The table that holds the keys --------------------------------------------------------------------------------------

create function plinth.serve_api_keys(p_table regclass, p_columns jsonb) returns void language plpgsql set search_path = '' as $$
declare
  v_map jsonb := '{}';
  v_name text;
  v_column text;
  v_type text;
  v_list text := '';
  v_watched text := '';
  v_optional jsonb := '{"tenant": "null::text", "user_id": "null::uuid", "service": "false", "created_at": "null::timestamptz"}';
begin
  foreach v_name in array array['id', 'name', 'value', 'tenant', 'user_id', 'permissions', 'rate_limit', 'service',
    'is_active', 'expires_at', 'last_used_at', 'created_at']
  loop
    v_column := coalesce(p_columns ->> v_name, v_name);
    select format_type(a.atttypid, null) into v_type from pg_catalog.pg_attribute a
      where a.attrelid = p_table and a.attname = v_column and a.attnum > 0 and not a.attisdropped;
    if found then
      v_map := v_map || jsonb_build_object(v_name, v_column);
      v_list := v_list || format(', k.%I as %I', v_column, v_name);
      if v_name not in ('id', 'last_used_at', 'created_at') then
        v_watched := v_watched || format(', %I', v_column);
      end if;
    elsif v_optional ? v_name and not p_columns ? v_name then
      v_list := v_list || format(', %s as %I', v_optional ->> v_name, v_name);
    else
      raise exception 'plinth.adopt_api_keys: % has no column % for %', p_table, v_column, v_name;
    end if;
    if v_name in ('id', 'user_id') and v_type is not null and v_type <> 'uuid'
      or v_name = 'permissions' and v_type <> 'jsonb' or v_name = 'is_active' and v_type <> 'boolean' then
      raise exception 'plinth.adopt_api_keys: column % of % is of type %', v_column, p_table, v_type;
    end if;
    v_type := null;
  end loop;
  v_list := ltrim(v_list, ', ');
  v_watched := ltrim(v_watched, ', ');
  execute format('create view plinth.keys as select %s from %s k', v_list, p_table);
  execute format('create trigger plinth_check_key before insert or update of %s, %I on %s for each row execute function plinth.check_key_row(%L)',
    v_watched, v_map ->> 'id', p_table, v_map);
  execute format('create trigger plinth_store_key after insert or delete or update of %s on %s for each row execute function plinth.store_key_hash(%L)',
    v_watched, p_table, v_map);
  execute format('create trigger plinth_forget_keys after truncate on %s for each statement execute function plinth.forget_all_keys()', p_table);
  revoke all on plinth.keys from anon, authenticated, service_role;
  execute format('create or replace function plinth.keys_table() returns text language sql immutable set search_path = %L as %L',
    '', format('select %L', p_table::text));
  revoke all on function plinth.keys_table() from public, anon, authenticated, service_role;
end $$;
comment on function plinth.serve_api_keys(regclass, jsonb) is 'Makes a table the one that holds the keys.';

select plinth.serve_api_keys('plinth.api_keys', '{}');

create function plinth.adopt_api_keys(p_table regclass, p_columns jsonb default '{}') returns void language plpgsql set search_path = '' as $$
begin
  drop view plinth.keys;
  drop table plinth.api_keys;
  perform plinth.serve_api_keys(p_table, p_columns);
end $$;
comment on function plinth.adopt_api_keys(regclass, jsonb) is
  'For a system''s migration: its own table holds the keys. The mapping gives the column of each of id, name, value, tenant, '
  'user_id, permissions, rate_limit, service, is_active, expires_at, last_used_at and created_at where it has another name; '
  'tenant, user_id, service and created_at may be missing.';

-- Calls --------------------------------------------------------------------------------------------------------------

create table plinth.key_calls (
  id bigint generated always as identity primary key,
  key_id uuid not null,
  tenant text,
  method text not null,
  path text not null,
  status integer not null,
  milliseconds integer not null,
  address text,
  at timestamptz not null
);
comment on table plinth.key_calls is 'Each call by a key, written a moment later. Kept for some days.';
create index key_calls_key on plinth.key_calls (key_id, at desc);
create index key_calls_at on plinth.key_calls using brin (at);
alter table plinth.key_calls enable row level security;
create view plinth.key_usage as
  select key_id, tenant, method, path, status, milliseconds, address, at from plinth.key_calls;

create function plinth.adopt_api_usage(p_table regclass, p_columns jsonb default '{}') returns void language plpgsql set search_path = '' as $$
declare
  v_list text;
begin
  select string_agg(format('%I as %I', coalesce(p_columns ->> name, name), name), ', ') into v_list
  from unnest(array['key_id', 'tenant', 'method', 'path', 'status', 'milliseconds', 'address', 'at']) name;
  drop view plinth.key_usage;
  drop table plinth.key_calls;
  execute format('create view plinth.key_usage as select %s from %s', v_list, p_table);
  revoke all on plinth.key_usage from anon, authenticated, service_role;
end $$;
comment on function plinth.adopt_api_usage(regclass, jsonb) is
  'For a system''s migration: its own table takes the log of calls. The mapping gives the column of each of key_id, tenant, '
  'method, path, status, milliseconds, address and at where it has another name.';

create table plinth.key_hours (
  key_id uuid not null,
  hour timestamptz not null,
  calls bigint not null,
  limited bigint not null,
  failed bigint not null,
  milliseconds bigint not null,
  primary key (key_id, hour)
);
comment on table plinth.key_hours is 'Calls of each key by hour: those that were let in, those that were over the limit, those of the first that failed.';
alter table plinth.key_hours enable row level security;

create table plinth.key_days (
  key_id uuid not null,
  day date not null,
  calls bigint not null,
  limited bigint not null,
  failed bigint not null,
  milliseconds bigint not null,
  primary key (key_id, day)
);
comment on table plinth.key_days is 'As key_hours, by day in UTC.';
alter table plinth.key_days enable row level security;

revoke all on plinth.key_usage from anon, authenticated, service_role;
revoke all on function plinth.note_key_event(uuid, text), plinth.check_key_row(), plinth.store_key_hash(), plinth.forget_all_keys(),
  plinth.serve_api_keys(regclass, jsonb), plinth.adopt_api_keys(regclass, jsonb), plinth.adopt_api_usage(regclass, jsonb)
  from public, anon, authenticated, service_role;
