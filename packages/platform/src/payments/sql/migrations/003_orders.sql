-- Orders, the facts that providers and people report of them, and what was done because of them.
--
-- A fact is stored once: per event of its provider, and per content. It belongs to a target, an order or a subscription,
-- found by the provider's ids of what it speaks of. The target's state is folded in code (fold/) from all of its facts under
-- the lock of the target's row; the ledger gets the difference, and each effect is written down once.

create table plinth.payment_orders (
  id uuid primary key default gen_random_uuid(),
  tenant text not null default '',
  purpose text not null check (purpose <> ''),
  reference text not null check (reference <> ''),
  person uuid,
  amount bigint not null check (amount between 1 and 9007199254740991),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  lines jsonb not null,
  details jsonb not null default '{}',
  created_at timestamptz not null default plinth.now(),
  status text not null default 'open' check (status in
    ('open', 'authorised', 'failed', 'expired', 'underpaid', 'paid', 'partially_refunded', 'refunded', 'reversed')),
  captured bigint not null default 0,
  refunded bigint not null default 0,
  disputed bigint not null default 0,
  lost bigint not null default 0,
  discrepancies text[] not null default '{}',
  state jsonb,
  version int not null default 0,
  changed_at timestamptz not null default plinth.now(),
  unique (tenant, purpose, reference)
) with (fillfactor = 70);
comment on table plinth.payment_orders is 'What is to be paid, and what facts say of it.';
comment on column plinth.payment_orders.purpose is 'In the words of the system: registration, deposit, credits.';
comment on column plinth.payment_orders.reference is 'The system''s own key of what is paid; the same one again is the same order.';
comment on column plinth.payment_orders.lines is 'Parts of the amount, each with the account of the ledger that it is for; they sum to the amount.';
comment on column plinth.payment_orders.details is 'The system''s own, given back to its hooks.';
comment on column plinth.payment_orders.state is 'Everything that facts said, by the provider''s ids; the other columns follow from it.';
create index payment_orders_unsettled on plinth.payment_orders (created_at) where status in ('open', 'authorised', 'failed');
create index payment_orders_person on plinth.payment_orders (person) where person is not null;
create index payment_orders_discrepancies on plinth.payment_orders (changed_at) where discrepancies <> '{}';

create table plinth.payment_facts (
  id bigint generated always as identity primary key,
  provider text not null,
  event_id text not null,
  business_key text not null,
  source text not null check (source in ('webhook', 'client', 'api', 'person')),
  kind text not null,
  occurred_at timestamptz not null,
  received_at timestamptz not null default plinth.now(),
  events jsonb not null,
  objects text[] not null,
  unique (provider, event_id),
  unique (provider, business_key)
);
comment on table plinth.payment_facts is 'What a provider or a person reported, once. Rows are never changed.';
comment on column plinth.payment_facts.event_id is 'The provider''s id of the event; of an answer to our own call, one that names its content.';
comment on column plinth.payment_facts.business_key is 'Names the content: two events that say the same of the same instant are one fact.';
comment on column plinth.payment_facts.events is 'What it says, in the vocabulary of fold/events.ts; nothing personal, but links to the provider''s pages, which end by themselves.';
comment on column plinth.payment_facts.objects is 'The provider''s ids of what it speaks of, the one closest to the order first.';
create index payment_facts_received on plinth.payment_facts (received_at);

create table plinth.payment_bodies (
  fact bigint primary key references plinth.payment_facts,
  sealed bytea not null
);
comment on table plinth.payment_bodies is 'The bytes of facts as they came, sealed under the project''s key; they may be personal and are removed with the person.';

