-- The stream of committed changes: what is published, which slot it comes from, and what the journal has stored.
-- Applied by the journal's role, which owns all of it: the owner of the database may read it, and nothing else.

comment on schema plinth_journal is 'The stream''s positions and the journal. It belongs to the journal''s role; the owner of the database may read it.';
grant usage on schema plinth_journal to pg_database_owner;

-- A truncate says of which tables only, but whoever keeps a copy has to know.
do $$
begin
  -- From 18 on, full replica identity demands that stored generated columns are published; before, they never are.
  if current_setting('server_version_num')::int >= 180000 then
    create publication plinth_tail with (publish = 'insert, update, delete, truncate', publish_generated_columns = stored);
  else
    create publication plinth_tail with (publish = 'insert, update, delete, truncate');
  end if;
end
$$;

create table plinth_journal.slot (
  only_one boolean primary key default true check (only_one),
  slot name not null,
  cluster text not null,
  created_at timestamptz not null default now(),
  settled pg_lsn
);
comment on table plinth_journal.slot is 'The replication slot that the consumers'' positions belong to, written when all of them know where it begins.';
comment on column plinth_journal.slot.settled is
  'How far everybody has stored who can, while what is acknowledged is held back for a consumer that cannot.';
comment on column plinth_journal.slot.cluster is 'System identifier of the PostgreSQL cluster: positions mean nothing in another one.';

create table plinth_journal.positions (
  consumer text primary key,
  position pg_lsn not null
);
comment on table plinth_journal.positions is 'The last transaction that a durable consumer has stored, by the start of its commit record.';

create table plinth_journal.gaps (
  id bigint generated always as identity primary key,
  from_position pg_lsn,
  until_position pg_lsn not null,
  reason text not null,
  noticed_at timestamptz not null default now()
);
comment on table plinth_journal.gaps is 'Stretches of commits that no consumer has seen. Rewind does not cross them.';

create table plinth_journal.set_aside (
  consumer text primary key,
  since timestamptz not null default clock_timestamp()
);
comment on table plinth_journal.set_aside is 'Consumers that could not store for so long that the stream went on without them.';

grant select on plinth_journal.set_aside, plinth_journal.slot, plinth_journal.positions, plinth_journal.gaps to pg_database_owner;
