-- Settings of the roles that this login may become (`alter role … set`), as far as any user may change them. One of this
-- database comes before one of all.
select distinct on (r.rolname, setting.name)
  r.rolname as role, setting.name, setting.value
from pg_catalog.pg_db_role_setting s
join pg_catalog.pg_roles r on r.oid = s.setrole
cross join lateral pg_catalog.unnest(s.setconfig) as line
cross join lateral (
  select pg_catalog.split_part(line, '=', 1) as name, pg_catalog.substr(line, pg_catalog.strpos(line, '=') + 1) as value
) setting
left join pg_catalog.pg_settings known on known.name = setting.name
where s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
  and r.rolname <> current_user
  and pg_catalog.pg_has_role(current_user, r.oid, 'member')
  and setting.name not in ('search_path', 'role', 'session_authorization')
  and setting.name not like 'pgrst.%'
  and (known.context = 'user' or known.name is null and setting.name like '%.%')
order by r.rolname, setting.name, s.setdatabase desc
