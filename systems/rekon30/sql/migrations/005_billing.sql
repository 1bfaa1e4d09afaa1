-- What a business paid the platform, and what follows from it (R-F4).
--
-- payment_records holds facts. payment_status, last_payment_date, next_payment_date and credit_minor of a business are a
-- fold over its confirmed records in the order of their entry, and of the date: derive_billing() computes them anew each
-- time, so that a reversed payment leaves no trace in them, and a restore cannot unpay anything.
--
--   first period     upfront_price_<plan>        begins on the day it was paid in full
--   further ones     maintenance_price_<plan>    begin where the last one ended, or on the day of payment when the
--                                                business had been shut out before it
--   each lasts       maintenance_months          counted from the first day of the series: 31 August, 28 February, 31 August

create function private.price_of(p_plan public.business_plan, p_type public.payment_type, p_day date) returns numeric
language sql stable security definer set search_path = '' as $$
  select (private.setting(p_type || '_price_' || p_plan, p_day) #>> '{}')::numeric
$$;
comment on function private.price_of(public.business_plan, public.payment_type, date) is 'What a plan costs on a day, in major units.';

create function private.local_day(p_business_id uuid) returns date
language sql stable security definer set search_path = '' as $$
  select (plinth.now() at time zone timezone)::date from public.businesses where id = p_business_id
$$;
comment on function private.local_day(uuid) is 'Today in a business''s zone.';

create type private.billing as (
  first_day date,
  periods integer,
  months integer,
  last_paid_on date,
  next_due date,
  credit_minor bigint
);

create function private.fold_payments(p_business_id uuid) returns private.billing
language plpgsql stable security definer set search_path = '' as $$
declare
  v_currency text := private.platform_currency();
  v_state private.billing;
  v_payment public.payment_records;
  v_price bigint;
begin
  v_state.periods := 0;
  v_state.credit_minor := 0;
  for v_payment in
    select * from public.payment_records where business_id = p_business_id and status = 'confirmed' order by paid_on, seq
  loop
    v_state.credit_minor := v_state.credit_minor + plinth.to_minor(v_payment.payment_amount, v_currency);
    v_state.last_paid_on := v_payment.paid_on;
    loop
      v_price := plinth.to_minor(private.price_of(v_payment.plan,
        case when v_state.next_due is null then 'upfront'::public.payment_type else 'maintenance' end, v_payment.paid_on), v_currency);
      exit when v_price is null or v_price = 0 or v_state.credit_minor < v_price;
      v_state.credit_minor := v_state.credit_minor - v_price;
      v_state := private.next_period(v_state, v_payment.paid_on);
    end loop;
  end loop;
  return v_state;
end $$;
comment on function private.fold_payments(uuid) is 'What follows from all confirmed payments of a business, whatever came between them.';

create function private.next_period(p_state private.billing, p_paid_on date) returns private.billing
language plpgsql stable set search_path = '' as $$
declare
  v_months integer := (private.setting('maintenance_months', p_paid_on) #>> '{}')::integer;
  v_grace integer := (private.setting('grace_days', p_paid_on) #>> '{}')::integer;
begin
  -- A price list with other months, a first period, or one after a time without service begins a new series.
  if p_state.next_due is null or p_paid_on > p_state.next_due + v_grace or v_months <> p_state.months then
    p_state.first_day := case when p_state.next_due is null or p_paid_on > p_state.next_due + v_grace then p_paid_on else p_state.next_due end;
    p_state.periods := 0;
    p_state.months := v_months;
  end if;
  p_state.periods := p_state.periods + 1;
  p_state.next_due := (p_state.first_day + make_interval(months => p_state.months * p_state.periods))::date;
  return p_state;
end $$;
comment on function private.next_period(private.billing, date) is
  'One more period. It ends months after the first day of its series, so that a short month does not shorten those after it.';

create function private.derive_billing(p_business_id uuid, p_is_shut boolean default null) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_state private.billing := private.fold_payments(p_business_id);
  v_today date := private.local_day(p_business_id);
  v_grace integer := (private.setting('grace_days', v_today) #>> '{}')::integer;
  v_status public.business_payment_status := case
    when v_state.next_due is null then 'pending'
    when v_today >= v_state.next_due then 'overdue'
    else 'paid' end;
  v_reason text;
begin
  select case
      when coalesce(p_is_shut, coalesce(b.deactivation_reason = 'operator', false)) then 'operator'
      when v_state.next_due is not null and v_today > v_state.next_due + v_grace then 'overdue'
    end into v_reason
    from public.businesses b where b.id = p_business_id;
  update public.businesses b set
      payment_status = v_status,
      last_payment_date = v_state.last_paid_on,
      next_payment_date = v_state.next_due,
      credit_minor = v_state.credit_minor,
      status = case when v_reason is not null then 'inactive' when v_state.next_due is null then 'pending' else 'active' end::public.business_status,
      deactivation_reason = v_reason,
      deactivated_at = case when v_reason is not null then coalesce(b.deactivated_at, plinth.now()) end
    where b.id = p_business_id
      and (b.payment_status, b.last_payment_date, b.next_payment_date, b.credit_minor, b.deactivation_reason,
        b.status = 'pending') is distinct from
        (v_status, v_state.last_paid_on, v_state.next_due, v_state.credit_minor, v_reason, v_reason is null and v_state.next_due is null);
end $$;
comment on function private.derive_billing(uuid, boolean) is
  'Writes what follows from a business''s payments and the date: paid, overdue, shut out after the days of grace, let in again. '
  'p_is_shut: an operator shuts it, or opens it again; null leaves that as it is.';

-- What super admins call -----------------------------------------------------------------------------------------

-- security definer: payment_records are written by nobody else.
create function public.verify_payment(
  p_business_id uuid, p_amount numeric, p_method text, p_reference text, p_verified_by uuid,
  p_paid_on date default null, p_difference text default 'refuse', p_notes text default null
) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_admin uuid := private.require_super_admin();
  v_business public.businesses;
  v_currency text := private.platform_currency();
  v_day date;
  v_type public.payment_type;
  v_price numeric;
  v_expected numeric;
  v_known public.payment_records;
  v_record public.payment_records;
begin
  if p_verified_by is null or p_verified_by not in (v_admin, auth.uid()) then
    perform plinth.refuse('verified_by_differs', 403, 'verified_by must be the super admin who is signed in.');
  end if;
  -- One after the other for a business: the second of two payments is judged by what the first one left.
  select * into v_business from public.businesses where id = p_business_id for no key update;
  if not found then
    perform plinth.refuse('unknown_business', 404, 'There is no such business.', p_hint => 'Check the business''s id.');
  end if;
  v_day := coalesce(p_paid_on, private.local_day(p_business_id));
  if p_amount is null or not (p_amount > 0 and p_amount < 1e10) or round(p_amount, plinth.minor_digits(v_currency)) <> p_amount
    or coalesce(length(trim(p_method)), 0) not between 1 and 60 or coalesce(length(trim(p_reference)), 0) not between 1 and 200
    or v_day > private.local_day(p_business_id) or v_day < private.local_day(p_business_id) - 366 or p_difference not in ('refuse', 'credit') then
    perform plinth.refuse('invalid_payment', 400, 'A payment has an amount in whole minor units, a method, a reference, and a day of the last year.');
  end if;
  select * into v_known from public.payment_records
    where lower(trim(payment_method)) = lower(trim(p_method)) and lower(trim(payment_reference)) = lower(trim(p_reference)) and reversed_at is null;
  if found then
    perform plinth.refuse('duplicate_reference', 409, 'A payment with this reference was verified before.',
      jsonb_build_object('payment_id', v_known.id, 'business_id', v_known.business_id, 'verified_at', v_known.verified_at),
      'Nothing was changed. If that one was a mistake, reverse it first.');
  end if;
  v_type := case when (private.fold_payments(p_business_id)).next_due is null then 'upfront' else 'maintenance' end;
  v_price := private.price_of(v_business.plan, v_type, v_day);
  v_expected := v_price - plinth.to_major(v_business.credit_minor, v_currency);
  if p_amount <> v_expected and p_difference = 'refuse' then
    perform plinth.refuse('amount_differs', 400, 'The amount is not what is due.',
      jsonb_build_object('expected_amount', v_expected, 'received_amount', p_amount, 'payment_type', v_type, 'currency', v_currency),
      'Nothing was changed. With "difference": "credit" it is taken as it is, and counts towards what is due.');
  end if;
  insert into public.payment_records (business_id, payment_amount, currency, payment_type, plan, payment_method, payment_reference,
      status, paid_on, verified_by, verified_at, notes)
    values (p_business_id, p_amount, v_currency, v_type, v_business.plan, trim(p_method), trim(p_reference),
      'confirmed', v_day, v_admin, plinth.now(), p_notes)
    returning * into v_record;
  perform private.derive_billing(p_business_id);
  select * into v_business from public.businesses where id = p_business_id;
  perform private.note_event('payment_verified', p_business_id, jsonb_build_object(
    'payment_id', v_record.id, 'payment_amount', p_amount, 'currency', v_currency, 'payment_type', v_type,
    'payment_status', v_business.payment_status, 'next_payment_date', v_business.next_payment_date));
  return jsonb_build_object(
    'payment_id', v_record.id, 'payment_type', v_type, 'expected_amount', v_expected, 'received_amount', p_amount,
    'payment_status', v_business.payment_status, 'status', v_business.status, 'next_payment_date', v_business.next_payment_date,
    'credit', plinth.to_major(v_business.credit_minor, v_currency), 'currency', v_currency);
end $$;
comment on function public.verify_payment(uuid, numeric, text, text, uuid, date, text, text) is
  'Records a payment that a super admin saw (R-F4), once per reference, and brings the business up to date. An amount that '
  'differs from what is due is refused, or with p_difference => ''credit'' counts towards it.';

create function public.reverse_payment(p_payment_id uuid, p_reason text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_admin uuid := private.require_super_admin();
  v_record public.payment_records;
  v_business public.businesses;
begin
  if coalesce(length(trim(p_reason)), 0) not between 3 and 1000 then
    perform plinth.refuse('reason_required', 400, 'A reversal says why, in 3 to 1000 characters.');
  end if;
  select * into v_record from public.payment_records where id = p_payment_id;
  -- In the order of verify_payment: the business, then its payments.
  perform from public.businesses where id = v_record.business_id for no key update;
  select * into v_record from public.payment_records where id = p_payment_id for update;
  if not found then
    perform plinth.refuse('unknown_payment', 404, 'There is no such payment.');
  elsif v_record.reversed_at is not null then
    perform plinth.refuse('already_reversed', 409, 'This payment was reversed before.', jsonb_build_object('reversed_at', v_record.reversed_at));
  end if;
  update public.payment_records set status = 'failed', reversed_by = v_admin, reversed_at = plinth.now(), reversal_reason = trim(p_reason),
    verified_at = verified_at where id = p_payment_id;
  perform private.derive_billing(v_record.business_id);
  select * into v_business from public.businesses where id = v_record.business_id;
  perform private.note_event('payment_reversed', v_record.business_id, jsonb_build_object(
    'payment_id', p_payment_id, 'payment_amount', v_record.payment_amount, 'currency', v_record.currency, 'reason', trim(p_reason)));
  return jsonb_build_object('payment_id', p_payment_id, 'payment_status', v_business.payment_status, 'status', v_business.status,
    'next_payment_date', v_business.next_payment_date, 'credit', plinth.to_major(v_business.credit_minor, private.platform_currency()));
end $$;
comment on function public.reverse_payment(uuid, text) is
  'Takes a verified payment back: afterwards everything is as if it had never been entered (AT-22), and the record says who and why.';

create function public.set_business_status(p_business_id uuid, p_is_active boolean, p_reason text default null) returns public.businesses
language plpgsql security definer set search_path = '' as $$
declare
  v_business public.businesses;
begin
  perform private.require_super_admin();
  select * into v_business from public.businesses where id = p_business_id for no key update;
  if not found then
    perform plinth.refuse('unknown_business', 404, 'There is no such business.', p_hint => 'Check the business''s id.');
  end if;
  update public.businesses set deactivation_note = case when not p_is_active then p_reason end where id = p_business_id;
  perform private.derive_billing(p_business_id, not p_is_active);
  select * into v_business from public.businesses where id = p_business_id;
  return v_business;
end $$;
comment on function public.set_business_status(uuid, boolean, text) is
  'Shuts a business''s users out, or lets them in again as far as it is paid for. Its data stays as it is.';

create function public.change_plan(p_business_id uuid, p_plan public.business_plan) returns public.businesses
language plpgsql security definer set search_path = '' as $$
declare
  v_business public.businesses;
begin
  perform private.require_super_admin();
  update public.businesses set plan = p_plan where id = p_business_id returning * into v_business;
  if not found then
    perform plinth.refuse('unknown_business', 404, 'There is no such business.', p_hint => 'Check the business''s id.');
  end if;
  return v_business;
end $$;
comment on function public.change_plan(uuid, public.business_plan) is
  'From the next payment on another plan''s price is due; periods that were paid for stay paid.';

-- Moves with the calendar ------------------------------------------------------------------------------------------

create table private.payment_reminders (
  business_id uuid not null references public.businesses (id) on delete cascade,
  due date not null,
  kind text not null check (kind in ('upcoming', 'overdue', 'switched_off')),
  created_at timestamptz not null default plinth.now(),
  primary key (business_id, due, kind)
);
comment on table private.payment_reminders is 'Which reminders a business got for which date: each is sent once.';

create function private.advance_billing() returns integer
language plpgsql security definer set search_path = '' as $$
declare
  v_id uuid;
  v_business public.businesses;
  v_today date;
  v_kind text;
  v_count integer := 0;
begin
  for v_id in
    select id from public.businesses
    where next_payment_date <= (plinth.now() + interval '1 day')::date
        + (private.setting('maintenance_reminder_days', plinth.now()::date) #>> '{}')::integer
      and deactivation_reason is distinct from 'operator'
    order by id
  loop
    perform from public.businesses where id = v_id for no key update;
    perform private.derive_billing(v_id);
    select * into v_business from public.businesses where id = v_id;
    v_today := private.local_day(v_id);
    v_kind := case
      when v_business.status = 'inactive' then 'switched_off'
      when v_business.payment_status = 'overdue' then 'overdue'
      when v_today >= v_business.next_payment_date - (private.setting('maintenance_reminder_days', v_today) #>> '{}')::integer then 'upcoming'
    end;
    continue when v_kind is null;
    insert into private.payment_reminders (business_id, due, kind) values (v_id, v_business.next_payment_date, v_kind)
      on conflict do nothing;
    continue when not found;
    v_count := v_count + 1;
    perform private.note_event('payment_reminder', v_id, jsonb_build_object(
      'business_name', v_business.business_name, 'kind', v_kind, 'next_payment_date', v_business.next_payment_date,
      'amount', private.price_of(v_business.plan, 'maintenance', v_today) - plinth.to_major(v_business.credit_minor, private.platform_currency()),
      'currency', private.platform_currency()));
  end loop;
  return v_count;
end $$;
comment on function private.advance_billing() is
  'Brings every business up to the date in its own zone, and notes each reminder once: before, when overdue, when shut out.';

revoke all on function private.price_of(public.business_plan, public.payment_type, date), private.local_day(uuid),
  private.fold_payments(uuid), private.next_period(private.billing, date), private.derive_billing(uuid, boolean), private.advance_billing(),
  private.setting(text, date), public.verify_payment(uuid, numeric, text, text, uuid, date, text, text),
  public.reverse_payment(uuid, text), public.set_business_status(uuid, boolean, text), public.change_plan(uuid, public.business_plan) from public;
grant execute on function public.verify_payment(uuid, numeric, text, text, uuid, date, text, text), public.reverse_payment(uuid, text),
  public.set_business_status(uuid, boolean, text), public.change_plan(uuid, public.business_plan) to authenticated;
