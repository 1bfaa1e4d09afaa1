-- The journal: every change of a journalled row, in commit order, chained by hash per tenant.

create table plinth.journal_tables (
  relation text primary key,
  primary_key text[] not null,
  tenant_column text,
  personal_columns text[] not null default '{}',
  subject_column text,
  since timestamptz not null default clock_timestamp()
);
comment on table plinth.journal_tables is 'Tables whose changes are kept, as schema.table, and since when.';
comment on column plinth.journal_tables.tenant_column is 'Names the tenant of a row; null where rows belong to the project as a whole.';
comment on column plinth.journal_tables.personal_columns is 'Columns that are stored sealed under the key of the person in subject_column.';

create table plinth.journal (
  tenant text not null,
  sequence bigint not null,
  day date not null,
  position pg_lsn not null,
  committed_at timestamptz not null,
  actor json,
  relation text not null,
  key text not null,
  operation text not null,
  before json,
  after json,
  previous_hash bytea not null,
  hash bytea not null,
  primary key (tenant, sequence, day)
) partition by range (day);
comment on table plinth.journal is 'Changes of journalled rows. Written by the tail alone; a hash covers the binary form of all columns before it.';
comment on column plinth.journal.tenant is 'Empty for rows that belong to the project as a whole.';
comment on column plinth.journal.sequence is 'From 1 without gaps per tenant, in commit order.';
comment on column plinth.journal.day is 'When it was recorded, UTC; never decreases. A whole day is archived and dropped at once.';
comment on column plinth.journal.position is 'End of the commit: the same for all rows of one transaction.';
comment on column plinth.journal.key is 'Values of the primary key, a JSON array of texts.';
comment on column plinth.journal.operation is 'insert, update or delete. A row whose key or tenant changes is deleted there and inserted here.';
comment on column plinth.journal.before is 'The whole row before, values as PostgreSQL''s text; null for an insert.';
comment on column plinth.journal.after is 'The whole row for an insert; for an update the columns that changed; null for a delete.';
comment on column plinth.journal.previous_hash is 'Hash of the entry before it in the tenant''s sequence; 32 zero bytes at first.';
comment on column plinth.journal.hash is 'SHA-256 of the send-form of every column before this one, each preceded by its length in four bytes.';

create index journal_committed_at on plinth.journal using brin (committed_at);

create table plinth.journal_heads (
  tenant text primary key,
  sequence bigint not null,
  hash bytea not null
);
comment on table plinth.journal_heads is 'The last entry of every tenant''s chain.';

create table plinth.journal_anchors (
  tenant text primary key,
  sequence bigint not null,
  hash bytea not null,
  committed_at timestamptz not null
);
comment on table plinth.journal_anchors is 'Where a chain goes on after its older entries were archived and dropped.';
comment on column plinth.journal_anchors.committed_at is 'The latest commit among the entries that were dropped.';

create table plinth.journal_archives (
  day date primary key,
  file text not null,
  entries bigint not null,
  sha256 bytea not null,
  archived_at timestamptz not null default now(),
  dropped_at timestamptz
);
comment on table plinth.journal_archives is 'Days that were written to a file, which is what allows to drop them here.';

create table plinth.journal_subjects (
  subject text not null,
  key_id uuid primary key,
  sealed_key bytea,
  created_at timestamptz not null default now(),
  erased_at timestamptz
);
comment on table plinth.journal_subjects is 'One key per person, sealed under the project''s own. Without it the person''s values in the journal are noise.';
create index journal_subjects_subject on plinth.journal_subjects (subject);

create function plinth.refuse_journal_change() returns trigger language plpgsql
set search_path = ''
as $$
begin
  raise exception 'entries of the journal are never changed'
    using errcode = 'object_not_in_prerequisite_state', hint = 'Whole days leave by plinth journal archive.';
end
$$;
comment on function plinth.refuse_journal_change() is 'Keeps everybody from altering entries by accident; the hash chain is what proves that nobody did.';

create trigger journal_entries_stay before update or delete on plinth.journal
  for each row execute function plinth.refuse_journal_change();

create function plinth.create_journal_partition(wanted date) returns void language plpgsql
set search_path = ''
as $$
declare
  partition text := 'journal_' || to_char(wanted, 'YYYYMMDD');
begin
  if to_regclass('plinth.' || partition) is not null then
    return;
  end if;
  -- Attaching a finished table lets readers and writers of other days go on.
  execute format('create table plinth.%I (like plinth.journal including all)', partition);
  execute format('alter table plinth.%I enable row level security', partition);
  execute format(
    'alter table plinth.%I add constraint only_this_day check (day = %L::date and day is not null)', partition, wanted);
  execute format(
    'create trigger journal_entries_remain before truncate on plinth.%I
       for each statement execute function plinth.refuse_journal_change()', partition);
  execute format(
    'alter table plinth.journal attach partition plinth.%I for values from (%L) to (%L)',
    partition, wanted, wanted + 1);
  execute format('alter table plinth.%I drop constraint only_this_day', partition);
end
$$;
comment on function plinth.create_journal_partition(date) is 'Makes the partition of a day if it is not there.';

create function plinth.refuse_truncate() returns trigger language plpgsql
set search_path = ''
as $$
begin
  raise exception 'table %.% is journalled and cannot be truncated', tg_table_schema, tg_table_name
    using errcode = 'feature_not_supported', hint = 'Use delete: a truncate does not say which rows it removed.';
end
$$;
comment on function plinth.refuse_truncate() is 'On every journalled table: TRUNCATE carries no images of the rows that go.';

alter table plinth.journal_tables enable row level security;
alter table plinth.journal enable row level security;
alter table plinth.journal_heads enable row level security;
alter table plinth.journal_anchors enable row level security;
alter table plinth.journal_archives enable row level security;
alter table plinth.journal_subjects enable row level security;
