-- A double-entry ledger in minor units. docs/payments.md says what is promised and what is detected.
--
-- An account has one currency, a running balance and a counter of its postings. Its row is its lock: post_ledger() takes
-- the accounts of a transaction in the order of their ids, so two transactions never wait for each other in a circle.
-- Each posting carries the account's counter and the balance after it, so that a balance at any instant is one index
-- look-up, a gap is visible, and a posting that was altered contradicts its neighbours.
--
-- Amounts are signed: positive is debit, negative is credit. They sum to zero in every transaction and currency.

create table plinth.ledger_accounts (
  id bigint generated always as identity primary key,
  tenant text not null default '',
  name text not null check (name <> ''),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  kind text not null check (kind in ('asset', 'liability', 'equity', 'income', 'expense')),
  may_overdraw boolean not null default true,
  balance bigint not null default 0,
  postings bigint not null default 0 check (postings >= 0),
  posted_at timestamptz not null default '-infinity',
  checked bigint not null default 0,
  frozen_at timestamptz,
  frozen_because text,
  created_at timestamptz not null default plinth.now(),
  unique (tenant, name, currency),
  constraint ledger_accounts_not_overdrawn check (
    may_overdraw or case when kind in ('asset', 'expense') then balance >= 0 else balance <= 0 end)
) with (fillfactor = 50);
comment on table plinth.ledger_accounts is 'Accounts of the ledger, each in one currency, with its balance.';
comment on column plinth.ledger_accounts.tenant is 'Whose account it is; empty for the system''s own.';
comment on column plinth.ledger_accounts.kind is 'asset and expense grow by debits (positive), the others by credits (negative).';
comment on column plinth.ledger_accounts.may_overdraw is 'False: the balance never leaves the side of its kind.';
comment on column plinth.ledger_accounts.balance is 'Minor units, debits minus credits.';
comment on column plinth.ledger_accounts.postings is 'How many postings it has, and the sequence of the last one.';
comment on column plinth.ledger_accounts.posted_at is 'Instant of the last posting; the next one is never earlier.';
comment on column plinth.ledger_accounts.checked is 'Sequence up to which check_ledger() found everything in order.';
comment on column plinth.ledger_accounts.frozen_at is 'Set when a check failed: nothing is posted until a person thaws it.';

create table plinth.ledger_transactions (
  id bigint generated always as identity primary key,
  key text not null unique,
  posted_at timestamptz not null,
  occurred_at timestamptz not null,
  reverses bigint unique references plinth.ledger_transactions,
  about jsonb not null default '{}'
);
comment on table plinth.ledger_transactions is 'What happened, each with at least two postings. Rows are never changed.';
comment on column plinth.ledger_transactions.key is 'Names the cause: the same cause posts once.';
comment on column plinth.ledger_transactions.posted_at is 'When it was recorded; what a balance at an instant goes by.';
comment on column plinth.ledger_transactions.occurred_at is 'When it happened, as the provider or the person says.';
comment on column plinth.ledger_transactions.about is 'For people and reports: order, fact, description. Holds nothing personal.';

create table plinth.ledger_postings (
  account bigint not null references plinth.ledger_accounts,
  sequence bigint not null,
  transaction bigint not null references plinth.ledger_transactions,
  amount bigint not null check (amount <> 0),
  balance bigint not null,
  posted_at timestamptz not null,
  primary key (account, sequence),
  unique (transaction, account)
);
comment on table plinth.ledger_postings is 'One line of a transaction. Rows are never changed.';
comment on column plinth.ledger_postings.sequence is 'Counts the account''s postings from 1, without gaps.';
comment on column plinth.ledger_postings.balance is 'The account''s balance after this posting.';
create index ledger_postings_by_instant on plinth.ledger_postings (account, posted_at, sequence);

alter table plinth.ledger_accounts enable row level security;
alter table plinth.ledger_transactions enable row level security;
alter table plinth.ledger_postings enable row level security;

-- Append-only ---------------------------------------------------------------------------------------------------

create function plinth.refuse_change() returns trigger language plpgsql set search_path = '' as $$
begin
  raise exception 'rows of % are never changed or removed', tg_table_name
    using errcode = 'restrict_violation', hint = 'Post what corrects it.';
