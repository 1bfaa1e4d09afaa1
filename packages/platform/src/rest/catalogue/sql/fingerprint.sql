-- One text that differs after any DDL that the catalogue would show: versions of the rows of PostgreSQL's own
-- catalogue, outside its own schemas.
select pg_catalog.md5(coalesce(pg_catalog.string_agg(part, ',' order by part), '')) as fingerprint
from (
  select 'c' || c.oid || '.' || c.xmin as part from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^(pg_|information_schema)' and c.relkind in ('r', 'p', 'v', 'm', 'f')
  union all
  select 'a' || a.attrelid || '.' || pg_catalog.sum(a.xmin::text::bigint * a.attnum) from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^(pg_|information_schema)' and c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0
    group by a.attrelid
  union all
  select 'k' || con.oid || '.' || con.xmin from pg_catalog.pg_constraint con
    join pg_catalog.pg_namespace n on n.oid = con.connamespace
    where n.nspname !~ '^(pg_|information_schema)'
  union all
  select 'p' || p.oid || '.' || p.xmin from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname !~ '^(pg_|information_schema)'
  union all
  select 't' || t.oid || '.' || t.xmin from pg_catalog.pg_type t
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    where n.nspname !~ '^(pg_|information_schema)'
  union all
  select 'd' || d.oid || '.' || d.xmin from pg_catalog.pg_attrdef d
) parts
