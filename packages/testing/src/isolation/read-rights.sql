-- What the catalogue lets each role of a request do: tables and views of `public` with their policies, and every
-- function that can be called by name. Functions of extensions and of the platform are not the system's.
with roles as (
  select role, ord from unnest(array['anon', 'authenticated', 'service_role']) with ordinality r (role, ord)
),
relations as (
  select c.oid, c.relname, c.relkind, c.relrowsecurity,
    coalesce((select option_value::boolean from pg_options_to_table(c.reloptions) where option_name = 'security_invoker'), false) as invoker
  from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
),
rights as (
  select r.oid, roles.role, roles.ord,
    array(
      select p.name || case when has_table_privilege(roles.role, r.oid, p.name) then '' else ' (' || c.columns || ')' end
      from unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger'])
        with ordinality p (name, ord)
      left join lateral (
        select string_agg(a.attname, ', ' order by a.attnum) as columns from pg_attribute a
        where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
          and p.name in ('select', 'insert', 'update', 'references')
          and has_column_privilege(roles.role, r.oid, a.attnum, p.name)
      ) c on true
      where has_table_privilege(roles.role, r.oid, p.name) or c.columns is not null
      order by p.ord
    ) as held
  from relations r cross join roles
)
select r.relname::text as name,
  case r.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' else 'table' end as kind,
  case when r.relkind in ('r', 'p') then r.relrowsecurity else r.invoker end as guarded,
  array(
    select format('%s: %s%s to %s%s%s', p.policyname, lower(p.cmd),
      case p.permissive when 'RESTRICTIVE' then ' (restrictive)' else '' end, array_to_string(p.roles, ', '),
      case p.qual when 'true' then ', ANY ROW' else '' end, case p.with_check when 'true' then ', ANY NEW ROW' else '' end)
    from pg_policies p where p.schemaname = 'public' and p.tablename = r.relname order by p.policyname
  ) as policies,
  (select jsonb_object_agg(x.role, to_jsonb(x.held)) from rights x where x.oid = r.oid) as rights
from relations r
union all
select format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), 'function', not p.prosecdef, '{}',
  (
    select jsonb_object_agg(roles.role, case
      when has_schema_privilege(roles.role, n.oid, 'usage') and has_function_privilege(roles.role, p.oid, 'execute')
      then '["execute"]'::jsonb else '[]' end)
    from roles
  )
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname !~ '^pg_' and n.nspname <> all (array['information_schema', 'auth', 'plinth', 'realtime', 'storage', 'extensions'])
  and p.prorettype <> 'trigger'::regtype
  and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by kind desc, name
