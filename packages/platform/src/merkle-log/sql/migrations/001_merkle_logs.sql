-- Append-only Merkle logs: complete subtrees and signed heads. Plinth computes and checks the hashes; what stands here is
-- proven by a head's signature, whose key is not in the database.

create table plinth.merkle_logs (
  id integer generated always as identity primary key,
  name text not null unique check (name ~ '^[a-z][a-z0-9-]{0,62}$'),
  size bigint not null default 0 check (size >= 0)
);
comment on table plinth.merkle_logs is 'One row per log. Whoever appends locks it first, so that leaves have one order.';

create table plinth.merkle_nodes (
  log integer not null references plinth.merkle_logs,
  level smallint not null check (level between 0 and 52),
  index bigint not null check (index >= 0),
  hash bytea not null check (length(hash) = 32),
  primary key (log, level, index)
);
comment on table plinth.merkle_nodes is
  'Roots of complete subtrees: level 0 are the leaf hashes; a node covers 2^level leaves from index × 2^level on. They never change.';

create table plinth.merkle_heads (
  log integer not null references plinth.merkle_logs,
  size bigint not null check (size > 0),
  root bytea not null check (length(root) = 32),
  note text not null,
  signed_at timestamptz not null default plinth.now(),
  primary key (log, size)
);
comment on table plinth.merkle_heads is 'Signed tree heads, a C2SP checkpoint each: the state of the log after each append.';

create function plinth.refuse_merkle_change() returns trigger language plpgsql set search_path = '' as $$
begin
  raise exception 'Merkle logs are append-only: % of % is refused.', lower(tg_op), tg_table_name
    using errcode = 'insufficient_privilege';
end $$;
comment on function plinth.refuse_merkle_change() is 'Trigger: keeps mistakes away. Who owns the table can drop it; then proofs and heads differ.';

create trigger append_only before update or delete or truncate on plinth.merkle_nodes
  for each statement execute function plinth.refuse_merkle_change();
create trigger append_only before update or delete or truncate on plinth.merkle_heads
  for each statement execute function plinth.refuse_merkle_change();

alter table plinth.merkle_logs enable row level security;
alter table plinth.merkle_nodes enable row level security;
alter table plinth.merkle_heads enable row level security;
revoke all on function plinth.refuse_merkle_change() from public;
