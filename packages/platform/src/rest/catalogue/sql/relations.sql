-- Tables, views and composite types with their columns. Run with an empty search_path, so that types and defaults come qualified.
-- The login that reads may not use the schemas: pg_get_serial_sequence and the like would fail.
-- pg_relation_is_updatable answers in bits: 4 update, 8 insert, 16 delete.
select c.oid as id,
  n.nspname as schema,
  c.relname as name,
  c.relkind as kind,
  c.reltype as "rowType",
  pg_catalog.obj_description(c.oid, 'pg_class') as comment,
  case c.relkind when 'r' then 28 when 'p' then 28 when 'c' then 0 else pg_catalog.pg_relation_is_updatable(c.oid, true) end as events,
  coalesce(columns.list, '[]') as columns
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join lateral (
  select json_agg(json_build_object(
    'number', a.attnum,
    'name', a.attname,
    'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
    'baseType', coalesce(base.typname, t.typname),
    'notNull', a.attnotnull or t.typnotnull,
    'default', case
      when a.attgenerated <> '' then null
      when a.attidentity <> '' then (
        select pg_catalog.format('nextval(%L::regclass)', pg_catalog.format('%I.%I', sn.nspname, s.relname))
        from pg_catalog.pg_depend own
        join pg_catalog.pg_class s on s.oid = own.objid and s.relkind = 'S'
        join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace
        where own.refobjid = c.oid and own.refobjsubid = a.attnum and own.deptype = 'i'
          and own.classid = 'pg_catalog.pg_class'::regclass and own.refclassid = 'pg_catalog.pg_class'::regclass
      )
      else coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), t.typdefault)
    end,
    'generated', a.attgenerated <> '' or a.attidentity = 'a',
    'comment', pg_catalog.col_description(c.oid, a.attnum),
    'enum', (select json_agg(e.enumlabel order by e.enumsortorder) from pg_catalog.pg_enum e
             where e.enumtypid = coalesce(base.oid, t.oid))
  ) order by a.attnum) as list
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type t on t.oid = a.atttypid
  left join pg_catalog.pg_type base on base.oid = t.typbasetype and t.typtype = 'd'
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
) columns
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
  and not c.relispartition
  and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
  and n.nspname !~ '^pg_(temp|toast_temp)_'
order by n.nspname, c.relname