end $$;
comment on function plinth.refuse_change() is 'Trigger: makes a table append-only, for its owner too.';

create trigger append_only before update or delete on plinth.ledger_transactions
  for each row execute function plinth.refuse_change();
create trigger append_only before update or delete on plinth.ledger_postings
  for each row execute function plinth.refuse_change();
create trigger keep before truncate on plinth.ledger_transactions for each statement execute function plinth.refuse_change();
create trigger keep before truncate on plinth.ledger_postings for each statement execute function plinth.refuse_change();
create trigger keep_rows before delete on plinth.ledger_accounts for each row execute function plinth.refuse_change();
create trigger keep before truncate on plinth.ledger_accounts for each statement execute function plinth.refuse_change();
create trigger keep_identity before update of id, tenant, name, currency, kind on plinth.ledger_accounts
  for each row when ((old.id, old.tenant, old.name, old.currency, old.kind)
    is distinct from (new.id, new.tenant, new.name, new.currency, new.kind))
  execute function plinth.refuse_change();

-- A transaction's lines come in one statement, so that they can be judged at its end.
-- Its rows are looked up by key, and the settings make PostgreSQL plan for that, as in holds: a plan that was made while the
-- table was empty would scan it as long as a connection lives.
create function plinth.require_balanced_lines() returns trigger language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
begin
  if exists (
    select from lines l
    join plinth.ledger_accounts a on a.id = l.account
    group by l.transaction, a.currency having sum(l.amount) <> 0
  ) or exists (
    select from (select l.transaction, count(*) as here from lines l group by l.transaction) n
    where n.here <> (select count(*) from plinth.ledger_postings p where p.transaction = n.transaction)
  ) then
    raise exception 'the lines of a ledger transaction sum to zero in each currency and come in one statement'
      using errcode = 'check_violation', constraint = 'ledger_balanced';
  end if;
  return null;
end $$;
comment on function plinth.require_balanced_lines() is 'Trigger on ledger_postings: debits equal credits, whoever inserts.';
create trigger balanced after insert on plinth.ledger_postings referencing new table as lines
  for each statement execute function plinth.require_balanced_lines();

-- Accounts ------------------------------------------------------------------------------------------------------

create function plinth.open_ledger_account(
  p_tenant text, p_name text, p_currency text, p_kind text, p_may_overdraw boolean default true
) returns bigint language plpgsql set search_path = '' as $$
declare
  v_account plinth.ledger_accounts;
begin
  select * into v_account from plinth.ledger_accounts
    where tenant = p_tenant and name = p_name and currency = p_currency;
  if not found then
    insert into plinth.ledger_accounts (tenant, name, currency, kind, may_overdraw)
    values (p_tenant, p_name, p_currency, p_kind, p_may_overdraw)
    on conflict (tenant, name, currency) do nothing;
    select * into v_account from plinth.ledger_accounts
      where tenant = p_tenant and name = p_name and currency = p_currency;
  end if;
  if (v_account.kind, v_account.may_overdraw) is distinct from (p_kind, p_may_overdraw) then
    perform plinth.refuse('ledger_account_differs', 409,
      format('The account %s (%s) exists already, with another kind or limit.', p_name, p_currency),
      jsonb_build_object('account', p_name, 'kind', v_account.kind, 'may_overdraw', v_account.may_overdraw),
      'Open an account of another name.');
  end if;
  return v_account.id;
end $$;
comment on function plinth.open_ledger_account(text, text, text, text, boolean) is
  'Makes an account, or finds it. Raises ledger_account_differs (PT409) where it exists with another kind or limit.';

create function plinth.thaw_ledger_account(p_account bigint) returns void language sql set search_path = '' as $$
  update plinth.ledger_accounts set frozen_at = null, frozen_because = null where id = p_account
$$;
comment on function plinth.thaw_ledger_account(bigint) is 'Lets postings to a frozen account go on, after a person has looked at it.';

-- Posting -------------------------------------------------------------------------------------------------------

create type plinth.ledger_line as (tenant text, account text, currency text, amount bigint);
comment on type plinth.ledger_line is 'A line as it is asked for: positive is debit, in minor units.';

