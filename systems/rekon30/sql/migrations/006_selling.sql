-- Selling: everything that a sale touches is written by one function in one transaction, under the lock of the business's
-- counters row. Numbers have no gaps, stock is never oversold, a day that is closed stays closed.

-- security definer: the tables of sales and stock are written by these functions alone. Each asks for the caller's role.

create function private.lock_counters(p_business_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into private.business_counters (business_id) values (p_business_id) on conflict do nothing;
  perform from private.business_counters where business_id = p_business_id for update;
end $$;
comment on function private.lock_counters(uuid) is 'One seller after the other in a business: taken first by whatever sells, voids or closes.';

create function private.require_open_day(p_business_id uuid, p_day date) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if p_day > private.local_day(p_business_id) then
    perform plinth.refuse('day_in_future', 422, 'This day has not begun.', jsonb_build_object('day', p_day));
  elsif exists (select from public.daily_closes where business_id = p_business_id and day = p_day) then
    perform plinth.refuse('day_closed', 409, 'This day was closed.', jsonb_build_object('day', p_day), 'Enter it on an open day.');
  end if;
end $$;
comment on function private.require_open_day(uuid, date) is 'Raises day_closed (PT409) or day_in_future (PT422).';

create function private.move_stock(
  p_business_id uuid, p_product_id uuid, p_kind public.movement_kind, p_change numeric, p_sale_id uuid, p_note text
) returns numeric language plpgsql security definer set search_path = '' as $$
declare
  v_stock numeric;
  v_name text;
begin
  select stock, name into v_stock, v_name from public.products where business_id = p_business_id and id = p_product_id for no key update;
  if not found then
    perform plinth.refuse('unknown_product', 404, 'There is no such product.', jsonb_build_object('product_id', p_product_id));
  elsif v_stock + p_change < 0 then
    perform plinth.refuse('insufficient_stock', 409, format('There is not enough of %s.', v_name),
      jsonb_build_object('product_id', p_product_id, 'stock', v_stock, 'requested', -p_change), 'Nothing was changed.');
  end if;
  update public.products set stock = stock + p_change where id = p_product_id returning stock into v_stock;
  insert into public.stock_movements (business_id, product_id, kind, change, new_stock, sale_id, note, moved_by)
    values (p_business_id, p_product_id, p_kind, p_change, v_stock, p_sale_id, p_note, auth.uid());
  return v_stock;
end $$;
comment on function private.move_stock(uuid, uuid, public.movement_kind, numeric, uuid, text) is
  'Moves a product''s stock and writes the movement: the only writer of both. Raises insufficient_stock (PT409).';

create function private.customer_balance(p_business_id uuid, p_customer_id uuid) returns numeric
language sql stable security definer set search_path = '' as $$
  select coalesce((select sum(total) from public.sales where business_id = p_business_id and customer_id = p_customer_id and status = 'completed'), 0)
    - coalesce((select sum(amount) from public.payments where business_id = p_business_id and customer_id = p_customer_id), 0)
$$;
comment on function private.customer_balance(uuid, uuid) is 'What a customer owes; negative is what was paid in advance.';

create function private.take_payment(
  p_business_id uuid, p_sale_id uuid, p_customer_id uuid, p_payment jsonb, p_day date
) returns uuid language plpgsql security definer set search_path = '' as $$
declare
  v_amount numeric;
  v_currency text;
  v_id uuid;
begin
  select currency into v_currency from public.businesses where id = p_business_id;
  v_amount := case when jsonb_typeof(p_payment -> 'amount') = 'number' then (p_payment ->> 'amount')::numeric end;
  if v_amount is null or not (v_amount > 0 and v_amount < 1e10) or round(v_amount, plinth.minor_digits(v_currency)) <> v_amount
    or coalesce(p_payment ->> 'method', '') not in ('cash', 'mobile_money', 'bank_transfer', 'card', 'cheque', 'other') then
    perform plinth.refuse('invalid_payment', 400, 'A payment has an amount in whole minor units and a method.',
      p_hint => 'Methods: cash, mobile_money, bank_transfer, card, cheque, other.');
  end if;
  insert into public.payments (business_id, client_id, sale_id, customer_id, amount, currency, method, reference, received_on, received_by, notes)
    values (p_business_id, p_payment ->> 'client_id', p_sale_id, p_customer_id, v_amount, v_currency, p_payment ->> 'method',
      p_payment ->> 'reference', p_day, auth.uid(), p_payment ->> 'notes')
    returning id into v_id;
  return v_id;
end $$;
comment on function private.take_payment(uuid, uuid, uuid, jsonb, date) is 'Writes one payment {amount, method, reference, client_id, notes}.';

-- Selling ----------------------------------------------------------------------------------------------------------

create function private.price_line(p_business_id uuid, p_line jsonb, p_digits integer, p_sets_prices boolean) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_product public.products;
  v_quantity numeric := case when jsonb_typeof(p_line -> 'quantity') = 'number' then (p_line ->> 'quantity')::numeric end;
  v_price numeric := case when jsonb_typeof(p_line -> 'unit_price') = 'number' then (p_line ->> 'unit_price')::numeric end;
  v_description text := nullif(trim(p_line ->> 'description'), '');
begin
  if p_line ->> 'product_id' is not null then
    select * into v_product from public.products where business_id = p_business_id and id::text = p_line ->> 'product_id' and is_active;
    if not found then
      perform plinth.refuse('unknown_product', 404, 'There is no such product.', jsonb_build_object('product_id', p_line -> 'product_id'));
    end if;
  end if;
  if v_quantity is null or not (v_quantity > 0 and v_quantity < 1e9) or round(v_quantity, 3) <> v_quantity
    or (p_line ? 'unit_price' and v_price is null) or not (coalesce(v_price, 0) >= 0 and coalesce(v_price, 0) < 1e9) or round(v_price, 4) <> v_price
    or (v_product.id is null and (v_price is null or v_description is null)) then
    perform plinth.refuse('invalid_sale', 400, 'A line of the sale is not as it should be.', jsonb_build_object('line', p_line),
      'Each is {product_id, quantity} or {description, quantity, unit_price}; quantities have up to three decimals.');
  end if;
  if coalesce(v_price, v_product.price) is distinct from v_product.price and not p_sets_prices then
    perform plinth.refuse('forbidden', 403, 'Your role sells at the price of the product.', jsonb_build_object('line', p_line));
  end if;
  v_price := coalesce(v_price, v_product.price);
  return jsonb_build_object('product_id', v_product.id, 'description', coalesce(v_description, v_product.name),
    'quantity', v_quantity, 'unit_price', v_price, 'amount', round(v_quantity * v_price, p_digits));
end $$;
comment on function private.price_line(uuid, jsonb, integer, boolean) is 'A line of a sale as it is stored. Its amount is rounded once, half away from zero.';

create function private.describe_sale(p_sale public.sales) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('sale_id', p_sale.id, 'sale_number', p_sale.sale_number, 'total', p_sale.total, 'currency', p_sale.currency,
    'status', p_sale.status, 'paid', paid.amount, 'due', case p_sale.status when 'voided' then 0 else p_sale.total - paid.amount end)
  from (select coalesce(sum(amount), 0) as amount from public.payments where business_id = p_sale.business_id and sale_id = p_sale.id) paid
$$;
comment on function private.describe_sale(public.sales) is 'What a till shows of a sale.';

create function public.record_sale(
  p_business_id uuid, p_lines jsonb, p_payments jsonb default '[]', p_customer_id uuid default null,
  p_discount numeric default 0, p_client_id text default null, p_sold_on date default null, p_notes text default null
) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_sets_prices boolean;
  v_currency text;
  v_day date;
  v_lines jsonb := '[]';
  v_line jsonb;
  v_subtotal numeric;
  v_sale public.sales;
  v_due numeric;
  v_limit numeric;
begin
  perform private.require_member(p_business_id, 'sales', 'owner', 'manager', 'worker');
  v_sets_prices := plinth.is_trusted() or private.is_super_admin() or p_business_id = any (private.my_businesses('sales', 'owner', 'manager'));
  if jsonb_typeof(p_lines) is distinct from 'array' or jsonb_array_length(p_lines) not between 1 and 500
    or jsonb_typeof(p_payments) is distinct from 'array' or jsonb_array_length(p_payments) > 20
    or length(p_client_id) > 200 or not (p_discount >= 0 and p_discount < 1e10) then
    perform plinth.refuse('invalid_sale', 400, 'A sale has 1 to 500 lines, at most 20 payments, and a discount that is not negative.');
  elsif p_discount > 0 and not v_sets_prices then
    perform plinth.refuse('forbidden', 403, 'Your role gives no discount.');
  end if;
  perform private.lock_counters(p_business_id);
  select * into v_sale from public.sales where business_id = p_business_id and client_id = p_client_id;
  if found then
    return private.describe_sale(v_sale) || '{"duplicate": true}';
  end if;
  select currency into v_currency from public.businesses where id = p_business_id;
  v_day := coalesce(p_sold_on, private.local_day(p_business_id));
  perform private.require_open_day(p_business_id, v_day);
  if p_customer_id is not null and not exists (select from public.customers where business_id = p_business_id and id = p_customer_id) then
    perform plinth.refuse('unknown_customer', 404, 'There is no such customer.', jsonb_build_object('customer_id', p_customer_id));
  end if;
  for v_line in select value from jsonb_array_elements(p_lines) loop
    v_lines := v_lines || private.price_line(p_business_id, v_line, plinth.minor_digits(v_currency), v_sets_prices);
  end loop;
  select sum((value ->> 'amount')::numeric) into v_subtotal from jsonb_array_elements(v_lines);
  if p_discount > v_subtotal or round(p_discount, plinth.minor_digits(v_currency)) <> p_discount then
    perform plinth.refuse('invalid_sale', 400, 'The discount is larger than the sale, or in parts of the smallest coin.');
  end if;
  update private.business_counters set last_sale = last_sale + 1 where business_id = p_business_id;
  insert into public.sales (business_id, sale_number, client_id, customer_id, currency, subtotal, discount, total, sold_on, sold_by, notes)
    select p_business_id, last_sale, p_client_id, p_customer_id, v_currency, v_subtotal, p_discount, v_subtotal - p_discount, v_day, auth.uid(), p_notes
    from private.business_counters where business_id = p_business_id
    returning * into v_sale;
  perform private.write_lines(v_sale, v_lines);
  for v_line in select value from jsonb_array_elements(p_payments) loop
    perform private.take_payment(p_business_id, v_sale.id, p_customer_id, v_line, v_day);
  end loop;
  v_due := (private.describe_sale(v_sale) ->> 'due')::numeric;
  if v_due < 0 then
    perform plinth.refuse('paid_too_much', 422, 'The payments are more than the sale.', jsonb_build_object('total', v_sale.total, 'over', -v_due),
      'Enter what was kept: change that was given back is not paid.');
  elsif v_due > 0 and p_customer_id is null then
    perform plinth.refuse('payment_required', 422, 'A sale to nobody in particular is paid at once.', jsonb_build_object('due', v_due),
      'Name the customer who owes it.');
  elsif v_due > 0 then
    select credit_limit into v_limit from public.customers where id = p_customer_id for no key update;
    if private.customer_balance(p_business_id, p_customer_id) > v_limit then
      perform plinth.refuse('credit_limit', 422, 'The customer would owe more than allowed.', jsonb_build_object('credit_limit', v_limit,
        'balance', private.customer_balance(p_business_id, p_customer_id)));
    end if;
  end if;
  return private.describe_sale(v_sale);
end $$;
comment on function public.record_sale(uuid, jsonb, jsonb, uuid, numeric, text, date, text) is
  'Sells: lines [{product_id, quantity, unit_price?} or {description, quantity, unit_price}], payments [{amount, method, reference?}]. '
  'What is not paid is the customer''s debt. The same p_client_id again gives the sale that it made.';

create function private.write_lines(p_sale public.sales, p_lines jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_need record;
begin
  insert into public.sale_lines (business_id, sale_id, line_no, product_id, description, quantity, unit_price, amount)
    select p_sale.business_id, p_sale.id, n, (value ->> 'product_id')::uuid, value ->> 'description', (value ->> 'quantity')::numeric,
      (value ->> 'unit_price')::numeric, (value ->> 'amount')::numeric
    from jsonb_array_elements(p_lines) with ordinality as each (value, n);
  insert into private.sale_line_costs (business_id, sale_id, line_no, unit_cost)
    select l.business_id, l.sale_id, l.line_no, c.unit_cost
    from public.sale_lines l join public.product_costs c on c.product_id = l.product_id
    where l.sale_id = p_sale.id;
  -- Products in the order of their ids, so that no two sales wait for each other.
  for v_need in
    select product_id, sum(quantity) as quantity from public.sale_lines
    where sale_id = p_sale.id and product_id is not null group by product_id order by product_id
  loop
    perform private.move_stock(p_sale.business_id, v_need.product_id, 'sale', -v_need.quantity, p_sale.id, null);
  end loop;
end $$;
comment on function private.write_lines(public.sales, jsonb) is 'Writes a sale''s lines with their costs, and takes their goods from the stock.';

create function public.void_sale(p_sale_id uuid, p_reason text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_sale public.sales;
  v_line record;
begin
  select * into v_sale from public.sales where id = p_sale_id;
  perform private.require_member(v_sale.business_id, 'sales', 'owner', 'manager');
  if coalesce(length(trim(p_reason)), 0) not between 3 and 1000 then
    perform plinth.refuse('reason_required', 400, 'Voiding a sale says why, in 3 to 1000 characters.');
  end if;
  perform private.lock_counters(v_sale.business_id);
  select * into v_sale from public.sales where id = p_sale_id for update;
  if v_sale.status = 'voided' then
    return private.describe_sale(v_sale) || '{"duplicate": true}';
  end if;
  perform private.require_open_day(v_sale.business_id, private.local_day(v_sale.business_id));
  update public.sales set status = 'voided', voided_at = plinth.now(), voided_by = auth.uid(), void_reason = trim(p_reason)
    where id = p_sale_id returning * into v_sale;
  for v_line in
    select product_id, sum(quantity) as quantity from public.sale_lines
    where sale_id = p_sale_id and product_id is not null group by product_id order by product_id
  loop
    perform private.move_stock(v_sale.business_id, v_line.product_id, 'void', v_line.quantity, p_sale_id, trim(p_reason));
  end loop;
  insert into public.payments (business_id, sale_id, customer_id, amount, currency, method, reference, received_on, received_by, reverses, notes)
    select business_id, sale_id, customer_id, -amount, currency, method, reference, private.local_day(business_id), auth.uid(), id, trim(p_reason)
    from public.payments p
    where business_id = v_sale.business_id and sale_id = p_sale_id and reverses is null
      and not exists (select from public.payments r where r.business_id = p.business_id and r.reverses = p.id);
  return private.describe_sale(v_sale);
end $$;
comment on function public.void_sale(uuid, text) is
  'Takes a sale back: its goods return to the shelf and its payments to the customers, today. It keeps its number.';
