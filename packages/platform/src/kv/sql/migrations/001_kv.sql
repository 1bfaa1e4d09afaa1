-- Small facts under a name: settings, counters, marks. Each belongs to the project, to a tenant or to a user.

create sequence plinth.kv_versions;
comment on sequence plinth.kv_versions is 'Versions of entries: no number comes twice, also not for a key that was deleted and set again.';

create table plinth.kv (
  scope text collate "C" not null check (scope = 'project' or scope ~ '^(tenant|user)/.'),
  key text collate "C" not null check (octet_length(key) between 1 and 512),
  value jsonb not null check (octet_length(value::text) <= 1048576),
  version bigint not null default nextval('plinth.kv_versions'),
  expires_at timestamptz,
  updated_at timestamptz not null default plinth.now(),
  primary key (scope, key)
);
comment on table plinth.kv is 'Values by scope and key. One whose expires_at has passed is not there any more for anybody.';
comment on column plinth.kv.scope is 'project, tenant/<key> or user/<id>.';
create index kv_expired on plinth.kv (expires_at) where expires_at is not null;

-- Who may what -----------------------------------------------------------------------------------------------------

create function plinth.may_use_kv(p_tenant text, p_write boolean) returns boolean language sql stable set search_path = '' as $$
  select coalesce(
    auth.jwt() -> 'key' ->> 'tenant' = p_tenant
      and auth.jwt() -> 'key' -> 'permissions' ? case when p_write then 'kv:write' else 'kv:read' end,
    false)
$$;
comment on function plinth.may_use_kv(text, boolean) is
  'Whether the caller may read or write the entries of a tenant. As it stands, API keys of the tenant that carry kv:read or '
  'kv:write; a system replaces it in its migration to let its members in.';

alter table plinth.kv enable row level security;
create policy "own entries" on plinth.kv to authenticated
  using (scope = 'user/' || (select auth.uid())::text) with check (scope = 'user/' || (select auth.uid())::text);
create policy "read entries of a tenant" on plinth.kv for select to authenticated
  using (starts_with(scope, 'tenant/') and plinth.may_use_kv(substr(scope, 8), false));
create policy "add entries of a tenant" on plinth.kv for insert to authenticated
  with check (starts_with(scope, 'tenant/') and plinth.may_use_kv(substr(scope, 8), true));
create policy "change entries of a tenant" on plinth.kv for update to authenticated
  using (starts_with(scope, 'tenant/') and plinth.may_use_kv(substr(scope, 8), true))
  with check (starts_with(scope, 'tenant/') and plinth.may_use_kv(substr(scope, 8), true));
create policy "remove entries of a tenant" on plinth.kv for delete to authenticated
  using (starts_with(scope, 'tenant/') and plinth.may_use_kv(substr(scope, 8), true));
grant select, insert, update, delete on plinth.kv to authenticated, service_role;
grant usage on sequence plinth.kv_versions to authenticated, service_role;

create function plinth.most_kv_keys(p_scope text) returns integer language sql immutable set search_path = '' as $$
  select case when starts_with(p_scope, 'user/') then 1000 when starts_with(p_scope, 'tenant/') then 10000 end
$$;
comment on function plinth.most_kv_keys(text) is
  'How many entries a scope may have, null for as many as there are. A system may replace it in its migration.';

-- security definer: policies would count what the caller sees, and the owner counts what is there.
create function plinth.limit_kv() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_scope text;
  v_most integer;
begin
  for v_scope, v_most in
    select a.scope, plinth.most_kv_keys(a.scope) from (select distinct scope from added) a
  loop
    if v_most is not null and (select count(*) from (select from plinth.kv where scope = v_scope limit v_most + 1) k) > v_most then
      perform plinth.refuse('kv_full', 409, format('There may be %s entries at most.', v_most), jsonb_build_object('limit', v_most),
        'Delete what is no longer needed.');
    end if;
  end loop;
  return null;
end $$;
comment on function plinth.limit_kv() is 'Trigger, after insert: keeps a user and a tenant from filling the disk.';
create trigger limit_kv after insert on plinth.kv referencing new table as added
  for each statement execute function plinth.limit_kv();

-- Operations ---------------------------------------------------------------------------------------------------------

create function plinth.kv_get(p_key text, p_scope text default 'project') returns jsonb language sql stable set search_path = '' as $$
  select value from plinth.kv where scope = p_scope and key = p_key and (expires_at is null or expires_at > plinth.now())
$$;
comment on function plinth.kv_get(text, text) is 'The value; null when there is none.';

create function plinth.kv_mget(p_keys text[], p_scope text default 'project') returns jsonb[] language sql stable set search_path = '' as $$
  select coalesce(array_agg(k.value order by w.place), '{}')
  from unnest(p_keys) with ordinality w (key, place)
  left join plinth.kv k on k.scope = p_scope and k.key = w.key and (k.expires_at is null or k.expires_at > plinth.now())
$$;
comment on function plinth.kv_mget(text[], text) is 'The values in the order of the keys, null where there is none.';

create function plinth.kv_prefix(p_prefix text, p_scope text default 'project') returns table (key text, value jsonb)
language sql stable set search_path = '' as $$
  select k.key, k.value from plinth.kv k
  where k.scope = p_scope and starts_with(k.key, p_prefix) and (k.expires_at is null or k.expires_at > plinth.now())
  order by k.key