create table plinth.payment_inbox (
  fact bigint primary key references plinth.payment_facts,
  target uuid,
  objects text[],
  deliveries int not null default 1,
  received_at timestamptz not null default plinth.now(),
  processed_at timestamptz
) with (fillfactor = 70);
comment on table plinth.payment_inbox is 'How far each fact is: unmatched, waiting, processed.';
comment on column plinth.payment_inbox.target is 'The order or subscription that it belongs to; null while nobody knows.';
comment on column plinth.payment_inbox.objects is 'As in the fact, while the target is not known.';
create index payment_inbox_target on plinth.payment_inbox (target, fact);
create index payment_inbox_waiting on plinth.payment_inbox (received_at) where processed_at is null;
create index payment_inbox_unmatched on plinth.payment_inbox using gin (objects) where target is null;

create table plinth.payment_objects (
  provider text not null,
  object text not null,
  target uuid not null,
  primary key (provider, object)
);
comment on table plinth.payment_objects is 'Which order or subscription an object of a provider belongs to.';
create index payment_objects_target on plinth.payment_objects (target);

create table plinth.payment_movements (
  target uuid not null,
  key text not null,
  lines jsonb not null,
  version int not null,
  primary key (target, key)
);
comment on table plinth.payment_movements is 'What the ledger holds because of a target, by reason: what has to be posted is the difference to it.';

create table plinth.payment_effects (
  target uuid not null,
  key text not null,
  done_at timestamptz not null default plinth.now(),
  primary key (target, key)
);
comment on table plinth.payment_effects is 'What was done once because of a target: its row is written in the transaction that does it.';

create table plinth.payment_checkouts (
  target uuid not null,
  provider text not null,
  attempt int not null,
  object text,
  answer jsonb,
  asked_at timestamptz not null default plinth.now(),
  primary key (target, provider, attempt)
);
comment on table plinth.payment_checkouts is 'Checkouts that a provider was asked for: the row is there before the call, the answer after it.';
create index payment_checkouts_open on plinth.payment_checkouts (asked_at) where object is null;

create table plinth.payment_requests (
  id uuid primary key default gen_random_uuid(),
  target uuid not null references plinth.payment_orders,
  action text not null check (action in ('refund', 'capture')),
  cause text not null,
  provider text not null,
  payment text not null,
  amount bigint not null check (amount > 0),
  reason text,
  asked_by uuid,
  asked_at timestamptz not null default plinth.now(),
  attempts int not null default 0,
  state text not null default 'waiting' check (state in ('waiting', 'done', 'refused')),
  object text,
  problem text,
  answered_at timestamptz,
  answered_by uuid,
  unique (target, action, cause)
);
comment on table plinth.payment_requests is 'What a provider is asked to do. The id is the idempotency key of the call; the row is there before it.';
comment on column plinth.payment_requests.cause is 'Names why, within the order: the same cause asks once.';
create index payment_requests_waiting on plinth.payment_requests (asked_at) where state = 'waiting';

create table plinth.manual_payments (
  id text primary key default 'manual_' || gen_random_uuid(),
  target uuid not null references plinth.payment_orders,
  tenant text not null,
  method text not null check (method <> ''),
  reference text not null check (reference <> ''),
  amount bigint not null check (amount > 0),
  currency text not null,
  entered_by uuid,
  entered_at timestamptz not null default plinth.now(),
  confirmed_by uuid,
  confirmed_at timestamptz,
  reversed_by uuid,
  reversed_at timestamptz,
  reason text
);
comment on table plinth.manual_payments is 'Transfers, cash and cheques that people enter, confirm and take back; each step is a fact as well.';
comment on column plinth.manual_payments.reference is 'Of the transfer or cheque: one that was not taken back is entered once.';
create unique index manual_payments_reference on plinth.manual_payments (tenant, method, lower(reference)) where reversed_at is null;
create index manual_payments_target on plinth.manual_payments (target);

alter table plinth.manual_payments enable row level security;
alter table plinth.payment_orders enable row level security;
alter table plinth.payment_facts enable row level security;
alter table plinth.payment_bodies enable row level security;
alter table plinth.payment_inbox enable row level security;
alter table plinth.payment_objects enable row level security;
alter table plinth.payment_movements enable row level security;
alter table plinth.payment_effects enable row level security;
alter table plinth.payment_checkouts enable row level security;
alter table plinth.payment_requests enable row level security;

