-- The stream of committed changes: what is published, which slot it comes from, and what each consumer has stored.

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

create table plinth.tail_slot (
  only_one boolean primary key default true check (only_one),
  slot name not null,
  cluster text not null,
  created_at timestamptz not null default now()
);
comment on table plinth.tail_slot is 'The replication slot that the consumers'' positions belong to, written when all of them know where it begins.';
comment on column plinth.tail_slot.cluster is 'System identifier of the PostgreSQL cluster: positions mean nothing in another one.';

create table plinth.tail_positions (
  consumer text primary key,
  position pg_lsn not null
);
comment on table plinth.tail_positions is 'End of the last transaction that a durable consumer has stored.';

create table plinth.tail_gaps (
  id bigint generated always as identity primary key,
  from_position pg_lsn,
  until_position pg_lsn not null,
  reason text not null,
  noticed_at timestamptz not null default now()
);
comment on table plinth.tail_gaps is 'Stretches of commits that no consumer has seen. Rewind does not cross them.';

alter table plinth.tail_slot enable row level security;
alter table plinth.tail_positions enable row level security;
alter table plinth.tail_gaps enable row level security;
