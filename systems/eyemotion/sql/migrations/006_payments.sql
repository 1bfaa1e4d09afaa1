-- What follows from money. The platform's payments keep facts, orders, subscriptions and the ledger; here are the rows that users
-- see, the credits that a payment gives or takes back, and what a subscription opens. Every function may be called again with the
-- same news, and news in any order end in the same rows.

create table private.withheld_orders (
  order_id uuid primary key,
  risk_level text not null,
  released_by uuid references public.user_profiles (id) on delete set null,
  released_at timestamptz
);
comment on table private.withheld_orders is 'Purchases that Radar calls highly risky: their credits wait until an admin releases them.';
alter table private.withheld_orders enable row level security;

create table private.lost_periods (
  subscription uuid not null,
  invoice text not null,
  period_start timestamptz not null,
  amount bigint not null check (amount > 0),
  lost bigint not null check (lost >= 0),
  primary key (subscription, invoice)
);
comment on table private.lost_periods is 'By invoice of a subscription: what was paid, and how much of it was given back or is disputed (satang).';
alter table private.lost_periods enable row level security;

create function private.vat_of(p_amount bigint) returns bigint language sql immutable set search_path = '' as $$
  select round(p_amount * 7 / 107::numeric)::bigint
$$;
comment on function private.vat_of(bigint) is 'The VAT (7 %, Thailand) that an amount includes, rounded half away from zero.';

create function private.issue_invoice(p_key text, p_amount bigint, p_description text, p_kind text default 'invoice') returns text
language sql set search_path = '' as $$
  select plinth.issue_document('', p_kind, p_key, jsonb_build_object('description', p_description, 'currency', 'THB', 'total', p_amount,
    'net', p_amount - private.vat_of(p_amount), 'vat', private.vat_of(p_amount), 'vat_percent', 7), 'Asia/Bangkok',
    case p_kind when 'invoice' then 'INV' else 'CN' end)
$$;
comment on function private.issue_invoice(text, bigint, text, text) is 'A tax invoice or a credit note with VAT, once per key, in a series without gaps.';

create function private.follow_refunds(p_user uuid, p_state jsonb, p_what text) returns void language plpgsql set search_path = '' as $$
declare
  v_refund record;
begin
  for v_refund in
    select r.key as id, (r.value ->> 'amount')::bigint as amount, r.value -> 'seen' ? 'succeeded' and not r.value -> 'seen' ? 'failed' as done,
      r.value -> 'seen' ? 'failed' as failed
    from jsonb_each(coalesce(p_state -> 'refunds', '{}')) r where (r.value ->> 'amount')::bigint > 0
  loop
    insert into public.payment_transactions (user_id, source, amount, status, transaction_type, description, invoice_number)
    values (p_user, 'refund ' || v_refund.id, v_refund.amount,
      case when v_refund.failed then 'failed' when v_refund.done then 'completed' else 'pending' end::public.transaction_status, 'refund',
      'Refund of ' || p_what, case when v_refund.done then private.issue_invoice('refund ' || v_refund.id, v_refund.amount, 'Refund of ' || p_what, 'credit_note') end)
    on conflict (source) do update set status = excluded.status, invoice_number = coalesce(payment_transactions.invoice_number, excluded.invoice_number);
  end loop;
end $$;
comment on function private.follow_refunds(uuid, jsonb, text) is 'A row for each refund that facts tell of, with its credit note.';

create function private.follow_order(p_order uuid) returns void language plpgsql set search_path = '' as $$
declare
  v_order plinth.payment_orders;
  v_user uuid;
  v_credits bigint;
  v_left bigint;
  v_payment record;
  v_risk text;
  v_was_paid boolean;