$$;
comment on function plinth.kv_prefix(text, text) is 'Every entry whose key begins with exactly this text: "_" and "%" mean themselves.';

create function plinth.kv_mset(p_entries jsonb, p_ttl interval default null, p_scope text default 'project') returns bigint
language sql set search_path = '' as $$
  with stored as (
    insert into plinth.kv as k (scope, key, value, expires_at)
    select p_scope, e.key, e.value, plinth.now() + p_ttl from jsonb_each(p_entries) e order by e.key collate "C"
    on conflict (scope, key) do update set value = excluded.value, version = excluded.version,
      expires_at = excluded.expires_at, updated_at = excluded.updated_at
    returning k.version
  )
  select max(version) from stored
$$;
comment on function plinth.kv_mset(jsonb, interval, text) is
  'Stores the values of an object under its keys, all or none, in one order, so that two of these never wait for each other.';

create function plinth.kv_set(p_key text, p_value jsonb, p_ttl interval default null, p_scope text default 'project') returns bigint
language sql set search_path = '' as $$
  insert into plinth.kv as k (scope, key, value, expires_at) values (p_scope, p_key, p_value, plinth.now() + p_ttl)
  on conflict (scope, key) do update set value = excluded.value, version = excluded.version,
    expires_at = excluded.expires_at, updated_at = excluded.updated_at
  returning k.version
$$;
comment on function plinth.kv_set(text, jsonb, interval, text) is 'Stores a value, for so long where a time is given, and gives its version.';

create function plinth.kv_delete(p_keys text[], p_scope text default 'project') returns bigint language sql set search_path = '' as $$
  with doomed as (
    select k.key from plinth.kv k where k.scope = p_scope and k.key = any (p_keys) order by k.key for update
  ),
  gone as (
    delete from plinth.kv k using doomed where k.scope = p_scope and k.key = doomed.key
    returning k.expires_at is null or k.expires_at > plinth.now() as was_there
  )
  select count(*) filter (where was_there) from gone
$$;
comment on function plinth.kv_delete(text[], text) is 'Removes entries and gives how many there were.';

create function plinth.kv_compare_and_set(p_key text, p_version bigint, p_value jsonb, p_ttl interval default null, p_scope text default 'project')
returns bigint language plpgsql set search_path = '' as $$
declare
  v_version bigint;
begin
  if p_version = 0 then
    insert into plinth.kv as k (scope, key, value, expires_at) values (p_scope, p_key, p_value, plinth.now() + p_ttl)
    on conflict (scope, key) do update set value = excluded.value, version = excluded.version,
      expires_at = excluded.expires_at, updated_at = excluded.updated_at
      where k.expires_at <= plinth.now()
    returning k.version into v_version;
  else
    update plinth.kv set value = p_value, version = nextval('plinth.kv_versions'), expires_at = plinth.now() + p_ttl,
      updated_at = plinth.now()
    where scope = p_scope and key = p_key and version = p_version and (expires_at is null or expires_at > plinth.now())
    returning version into v_version;
  end if;
  return v_version;
end $$;
comment on function plinth.kv_compare_and_set(text, bigint, jsonb, interval, text) is
  'Stores a value if the entry still has this version (0: if there is none), and gives the new version; null when it has not.';

create function plinth.kv_increment(p_key text, p_by numeric default 1, p_ttl interval default null, p_scope text default 'project')
returns numeric language plpgsql set search_path = '' as $$
declare
  v_value jsonb;
begin
  insert into plinth.kv as k (scope, key, value, expires_at) values (p_scope, p_key, to_jsonb(p_by), plinth.now() + p_ttl)
  on conflict (scope, key) do update set
    value = case
      when k.expires_at <= plinth.now() then excluded.value
      when jsonb_typeof(k.value) = 'number' then to_jsonb((k.value #>> '{}')::numeric + p_by)
    end,
    version = excluded.version, updated_at = excluded.updated_at,
    expires_at = case when k.expires_at <= plinth.now() or p_ttl is not null then excluded.expires_at else k.expires_at end
  returning k.value into v_value;
  return (v_value #>> '{}')::numeric;
exception
  -- Only the value can be null here: the case has no branch for what is no number.
  when not_null_violation then
    perform plinth.refuse('kv_not_a_number', 409, 'The value is not a number.', p_hint => 'Nothing was changed.');
    return null;
end $$;
comment on function plinth.kv_increment(text, numeric, interval, text) is
  'Adds to a number, which is 0 where there is none, in one step, and gives the sum. A time that is given begins anew; without '
  'one, the entry ends when it would have. Raises kv_not_a_number (PT409).';

do $$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid from pg_catalog.pg_proc p where p.pronamespace = 'plinth'::regnamespace and p.proname in
      ('kv_get', 'kv_mget', 'kv_prefix', 'kv_mset', 'kv_set', 'kv_delete', 'kv_compare_and_set', 'kv_increment', 'may_use_kv')
  loop
    execute format('revoke all on function %s from public', v_function);
    execute format('grant execute on function %s to authenticated, service_role', v_function);
  end loop;
end $$;
revoke all on function plinth.limit_kv(), plinth.most_kv_keys(text) from public, anon, authenticated, service_role;
