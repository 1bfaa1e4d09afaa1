-- How journalled tables changed their shape: an image of before a change of columns means something else after it. The
-- rows are carried by the stream, so the journal has each one at the exact place of its commit, under tenant ''.

create table plinth_journal.schema_changes (
  id bigint generated always as identity primary key,
  relation text not null,
  reason text not null check (reason in ('journalled', 'released', 'changed', 'rewritten', 'gone')),
  noted_at timestamptz not null default clock_timestamp(),
  was_empty boolean not null default false,
  shape jsonb
);
comment on table plinth_journal.schema_changes is 'Every shape that a journalled table had, in order. Rewind does not put an image of one shape into another.';
comment on column plinth_journal.schema_changes.reason is
  'journalled: from here on its changes are kept. released: no longer. changed: columns, types or the table itself. '
  'rewritten: a column''s values were computed anew. gone: dropped or renamed.';
comment on column plinth_journal.schema_changes.was_empty is 'True where the table never had a row when it was journalled.';
comment on column plinth_journal.schema_changes.shape is 'From here on; null for a table that is gone.';
create index schema_changes_relation on plinth_journal.schema_changes (relation, id);
grant select on plinth_journal.schema_changes to pg_database_owner;

alter table plinth_journal.schema_changes replica identity full;
alter publication plinth_tail add table plinth_journal.schema_changes;

create function plinth_journal.shape_of(wanted oid) returns jsonb language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with recursive reached(number, type) as (
    select a.attnum, a.atttypid from pg_attribute a
    where a.attrelid = wanted and a.attnum > 0 and not a.attisdropped
    union
    select r.number, part.type
    from reached r join pg_type t on t.oid = r.type
    cross join lateral (
      select t.typbasetype as type where t.typtype = 'd'
      union all select t.typelem where t.typelem <> 0 and t.typcategory = 'A'
      union all select g.rngsubtype from pg_range g where t.oid in (g.rngtypid, g.rngmultitypid)
      union all select a.atttypid from pg_attribute a
        where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    ) part
  ), parts as (
    select r.number, 'label ' || e.oid as part, to_jsonb(e.enumlabel::text) as meaning
    from reached r join pg_enum e on e.enumtypid = r.type
    union
    select r.number, 'attribute ' || a.attrelid || '.' || a.attnum, jsonb_build_array(a.attname, a.atttypid, a.atttypmod)
    from reached r join pg_type t on t.oid = r.type and t.typtype = 'c'
    join pg_attribute a on a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
  )
  select jsonb_build_object('table', wanted::bigint, 'key', (select to_jsonb(i.indkey::int2[]) from pg_index i
    where i.indrelid = wanted and i.indisprimary), 'columns', jsonb_object_agg(a.attnum, jsonb_build_object(
    'name', a.attname, 'type', a.atttypid::bigint, 'modifier', a.atttypmod, 'generated', a.attgenerated <> '',
    'parts', coalesce((select jsonb_object_agg(p.part, p.meaning) from parts p where p.number = a.attnum), '{}'))))
  from pg_attribute a where a.attrelid = wanted and a.attnum > 0 and not a.attisdropped
  having count(*) > 0
$$;
comment on function plinth_journal.shape_of(oid) is
  'What a table''s values mean: its primary key, its columns by number with name and type, and of what the types are made (labels of enums, '
  'attributes of composites). Null where there is no such table.';

create function plinth_journal.journalled_table(relation text) returns oid language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select c.oid from pg_namespace n join pg_class c on c.relnamespace = n.oid
  where n.nspname = split_part(relation, '.', 1) and c.relname = substr(relation, strpos(relation, '.') + 1)
$$;

create function plinth_journal.file_nodes() returns jsonb language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_object_agg(t.relation, c.relfilenode::bigint)
  from plinth_journal.tables t join pg_class c on c.oid = plinth_journal.journalled_table(t.relation)
  where not exists (select from pg_event_trigger where evtname = 'plinth_note_rewrite' and evtenabled = 'A')
$$;
comment on function plinth_journal.file_nodes() is
  'Where the tables'' rows are, to be given to note_schema_changes after a migration: a table whose rows were written anew has '
  'others then. Null where the event triggers tell that.';

create function plinth_journal.note_schema_changes(file_nodes jsonb default null) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into plinth_journal.schema_changes (relation, reason, shape)
  select t.relation, case when now.shape is null then 'gone' when c.relfilenode::text <> file_nodes ->> t.relation
    and known.shape -> 'table' = now.shape -> 'table' then 'rewritten' else 'changed' end, now.shape
  from plinth_journal.tables t
  join lateral (
    select s.shape from plinth_journal.schema_changes s where s.relation = t.relation order by s.id desc limit 1
  ) known on true
  left join pg_class c on c.oid = plinth_journal.journalled_table(t.relation)
  left join lateral (select plinth_journal.shape_of(c.oid) as shape) now on true
  where now.shape is distinct from known.shape or c.relfilenode::text <> file_nodes ->> t.relation;
end
$$;
comment on function plinth_journal.note_schema_changes(jsonb) is
  'Compares the journalled tables with their last known shapes, and keeps those that differ. Security definer: whoever '
  'changes the schema calls it, and nobody but the journal''s role may write what it finds.';

create function plinth_journal.note_schema_change() returns event_trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform plinth_journal.note_schema_changes();
end
$$;

create function plinth_journal.note_rewrite() returns event_trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  type_of_a_column constant int := 4;
begin
  if pg_event_trigger_table_rewrite_reason() & type_of_a_column = 0 then
    return;
  end if;
  insert into plinth_journal.schema_changes (relation, reason, shape)
  select t.relation, 'rewritten', plinth_journal.shape_of(pg_event_trigger_table_rewrite_oid())
  from plinth_journal.tables t
  where plinth_journal.journalled_table(t.relation) = pg_event_trigger_table_rewrite_oid();
end
$$;
comment on function plinth_journal.note_rewrite() is
  'A column''s values are computed anew (alter column … type … using): what the images before say is not what the table has.';

revoke all on function plinth_journal.shape_of(oid), plinth_journal.journalled_table(text), plinth_journal.file_nodes(),
  plinth_journal.note_schema_changes(jsonb), plinth_journal.note_schema_change(), plinth_journal.note_rewrite() from public;
grant execute on function plinth_journal.shape_of(oid), plinth_journal.file_nodes(),
  plinth_journal.note_schema_changes(jsonb) to pg_database_owner;