create trigger append_only before update or delete on plinth.payment_facts for each row execute function plinth.refuse_change();
create trigger keep before truncate on plinth.payment_facts for each statement execute function plinth.refuse_change();
create trigger append_only before update or delete on plinth.payment_effects for each row execute function plinth.refuse_change();
create trigger keep before truncate on plinth.payment_effects for each statement execute function plinth.refuse_change();
create trigger keep_rows before delete on plinth.payment_orders for each row execute function plinth.refuse_change();
create trigger keep before truncate on plinth.payment_orders for each statement execute function plinth.refuse_change();
create trigger keep_terms before update of id, tenant, purpose, reference, amount, currency, lines on plinth.payment_orders
  for each row when ((old.id, old.tenant, old.purpose, old.reference, old.amount, old.currency, old.lines)
    is distinct from (new.id, new.tenant, new.purpose, new.reference, new.amount, new.currency, new.lines))
  execute function plinth.refuse_change();

-- Orders --------------------------------------------------------------------------------------------------------

create function plinth.create_payment_order(
  p_tenant text, p_purpose text, p_reference text, p_amount bigint, p_currency text, p_lines jsonb,
  p_person uuid default null, p_details jsonb default '{}'
) returns uuid language plpgsql set search_path = '' as $$
declare
  v_order plinth.payment_orders;
begin
  if jsonb_typeof(p_lines) is distinct from 'array'
    or (select sum((l ->> 'amount')::bigint) is distinct from p_amount
          or bool_or((l ->> 'amount')::bigint <= 0 or coalesce(l ->> 'account', '') = '')
        from jsonb_array_elements(p_lines) l) then
    perform plinth.refuse('order_lines_differ', 422, 'The lines of an order name an account each and sum to its amount.',
      jsonb_build_object('amount', p_amount), 'Give every line an account and a positive amount in minor units.');
  end if;
  insert into plinth.payment_orders (tenant, purpose, reference, amount, currency, lines, person, details)
  values (p_tenant, p_purpose, p_reference, p_amount, p_currency, p_lines, p_person, p_details)
  on conflict (tenant, purpose, reference) do nothing
  returning * into v_order;
  if v_order.id is null then
    select * into v_order from plinth.payment_orders
      where tenant = p_tenant and purpose = p_purpose and reference = p_reference;
    if (v_order.amount, v_order.currency) is distinct from (p_amount, p_currency) then
      perform plinth.refuse('order_differs', 409, format('The order %s %s exists with another amount.', p_purpose, p_reference),
        jsonb_build_object('order', v_order.id, 'amount', v_order.amount, 'currency', v_order.currency),
        'What costs something else is another order: give it another reference.');
    end if;
  end if;
  return v_order.id;
end $$;
comment on function plinth.create_payment_order(text, text, text, bigint, text, jsonb, uuid, jsonb) is
  'Makes an order, or finds the one of the same reference. Raises order_differs (PT409) where that one costs something else, '
  'order_lines_differ (PT422).';

-- Facts ---------------------------------------------------------------------------------------------------------

-- Who stores a fact about an object and who looks for facts about it take the same lock, so none is overlooked.
create function plinth.lock_payment_objects(p_provider text, p_objects text[]) returns void language plpgsql
set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(h) from (
    select distinct hashtextextended(p_provider || ' ' || o, 12) as h from unnest(p_objects) o order by h) locks;
end $$;
comment on function plinth.lock_payment_objects(text, text[]) is 'One at a time for each object, until the transaction ends.';

