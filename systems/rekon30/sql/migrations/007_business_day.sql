-- The rest of a business's day: money of customers, stock, wages, closing the drawer; and who works there.
--
-- security definer, as in 006_selling: these functions alone write the tables, and each asks for the caller's role.

-- Money of customers -----------------------------------------------------------------------------------------------

create function public.record_payment(
  p_business_id uuid, p_amount numeric, p_method text, p_sale_id uuid default null, p_customer_id uuid default null,
  p_reference text default null, p_client_id text default null, p_received_on date default null
) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_known public.payments;
  v_sale public.sales;
  v_id uuid;
begin
  perform private.require_member(p_business_id, 'payments', 'owner', 'manager', 'worker');
  perform private.lock_counters(p_business_id);
  select * into v_known from public.payments where business_id = p_business_id and client_id = p_client_id;
  if found then
    return jsonb_build_object('payment_id', v_known.id, 'duplicate', true);
  end if;
  perform private.require_open_day(p_business_id, coalesce(p_received_on, private.local_day(p_business_id)));
  if p_sale_id is not null then
    select * into v_sale from public.sales where business_id = p_business_id and id = p_sale_id;
    if not found or v_sale.status = 'voided' then
      perform plinth.refuse('unknown_sale', 404, 'There is no such sale, or it was voided.');
    elsif p_amount > (private.describe_sale(v_sale) ->> 'due')::numeric then
      perform plinth.refuse('paid_too_much', 422, 'The payment is more than what is due.', private.describe_sale(v_sale));
    end if;
  elsif not exists (select from public.customers where business_id = p_business_id and id = p_customer_id) then
    perform plinth.refuse('unknown_customer', 404, 'A payment names a sale or a customer of the business.');
  end if;
  v_id := private.take_payment(p_business_id, p_sale_id, coalesce(v_sale.customer_id, p_customer_id),
    jsonb_build_object('amount', p_amount, 'method', p_method, 'reference', p_reference, 'client_id', p_client_id),
    coalesce(p_received_on, private.local_day(p_business_id)));
  return jsonb_build_object('payment_id', v_id,
    'balance', private.customer_balance(p_business_id, coalesce(v_sale.customer_id, p_customer_id)));
end $$;
comment on function public.record_payment(uuid, numeric, text, uuid, uuid, text, text, date) is
  'Takes a payment for a sale, or on a customer''s account. The same p_client_id again takes nothing.';

create function public.customer_statement(p_customer_id uuid, p_from date default null, p_to date default null)
returns table (day date, entry text, reference text, debit numeric, credit numeric, balance numeric)
language plpgsql stable security definer set search_path = '' as $$
declare
  v_business uuid;
begin
  select business_id into v_business from public.customers where id = p_customer_id;
  perform private.require_member(v_business, 'customers', 'owner', 'manager', 'worker');
  return query
    with entries as (
      select sold_on as on_day, 'sale' as what, sale_number::text as ref, total as owed, 0::numeric as paid, sold_at as at, id
        from public.sales where business_id = v_business and customer_id = p_customer_id and status = 'completed'
      union all
      select received_on, case when amount < 0 then 'payment taken back' else 'payment' end, p.reference,
          greatest(-amount, 0), greatest(amount, 0), received_at, p.id
        from public.payments p where business_id = v_business and customer_id = p_customer_id
    ), running as (
      select *, sum(owed - paid) over (order by on_day, at, id) as total from entries
    )
    select on_day, what, ref, owed, paid, total from running
    where on_day between coalesce(p_from, '-infinity') and coalesce(p_to, 'infinity')
    order by on_day, at, id;
end $$;
comment on function public.customer_statement(uuid, date, date) is 'Sales and payments of a customer with the balance after each, between two days.';

create view public.customer_balances with (security_invoker = true) as
  select c.business_id, c.id as customer_id, c.name, c.credit_limit,
    coalesce(s.total, 0) - coalesce(p.total, 0) as balance
  from public.customers c
  left join (select business_id, customer_id, sum(total) as total from public.sales where status = 'completed' group by 1, 2) s
    on s.business_id = c.business_id and s.customer_id = c.id
  left join (select business_id, customer_id, sum(amount) as total from public.payments group by 1, 2) p
    on p.business_id = c.business_id and p.customer_id = c.id;
comment on view public.customer_balances is 'What each customer owes; negative is what was paid in advance.';

-- Stock ------------------------------------------------------------------------------------------------------------

create function public.adjust_stock(p_product_id uuid, p_change numeric, p_kind public.movement_kind default 'adjustment', p_note text default null)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_business uuid;
begin
  select business_id into v_business from public.products where id = p_product_id;
  perform private.require_member(v_business, 'inventory', 'owner', 'manager');
  if p_change is null or p_change = 0 or abs(p_change) >= 1e9 or round(p_change, 3) <> p_change or p_kind not in ('opening', 'purchase', 'adjustment') then
    perform plinth.refuse('invalid_change', 400, 'A change of stock is not 0, has up to three decimals, and is an opening, a purchase or an adjustment.');
  end if;
  return jsonb_build_object('product_id', p_product_id, 'stock', private.move_stock(v_business, p_product_id, p_kind, p_change, null, p_note));
