-- Settings `pgrst.…` of this session, by PostgREST's names ($1), and those that its login role was given under other names.
select name, pg_catalog.current_setting('pgrst.' || pg_catalog.replace(name, '-', '_'), true) as value
from pg_catalog.unnest($1::text[]) as name
union all
select pg_catalog.replace(pg_catalog.split_part(pg_catalog.substr(setting, 7), '=', 1), '_', '-'), setting
from pg_catalog.pg_db_role_setting
cross join lateral pg_catalog.unnest(setconfig) as setting
where setrole = (select oid from pg_catalog.pg_roles where rolname = current_user)
  and setdatabase in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
  and setting like 'pgrst.%'
  and not pg_catalog.replace(pg_catalog.split_part(pg_catalog.substr(setting, 7), '=', 1), '_', '-') = any ($1)
