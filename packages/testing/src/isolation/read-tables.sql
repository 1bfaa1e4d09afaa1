-- Every table of one schema with what is needed to make a row of it and to judge its policies.
select
  c.relname as name,
  c.relrowsecurity as has_row_security,
  (select count(*)::int from pg_policy p where p.polrelid = c.oid) as policies,
  (
    select coalesce(jsonb_agg(jsonb_build_object(
      'name', a.attname,
      'type', format_type(a.atttypid, a.atttypmod),
      'category', t.typcategory,
      'labels', (select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = a.atttypid),
      'needed', a.attnotnull and not a.atthasdef and a.attidentity = '',
      'generated', a.attgenerated <> '' or a.attidentity = 'a'
    ) order by a.attnum), '[]')
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  ) as columns,
  (
    select coalesce(jsonb_agg(a.attname order by array_position(k.conkey, a.attnum)), '[]')
    from pg_constraint k join pg_attribute a on a.attrelid = c.oid and a.attnum = any (k.conkey)
    where k.conrelid = c.oid and k.contype = 'p'
  ) as key,
  (
    select coalesce(jsonb_agg(jsonb_build_object(
      'columns', (select jsonb_agg(a.attname order by u.ord) from unnest(k.conkey) with ordinality u (num, ord) join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.num),
      'table', f.oid::regclass::text,
      'name', f.relname,
      'schema', n.nspname,
      'targets', (select jsonb_agg(a.attname order by u.ord) from unnest(k.confkey) with ordinality u (num, ord) join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.num)
    )), '[]')
    from pg_constraint k join pg_class f on f.oid = k.confrelid join pg_namespace n on n.oid = f.relnamespace
    where k.conrelid = c.oid and k.contype = 'f'
  ) as foreign_keys
from pg_class c
where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
order by c.relname
