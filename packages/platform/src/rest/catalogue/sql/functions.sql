-- format_type with -1 keeps char and bit as long as their values: without a modifier they would be char(1) and bit(1).
-- Functions of the exposed schemas ($1), and of the extra search path ($2) those that take one row.
select n.nspname as schema,
  p.proname as name,
  p.provolatile as volatility,
  p.proretset as many,
  p.prorows as rows,
  p.provariadic <> 0 as variadic,
  p.pronargdefaults::int as defaults,
  pg_catalog.obj_description(p.oid, 'pg_proc') as comment,
  p.prorettype as "returnType",
  pg_catalog.format_type(p.prorettype, null) as returns,
  coalesce(base.typname, result.typname) as "returnBaseType",
  result.typtype as "returnKind",
  case when result.typtype = 'd' and result.typname ~ '^[^/]+/[^/]+$' then result.typname end as "returnMediaType",
  n.nspname = any ($1) as exposed,
  p.proconfig as settings,
  coalesce(arguments.list, '[]') as arguments
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_type result on result.oid = p.prorettype
left join pg_catalog.pg_type base on base.oid = result.typbasetype and result.typtype = 'd'
cross join lateral (
  select json_agg(json_build_object(
    'name', coalesce(p.proargnames[a.position], ''),
    'mode', coalesce(p.proargmodes[a.position], 'i'),
    'type', pg_catalog.format_type(a.type, -1),
    'typeId', a.type::int8,
    'baseType', coalesce(argument_base.typname, t.typname)
  ) order by a.position) as list
  from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality a (type, position)
  join pg_catalog.pg_type t on t.oid = a.type
  left join pg_catalog.pg_type argument_base on argument_base.oid = t.typbasetype and t.typtype = 'd'
) arguments
where p.prokind = 'f'
  and result.typname not in ('trigger', 'event_trigger', 'internal', 'language_handler', 'fdw_handler')
  and (
    n.nspname = any ($1)
    or n.nspname = any ($2) and p.pronargs = 1
      and exists (select from pg_catalog.pg_type t where t.oid = p.proargtypes[0] and t.typtype = 'c')
  )
order by n.nspname, p.proname, p.oid
