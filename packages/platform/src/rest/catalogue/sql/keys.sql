-- Primary, unique and foreign keys. Copies on partitions are left out: their parent has the key.
select con.conname as name,
  con.conrelid as relation,
  con.contype as kind,
  con.conkey::int[] as columns,
  con.confrelid as target,
  con.confkey::int[] as "targetColumns"
from pg_catalog.pg_constraint con
join pg_catalog.pg_namespace n on n.oid = con.connamespace
where con.contype in ('p', 'u', 'f')
  and con.conparentid = 0
  and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
order by con.conrelid, con.conname
