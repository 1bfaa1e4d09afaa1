-- A write with an Idempotency-Key is done once, and answered alike when it is sent again.

create table plinth.receipts (
  whose text not null,
  key text not null,
  fingerprint bytea not null,
  answer text,
  made_at timestamptz not null default plinth.now(),
  primary key (whose, key)
);
comment on table plinth.receipts is
  'One row for each write that was committed with an Idempotency-Key: whose it was, what was asked (a hash), what was answered.';
comment on column plinth.receipts.answer is 'JSON, kept up to a size; null when it was larger.';
create index receipts_made_at on plinth.receipts (made_at);
alter table plinth.receipts enable row level security;

create function plinth.receipt_owner() returns text language sql stable set search_path = '' as $$
  select coalesce('user ' || (c.claims ->> 'sub'), 'key ' || (c.claims -> 'key' ->> 'id'), 'role ' || current_setting('role'))
  from (select nullif(current_setting('request.jwt.claims', true), '')::jsonb as claims) c
$$;
comment on function plinth.receipt_owner() is 'Whose keys are those of this request: nobody finds another one''s receipt.';

-- security definer: callers take and find their own receipts, and reach the table in no other way.
create function plinth.take_receipt(p_key text, p_fingerprint bytea, out is_same boolean, out answer text)
language plpgsql security definer set search_path = '' as $$
declare
  v_whose text := plinth.receipt_owner();
begin
  loop
    -- Waits for a transaction with the same key that has not ended.
    insert into plinth.receipts (whose, key, fingerprint) values (v_whose, p_key, p_fingerprint) on conflict do nothing;
    if found then
      return;
    end if;
    select r.fingerprint = p_fingerprint, r.answer into is_same, answer
    from plinth.receipts r where r.whose = v_whose and r.key = p_key;
    exit when found;
  end loop;
end $$;
comment on function plinth.take_receipt(text, bytea) is
  'Takes the receipt of a key, to be committed with the write: is_same is null then. Otherwise the write was done before: '
  'whether the same was asked, and what was answered.';

-- security definer: as above.
create function plinth.keep_answer(p_key text, p_answer text) returns void
language sql security definer set search_path = '' as $$
  update plinth.receipts set answer = p_answer where whose = plinth.receipt_owner() and key = p_key
$$;
comment on function plinth.keep_answer(text, text) is 'Puts the answer onto a receipt that this transaction took.';

revoke all on function plinth.receipt_owner(), plinth.take_receipt(text, bytea), plinth.keep_answer(text, text) from public;
grant execute on function plinth.take_receipt(text, bytea), plinth.keep_answer(text, text) to authenticated, service_role;