create function plinth.require_same_lines(p_transaction bigint, p_lines plinth.ledger_line[]) returns void
language plpgsql set search_path = '' as $$
begin
  if exists (
    (select l.tenant, l.account, l.currency, l.amount from unnest(p_lines) l)
    except
    (select a.tenant, a.name, a.currency, p.amount
     from plinth.ledger_postings p join plinth.ledger_accounts a on a.id = p.account where p.transaction = p_transaction)
  ) or (select count(*) from plinth.ledger_postings where transaction = p_transaction) <> cardinality(p_lines) then
    perform plinth.refuse('ledger_key_taken', 409, 'Another transaction was posted under this key.',
      jsonb_build_object('transaction', p_transaction), 'A key names one cause: give another cause another key.');
  end if;
end $$;
comment on function plinth.require_same_lines(bigint, plinth.ledger_line[]) is
  'Raises ledger_key_taken (PT409) unless a transaction has exactly these lines.';

create function plinth.refuse_unknown_accounts(p_lines plinth.ledger_line[]) returns void language plpgsql set search_path = '' as $$
declare
  v_unknown text;
begin
  select string_agg(format('%s %s', l.account, l.currency), ', ' order by l.account) into v_unknown
  from unnest(p_lines) l
  where not exists (
    select from plinth.ledger_accounts a where a.tenant = l.tenant and a.name = l.account and a.currency = l.currency);
  perform plinth.refuse('ledger_account_unknown', 404, format('There is no account %s.', v_unknown),
    jsonb_build_object('accounts', v_unknown), 'Open it first: plinth.open_ledger_account.');
end $$;
comment on function plinth.refuse_unknown_accounts(plinth.ledger_line[]) is 'Raises ledger_account_unknown (PT404) and names the accounts.';

-- Every step looks rows up by key, and the settings make PostgreSQL plan for that, as in holds.
create function plinth.post_ledger(
  p_key text, p_lines plinth.ledger_line[], p_about jsonb default '{}',
  p_occurred_at timestamptz default null, p_reverses bigint default null
) returns bigint language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_at timestamptz := plinth.now();
  v_transaction bigint;
  v_found int;
  v_frozen text;
  v_overdrawn text;
  v_wrong boolean;
begin
  select count(*) < 2 or bool_or(coalesce(j.total, 1) <> 0) or bool_or(j.wrong) into v_wrong
  from (
    select sum(l.amount) over (partition by l.currency) as total,
      l.amount is null or l.amount = 0 or count(*) over (partition by l.tenant, l.account, l.currency) > 1 as wrong
    from unnest(p_lines) l
  ) j;
  if v_wrong is distinct from false or p_key is null then
    perform plinth.refuse('ledger_unbalanced', 422,
      'A ledger transaction needs a key and two lines or more, each of its own account and not zero, that sum to zero in each currency.',
      p_hint => 'Nothing was posted.');
  end if;

  select count(*), max(greatest(a.posted_at, v_at)), min(a.name) filter (where a.frozen_at is not null),
      min(a.name) filter (where not a.may_overdraw and sign(a.balance + a.amount)
        = case when a.kind in ('asset', 'expense') then -1 else 1 end)
    into v_found, v_at, v_frozen, v_overdrawn
  from (
    select a.name, a.kind, a.balance, a.posted_at, a.may_overdraw, a.frozen_at, l.amount
    from unnest(p_lines) l
    join plinth.ledger_accounts a on a.tenant = l.tenant and a.name = l.account and a.currency = l.currency
    order by a.id for no key update of a
  ) a;
  -- Asked under the locks: whoever posts the same cause locks the same accounts first.
  select id into v_transaction from plinth.ledger_transactions where key = p_key;
  if found then
    perform plinth.require_same_lines(v_transaction, p_lines);
    return v_transaction;
  end if;
  if v_found < cardinality(p_lines) then
    perform plinth.refuse_unknown_accounts(p_lines);
  end if;
  if v_frozen is not null then
    perform plinth.refuse('ledger_account_frozen', 423, format('The account %s is frozen.', v_frozen),
      jsonb_build_object('account', v_frozen),
      'A check found it wrong. Look at plinth.ledger_accounts.frozen_because, correct the cause, and thaw it.');
  end if;
  if v_overdrawn is not null then
    perform plinth.refuse('ledger_overdrawn', 409, format('The account %s may not be overdrawn.', v_overdrawn),
      jsonb_build_object('account', v_overdrawn), 'Nothing was posted.');
  end if;

  insert into plinth.ledger_transactions (key, posted_at, occurred_at, reverses, about)
  values (p_key, v_at, coalesce(p_occurred_at, v_at), p_reverses, p_about)
  returning id into v_transaction;
  with moved as (
    update plinth.ledger_accounts a
    set balance = a.balance + l.amount, postings = a.postings + 1, posted_at = v_at
    from unnest(p_lines) l
    where a.tenant = l.tenant and a.name = l.account and a.currency = l.currency
    returning a.id, a.postings, l.amount, a.balance
  )
  insert into plinth.ledger_postings (account, sequence, transaction, amount, balance, posted_at)
  select m.id, m.postings, v_transaction, m.amount, m.balance, v_at from moved m;
  return v_transaction;
