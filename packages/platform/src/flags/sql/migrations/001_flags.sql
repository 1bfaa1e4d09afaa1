-- Switches of a project: on or off for everybody, for a part of the tenants or users, for one tenant, for one user.

create table plinth.flags (
  name text primary key check (name ~ '^[A-Za-z][A-Za-z0-9_.-]{0,99}$'),
  description text not null default '',
  enabled boolean not null default false,
  percentage numeric(5, 2) not null default 100 check (percentage between 0 and 100),
  rolled_out_by text not null default 'user' check (rolled_out_by in ('tenant', 'user')),
  is_public boolean not null default true,
  updated_at timestamptz not null default plinth.now()
);
comment on table plinth.flags is 'The switches of the project, as declared and as set since.';
comment on column plinth.flags.percentage is 'Of the tenants or users that have it while it is enabled: the same ones always, and more of them when it grows.';
comment on column plinth.flags.is_public is 'Whether /flags/v1 tells it to whoever asks.';
alter table plinth.flags enable row level security;

create table plinth.tenant_flags (
  tenant text not null,
  flag text not null,
  enabled boolean not null,
  primary key (tenant, flag)
);
comment on table plinth.tenant_flags is 'What is set for one tenant, where the system has no table of its own for it; see plinth.adopt_tenant_flags.';
alter table plinth.tenant_flags enable row level security;

create table plinth.user_flags (
  user_id text not null,
  flag text not null,
  enabled boolean not null,
  primary key (user_id, flag)
);
comment on table plinth.user_flags is 'What is set for one user.';
alter table plinth.user_flags enable row level security;

create table plinth.flag_changes (
  id bigint generated always as identity primary key,
  flag text not null,
  target text not null,
  before jsonb,
  after jsonb,
  by_role text not null,
  by_user text,
  at timestamptz not null default plinth.now()
);
comment on table plinth.flag_changes is 'Who switched what, for whom, from what to what. target: project, kv, tenant/<key> or user/<id>.';
create index flag_changes_flag on plinth.flag_changes (flag, id);
alter table plinth.flag_changes enable row level security;

-- Noting changes -------------------------------------------------------------------------------------------------------

-- security definer: whoever may switch does not write what is noted of it.
create function plinth.note_flag_change() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_old jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  v_new jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  v_row jsonb := coalesce(v_new, v_old);
  v_target text := case tg_argv[0] when 'project' then 'project' else tg_argv[0] || '/' || (v_row ->> tg_argv[2]) end;
begin
  v_old := v_old - 'updated_at';
  v_new := v_new - 'updated_at';
  if v_old is distinct from v_new then
    insert into plinth.flag_changes (flag, target, before, after, by_role, by_user)
    values (v_row ->> tg_argv[1], v_target,
      case when tg_argv[0] = 'project' then v_old else v_old -> tg_argv[3] end,
      case when tg_argv[0] = 'project' then v_new else v_new -> tg_argv[3] end,
      coalesce(auth.jwt() ->> 'role', 'owner'), auth.jwt() ->> 'sub');
    perform pg_notify('plinth_flags', '');
  end if;
  return null;
end $$;
comment on function plinth.note_flag_change() is
  'Trigger, after every change: notes who switched what and lets every node know. Arguments: whom the row is for, and its columns of '
  'flag, target and value.';

create function plinth.forget_flags() returns trigger language plpgsql set search_path = '' as $$
begin
  perform pg_notify('plinth_flags', '');
  return null;
end $$;
comment on function plinth.forget_flags() is 'Trigger, after truncate: lets every node know.';

create trigger plinth_note_flag after insert or update or delete on plinth.flags
  for each row execute function plinth.note_flag_change('project', 'name');
create trigger plinth_note_flag after insert or update or delete on plinth.user_flags
  for each row execute function plinth.note_flag_change('user', 'flag', 'user_id', 'enabled');

-- Where the values of tenants and of the project come from --------------------------------------------------------------

create function plinth.serve_tenant_flags(p_table regclass, p_tenant text, p_flag text, p_enabled text) returns void
language plpgsql set search_path = '' as $$
declare
  v_type text;
begin
  select format_type(a.atttypid, null) into strict v_type from pg_catalog.pg_attribute a
    where a.attrelid = p_table and a.attname = p_tenant and not a.attisdropped;
  execute format('create view plinth.flags_of_tenants as select %I as tenant, %I as flag, %I as enabled from %s', p_tenant, p_flag, p_enabled, p_table);
  revoke all on plinth.flags_of_tenants from anon, authenticated, service_role;
  -- The tenant is compared in its own type, so that the table's index is used.
  execute format($sql$
    create or replace function plinth.flag_of_tenant(p_tenant text, p_flag text) returns boolean language plpgsql stable security definer
    set search_path = '' as $body$
    begin
      return (select t.%I from %s t where t.%I = p_tenant::%s and t.%I = p_flag limit 1);
    exception when invalid_text_representation then
      return null;
    end $body$
    $sql$, p_enabled, p_table, p_tenant, v_type, p_flag);
  revoke all on function plinth.flag_of_tenant(text, text) from public, anon, authenticated, service_role;
  execute format('create trigger plinth_note_flag after insert or update or delete on %s for each row execute function plinth.note_flag_change(%L, %L, %L, %L)',
    p_table, 'tenant', p_flag, p_tenant, p_enabled);
  execute format('create trigger plinth_forget_flags after truncate on %s for each statement execute function plinth.forget_flags()', p_table);
