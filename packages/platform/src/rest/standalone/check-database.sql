-- What the settings name and the database does not have, a sentence each: schemas ($1), the anonymous role ($2, or
-- null), the function that runs before every request ($3, quoted, or null).
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
select pg_catalog.format('db-pre-request: there is no function %s() without arguments', $3::text)
where $3 is not null and pg_catalog.to_regprocedure($3 || '()') is null