end $$;
comment on function plinth.post_ledger(text, plinth.ledger_line[], jsonb, timestamptz, bigint) is
  'Posts a transaction once per key and returns its id; the same key with the same lines again returns the first one. '
  'Raises ledger_unbalanced (PT422), ledger_account_unknown (PT404), ledger_account_frozen (PT423), ledger_overdrawn '
  '(PT409) or ledger_key_taken (PT409).';

create function plinth.reverse_ledger(p_key text, p_transaction bigint, p_about jsonb default '{}') returns bigint
language sql set search_path = '' as $$
  select plinth.post_ledger(p_key,
    array(
      select row(a.tenant, a.name, a.currency, -p.amount)::plinth.ledger_line
      from plinth.ledger_postings p join plinth.ledger_accounts a on a.id = p.account
      where p.transaction = p_transaction order by a.id),
    p_about, null, p_transaction)
$$;
comment on function plinth.reverse_ledger(text, bigint, jsonb) is
  'Posts the opposite of a transaction, once: a second reversal under another key violates a unique constraint.';

-- Reading -------------------------------------------------------------------------------------------------------

create function plinth.ledger_balance(
  p_tenant text, p_name text, p_currency text, p_at timestamptz default 'infinity'
) returns bigint language sql stable set search_path = '' as $$
  select coalesce((
    select p.balance from plinth.ledger_postings p
    where p.account = a.id and p.posted_at <= p_at order by p.posted_at desc, p.sequence desc limit 1), 0)
  from plinth.ledger_accounts a where a.tenant = p_tenant and a.name = p_name and a.currency = p_currency
$$;
comment on function plinth.ledger_balance(text, text, text, timestamptz) is
  'Balance of an account at an instant, in minor units, debits minus credits; null for no such account. One index look-up, '
  'however many postings there are. It is final once transactions that were open at that instant have ended.';

create function plinth.ledger_statement(
  p_tenant text, p_name text, p_currency text,
  p_from timestamptz default '-infinity', p_until timestamptz default 'infinity', p_limit int default 1000
) returns table (sequence bigint, posted_at timestamptz, occurred_at timestamptz, transaction bigint, key text, about jsonb,
  amount bigint, balance bigint) language sql stable set search_path = '' as $$
  select p.sequence, p.posted_at, t.occurred_at, t.id, t.key, t.about, p.amount, p.balance
  from plinth.ledger_accounts a
  join plinth.ledger_postings p on p.account = a.id
  join plinth.ledger_transactions t on t.id = p.transaction
  where a.tenant = p_tenant and a.name = p_name and a.currency = p_currency
    and p.posted_at >= p_from and p.posted_at < p_until
  order by p.posted_at, p.sequence limit p_limit
$$;
comment on function plinth.ledger_statement(text, text, text, timestamptz, timestamptz, int) is
  'Postings of an account in order, from an instant until before another, each with the balance after it.';

create function plinth.allocate(p_amount bigint, p_weights bigint[]) returns bigint[] language sql immutable
set search_path = '' as $$
  select array_agg((div(p_amount * until, total) - div(p_amount * (until - weight), total))::bigint order by n)
  from (
    select n, weight, sum(weight) over (order by n) as until, sum(weight) over () as total
    from unnest(p_weights) with ordinality w (weight, n)
  ) weighed