-- Rows are looked up by key here and below, and the settings make PostgreSQL plan for that also while the tables are empty.
create function plinth.link_payment_objects(p_provider text, p_objects text[], p_target uuid) returns void
language plpgsql set search_path = '' set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off as $$
begin
  insert into plinth.payment_objects (provider, object, target)
  select p_provider, o, p_target from unnest(p_objects) o on conflict do nothing;
  update plinth.payment_inbox i set target = p_target, objects = null
  from plinth.payment_facts f
  where i.target is null and i.objects && p_objects and f.id = i.fact and f.provider = p_provider;
end $$;
comment on function plinth.link_payment_objects(text, text[], uuid) is
  'Says to whom objects belong, and gives facts about them that had no target to it. Call it under lock_payment_objects().';

create function plinth.receive_payment_fact(
  p_provider text, p_event_id text, p_business_key text, p_source text, p_kind text, p_occurred_at timestamptz,
  p_events jsonb, p_objects text[], p_hint uuid default null, p_sealed bytea default null, p_queue boolean default true
) returns table (fact bigint, target uuid, stored boolean) language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off as $$
#variable_conflict use_column
declare
  v_fact bigint;
  v_target uuid;
begin
  insert into plinth.payment_facts (provider, event_id, business_key, source, kind, occurred_at, events, objects)
  values (p_provider, p_event_id, p_business_key, p_source, p_kind, p_occurred_at, p_events, p_objects)
  on conflict do nothing returning id into v_fact;
  if v_fact is null then
    return query
      update plinth.payment_inbox i set deliveries = deliveries + 1
      from plinth.payment_facts f
      where f.id = i.fact and f.provider = p_provider and f.id = (
        select id from plinth.payment_facts
        where provider = p_provider and (event_id = p_event_id or business_key = p_business_key) order by id limit 1)
      returning i.fact, i.target, false;
    return;
  end if;
  perform plinth.lock_payment_objects(p_provider, p_objects);
  select o.target into v_target
  from unnest(p_objects) with ordinality w (object, n)
  join plinth.payment_objects o on o.provider = p_provider and o.object = w.object
  order by w.n limit 1;
  if v_target is null and p_hint is not null then
    select id into v_target from plinth.payment_orders where id = p_hint;
    if v_target is null then
      select id into v_target from plinth.subscriptions where id = p_hint;
    end if;
  end if;
  insert into plinth.payment_inbox (fact, target, objects)
  values (v_fact, v_target, case when v_target is null then p_objects end);
  if p_sealed is not null then
    insert into plinth.payment_bodies (fact, sealed) values (v_fact, p_sealed);
  end if;
  if v_target is not null then
    perform plinth.link_payment_objects(p_provider, p_objects, v_target);
    if p_queue then
      perform plinth.queue_payment_fold(v_target);
    end if;
  end if;
  return query select v_fact, v_target, true;
end $$;
comment on function plinth.receive_payment_fact(text, text, text, text, text, timestamptz, jsonb, text[], uuid, bytea, boolean) is
  'Stores a fact once, finds its target and queues the fold of it. The hint names the target where no object does.';

create function plinth.queue_payment_fold(p_target uuid) returns void language plpgsql set search_path = '' as $$
begin
  perform plinth.add_job('fold-payment', jsonb_build_object('target', p_target), null, 'fold ' || p_target);
end $$;
comment on function plinth.queue_payment_fold(uuid) is 'Folds a target soon; once, however often it is asked.';

create function plinth.requeue_payments(p_before timestamptz) returns bigint language plpgsql set search_path = '' as $$
declare
  v_queued bigint;
begin
  with waiting as (
    select distinct target from plinth.payment_inbox
    where processed_at is null and target is not null and received_at < p_before limit 1000
  )
  select count(*) into v_queued from waiting w, lateral plinth.queue_payment_fold(w.target);
  return v_queued;
end $$;
comment on function plinth.requeue_payments(timestamptz) is
  'Queues targets whose facts have waited since before an instant: their job failed for good, or its node died.';

