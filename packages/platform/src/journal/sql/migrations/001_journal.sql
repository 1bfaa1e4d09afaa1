-- The journal: every change of a journalled row, in commit order, chained by hash per tenant.

create table plinth_journal.tables (
  relation text primary key,
  primary_key text[] not null,
  tenant_column text,
  personal_columns text[] not null default '{}',
  subject_column text,
  since timestamptz not null default clock_timestamp()
);
comment on table plinth_journal.tables is 'Tables whose changes are kept, as schema.table, and since when.';
comment on column plinth_journal.tables.tenant_column is 'Names the tenant of a row; null where rows belong to the project as a whole.';
comment on column plinth_journal.tables.personal_columns is 'Columns that are stored sealed under the key of the person in subject_column.';

create table plinth_journal.entries (
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
comment on table plinth_journal.entries is 'Changes of journalled rows. Written by the tail alone; a hash covers the binary form of all columns before it.';
comment on column plinth_journal.entries.tenant is 'Empty for rows that belong to the project as a whole.';
comment on column plinth_journal.entries.sequence is 'From 1 without gaps per tenant, in commit order.';
comment on column plinth_journal.entries.day is
  'When it was recorded, UTC; after a clock that was ahead and put back, the days after that one. Never decreases. A whole day is archived and dropped at once.';
comment on column plinth_journal.entries.position is 'Start of the commit record: the same for all rows of one transaction.';
comment on column plinth_journal.entries.key is 'Values of the primary key, a JSON array of texts.';
comment on column plinth_journal.entries.operation is 'insert, update or delete. A row whose key or tenant changes is deleted there and inserted here.';
comment on column plinth_journal.entries.before is 'The whole row before, values as PostgreSQL''s text; for an insert null, or the tenant that the row came from.';
comment on column plinth_journal.entries.after is 'The whole row for an insert; for an update the columns that changed; for a delete null, or the tenant that the row went to.';
comment on column plinth_journal.entries.previous_hash is 'Hash of the entry before it in the tenant''s sequence; 32 zero bytes at first.';
comment on column plinth_journal.entries.hash is 'SHA-256 of the send-form of every column before this one, each preceded by its length in four bytes.';

create index entries_committed_at on plinth_journal.entries using brin (committed_at);

create table plinth_journal.heads (
  tenant text primary key,
  sequence bigint not null,
  hash bytea not null
);
comment on table plinth_journal.heads is 'The last entry of every tenant''s chain.';

create table plinth_journal.anchors (
  tenant text primary key,
  sequence bigint not null,
  hash bytea not null,
  committed_at timestamptz not null
);
comment on table plinth_journal.anchors is 'Where a chain goes on after its older entries were archived and dropped.';
comment on column plinth_journal.anchors.committed_at is 'The latest commit among the entries that were dropped.';

create table plinth_journal.archives (
  day date primary key,
  file text not null,
  entries bigint not null,
  sha256 bytea not null,
  archived_at timestamptz not null default now(),
  dropped_at timestamptz
);
comment on table plinth_journal.archives is 'Days that were written to a file, which is what allows to drop them here.';

create table plinth_journal.subjects (
  subject text not null,
  key_id uuid primary key,
  sealed_key bytea,
  created_at timestamptz not null default now(),
  erased_at timestamptz
);
comment on table plinth_journal.subjects is 'One key per person, sealed under the project''s own. Without it the person''s values in the journal are noise.';
create index subjects_subject on plinth_journal.subjects (subject);

create table plinth_journal.erasures (
  id bigint generated always as identity primary key,
  erased_at timestamptz not null default clock_timestamp()
);
comment on table plinth_journal.erasures is
  'One row for each time that a person was forgotten. Its table lock keeps erasing and storing apart: whoever stores holds it shared.';

create function plinth_journal.refuse_change() returns trigger language plpgsql
set search_path = ''
as $$
begin
  raise exception 'entries of the journal are never changed'
    using errcode = 'object_not_in_prerequisite_state', hint = 'Whole days leave by plinth journal archive.';
end
$$;
comment on function plinth_journal.refuse_change() is 'Keeps everybody from altering entries by accident; the hash chain is what proves that nobody did.';

create trigger journal_entries_stay before update or delete on plinth_journal.entries
  for each row execute function plinth_journal.refuse_change();

create table plinth_journal.days (
  day date primary key,
  opened_at timestamptz not null
);
comment on table plinth_journal.days is 'When the first entry of a day was recorded, by the clock of that time.';

create function plinth_journal.create_partition(wanted date, opened_at timestamptz) returns void language plpgsql
set search_path = ''
as $$
declare
  partition text := 'entries_' || to_char(wanted, 'YYYYMMDD');
begin
  if to_regclass('plinth_journal.' || partition) is not null then
    return;
  end if;
  -- Attaching a finished table lets readers and writers of other days go on.
  execute format('create table plinth_journal.%I (like plinth_journal.entries including all)', partition);
  execute format(
    'alter table plinth_journal.%I add constraint only_this_day check (day = %L::date and day is not null)', partition, wanted);
  execute format(
    'create trigger journal_entries_remain before truncate on plinth_journal.%I
       for each statement execute function plinth_journal.refuse_change()', partition);
  execute format(
    'alter table plinth_journal.entries attach partition plinth_journal.%I for values from (%L) to (%L)',
    partition, wanted, wanted + 1);
  execute format('alter table plinth_journal.%I drop constraint only_this_day', partition);
  insert into plinth_journal.days values (wanted, opened_at);
end
$$;
comment on function plinth_journal.create_partition(date, timestamptz) is 'Makes the partition of a day if it is not there.';

create function plinth_journal.refuse_truncate() returns trigger language plpgsql
set search_path = ''
as $$
begin
  raise exception 'table %.% is journalled and cannot be truncated', tg_table_schema, tg_table_name
    using errcode = 'feature_not_supported', hint = 'Use delete: a truncate does not say which rows it removed.';
end
$$;
comment on function plinth_journal.refuse_truncate() is 'On every journalled table: TRUNCATE carries no images of the rows that go.';

create table plinth_journal.rewind_permits (
  digest bytea primary key,
  expires_at timestamptz not null
);
comment on table plinth_journal.rewind_permits is 'SHA-256 of the tokens with which one transaction each may switch triggers off.';

create function plinth_journal.begin_rewind(token text) returns void language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from plinth_journal.rewind_permits where digest = sha256(convert_to(token, 'UTF8')) and expires_at > clock_timestamp();
  if not found then
    raise exception 'this transaction has no permit to switch triggers off' using errcode = 'insufficient_privilege';
  end if;
  perform set_config('session_replication_role', 'replica', true);
end
$$;
comment on function plinth_journal.begin_rewind(text) is
  'Switches triggers off until the transaction ends, once for each permit of the journal''s role. Security definer: the '
  'owner restores his rows in a session of his own, and could switch off his foreign keys at will if it were his to do.';

-- Whom the function belongs to may do nothing else, so that is all that the owner can reach through it.
do $$
declare
  rewind text := regexp_replace(current_user, '^journal_', 'rewind_');
begin
  execute format('grant usage, create on schema plinth_journal to %I', rewind);
  execute format('grant select, delete on plinth_journal.rewind_permits to %I', rewind);
  execute format('alter function plinth_journal.begin_rewind(text) owner to %I', rewind);
  execute format('revoke create on schema plinth_journal from %I', rewind);
end
$$;

revoke all on function plinth_journal.begin_rewind(text), plinth_journal.create_partition(date, timestamptz),
  plinth_journal.refuse_change(), plinth_journal.refuse_truncate() from public;
grant execute on function plinth_journal.begin_rewind(text) to pg_database_owner;
grant select on plinth_journal.tables, plinth_journal.entries, plinth_journal.heads, plinth_journal.anchors,
  plinth_journal.archives to pg_database_owner;
