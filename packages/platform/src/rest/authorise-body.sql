-- What the current role lacks to write ($1: schema, $2: relation, $3: privileges, $4: columns or null) or to call ($1: schema,
-- $2: function, $3: null): null when it lacks nothing.
select case
  when not pg_catalog.has_schema_privilege(n.oid, 'usage') then pg_catalog.format('schema %s', n.nspname)
  when $3::text[] is null and not (
    select pg_catalog.bool_or(pg_catalog.has_function_privilege(p.oid, 'execute'))
    from pg_catalog.pg_proc p
    where p.pronamespace = n.oid and p.proname = $2
  ) then pg_catalog.format('function %s', $2)
  when exists (
    select from pg_catalog.pg_class c cross join pg_catalog.unnest($3::text[]) as asked (privilege)
    where c.relnamespace = n.oid and c.relname = $2
      and not pg_catalog.has_table_privilege(c.oid, asked.privilege)
      and not case
        when $4::text[] is null then pg_catalog.has_any_column_privilege(c.oid, asked.privilege)
        else (
          select pg_catalog.bool_and(pg_catalog.has_column_privilege(c.oid, a.attnum, asked.privilege))
          from pg_catalog.pg_attribute a
          where a.attrelid = c.oid and a.attname = any ($4::text[]) and a.attnum > 0 and not a.attisdropped
        )
      end
  ) then pg_catalog.format('table %s', $2)
end as lacking
from pg_catalog.pg_namespace n
where n.nspname = $1
