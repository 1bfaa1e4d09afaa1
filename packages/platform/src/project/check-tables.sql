-- The tables of `public` with what a declaration may say about them.
select c.relname::text as name, c.relrowsecurity as guarded,
  array(
    select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  ) as columns
from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
order by c.relname
