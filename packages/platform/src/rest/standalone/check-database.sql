-- What the settings name and the database does not have, a sentence each: schemas ($1), the anonymous role ($2, or
-- null), the function that runs before every request ($3, its schema and name or its name alone, or
-- null), searched for in the schemas of $4. The login may not use the schemas: to_regprocedure would fail.
select pg_catalog.format('db-schemas: there is no schema %I in the database', name) as problem
from pg_catalog.unnest($1::text[]) as name
where not exists (select from pg_catalog.pg_namespace where nspname = name)
union all
select pg_catalog.format('db-anon-role: there is no role %I', $2::text)
where $2 is not null and not exists (select from pg_catalog.pg_roles where rolname = $2)
union all
select pg_catalog.format('db-anon-role: %I may not become %I; let an administrator run: grant %2$I to %1$I', current_user, r.rolname)
from pg_catalog.pg_roles r
where r.rolname = $2 and not pg_catalog.pg_has_role(current_user, r.oid, 'member')
union all
select pg_catalog.format('db-pre-request: there is no function %s() without arguments', pg_catalog.array_to_string($3::text[], '.'))
where $3 is not null and not exists (
  select from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.proname = ($3::text[])[pg_catalog.cardinality($3::text[])]
    and p.pronargs = p.pronargdefaults
    and case when pg_catalog.cardinality($3::text[]) = 2 then n.nspname = ($3::text[])[1] else n.nspname = any ($4::text[]) end
)
