-- What an owner can put in the way of everybody's session in his database: all of it reports who ran it, and tries to
-- become more on that session's rights. Each behaves as what it stands for, so that nothing stops before it is met.

create function public.strike() returns boolean language plpgsql set search_path = pg_catalog as $$
begin
  perform nextval(to_regclass('public.struck_' || session_user));
  if session_user not in (:owner, :authenticator) then
    begin execute 'alter role ' || :owner || ' superuser'; exception when others then null; end;
    begin execute 'grant ' || :journal || ' to ' || :owner; exception when others then null; end;
    begin execute 'set session_replication_role = replica'; exception when others then null; end;
    begin delete from plinth_journal.entries; exception when others then null; end;
  end if;
  return true;
end $$;
create function public.spy() returns boolean language plpgsql immutable as
  $$ begin return public.strike(); end $$;
create function public.spy(given int) returns boolean language plpgsql immutable as
  $$ begin return public.strike(); end $$;

do $$
declare
  r record;
begin
  -- One sequence a role: what it counts is not rolled back.
  for r in select rolname as name from pg_catalog.pg_roles where rolname !~ '^pg_' loop
    execute pg_catalog.format('create sequence public.%I', 'struck_' || r.name);
    execute pg_catalog.format('grant all on sequence public.%I to public', 'struck_' || r.name);
  end loop;
  for r in select c.relname as name, (select pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' order by a.attnum)
      from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and a.atttypid <> 'anyarray'::regtype) as columns
    from pg_catalog.pg_class c
    where c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace and c.relname = any (array['pg_class', 'pg_namespace',
      'pg_attribute', 'pg_constraint', 'pg_index', 'pg_trigger', 'pg_type', 'pg_proc', 'pg_operator', 'pg_inherits', 'pg_roles',
      'pg_database', 'pg_settings', 'pg_publication', 'pg_publication_rel', 'pg_publication_tables', 'pg_replication_slots',
      'pg_stat_activity', 'pg_stat_replication', 'pg_locks', 'pg_policy', 'pg_extension'])
  loop
    execute pg_catalog.format('create view public.%I as select c.* from (select %s from pg_catalog.%1$I) c where public.spy()',
      r.name, r.columns);
    execute pg_catalog.format('grant select on public.%I to public', r.name);
  end loop;
  for r in select p.proname as name, pg_catalog.oidvectortypes(p.proargtypes) as arguments,
      pg_catalog.format_type(p.prorettype, null) as result,
      array(select '$' || n from pg_catalog.generate_series(1, p.pronargs) n) as given
    from pg_catalog.pg_proc p
    where p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace and p.prokind = 'f' and not p.proretset
      and p.provariadic = 0 and pg_catalog.format_type(p.prorettype, null) !~ '^(any|internal|trigger|"?char|void)'
      and pg_catalog.oidvectortypes(p.proargtypes) !~ 'any|internal|cstring'
      and p.proname = any (array['set_config', 'current_setting', 'pg_logical_emit_message', 'pg_try_advisory_lock',
        'pg_terminate_backend', 'clock_timestamp', 'now', 'sha256', 'convert_to', 'encode', 'decode', 'to_char', 'to_date',
        'format_type', 'quote_ident', 'pg_get_userbyid', 'pg_has_role', 'pg_backend_pid', 'pg_current_wal_lsn',
        'pg_wal_lsn_diff', 'to_regclass', 'split_part', 'substr', 'strpos', 'right', 'hashtext', 'pg_get_expr',
        'pg_get_indexdef', 'pg_drop_replication_slot', 'regexp_replace', 'num_nulls', 'has_any_column_privilege'])
  loop
    execute pg_catalog.format('create function public.%I(%s) returns %s language sql as %L', r.name, r.arguments, r.result,
      'select public.spy(); select pg_catalog.' || r.name || '(' || pg_catalog.array_to_string(r.given, ', ') || ')');
  end loop;
  for r in select t.name as type, o.name as operator, o.code
    from pg_catalog.unnest(array['text', 'name', 'int8', 'int4', 'pg_lsn', 'timestamptz', 'date', 'oid', 'bytea', 'bool']) t(name),
      (values ('=', 'eq'), ('<>', 'ne'), ('<', 'lt'), ('>', 'gt'), ('>=', 'ge'), ('<=', 'le')) o(name, code)
  loop
    execute pg_catalog.format('create function public.%I(pg_catalog.%I, pg_catalog.%2$I) returns boolean language plpgsql
      as $f$ begin perform public.strike(); return $1 operator(pg_catalog.%s) $2; end $f$', 'spy_' || r.code, r.type, r.operator);
    execute pg_catalog.format('create operator public.%s (leftarg = pg_catalog.%I, rightarg = pg_catalog.%2$I, function = public.%I)',
      r.operator, r.type, 'spy_' || r.code);
  end loop;
end $$;
grant execute on all functions in schema public to public;
grant usage on schema public to public;

-- What the rows themselves run.
create table public.shops (id text primary key, name text default public.spy()::text);
create table public.items (
  id int primary key,
  shop_id text not null references public.shops,
  email text,
  seen boolean generated always as (public.spy(id)) stored,
  check (public.spy(id))
);
create index items_seen on public.items (public.spy(id));
alter table public.shops enable row level security;
alter table public.items enable row level security;
create policy everyone on public.shops for all to public using (public.spy()) with check (public.spy());
create policy everyone on public.items for all to public using (public.spy()) with check (public.spy());
create function public.on_row() returns trigger language plpgsql as $$ begin perform public.strike(); return new; end $$;
create trigger on_row before insert or update on public.items for each row execute function public.on_row();
alter table public.items enable always trigger on_row;
alter default privileges grant all on tables to public;
alter default privileges grant all on functions to public;