create function plinth.replay_payments(p_facts bigint[] default null, p_since timestamptz default null) returns bigint
language plpgsql set search_path = '' as $$
declare
  v_queued bigint;
begin
  with again as (
    update plinth.payment_inbox set processed_at = null
    where target is not null and (fact = any (p_facts) or received_at >= p_since)
    returning target
  )
  select count(*) into v_queued
  from (select distinct target from again) a, lateral plinth.queue_payment_fold(a.target);
  return v_queued;
end $$;
comment on function plinth.replay_payments(bigint[], timestamptz) is
  'Folds the targets of these facts, or of all since an instant, again; gives how many. What was done is not done twice.';

-- What follows from a fold -------------------------------------------------------------------------------------

create function plinth.post_payment_movements(p_tenant text, p_target uuid, p_movements jsonb, p_about jsonb) returns void
language plpgsql set search_path = '' set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off as $$
declare
  v_move record;
  v_version int;
begin
  for v_move in
    select m ->> 'key' as key, m -> 'post' as post, m -> 'lines' as lines from jsonb_array_elements(p_movements) m
  loop
    insert into plinth.payment_movements as m (target, key, lines, version)
    values (p_target, v_move.key, v_move.lines, 1)
    on conflict (target, key) do update set lines = excluded.lines, version = m.version + 1
    returning version into v_version;
    perform plinth.open_ledger_account(p_tenant, l ->> 'account', l ->> 'currency', l ->> 'kind')
      from jsonb_array_elements(v_move.post) l;
    perform plinth.post_ledger(format('%s %s %s', p_target, v_move.key, v_version),
      array(select row(p_tenant, l ->> 'account', l ->> 'currency', (l ->> 'amount')::bigint)::plinth.ledger_line
        from jsonb_array_elements(v_move.post) l),
      p_about || jsonb_build_object('reason', v_move.key));
  end loop;
end $$;
comment on function plinth.post_payment_movements(text, uuid, jsonb, jsonb) is
  'Posts differences: [{key, post: lines, lines: what the ledger holds then}]. Call it under the lock of the target.';

create function plinth.record_payment_effects(p_target uuid, p_keys text[]) returns setof text language sql
set search_path = '' as $$
  insert into plinth.payment_effects (target, key) select p_target, k from unnest(p_keys) with ordinality w (k, n) order by n
  on conflict do nothing returning key
$$;
comment on function plinth.record_payment_effects(uuid, text[]) is 'Writes down effects, and gives those that were not done before.';

-- Requests to providers ----------------------------------------------------------------------------------------

create function plinth.request_refund(
  p_order uuid, p_cause text, p_amount bigint default null, p_reason text default null, p_by uuid default null
) returns uuid language plpgsql set search_path = '' as $$
declare
  v_order plinth.payment_orders;
  v_id uuid;
  v_payment record;
