-- Types that a cast in a request may name: PostgreSQL's own, and those of the exposed and extra schemas ($1).
select n.nspname = 'pg_catalog' as own, t.typname as name, pg_catalog.format_type(t.oid, null) as type
from pg_catalog.pg_type t
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
where t.typtype in ('b', 'd', 'e', 'r', 'm')
  and t.typelem = 0
  and t.typname !~ '^(pg_|_)'
  and (n.nspname = 'pg_catalog' or n.nspname = any ($1))
order by own, array_position($1, n.nspname::text) desc
