-- What follows from payments. The platform folds facts into the state of an order, and calls these functions in the transaction
-- that writes that state; payment_transactions and registrations follow it.

create table public.organisation (
  id uuid primary key default gen_random_uuid(),
  name text not null default 'Crash Courses' check (length(trim(name)) between 1 and 200),
  address text not null default '' check (length(address) <= 1000),
  state text not null default 'Karnataka' check (length(state) <= 60),
  gstin text check (gstin ~ '^[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][0-9A-Z]Z[0-9A-Z]$'),
  timezone text not null default 'Asia/Kolkata',
  sac text not null default '999293' check (sac ~ '^[0-9]{4,8}$'),
  effective_from timestamptz not null default plinth.now()
);
comment on table public.organisation is 'Who sells the courses, as invoices say it, from an instant on. What changes is a new row, so that old invoices stay true.';
comment on column public.organisation.timezone is 'IANA zone of the days in reports, and of the years of invoices.';
comment on column public.organisation.sac is 'Services Accounting Code of commercial training.';
create index organisation_effective on public.organisation (effective_from);
alter table public.organisation enable row level security;
revoke all on public.organisation from anon, authenticated;
grant select on public.organisation to anon, authenticated;
grant insert (name, address, state, gstin, timezone, sac) on public.organisation to authenticated;
create policy "everybody sees it" on public.organisation for select to anon, authenticated using (true);
create policy "administrators add" on public.organisation for insert to authenticated with check ((select private.is_admin()));
create trigger check_zone before insert or update of timezone on public.organisation for each row execute function private.check_zone();
insert into public.organisation (effective_from) values ('-infinity');

create function private.seller() returns public.organisation language sql stable security definer set search_path = '' as $$
  select * from public.organisation where effective_from <= plinth.now() order by effective_from desc, id limit 1
$$;
comment on function private.seller() is 'Who sells the courses now.';

create function private.zone() returns text language sql stable security definer set search_path = '' as $$ select (private.seller()).timezone $$;
comment on function private.zone() is 'The zone of the platform''s days.';

-- Invoices -------------------------------------------------------------------------------------------------------

create function private.tax_lines(p_gst bigint, p_rate numeric, p_same_state boolean) returns jsonb language sql immutable set search_path = '' as $$
  select case
    when p_gst = 0 then '[]'
    when p_same_state then jsonb_build_array(
      jsonb_build_object('name', 'CGST', 'rate', p_rate / 2, 'amount', p_gst - p_gst / 2),
      jsonb_build_object('name', 'SGST', 'rate', p_rate / 2, 'amount', p_gst / 2))
    else jsonb_build_array(jsonb_build_object('name', 'IGST', 'rate', p_rate, 'amount', p_gst))
  end
$$;
comment on function private.tax_lines(bigint, numeric, boolean) is 'GST in minor units as an invoice shows it: halves within a state, whole between states.';

create function private.invoice_content(p_registration public.registrations, p_amount bigint, p_refund_of text default null) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'seller', to_jsonb(o) - 'id' - 'timezone' - 'effective_from',
    'buyer', jsonb_build_object('name', coalesce(p.billing_name, nullif(p_registration.attendee_name, ''), p.full_name), 'state', p.billing_state, 'gstin', p.gstin),
    'item', e.title, 'event_id', e.id, 'date', (e.starts_at at time zone e.timezone)::date, 'sac', o.sac, 'currency', p_registration.currency,
    'refund_of', p_refund_of, 'total', p_amount, 'net', p_amount - g.gst,
    'taxes', private.tax_lines(g.gst, e.gst_rate, p.billing_state is null or p.billing_state = o.state)))
  from private.seller() o cross join public.events e
  left join public.profiles p on p.id = p_registration.user_id
  cross join lateral (select private.gst_of(p_amount, e.gst_rate) as gst) g
  where e.id = p_registration.event_id
$$;
comment on function private.invoice_content(public.registrations, bigint, text) is 'What an invoice or a credit note says; amounts are minor units.';