$$;
comment on function plinth.allocate(bigint, bigint[]) is
  'Splits an amount in proportion to weights: part n is what the first n weights have of it, rounded towards zero, '
  'less what the first n − 1 have. Sums to the amount, and each part is within one minor unit of its exact share.';

-- Checking ------------------------------------------------------------------------------------------------------

create function plinth.check_ledger(p_full boolean default false)
returns table (account bigint, tenant text, name text, currency text, problem text) language plpgsql set search_path = '' as $$
begin
  return query
  with due as materialized (
    select a.*, case when p_full then 0 else a.checked end as since
    from plinth.ledger_accounts a where p_full or a.postings <> a.checked
  ),
  walked as (
    select d.id as account, p.sequence, p.transaction, p.balance, p.amount, p.posted_at,
      lag(p.sequence, 1, d.since) over w as previous_sequence,
      lag(p.balance, 1, coalesce((select b.balance from plinth.ledger_postings b
        where b.account = d.id and b.sequence = d.since), 0)) over w as previous_balance,
      lag(p.posted_at) over w as previous_instant
    from due d join plinth.ledger_postings p on p.account = d.id and p.sequence > d.since
    window w as (partition by d.id order by p.sequence)
  ),
  judged as (
    select w.account, max(w.sequence) as last, min(w.sequence) filter (where w.sequence <> w.previous_sequence + 1) as gap,
      min(w.sequence) filter (where w.balance <> w.previous_balance + w.amount) as altered,
      min(w.sequence) filter (where w.posted_at < w.previous_instant) as unordered,
      min(w.sequence) filter (where not exists (
        select from plinth.ledger_transactions t where t.id = w.transaction and t.posted_at = w.posted_at)
        or exists (
          select from plinth.ledger_postings o join plinth.ledger_accounts c on c.id = o.account
          where o.transaction = w.transaction group by c.currency having sum(o.amount) <> 0)) as unbalanced
    from walked w group by w.account
  ),
  found as (
    select d.id, d.tenant, d.name, d.currency, case
      when coalesce(j.last, d.since) <> d.postings or j.gap is not null then
        format('postings are missing or added: %s are there, %s were counted', coalesce(j.last, d.since), d.postings)
      when j.altered is not null then format('posting %s does not lead to its balance', j.altered)
      when j.unordered is not null then format('posting %s is earlier than the one before', j.unordered)
      when j.unbalanced is not null then format('the transaction of posting %s does not sum to zero', j.unbalanced)
      when d.balance <> coalesce((select p.balance from plinth.ledger_postings p
        where p.account = d.id and p.sequence = d.postings), 0) then 'its balance is not that of its last posting'
      end as problem, d.postings
    from due d left join judged j on j.account = d.id
  ),
  marked as (
    update plinth.ledger_accounts a set
      checked = case when f.problem is null then greatest(a.checked, f.postings) else a.checked end,
      frozen_at = case when f.problem is null then a.frozen_at else coalesce(a.frozen_at, plinth.now()) end,
      frozen_because = coalesce(f.problem, a.frozen_because)
    from found f where a.id = f.id
  )
  select f.id, f.tenant, f.name, f.currency, f.problem from found f where f.problem is not null order by f.id;
end $$;
comment on function plinth.check_ledger(boolean) is
  'Checks the postings that came since the last check, or all, and freezes the accounts that are wrong: missing, altered or '
  'unordered postings, transactions that do not sum to zero, balances that are not those of the postings.';

-- Systems build on these from SQL of their own; nobody calls them from outside.
revoke all on function plinth.refuse_change(), plinth.require_balanced_lines(),
  plinth.open_ledger_account(text, text, text, text, boolean), plinth.thaw_ledger_account(bigint),
  plinth.require_same_lines(bigint, plinth.ledger_line[]), plinth.refuse_unknown_accounts(plinth.ledger_line[]),
  plinth.post_ledger(text, plinth.ledger_line[], jsonb, timestamptz, bigint), plinth.reverse_ledger(text, bigint, jsonb),
  plinth.ledger_balance(text, text, text, timestamptz),
  plinth.ledger_statement(text, text, text, timestamptz, timestamptz, int), plinth.allocate(bigint, bigint[]),
  plinth.check_ledger(boolean) from public, anon, authenticated, service_role;
