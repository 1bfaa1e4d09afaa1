-- Every table of one schema with what is needed to make a row of it and to name its rows.
select
  c.relname as name,
  (
    select coalesce(jsonb_agg(jsonb_build_object(
      'name', a.attname,
      'type', format_type(a.atttypid, a.atttypmod),
      'category', t.typcategory,
      'labels', (select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = a.atttypid),
      'needed', a.attnotnull and not a.atthasdef and a.attidentity = '',
      'nullable', not a.attnotnull,
      'generated', a.attgenerated <> '' or a.attidentity <> '',
      'caller', coalesce(pg_get_expr(d.adbin, d.adrelid) like '%auth.uid()%', false),
      'unique', exists (select from pg_index i where i.indrelid = c.oid and i.indisunique and a.attnum = any (i.indkey))
    ) order by a.attnum), '[]')
    from pg_attribute a
    join pg_type t on t.oid = a.atttypid
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  ) as columns,
  (
    select coalesce(jsonb_agg(a.attname order by array_position(k.conkey, a.attnum)), '[]')
    from pg_constraint k join pg_attribute a on a.attrelid = c.oid and a.attnum = any (k.conkey)
    where k.conrelid = c.oid and k.contype = 'p'
  ) as key,
  (
    select coalesce(jsonb_agg(jsonb_build_object(
      'columns', (
        select jsonb_agg(a.attname order by u.ord) from unnest(k.conkey) with ordinality u (num, ord)
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.num
      ),
      'schema', n.nspname,
      'table', f.relname,
      'targets', (
        select jsonb_agg(a.attname order by u.ord) from unnest(k.confkey) with ordinality u (num, ord)
        join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.num
      )
    ) order by k.conname), '[]')
    from pg_constraint k join pg_class f on f.oid = k.confrelid join pg_namespace n on n.oid = f.relnamespace
    where k.conrelid = c.oid and k.contype = 'f'
  ) as foreign_keys
from pg_class c
where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
order by c.relname