create function public.invoices_of(p_registration_id uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  -- Who paid, also when they passed the seat on: an invoice names them, and nobody else reads it.
  if not exists (select from public.registrations r left join public.payment_transactions t on t.registration_id = r.id
    where r.id = p_registration_id and (t.user_id = (select auth.uid()) or private.is_admin() or plinth.is_trusted())) then
    perform plinth.refuse('registration_not_found', 404, 'There is no such registration.', jsonb_build_object('registration_id', p_registration_id));
  end if;
  return (select coalesce(jsonb_agg(jsonb_build_object('kind', d.kind, 'number', d.label, 'issued_at', d.issued_at, 'content', d.content)
      order by d.issued_at, d.number), '[]')
    from plinth.documents d join public.registrations r on r.id = p_registration_id
    where d.tenant = '' and d.kind in ('invoice', 'credit-note') and (d.key = r.order_id::text or d.key like r.order_id || '/%'));
end $$;
comment on function public.invoices_of(uuid) is 'The invoice and the credit notes of a registration, for who paid it. Raises registration_not_found.';

-- Paying ---------------------------------------------------------------------------------------------------------

create function private.flag_payment(p_registration_id uuid, p_user_id uuid, p_rule text, p_facts jsonb) returns void
language sql security definer set search_path = '' as $$
  insert into public.payment_flags (registration_id, user_id, rule, facts) values (p_registration_id, p_user_id, p_rule, p_facts)
  on conflict (registration_id, rule) do update set facts = excluded.facts
$$;
comment on function private.flag_payment(uuid, uuid, text, jsonb) is 'Notes that a payment looks odd; once for each rule.';

create function private.note_attempt(p_registration public.registrations, p_ip inet, p_agent text, p_device text) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := plinth.now();
  v_seen record;
begin
  insert into public.payment_attempts (registration_id, user_id, ip_address, user_agent, device_id)
  values (p_registration.id, p_registration.user_id, p_ip, left(p_agent, 1000), left(p_device, 200));
  select
    (select count(*) from public.payment_attempts where user_id = p_registration.user_id and created_at > v_now - interval '10 minutes') as attempts,
    (select count(distinct user_id) from public.payment_attempts where ip_address = p_ip and created_at > v_now - interval '1 hour') as users_of_address,
    (select count(distinct user_id) from public.payment_attempts where device_id = left(p_device, 200) and created_at > v_now - interval '1 day') as users_of_device,
    (select count(*) from public.payment_transactions where user_id = p_registration.user_id and status = 'failed' and created_at > v_now - interval '1 day') as failures
    into v_seen;
  perform private.flag_payment(p_registration.id, p_registration.user_id, f.rule, jsonb_build_object('count', f.count, 'ip_address', p_ip, 'device_id', p_device))
  from (values ('many_attempts', v_seen.attempts, 5), ('many_users_of_address', v_seen.users_of_address, 10),
    ('many_users_of_device', v_seen.users_of_device, 3), ('many_failures', v_seen.failures, 3)) f (rule, count, most)
  where f.count > f.most;
end $$;
comment on function private.note_attempt(public.registrations, inet, text, text) is
  'Records from where somebody pays, and flags what goes beyond: 5 attempts in 10 minutes, 10 people of an address in an hour, 3 of a '
  'device in a day, 3 failures in a day.';

create function private.begin_payment(p_user_id uuid, p_registration_id uuid, p_ip text, p_agent text, p_device text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_registration public.registrations := private.lock_registration(p_registration_id);
  v_event public.events;
begin
  if v_registration.id is null or v_registration.user_id is distinct from p_user_id then
    perform plinth.refuse('registration_not_found', 404, 'There is no such registration.', jsonb_build_object('registration_id', p_registration_id));
  elsif v_registration.cancelled_at is not null or v_registration.order_id is null or v_registration.seated_at is not null then
    perform plinth.refuse('nothing_to_pay', 409, 'Nothing is to be paid for this registration.', private.show_registration(p_registration_id));
  end if;
  v_event := private.open_event(v_registration.event_id);
  if not private.hold_seat(v_registration, least(plinth.now() + interval '15 minutes', v_event.starts_at)) then
    perform private.refuse_full(v_event.id);
  end if;
  v_event := private.open_event(v_registration.event_id);
  perform private.note_attempt(v_registration, case when p_ip ~ '^[0-9a-fA-F.:]+$' then p_ip::inet end, p_agent, p_device);
  return jsonb_build_object('order', v_registration.order_id, 'title', v_event.title,
    'email', (select email from auth.users where id = p_user_id));
end $$;
comment on function private.begin_payment(uuid, uuid, text, text, text) is
  'Holds the seat of an unpaid registration anew, records the attempt, and gives the order that is to be paid. Raises '
  'registration_not_found, nothing_to_pay, event_full, event_started, event_cancelled.';

create function private.registration_paid(p_order uuid, p_registration_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_registration public.registrations;
  v_event public.events;
begin
  select * into v_registration from public.registrations where id = p_registration_id for no key update;
  -- The line of the event is locked before its state is asked: a cancellation either was before, or finds this seat.
  perform plinth.lock_pools('coupon', array[v_registration.coupon_id]) where v_registration.coupon_id is not null;
  perform plinth.lock_pools('seat', array[v_registration.event_id]);
  select * into v_event from public.events where id = v_registration.event_id;
  if v_registration.seated_at is null and v_registration.cancelled_at is null and v_event.cancelled_at is null and v_event.starts_at > plinth.now()
    and private.seat_registration(p_registration_id, 'completed') then
    select * into v_registration from public.registrations where id = p_registration_id;
    update public.registrations set invoice_number = plinth.issue_document('', 'invoice', p_order::text,
        private.invoice_content(v_registration, plinth.to_minor(v_registration.amount, v_registration.currency)), private.zone(), 'INV')
      where id = p_registration_id;
    return;
  end if;
  perform private.ask_refund(p_order, p_registration_id, 'no seat', null, 'The seat was gone when the payment arrived.');
  update public.payment_transactions set metadata = metadata || '{"refund_because": "no_seat"}' where order_id = p_order;
  perform private.tell(v_registration.user_id, 'payment-returned', p_order::text,
    private.event_facts(v_registration.event_id) || jsonb_build_object('amount', v_registration.amount, 'currency', v_registration.currency),
    '{"priority": "high", "level": "warning"}');
end $$;
comment on function private.registration_paid(uuid, uuid) is
  'The order of a registration is paid: it gets its seat and its invoice; where the seat is gone, or became free of charge, its money back.';

create function private.registration_refunded(p_registration_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_registration public.registrations;
begin
  select * into v_registration from public.registrations where id = p_registration_id for no key update;
  -- What became free of charge was paid back, and keeps its seat.
  if v_registration.payment_status = 'free' then
    return;
  elsif v_registration.cancelled_at is null then
    perform private.free_seat(v_registration, 'refunded');
  end if;
  update public.registrations set payment_status = 'refunded' where id = p_registration_id;
end $$;
comment on function private.registration_refunded(uuid) is 'All of a registration''s money went back: it has no seat any more.';

create function private.follow_order(p_order uuid, p_status text, p_refunded bigint, p_payment text, p_discrepancies text[]) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_transaction public.payment_transactions;
begin
  update public.payment_transactions t set
    status = case
      when p_status in ('paid', 'partially_refunded') then 'success'
      when p_status in ('refunded', 'reversed') then 'refunded'
      when p_status in ('failed', 'expired') then 'failed'
      else 'initiated' end::public.transaction_status,
    refunded_amount = least(plinth.to_major(p_refunded, t.currency), t.amount),
    razorpay_payment_id = coalesce(p_payment, t.razorpay_payment_id),
    razorpay_order_id = coalesce(t.razorpay_order_id, (
      select object from plinth.payment_objects where target = p_order and provider = 'razorpay' and object like 'order\_%' order by object limit 1)),
    metadata = t.metadata - 'discrepancies'
      || case when p_discrepancies = '{}' then '{}' else jsonb_build_object('discrepancies', p_discrepancies) end
    where t.order_id = p_order returning * into v_transaction;
  if p_status = 'refunded' or p_status = 'reversed' then
    perform private.registration_refunded(v_transaction.registration_id);
  else
    update public.registrations set payment_status = case when p_status in ('failed', 'expired') then 'failed' else 'pending' end::public.registration_payment_status
      where id = v_transaction.registration_id and seated_at is null and cancelled_at is null and payment_status in ('pending', 'failed')
        and payment_status <> case when p_status in ('failed', 'expired') then 'failed' else 'pending' end::public.registration_payment_status;
  end if;
  if p_discrepancies && array['amount_differs', 'currency_differs'] then
    perform private.flag_payment(v_transaction.registration_id, v_transaction.user_id, 'amount_differs', jsonb_build_object('discrepancies', p_discrepancies));
  end if;
end $$;
comment on function private.follow_order(uuid, text, bigint, text, text[]) is 'payment_transactions and the registration follow the state of their order.';

create function private.payment_happened(p_order uuid, p_what text, p_object text) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_transaction public.payment_transactions;
  v_registration public.registrations;
begin
  select * into v_transaction from public.payment_transactions where order_id = p_order;
  select * into v_registration from public.registrations where id = v_transaction.registration_id;
  if p_what = 'authorised' then
    update public.payment_transactions set metadata = metadata || jsonb_build_object('authorized_at', plinth.now()) where order_id = p_order;
  elsif p_what = 'failed' and v_registration.seated_at is null and v_registration.cancelled_at is null then
    perform private.tell(v_transaction.user_id, 'payment-failed', p_object, private.event_facts(v_transaction.event_id), '{"priority": "high", "level": "error"}');
  elsif p_what = 'refund_failed' then
    perform private.flag_payment(v_registration.id, v_transaction.user_id, 'refund_failed', jsonb_build_object('refund', p_object));
    perform private.tell(p.id, 'refund-failed', p_object || '/' || p.id, private.event_facts(v_transaction.event_id), '{"priority": "urgent", "level": "error"}')
      from public.profiles p where p.is_admin;
  end if;
end $$;
comment on function private.payment_happened(uuid, text, text) is 'Tells people what happened to a payment, once for each: authorised, failed, refund_failed.';

create function private.payment_refunded(p_order uuid, p_object text, p_amount bigint) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_transaction public.payment_transactions;
  v_registration public.registrations;
begin
  select * into v_transaction from public.payment_transactions where order_id = p_order;
  select * into v_registration from public.registrations where id = v_transaction.registration_id;
  -- What was captured beyond the price had no invoice.
  if v_registration.invoice_number is not null then
    perform plinth.issue_document('', 'credit-note', p_order || '/' || p_object,
      private.invoice_content(v_registration, p_amount, v_registration.invoice_number), private.zone(), 'CN');
  end if;
  perform private.tell(v_transaction.user_id, 'payment-refunded', p_object,
    private.event_facts(v_transaction.event_id) || jsonb_build_object('amount', plinth.to_major(p_amount, v_transaction.currency), 'currency', v_transaction.currency),
    '{"priority": "high", "level": "info"}');
end $$;
comment on function private.payment_refunded(uuid, text, bigint) is 'Money went back: its credit note, and a message.';

-- Webhooks -------------------------------------------------------------------------------------------------------

create function private.log_fact() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.webhook_logs (source, event_id, event_type, payload, deliveries, received_at)
  values (new.provider, new.event_id, new.kind, jsonb_build_object('event', new.kind, 'objects', new.objects), 0, new.received_at)
  on conflict (source, event_id) do nothing;
  return null;
end $$;
comment on function private.log_fact() is 'Trigger: every webhook that is stored is logged with it, by whatever address it came.';
create trigger log_fact after insert on plinth.payment_facts for each row when (new.source = 'webhook') execute function private.log_fact();

create function private.log_webhook(p_source text, p_event_id text, p_event_type text, p_payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_entity jsonb := p_payload #> '{payload,payment,entity}';
begin
  insert into public.webhook_logs as w (source, event_id, event_type, payload, status, processed_at)
  values (p_source, p_event_id, p_event_type, p_payload, 'processed', plinth.now())
  on conflict (source, event_id) do update set payload = excluded.payload, deliveries = w.deliveries + 1;
  if p_event_type = 'payment.failed' then
    update public.payment_transactions set metadata = metadata || jsonb_build_object('last_error', jsonb_strip_nulls(jsonb_build_object(
        'code', v_entity -> 'error_code', 'description', v_entity -> 'error_description', 'payment', v_entity -> 'id')))
      where razorpay_order_id = v_entity ->> 'order_id';
  end if;
end $$;
comment on function private.log_webhook(text, text, text, jsonb) is
  'Gives the log of a webhook its whole body. What says nothing of payments, or nothing new, is processed at once.';

create function private.mark_webhook() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  update public.webhook_logs w set status = 'processed', processed_at = new.processed_at, error_message = null
    from plinth.payment_facts f
    where f.id = new.fact and w.source = f.provider and w.event_id = f.event_id;
  return null;
end $$;
comment on function private.mark_webhook() is 'Trigger: a webhook whose order was folded is processed.';
create trigger mark_webhook after update of processed_at on plinth.payment_inbox
  for each row when (old.processed_at is null and new.processed_at is not null) execute function private.mark_webhook();

create function private.fail_webhooks() returns integer language plpgsql security definer set search_path = '' as $$
declare
  v_count integer;
begin
  update public.webhook_logs w set status = 'failed', error_message = left(j.last_error, 2000)
    from plinth.payment_facts f join plinth.payment_inbox i on i.fact = f.id join graphile_worker.jobs j on j.key = 'fold ' || i.target
    where w.status = 'received' and f.provider = w.source and f.event_id = w.event_id and j.last_error is not null;
  get diagnostics v_count = row_count;
  return v_count;
end $$;
comment on function private.fail_webhooks() is 'Webhooks whose processing failed say why; they are tried again, and are processed once that goes well.';

create function private.log_callback() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.webhook_logs as w (source, event_id, event_type, payload, status, received_at, processed_at)
  values (new.provider, new.event, new.kind, jsonb_build_object('delivery', new.delivery, 'kind', new.kind, 'happened_at', new.happened_at),
    'processed', new.received_at, new.received_at)
  on conflict (source, event_id) do update set deliveries = w.deliveries + 1;
  return null;
end $$;
comment on function private.log_callback() is
  'Trigger: what mail and SMS providers report is logged too (C-O7), without its body: that names addresses, and is kept sealed.';
create trigger log_callback after insert on plinth.notification_facts for each row execute function private.log_callback();

-- Reconciliation -------------------------------------------------------------------------------------------------

create function private.differing_orders() returns setof uuid language sql stable security definer set search_path = '' as $$
  select o.id from plinth.payment_orders o
  join public.payment_transactions t on t.order_id = o.id join public.registrations r on r.id = t.registration_id
  where o.purpose = 'registration' and (
    (t.status = 'success') <> (o.status in ('paid', 'partially_refunded'))
    or (t.status = 'refunded') <> (o.status in ('refunded', 'reversed'))
    or t.refunded_amount <> least(plinth.to_major(o.refunded, t.currency), t.amount)
    or (o.status in ('refunded', 'reversed') and r.payment_status not in ('refunded', 'free')))
  order by o.id
$$;
comment on function private.differing_orders() is 'Orders whose registration or transaction does not show what they say.';

create function private.mend_order(p_order uuid) returns void language plpgsql security definer set search_path = '' as $$
declare
  v_order plinth.payment_orders;
begin
  select * into v_order from plinth.payment_orders where id = p_order for no key update;
  perform private.follow_order(p_order, v_order.status, v_order.refunded, null, v_order.discrepancies);
end $$;
comment on function private.mend_order(uuid) is 'Makes a registration and its transaction show again what their order says.';

create function private.reconciliation_report(p_days integer default 30) returns jsonb language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'problem', d.problem, 'provider', d.provider, 'object', d.object, 'registration_id', t.registration_id, 'amount', t.amount, 'ours', d.ours, 'theirs', d.theirs,
    'currency', d.currency, 'status', t.status, 'found_at', d.found_at, 'mended_at', d.mended_at) order by d.found_at desc), '[]')
  from plinth.payment_differences d left join public.payment_transactions t on t.order_id = d.target
  where d.found_at > plinth.now() - make_interval(days => p_days)
$$;
comment on function private.reconciliation_report(integer) is 'What the last reconciliations found, the newest first: what differs from Razorpay, and whether it was mended.';

revoke all on function private.seller(), private.zone(), private.tax_lines(bigint, numeric, boolean), private.invoice_content(public.registrations, bigint, text), public.invoices_of(uuid),
  private.flag_payment(uuid, uuid, text, jsonb), private.note_attempt(public.registrations, inet, text, text),
  private.begin_payment(uuid, uuid, text, text, text), private.registration_paid(uuid, uuid), private.registration_refunded(uuid),
  private.follow_order(uuid, text, bigint, text, text[]), private.payment_happened(uuid, text, text), private.payment_refunded(uuid, text, bigint),
  private.log_fact(), private.log_webhook(text, text, text, jsonb), private.mark_webhook(), private.fail_webhooks(), private.log_callback(),
  private.differing_orders(), private.mend_order(uuid), private.reconciliation_report(integer) from public;
grant execute on function public.invoices_of(uuid) to authenticated, service_role;
grant execute on function private.begin_payment(uuid, uuid, text, text, text), private.log_webhook(text, text, text, jsonb), private.fail_webhooks(),
  private.differing_orders(), private.mend_order(uuid), private.reconciliation_report(integer) to service_role;

-- Asked for by administrators ------------------------------------------------------------------------------------

create function private.queue_reconciliation() returns void language sql security definer set search_path = '' as $$
  select plinth.add_job('payment-reconciliation', '{}', null, 'payment-reconciliation now'),
    plinth.add_job('reconcile-payments', '{}', null, 'reconcile-payments now')
$$;
comment on function private.queue_reconciliation() is 'Compares now: registrations with orders, and orders with Razorpay.';

create function private.note_refund(p_by uuid, p_registration_id uuid, p_refund_id uuid, p_amount numeric, p_reason text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_registration public.registrations;
begin
  select * into v_registration from public.registrations where id = p_registration_id;
  if not found then
    perform plinth.refuse('registration_not_found', 404, 'There is no such registration.', jsonb_build_object('registration_id', p_registration_id));
  elsif v_registration.order_id is null then
    perform plinth.refuse('not_paid', 403, 'This registration is not paid.', private.show_registration(p_registration_id));
  end if;
  insert into public.admin_audit_logs (admin_id, action, resource_type, resource_id, new_values, reason)
  values (p_by, 'ask_refund', 'registrations', p_registration_id::text, jsonb_build_object('amount', p_amount, 'refund_id', p_refund_id), p_reason);
  return jsonb_build_object('order', v_registration.order_id, 'amount', plinth.to_minor(p_amount, v_registration.currency));
end $$;
comment on function private.note_refund(uuid, uuid, uuid, numeric, text) is
  'Writes down that an administrator asks for a refund; gives the order and the amount in minor units. Raises registration_not_found, not_paid.';

revoke all on function private.queue_reconciliation(), private.note_refund(uuid, uuid, uuid, numeric, text) from public;
grant execute on function private.queue_reconciliation(), private.note_refund(uuid, uuid, uuid, numeric, text), private.show_registration(uuid) to service_role;
