-- What the caller may do with the tables and functions of one schema ($1).
select 'relation' as kind, c.relname as name,
  has_any_column_privilege(c.oid, 'select') as selects,
  has_any_column_privilege(c.oid, 'insert') as inserts,
  has_any_column_privilege(c.oid, 'update') as updates,
  has_table_privilege(c.oid, 'delete') as deletes
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f')
union all
select 'function', p.proname, has_function_privilege(p.oid, 'execute'), false, false, false
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname = $1
