-- What decides, beside the row itself, who may see rows of a table: the tables that its policies read, those that the
-- policies of these read in turn, and whether there is anything that the stream of changes does not tell.
-- $1 OID of the table.
with recursive reads(relid) as (
  select $1::oid
  union
  select found.relid from reads
  join pg_policy p on p.polrelid = reads.relid and p.polcmd in ('*', 'r')
  cross join lateral (
    select m[1]::oid as relid from regexp_matches(p.polqual::text, ':relid (\d+)', 'g') m where m[1] <> '0'
    union
    -- Tables whose name stands in the text of a function that the policy calls.
    select t.oid from regexp_matches(p.polqual::text, ':(?:funcid|opfuncid) (\d+)', 'g') m
    join pg_proc f on f.oid = m[1]::oid and f.pronamespace <> 'pg_catalog'::regnamespace
    join pg_publication_tables c on c.pubname = 'plinth_tail' and f.prosrc ~ ('\m' || c.tablename || '\M')
    join pg_class t on t.relname = c.tablename
    join pg_namespace s on s.oid = t.relnamespace and s.nspname = c.schemaname
  ) found
),
others as (select c.oid, c.relkind, n.nspname, c.relname from reads join pg_class c on c.oid = reads.relid
  join pg_namespace n on n.oid = c.relnamespace where c.oid <> $1::oid)
select jsonb_build_object(
  'tables', (select coalesce(jsonb_agg(o.oid::bigint order by o.oid), '[]') from others o),
  'states', (select coalesce(jsonb_object_agg(s.id::text, s.state), '{}')
    from realtime.table_states((select array_agg(reads.relid) from reads)) s),
  'isOpaque',
    exists (select from others o where o.relkind not in ('r', 'p') or not exists (
      select from pg_publication_tables t
      where t.pubname = 'plinth_tail' and t.schemaname = o.nspname and t.tablename = o.relname))
    or exists (select from reads join pg_policy p on p.polrelid = reads.relid and p.polcmd in ('*', 'r')
      where p.polqual::text ~ 'SQLVALUEFUNCTION' or exists (
        select from regexp_matches(p.polqual::text, ':(?:funcid|opfuncid) (\d+)', 'g') m
        join pg_proc f on f.oid = m[1]::oid
        where f.provolatile <> 'i' and f.proname <> 'current_setting'
          and f.pronamespace is distinct from to_regnamespace('auth')))
) as dependencies
