-- Everything that realtime has to know of a table to check its policies and to show its rows, as one JSON value.
-- $1 schema, $2 table. No row when there is no such table. Run with an empty search path, so that the expressions
-- of policies name every object in full.
select jsonb_build_object(
  'oid', c.oid::bigint,
  'schema', n.nspname,
  'table', c.relname,
  'state', (select s.state from realtime.table_states(array[c.oid]) s),
  'rowSecurity', c.relrowsecurity,
  'unbound', (
    select coalesce(jsonb_agg(r.rolname), '[]') from pg_roles r
    where r.rolname in ('anon', 'authenticated', 'service_role')
      and (r.rolbypassrls or r.rolsuper or (not c.relforcerowsecurity and pg_has_role(r.oid, c.relowner, 'usage')))),
  'fullImages', c.relreplident = 'f',
  -- A condition on its rows would have to be checked for every change: such a table is not followed.
  'announced', announced.attnames is not null and announced.rowfilter is null,
  'published', announced.attnames is not null and announced.rowfilter is null
    and (not exists (select from pg_publication where pubname = 'plinth_tail') or exists (
      select from pg_publication_tables t
      where t.pubname = 'plinth_tail' and t.schemaname = n.nspname and t.tablename = c.relname)),
  'columns', (
    select jsonb_agg(jsonb_build_object(
      'name', a.attname,
      'type', t.typname,
      'declared', format_type(a.atttypid, a.atttypmod),
      'base', coalesce(nullif(t.typbasetype, 0), t.oid)::bigint,
      'element', case when b.typcategory = 'A' then coalesce(nullif(e.typbasetype, 0), e.oid) else 0 end::bigint,
      'kind', t.typtype,
      'deterministic', coalesce(l.collisdeterministic, true),
      'generated', a.attgenerated <> '',
      'isKey', coalesce(a.attnum = any (i.indkey), false),
      'readers', (
        select coalesce(jsonb_agg(r.name), '[]') from unnest(array['anon', 'authenticated', 'service_role']) r(name)
        where coalesce(a.attname = any (announced.attnames) or a.attgenerated <> '', true)
          and has_column_privilege(r.name, c.oid, a.attnum, 'select')
          and has_schema_privilege(r.name, n.oid, 'usage'))
    ) order by a.attnum)
    from pg_attribute a
    join pg_type t on t.oid = a.atttypid
    join pg_type b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
    left join pg_type e on e.oid = b.typelem
    left join pg_collation l on l.oid = a.attcollation
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  'policies', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'name', p.polname,
      'command', p.polcmd,
      'permissive', p.polpermissive,
      'using', pg_get_expr(p.polqual, p.polrelid),
      'check', pg_get_expr(p.polwithcheck, p.polrelid),
      -- A policy that takes the row as a whole depends on every column.
      'wholeRow', coalesce(p.polqual::text, '') || coalesce(p.polwithcheck::text, '') ~ ':varattno 0 ',
      'columns', (
        select coalesce(jsonb_agg(distinct a.attname), '[]') from pg_depend d
        join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
        where d.classid = 'pg_policy'::regclass and d.objid = p.oid
          and d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.refobjsubid > 0),
      'roles', (
        select jsonb_agg(r.name) from unnest(array['anon', 'authenticated', 'service_role']) r(name)
        where 0 = any (p.polroles)
          or exists (select from unnest(p.polroles) m(oid) where pg_has_role(r.name, m.oid, 'usage')))
    ) order by p.polname), '[]')
    from pg_policy p where p.polrelid = c.oid)
) as description
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_publication_tables announced
  on announced.pubname = 'supabase_realtime' and announced.schemaname = n.nspname and announced.tablename = c.relname
left join pg_index i on i.indrelid = c.oid and i.indisprimary
where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')