begin
  select * into v_order from plinth.payment_orders where id = p_order;
  if v_order.purpose <> 'credits' then
    return;
  end if;
  select id into v_user from public.user_profiles where id = v_order.person;
  v_credits := coalesce((v_order.details ->> 'credits')::bigint, 0);
  select p.key as id, p.value ->> 'receipt' as receipt into v_payment
    from jsonb_each(coalesce(v_order.state -> 'payments', '{}')) p order by p.value -> 'seen' ? 'captured' desc, p.key limit 1;
  select max(p.value ->> 'risk') into v_risk from jsonb_each(coalesce(v_order.state -> 'payments', '{}')) p where p.value ->> 'risk' <> 'normal';
  if v_risk = 'highest' then
    insert into private.withheld_orders (order_id, risk_level) values (p_order, v_risk) on conflict do nothing;
  end if;
  v_was_paid := v_order.status in ('paid', 'partially_refunded', 'refunded');
  insert into public.payment_transactions as t (user_id, source, stripe_payment_intent_id, amount, currency, status, transaction_type, description,
    credits, refunded_amount, risk_level, invoice_number, receipt_url)
  values (v_user, 'order ' || p_order, v_payment.id, v_order.amount, lower(v_order.currency),
    case when v_order.status in ('paid', 'partially_refunded') then 'completed' when v_order.status = 'refunded' then 'refunded'
      when v_order.status in ('failed', 'reversed') then 'failed' when v_order.status = 'expired' then 'cancelled' else 'pending' end::public.transaction_status,
    'credit_purchase', v_credits || ' credits', v_credits, v_order.refunded + v_order.lost, v_risk,
    case when v_was_paid then private.issue_invoice('order ' || p_order, v_order.amount, v_credits || ' credits') end, v_payment.receipt)
  on conflict (source) do update set stripe_payment_intent_id = coalesce(excluded.stripe_payment_intent_id, t.stripe_payment_intent_id),
    status = excluded.status, refunded_amount = excluded.refunded_amount, risk_level = coalesce(excluded.risk_level, t.risk_level),
    invoice_number = coalesce(t.invoice_number, excluded.invoice_number), receipt_url = coalesce(excluded.receipt_url, t.receipt_url);
  perform private.follow_refunds(v_user, v_order.state, v_credits || ' credits');
  if v_user is null or not v_was_paid then
    return;
  end if;
  -- What is left of the money is what is left of the credits; what is disputed is withheld until it is decided.
  v_left := v_credits * greatest(0, least(v_order.amount, v_order.captured - v_order.refunded - v_order.lost - v_order.disputed)) / v_order.amount;
  if exists (select from private.withheld_orders where order_id = p_order and released_at is null) then
    v_left := 0;
  end if;
  perform private.grant_credits(v_user, 'bought ' || p_order, v_left);
end $$;
comment on function private.follow_order(uuid) is
  'Brings a purchase of credits in line with its order: the user''s row, and a lot of as many credits as money is left (E-P2, E-P5).';

-- Subscriptions ----------------------------------------------------------------------------------------------------

create function private.plan_lot(p_subscription uuid, p_start timestamptz) returns text language sql immutable set search_path = '' as $$
  select format('plan %s %s', p_subscription, extract(epoch from p_start)::bigint)
$$;
comment on function private.plan_lot(uuid, timestamptz) is 'Names the lot of a subscription''s period.';

create function private.size_plan_lot(p_subscription uuid, p_start timestamptz) returns void language plpgsql set search_path = '' as $$
declare
  v_row plinth.subscriptions;
  v_user uuid;
  v_granted bigint;
  v_end timestamptz;
  v_amount bigint;
  v_lost bigint;
begin
  select * into v_row from plinth.subscriptions where id = p_subscription;
  select id into v_user from public.user_profiles where id::text = v_row.subject;
  select granted into v_granted from plinth.subscription_grants
    where subscription = p_subscription and period_start = p_start and name = 'credits';
  if v_user is null or v_granted is null then
    return;
  end if;
  select sum(amount), sum(lost) into v_amount, v_lost from private.lost_periods where subscription = p_subscription and period_start = p_start;
  v_end := case when v_row.period_start = p_start then v_row.period_end else p_start + interval '1 month' end;
  perform private.grant_credits(v_user, private.plan_lot(p_subscription, p_start),
    case when v_row.period_start = p_start and v_row.status in ('past_due', 'expired') then 0
      when v_amount > 0 then v_granted * greatest(0, v_amount - v_lost) / v_amount else v_granted end, v_end, 0);
end $$;
comment on function private.size_plan_lot(uuid, timestamptz) is
  'The lot of a subscription''s period: what it has granted, in proportion to the money that was not taken back; nothing while it is not paid (AT-20).';

create function private.follow_subscription(p_subscription uuid, p_customer text default null) returns void language plpgsql set search_path = '' as $$
declare
  v_row plinth.subscriptions;
  v_user uuid;
  v_account public.user_subscriptions;
  v_plan uuid;