end $$;
comment on function public.adjust_stock(uuid, numeric, public.movement_kind, text) is 'Puts goods on the shelf or takes them off it.';

create function public.count_stock(p_product_id uuid, p_counted numeric, p_note text default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_business uuid;
  v_stock numeric;
begin
  select business_id into v_business from public.products where id = p_product_id;
  perform private.require_member(v_business, 'inventory', 'owner', 'manager');
  if p_counted is null or p_counted < 0 or p_counted >= 1e9 or round(p_counted, 3) <> p_counted then
    perform plinth.refuse('invalid_change', 400, 'A count is 0 or more, with up to three decimals.');
  end if;
  select stock into v_stock from public.products where id = p_product_id for no key update;
  return jsonb_build_object('product_id', p_product_id, 'was', v_stock,
    'stock', private.move_stock(v_business, p_product_id, 'count', p_counted - v_stock, null, p_note));
end $$;
comment on function public.count_stock(uuid, numeric, text) is 'Sets a product''s stock to what was counted; the difference is a movement.';

-- Wages ------------------------------------------------------------------------------------------------------------

create function public.record_wage(p_worker_id uuid, p_kind public.wage_kind, p_amount numeric, p_for_day date default null, p_note text default null)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_worker public.workers;
  v_entry uuid;
begin
  select * into v_worker from public.workers where id = p_worker_id;
  perform private.require_member(v_worker.business_id, 'workers', 'owner', 'manager');
  if p_amount is null or not (p_amount > 0 and p_amount < 1e10) then
    perform plinth.refuse('invalid_payment', 400, 'A wage is an amount above 0.');
  end if;
  insert into public.wage_entries (business_id, worker_id, kind, amount, for_day, note, recorded_by)
    values (v_worker.business_id, p_worker_id, p_kind, p_amount, coalesce(p_for_day, private.local_day(v_worker.business_id)), p_note, auth.uid())
    on conflict (worker_id, for_day) where kind = 'earned' do nothing
    returning id into v_entry;
  if v_entry is null then
    perform plinth.refuse('wage_recorded', 409, 'What the worker earned for this day was entered before.');
  end if;
  return jsonb_build_object('entry_id', v_entry, 'owed', private.wage_balance(p_worker_id));
end $$;
comment on function public.record_wage(uuid, public.wage_kind, numeric, date, text) is
  'Enters what a worker earned (once a day), was paid, got in advance, or what is held back.';

create function private.wage_balance(p_worker_id uuid) returns numeric
language sql stable security definer set search_path = '' as $$
  select coalesce(sum(case kind when 'earned' then amount else -amount end), 0) from public.wage_entries where worker_id = p_worker_id
$$;
comment on function private.wage_balance(uuid) is 'What a worker is still owed.';

-- The end of the day -----------------------------------------------------------------------------------------------

create function public.close_day(p_business_id uuid, p_counted_cash numeric, p_day date default null, p_opening_cash numeric default 0, p_notes text default null)
returns public.daily_closes language plpgsql security definer set search_path = '' as $$
declare
  v_day date;
  v_close public.daily_closes;
  v_methods jsonb;
begin
  perform private.require_member(p_business_id, 'sales', 'owner', 'manager');
  perform private.lock_counters(p_business_id);
  v_day := coalesce(p_day, private.local_day(p_business_id));
  perform private.require_open_day(p_business_id, v_day);
  if p_counted_cash is null or p_counted_cash < 0 or p_opening_cash is null or p_opening_cash < 0 then
    perform plinth.refuse('invalid_close', 400, 'The cash of the drawer is 0 or more.');
  end if;
  select coalesce(jsonb_object_agg(method, total), '{}') into v_methods
    from (select method, sum(amount) as total from public.payments where business_id = p_business_id and received_on = v_day group by method) m;
  insert into public.daily_closes (business_id, day, sales_count, sales_total, by_method, opening_cash, expected_cash, counted_cash, difference, notes, closed_by)
    select p_business_id, v_day, count(*), coalesce(sum(total), 0), v_methods, p_opening_cash,
      p_opening_cash + coalesce((v_methods ->> 'cash')::numeric, 0), p_counted_cash,
      p_counted_cash - p_opening_cash - coalesce((v_methods ->> 'cash')::numeric, 0), p_notes, auth.uid()
    from public.sales where business_id = p_business_id and sold_on = v_day and status = 'completed'
    returning * into v_close;
  return v_close;
end $$;
comment on function public.close_day(uuid, numeric, date, numeric, text) is
  'Closes a business''s day: what was sold, what came in by which method, and what the drawer holds beside what it should.';

create function public.receipt(p_sale_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_sale public.sales;
begin
  select * into v_sale from public.sales where id = p_sale_id;
  perform private.require_member(v_sale.business_id, 'sales', 'owner', 'manager', 'worker');
  return (
    select private.describe_sale(v_sale) || jsonb_build_object(
      'business', jsonb_build_object('name', b.business_name, 'phone', b.phone, 'email', b.email, 'address', b.address, 'footer', b.receipt_footer),
      'customer', c.name, 'sold_at', v_sale.sold_at, 'timezone', b.timezone, 'subtotal', v_sale.subtotal, 'discount', v_sale.discount,
      'lines', (select jsonb_agg(jsonb_build_object('description', description, 'quantity', quantity, 'unit_price', unit_price, 'amount', amount) order by line_no)
        from public.sale_lines where sale_id = p_sale_id),
      'payments', (select coalesce(jsonb_agg(jsonb_build_object('method', method, 'amount', amount, 'reference', reference, 'received_at', received_at) order by received_at), '[]')
        from public.payments where business_id = v_sale.business_id and sale_id = p_sale_id))
    from public.businesses b left join public.customers c on c.id = v_sale.customer_id
    where b.id = v_sale.business_id);
end $$;
comment on function public.receipt(uuid) is 'Everything that a printed receipt says.';

-- People of a business ---------------------------------------------------------------------------------------------

create function public.invite_member(p_business_id uuid, p_email text, p_role public.member_role, p_worker_id uuid default null) returns public.business_invitations
language plpgsql security definer set search_path = '' as $$
declare
  v_invitation public.business_invitations;
begin
  if not private.is_super_admin() then
    perform private.require_member(p_business_id, null, 'owner');
  end if;
  if p_role = 'owner' or coalesce(lower(trim(p_email)), '') !~ '^[^@\s]+@[^@\s]+$' or length(p_email) > 320 then
    perform plinth.refuse('invalid_invitation', 422, 'An invitation names an e-mail address and the role of manager or worker.');
  end if;
  insert into public.business_invitations (business_id, email, role, worker_id, invited_by)
    values (p_business_id, lower(trim(p_email)), p_role, p_worker_id, auth.uid())
    on conflict (business_id, email) do update set role = excluded.role, worker_id = excluded.worker_id,
      invited_by = excluded.invited_by, created_at = plinth.now(), expires_at = plinth.now() + interval '14 days'
    returning * into v_invitation;
  return v_invitation;
end $$;
comment on function public.invite_member(uuid, text, public.member_role, uuid) is
  'Asks somebody into the business; whoever has proven the address may accept.';

create function public.accept_invitation(p_invitation_id uuid) returns public.business_members
language plpgsql security definer set search_path = '' as $$
declare
  v_invitation public.business_invitations;
  v_member public.business_members;
begin
  delete from public.business_invitations
    where id = p_invitation_id and email = private.my_proven_email() and expires_at > plinth.now()
    returning * into v_invitation;
  if not found then
    perform plinth.refuse('unknown_invitation', 404, 'There is no such invitation for an address that you have proven.',
      p_hint => 'It may have expired: ask for another one.');
  end if;
  insert into public.business_members (business_id, user_id, role) values (v_invitation.business_id, auth.uid(), v_invitation.role)
    on conflict (business_id, user_id) do update set role = excluded.role, is_active = true
    returning * into v_member;
  if v_invitation.worker_id is not null then
    update public.workers set user_id = auth.uid() where id = v_invitation.worker_id and business_id = v_invitation.business_id and user_id is null;
  end if;
  return v_member;
end $$;
comment on function public.accept_invitation(uuid) is 'Joins the business that asked: nobody becomes a member without their own consent.';

-- Functions of private are called by those of public; clients call only the latter.
do $$
declare f regprocedure;
begin
  for f in select oid::regprocedure from pg_proc
    where pronamespace in ('private'::regnamespace, 'public'::regnamespace) and prokind = 'f'
      and proname in ('lock_counters', 'require_open_day', 'move_stock', 'customer_balance', 'take_payment', 'price_line', 'describe_sale',
        'write_lines', 'wage_balance', 'record_sale', 'void_sale', 'record_payment', 'customer_statement', 'adjust_stock', 'count_stock',
        'record_wage', 'close_day', 'receipt', 'invite_member', 'accept_invitation')
  loop
    execute format('revoke all on function %s from public', f);
    if f::text not like 'private.%' then
      execute format('grant execute on function %s to authenticated, service_role', f);
    end if;
  end loop;
end $$;
revoke all on public.customer_balances from anon, authenticated, service_role;
grant select on public.customer_balances to authenticated, service_role;
