-- What a cluster is and what the role that asks may do in it.
-- $1: the databases, $2: the roles that the server needs, whether they exist yet or not.
select
  current_setting('server_version_num')::int / 10000                      as "majorVersion",
  current_setting('wal_level')                                            as "walLevel",
  current_setting('max_replication_slots')::int                           as "replicationSlots",
  current_setting('max_wal_senders')::int                                 as "walSenders",
  pg_is_in_recovery()                                                     as "readOnly",
  me.rolname                                                              as "role",
  me.rolsuper                                                             as "superuser",
  me.rolsuper or me.rolcreatedb                                           as "mayCreateDatabases",
  me.rolsuper or me.rolcreaterole                                         as "mayCreateRoles",
  me.rolsuper or me.rolbypassrls                                          as "bypassesRls",
  me.rolsuper or me.rolreplication                                        as "mayReplicate",
  has_parameter_privilege('session_replication_role', 'set with grant option') as "mayGrantTriggersOff",
  (select count(*)::int from pg_database where datname = any ($1))        as "databasesPresent",
  (select rolbypassrls from pg_roles where rolname = 'service_role')      as "serviceRoleBypassesRls",
  array(
    select rolname::text
    from pg_roles
    where rolname = any ($2) and not pg_has_role(me.oid, oid, 'USAGE WITH ADMIN OPTION')
    order by rolname
  )                                                                       as "rolesWithoutAdmin"
from pg_roles me
where me.rolname = current_user