begin
  select * into v_row from plinth.subscriptions where id = p_subscription;
  select id into v_user from public.user_profiles where id::text = v_row.subject;
  if v_user is null then
    return;
  end if;
  perform private.lock_credits(v_user);
  select * into v_account from public.user_subscriptions where user_id = v_user for no key update;
  if v_row.status in ('active', 'trialing', 'past_due') then
    select id into v_plan from public.subscription_plans where name = v_row.plan;
    update public.user_subscriptions set plan_id = v_plan, subscription = v_row.id, stripe_subscription_id = v_row.provider_object,
      stripe_customer_id = coalesce(p_customer, stripe_customer_id), status = v_row.status::public.subscription_status,
      current_period_start = v_row.period_start, current_period_end = v_row.period_end, cancel_at_period_end = v_row.cancel_at_period_end
    where id = v_account.id;
    perform private.size_plan_lot(p_subscription, v_row.period_start);
    perform private.set_room(v_user, v_row.changed_at);
  elsif v_account.subscription = v_row.id then
    perform private.size_plan_lot(p_subscription, v_row.period_start);
    update public.user_subscriptions set subscription = null, stripe_subscription_id = null,
      plan_id = (select id from public.subscription_plans where name = 'freemium') where id = v_account.id;
    perform private.begin_free_period(v_user, v_row.changed_at, true);
    perform private.set_room(v_user, v_row.changed_at);
  end if;
  perform private.refresh_credits(v_user);
end $$;
comment on function private.follow_subscription(uuid, text) is
  'Brings an account in line with its subscription; one that is over leaves freemium, with what the month still has of it.';

create function private.follow_invoice(p_subscription uuid, p_invoice text, p_paid boolean, p_amount bigint, p_period_start timestamptz, p_page text)
returns void language plpgsql set search_path = '' as $$
declare
  v_row plinth.subscriptions;
  v_user uuid;
  v_name text;
begin
  select * into v_row from plinth.subscriptions where id = p_subscription;
  select id into v_user from public.user_profiles where id::text = v_row.subject;
  select display_name into v_name from public.subscription_plans where name = v_row.plan;
  if p_amount > 0 then
    insert into public.payment_transactions as t (user_id, source, amount, status, transaction_type, description, invoice_number, invoice_url)
    values (v_user, 'invoice ' || p_invoice, p_amount, case when p_paid then 'completed' else 'failed' end::public.transaction_status, 'subscription',
      v_name, case when p_paid then private.issue_invoice('invoice ' || p_invoice, p_amount, v_name) end, p_page)
    -- A failure that is told late does not un-pay.
    on conflict (source) do update set status = case when t.status in ('completed', 'refunded') then t.status else excluded.status end,
      amount = case when p_paid then excluded.amount else t.amount end,
      invoice_number = coalesce(t.invoice_number, excluded.invoice_number), invoice_url = coalesce(excluded.invoice_url, t.invoice_url);
    if p_paid then
      insert into private.lost_periods (subscription, invoice, period_start, amount, lost)
      values (p_subscription, p_invoice, coalesce(p_period_start, v_row.period_start), p_amount, 0) on conflict do nothing;
    end if;
  end if;
  if not p_paid and v_user is not null then
    perform plinth.notify(v_user::text, channel, 'payment-failed', jsonb_build_object('plan', v_name, 'amount', to_char(p_amount / 100.0, 'FM999G990D00'), 'page', coalesce(p_page, '')),
        jsonb_build_object('dedupe_key', format('invoice %s %s', p_invoice, channel)))
      from unnest(array['email', 'in_app']) channel;
  end if;
end $$;
comment on function private.follow_invoice(uuid, text, boolean, bigint, timestamptz, text) is
  'What an invoice of a subscription says to the user: paid with its number and page, or failed, with a message (dunning).';

create function private.release_order(p_admin uuid, p_order uuid, p_at timestamptz) returns void language plpgsql set search_path = '' as $$
begin
  update private.withheld_orders set released_by = p_admin, released_at = p_at where order_id = p_order and released_at is null;
  if not found then
    perform plinth.refuse('order_not_withheld', 404, 'This purchase is not withheld.');
  end if;
  perform private.follow_order(p_order);
end $$;
comment on function private.release_order(uuid, uuid, timestamptz) is 'Gives the credits of a risky purchase out after all. Raises order_not_withheld (PT404).';

revoke all on function private.vat_of(bigint), private.issue_invoice(text, bigint, text, text), private.follow_refunds(uuid, jsonb, text),
  private.follow_order(uuid), private.plan_lot(uuid, timestamptz), private.size_plan_lot(uuid, timestamptz),
  private.follow_subscription(uuid, text), private.follow_invoice(uuid, text, boolean, bigint, timestamptz, text),
  private.release_order(uuid, uuid, timestamptz) from public;

create function private.waiting_subscription(p_user uuid) returns uuid language sql stable set search_path = '' as $$
  select id from plinth.subscriptions where tenant = '' and subject = p_user::text and status = 'incomplete'
$$;
comment on function private.waiting_subscription(uuid) is 'A subscription whose checkout was begun and not paid yet.';
revoke all on function private.waiting_subscription(uuid) from public;