end $$;
comment on function plinth.serve_tenant_flags(regclass, text, text, text) is 'Makes a table the one that holds what is set for tenants.';
select plinth.serve_tenant_flags('plinth.tenant_flags', 'tenant', 'flag', 'enabled');

create function plinth.adopt_tenant_flags(p_table regclass, p_tenant text, p_flag text, p_enabled text) returns void
language plpgsql set search_path = '' as $$
begin
  drop view plinth.flags_of_tenants;
  drop table plinth.tenant_flags;
  perform plinth.serve_tenant_flags(p_table, p_tenant, p_flag, p_enabled);
end $$;
comment on function plinth.adopt_tenant_flags(regclass, text, text, text) is
  'For a system''s migration: its own table holds what is set for tenants, in these columns of tenant, flag and value; the first two '
  'are unique together.';

create function plinth.flag_of_kv(p_flag text) returns boolean language sql stable set search_path = '' as $$ select null::boolean $$;
comment on function plinth.flag_of_kv(text) is 'What the entry of the key-value store says that a system names with plinth.adopt_kv_flags; null without one.';

create function plinth.note_kv_flags() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_old jsonb := case when tg_op <> 'INSERT' then old.value end;
  v_new jsonb := case when tg_op <> 'DELETE' then new.value end;
begin
  insert into plinth.flag_changes (flag, target, before, after, by_role, by_user)
  select coalesce(o.key, n.key), 'kv', o.value, n.value, coalesce(auth.jwt() ->> 'role', 'owner'), auth.jwt() ->> 'sub'
  from jsonb_each(case jsonb_typeof(v_old) when 'object' then v_old else '{}' end) o (key, value)
  full join jsonb_each(case jsonb_typeof(v_new) when 'object' then v_new else '{}' end) n (key, value) on n.key = o.key
  where o.value is distinct from n.value;
  perform pg_notify('plinth_flags', '');
  return null;
end $$;
comment on function plinth.note_kv_flags() is 'Trigger on the entry that holds flags. Security definer: as plinth.note_flag_change.';

create function plinth.adopt_kv_flags(p_key text) returns void language plpgsql set search_path = '' as $$
begin
  execute format($sql$
    create or replace function plinth.flag_of_kv(p_flag text) returns boolean language sql stable security definer set search_path = '' as $body$
      select case when jsonb_typeof(value -> p_flag) = 'boolean' then (value ->> p_flag)::boolean end
      from plinth.kv where scope = 'project' and key = %L and (expires_at is null or expires_at > plinth.now())
    $body$
    $sql$, p_key);
  revoke all on function plinth.flag_of_kv(text) from public, anon, authenticated, service_role;
  execute format('create trigger plinth_note_flags after insert on plinth.kv for each row when (new.scope = %L and new.key = %L) execute function plinth.note_kv_flags()', 'project', p_key);
  execute format('create trigger plinth_note_flags_changed after update on plinth.kv for each row when (new.scope = %L and new.key = %L) execute function plinth.note_kv_flags()', 'project', p_key);
  execute format('create trigger plinth_note_flags_gone after delete on plinth.kv for each row when (old.scope = %L and old.key = %L) execute function plinth.note_kv_flags()', 'project', p_key);
end $$;
comment on function plinth.adopt_kv_flags(text) is
  'For a system''s migration, beside kv(): this entry of the project, an object of true and false by flag, holds the project''s values.';

-- Asking ---------------------------------------------------------------------------------------------------------------

create function plinth.flag_bucket(p_flag text, p_subject text) returns numeric language sql immutable set search_path = '' as $$
  select (('x' || left(encode(sha256(convert_to(p_flag || ':' || p_subject, 'UTF8')), 'hex'), 8))::bit(32)::bigint % 10000) / 100.0
$$;
comment on function plinth.flag_bucket(text, text) is
  'A number from 0 to 99.99, the same always for a flag and a tenant or user, and independent from flag to flag.';

-- security definer: everybody may ask, and nobody reads the tables.
create function plinth.flag(p_flag text, p_tenant text default null, p_user text default null) returns boolean
language sql stable security definer set search_path = '' as $$
  select coalesce(
    (select u.enabled from plinth.user_flags u where u.user_id = coalesce(p_user, auth.jwt() ->> 'sub') and u.flag = p_flag),
    case when p_tenant is not null then plinth.flag_of_tenant(p_tenant, p_flag) end,
    plinth.flag_of_kv(p_flag),
    (select f.enabled and (f.percentage = 100 or coalesce(
        plinth.flag_bucket(f.name, case f.rolled_out_by when 'tenant' then p_tenant else coalesce(p_user, auth.jwt() ->> 'sub') end)
          < f.percentage, false))
      from plinth.flags f where f.name = p_flag),
    false)
$$;
comment on function plinth.flag(text, text, text) is
  'Whether a flag is on for a tenant and a user (default: the caller): as set for the user, else for the tenant, else as the '
  'key-value store says, else as the project''s switch and its percentage say. False for a flag that is not there.';

revoke all on function plinth.note_flag_change(), plinth.forget_flags(), plinth.note_kv_flags(), plinth.flag_of_kv(text),
  plinth.serve_tenant_flags(regclass, text, text, text), plinth.adopt_tenant_flags(regclass, text, text, text),
  plinth.adopt_kv_flags(text), plinth.flag_bucket(text, text), plinth.flag(text, text, text)
  from public, anon, authenticated, service_role;
grant execute on function plinth.flag(text, text, text) to anon, authenticated, service_role;
