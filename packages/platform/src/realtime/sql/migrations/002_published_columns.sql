-- What is shown of a table also changes with the columns that it is published with, and with its schema being published.

create or replace function realtime.table_states(tables oid[]) returns table (id oid, state text) language sql stable
set search_path = ''
as $$
  select c.oid, pg_catalog.concat_ws(' ', c.xmin, c.relacl::text, c.relrowsecurity, c.relforcerowsecurity, c.relreplident,
    (select pg_catalog.string_agg(p.oid || ':' || p.xmin, ',' order by p.oid) from pg_catalog.pg_policy p where p.polrelid = c.oid),
    (select pg_catalog.string_agg(a.attnum || ':' || a.xmin, ',' order by a.attnum) from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0),
    (select pg_catalog.string_agg(r.prpubid || ':' || r.xmin, ',' order by r.prpubid)
      from pg_catalog.pg_publication_rel r where r.prrelid = c.oid),
    (select pg_catalog.string_agg(s.pnpubid || ':' || s.xmin, ',' order by s.pnpubid)
      from pg_catalog.pg_publication_namespace s where s.pnnspid = c.relnamespace))
  from pg_catalog.pg_class c where c.oid = any (tables)
$$;
comment on function realtime.table_states(oid[]) is 'A mark per table that differs when its columns, rights, policies or publications changed.';