begin
  select * into v_order from plinth.payment_orders where id = p_order for no key update;
  if not found then
    perform plinth.refuse('order_unknown', 404, 'There is no such order.', jsonb_build_object('order', p_order));
  end if;
  select id into v_id from plinth.payment_requests where target = p_order and action = 'refund' and cause = p_cause;
  if found then
    return v_id;
  end if;
  -- Of each payment: captured, less refunds that did not fail, less what is asked for and not yet among them.
  select p.key as payment, p.value ->> 'provider' as provider, r.refundable into v_payment
  from jsonb_each(coalesce(v_order.state -> 'payments', '{}')) p,
    lateral (
      select coalesce((p.value -> 'captured' ->> v_order.currency)::bigint, 0)
        - coalesce((select sum((f.value ->> 'amount')::bigint) from jsonb_each(v_order.state -> 'refunds') f
            where f.value ->> 'payment' = p.key and not coalesce((f.value -> 'seen' ->> 'failed')::boolean, false)), 0)
        - coalesce((select sum(q.amount) from plinth.payment_requests q
            where q.target = p_order and q.action = 'refund' and q.payment = p.key and q.state <> 'refused'
              and (q.object is null or not v_order.state -> 'refunds' ? q.object)), 0) as refundable
    ) r
  where not coalesce((p.value -> 'seen' ->> 'reversed')::boolean, false)
    and r.refundable >= coalesce(p_amount, 1)
  order by r.refundable, p.key limit 1;
  if not found then
    perform plinth.refuse('refund_exceeds_payment', 409, 'No payment of this order has as much left to give back.',
      jsonb_build_object('order', p_order, 'amount', p_amount), 'Give back at most what was captured and is not given back yet.');
  end if;
  insert into plinth.payment_requests (target, action, cause, provider, payment, amount, reason, asked_by)
  values (p_order, 'refund', p_cause, v_payment.provider, v_payment.payment, coalesce(p_amount, v_payment.refundable), p_reason, p_by)
  returning id into v_id;
  -- What people paid by hand, people give back by hand.
  if v_payment.provider <> 'manual' then
    perform plinth.add_job('call-payment-provider', jsonb_build_object('request', v_id), null, 'call ' || v_id);
  end if;
  return v_id;
end $$;
comment on function plinth.request_refund(uuid, text, bigint, text, uuid) is
  'Asks for a refund, once per cause, of an amount or of all that is left of one payment. What is asked for is reserved at '
  'once. Raises order_unknown (PT404) or refund_exceeds_payment (PT409).';

create function plinth.request_capture(p_order uuid, p_by uuid default null) returns uuid language plpgsql set search_path = '' as $$
declare
  v_order plinth.payment_orders;
  v_payment record;
  v_id uuid;
begin
  select * into v_order from plinth.payment_orders where id = p_order for no key update;
  if not found then
    perform plinth.refuse('order_unknown', 404, 'There is no such order.', jsonb_build_object('order', p_order));
  end if;
  select p.key as payment, p.value ->> 'provider' as provider into v_payment
  from jsonb_each(coalesce(v_order.state -> 'payments', '{}')) p
  where p.value -> 'seen' ? 'authorised' and not p.value -> 'seen' ?| array['captured', 'cancelled', 'reversed']
    and p.value ->> 'provider' <> 'manual'
  order by p.key limit 1;
  if not found or v_order.captured >= v_order.amount then
    perform plinth.refuse('nothing_to_capture', 409, 'No payment of this order waits to be captured.',
      jsonb_build_object('order', p_order), 'Only what is authorised, and not captured yet, can be captured.');
  end if;
  insert into plinth.payment_requests (target, action, cause, provider, payment, amount, asked_by)
  values (p_order, 'capture', v_payment.payment, v_payment.provider, v_payment.payment, v_order.amount, p_by)
  on conflict (target, action, cause) do update set cause = excluded.cause
  returning id into v_id;
  perform plinth.add_job('call-payment-provider', jsonb_build_object('request', v_id), null, 'call ' || v_id);
  return v_id;
end $$;
comment on function plinth.request_capture(uuid, uuid) is
  'Asks to capture what an order''s payment was authorised for, once. Raises order_unknown (PT404) or nothing_to_capture (PT409).';

revoke all on function plinth.request_capture(uuid, uuid), plinth.create_payment_order(text, text, text, bigint, text, jsonb, uuid, jsonb),
  plinth.lock_payment_objects(text, text[]), plinth.link_payment_objects(text, text[], uuid),
  plinth.receive_payment_fact(text, text, text, text, text, timestamptz, jsonb, text[], uuid, bytea, boolean),
  plinth.queue_payment_fold(uuid), plinth.requeue_payments(timestamptz), plinth.replay_payments(bigint[], timestamptz),
  plinth.post_payment_movements(text, uuid, jsonb, jsonb), plinth.record_payment_effects(uuid, text[]),
  plinth.request_refund(uuid, text, bigint, text, uuid) from public, anon, authenticated, service_role;
