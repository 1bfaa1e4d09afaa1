-- What clients call: S-D1, S-D2, S-D3, S-D10 and what is available, each by RPC for members and the service role.
-- They check the tenant themselves and act through the ledger (005_stock_ledger) and the orders (006_orders), which
-- nobody calls from outside.

-- security definer: the ledger is closed to everyone; the tenant is checked here.
create function public.update_stock(p_item_id uuid, p_change integer, p_reason text, p_changed_by uuid default null,
  p_kind public.movement_kind default 'adjustment')
returns jsonb language plpgsql security definer set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off as $$
declare
  v_item public.items;
  v_problem jsonb;
begin
  select * into v_item from public.items where id = p_item_id;
  if v_item.id is null or not (plinth.is_trusted() or v_item.shop_id = any (private.my_shops())) then
    return jsonb_build_object('success', false, 'code', 'unknown_item', 'error', 'There is no such item.');
  end if;
  perform private.require_role(v_item.shop_id, 'Owner', 'Admin', 'Order Manager');
  if p_changed_by is not null and not plinth.is_trusted() and p_changed_by is distinct from auth.uid() then
    perform plinth.refuse('forbidden', 403, 'p_changed_by names somebody else.',
      p_hint => 'Leave it out: the signed-in user is recorded.');
  end if;

  select * into v_item from public.items where id = p_item_id for no key update;
  v_problem := case
    when not found then
      jsonb_build_object('code', 'unknown_item', 'error', 'There is no such item.')
    when v_item.stock is null then
      jsonb_build_object('code', 'services_have_no_stock', 'error', 'A service has no stock.')
    when p_change is null or p_change = 0 then
      jsonb_build_object('code', 'invalid_change', 'error', 'The change must be a whole number other than 0.')
    when p_kind is null or p_kind not in ('adjustment', 'shrinkage', 'return', 'count') or p_kind = 'shrinkage' and p_change > 0 then
      jsonb_build_object('code', 'invalid_change', 'error', 'The kind must be adjustment, count, return or shrinkage, which only takes units away.')
    when v_item.stock::bigint + p_change > 2147483647 then
      jsonb_build_object('code', 'stock_too_large', 'error', 'The stock would exceed 2147483647 units.')
  end;
  if v_problem is null then
    select jsonb_build_object('code', 'insufficient_stock', 'error', 'Insufficient stock', 'available', t.short #> '{short,0,available}')
      into v_problem
      from private.try_movements(array[row(v_item.shop_id, v_item.id, p_change,
        coalesce(nullif(trim(p_reason), ''), 'Adjustment'), null, coalesce(p_changed_by, auth.uid()), now(), p_kind)::private.movement]) t
      where t.short is not null;
  end if;
  if v_problem is not null then
    return jsonb_build_object('success', false, 'current_stock', v_item.stock, 'requested_change', p_change) || v_problem;
  end if;
  return jsonb_build_object('success', true, 'item_id', v_item.id, 'previous_stock', v_item.stock,
    'change', p_change, 'new_stock', v_item.stock + p_change);
end $$;
comment on function public.update_stock(uuid, integer, text, uuid, public.movement_kind) is
  'Adds to or takes from an item''s stock and records why, as what and who (S-D1). Units held for pending orders cannot be '
  'taken. Answers {success, item_id, previous_stock, change, new_stock} or {success: false, code, error, '
  'current_stock, requested_change}.';

-- security definer: the ledger is closed to everyone; the tenant is checked here.
create function public.process_order_stock_changes(p_order_items jsonb, p_order_id text, p_shop_id uuid)
returns jsonb language plpgsql security definer set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off as $$
declare
  v_reason text := format('Order %s processed', p_order_id);
  v_wish record;
  v_known public.order_stock;
  v_short jsonb;
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager');
  select r.errors, r.demand, r.lines into v_wish from private.read_order_items(p_order_items, p_order_id, p_shop_id) r;
  if v_wish.errors <> '[]' then
    return private.order_not_processed(v_wish.errors);
  end if;

  insert into public.order_stock (shop_id, order_ref, state, demand)
    values (p_shop_id, p_order_id, 'taken', v_wish.demand) on conflict do nothing;
  if found then
    v_short := private.try_steps(array[
      row(p_shop_id, p_order_id, 'none', 'taken', null, v_wish.demand, v_reason, now(), null)::private.order_step]);
    if v_short is not null then
      delete from public.order_stock where shop_id = p_shop_id and order_ref = p_order_id;
    end if;
  else
    select * into v_known from public.order_stock where shop_id = p_shop_id and order_ref = p_order_id for no key update;
    if v_known.demand <> v_wish.demand then
      return private.order_not_processed(jsonb_build_array(jsonb_build_object('code', 'order_body_differs',
        'error', format('Order %s is known with other items or quantities.', p_order_id))));
    elsif v_known.state = 'none' then
      return private.order_not_processed(jsonb_build_array(jsonb_build_object('code', 'order_closed',
        'error', format('Order %s was cancelled or returned.', p_order_id))));
    elsif v_known.state = 'held' then
      -- The order may hold some of its items and not others: the error undoes the holds that were committed already.
      begin
        v_short := private.try_steps(array[
          row(p_shop_id, p_order_id, 'held', 'taken', v_known.demand, v_wish.demand, v_reason, now(), null)::private.order_step]);
        if v_short is not null then
          raise sqlstate 'PT409';
        end if;
      exception when sqlstate 'PT409' then
        if v_short is null then
          raise;
        end if;
      end;
    end if;
  end if;

  if v_short is not null then
    return private.order_not_processed((
      select jsonb_agg(jsonb_build_object('code', 'insufficient_stock', 'item_id', s.value -> 'item_id',
        'error', format('Insufficient stock of %s', s.value ->> 'name'), 'requested', s.value -> 'wanted',
        'available', s.value -> 'available') order by s.no)
      from jsonb_array_elements(private.name_shortage(v_short)) with ordinality s (value, no)));
  end if;
  return jsonb_build_object('success', true, 'processed', v_wish.lines, 'errors', '[]'::jsonb);
end $$;
comment on function public.process_order_stock_changes(jsonb, text, uuid) is
  'Takes an order''s units off the shelf, all or none (S-D2): [{item_id, quantity}], demand summed per item. Once per '
  'shop and order: the same call again changes nothing, another body is refused. Answers {success, processed, '
  'errors[]}; errors lists every line that fails.';

create function private.order_not_processed(p_errors jsonb) returns jsonb language sql immutable set search_path = '' as $$
  select jsonb_build_object('success', false, 'processed', 0, 'errors', p_errors)
$$;
comment on function private.order_not_processed(jsonb) is 'What process_order_stock_changes() answers when it changed nothing.';

create function private.read_order_items(p_order_items jsonb, p_order_id text, p_shop_id uuid)
returns table (errors jsonb, demand jsonb, lines integer) language plpgsql stable set search_path = '' as $$
begin
  if coalesce(p_order_id, '') = '' or length(p_order_id) > 200 then
    return query select '[{"code": "invalid_order_items", "error": "The order id must have 1 to 200 characters."}]'::jsonb, null::jsonb, 0;
    return;
  end if;
  if jsonb_typeof(p_order_items) is distinct from 'array' or jsonb_array_length(p_order_items) not between 1 and 5000 then
    return query select '[{"code": "invalid_order_items", "error": "The order items must be an array of 1 to 5000 {item_id, quantity}."}]'::jsonb, null::jsonb, 0;
    return;
  end if;
  return query
    with line as (
      select l.no, l.value, private.try_uuid(l.value ->> 'item_id') as item_id, private.try_units(l.value -> 'quantity') as quantity
      from jsonb_array_elements(p_order_items) with ordinality l (value, no)
    ),
    judged as (
      select line.*, i.item_type, case
          when line.item_id is null then 'item_id must be the id of an item.'
          when line.quantity is null then 'quantity must be a whole number from 1 to 1000000.'
          when i.id is null then 'There is no such item in this shop.'
        end as error
      from line left join public.items i on i.shop_id = p_shop_id and i.id = line.item_id
    ),
    wish as (
      select j.item_id, sum(j.quantity) as quantity from judged j
      where j.error is null and j.item_type = 'product' group by j.item_id
    )
    select
      coalesce((select jsonb_agg(jsonb_build_object('line', j.no, 'item_id', j.value -> 'item_id', 'quantity', j.value -> 'quantity',
          'code', case when j.quantity is not null and j.item_id is not null then 'unknown_item' else 'invalid_order_items' end,
          'error', j.error) order by j.no) from judged j where j.error is not null), '[]'),
      coalesce((select jsonb_object_agg(w.item_id, w.quantity) from wish w), '{}'),
      (select count(*)::integer from judged);
end $$;
comment on function private.read_order_items(jsonb, text, uuid) is 'Reads [{item_id, quantity}] into demand per product, or into errors per line.';

-- security definer: the ledger is closed to everyone; the tenant is checked here.
create function public.count_stock(p_shop_id uuid, p_counts jsonb, p_reason text default 'Stock-take', p_kind public.movement_kind default 'count',
  p_dry_run boolean default false) returns jsonb
language plpgsql security definer set search_path = '' set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off as $$
declare
  v_errors jsonb;
  v_changes jsonb;
  v_short jsonb;
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager');
  if p_kind not in ('count', 'import') then
    return jsonb_build_object('success', false, 'code', 'invalid_counts', 'error', 'The kind must be count or import.');
  end if;
  if jsonb_typeof(p_counts) is distinct from 'array' or jsonb_array_length(p_counts) not between 1 and 5000 then
    return jsonb_build_object('success', false, 'code', 'invalid_counts',
      'error', 'The counts must be an array of 1 to 5000 {item_id, counted, expected}.');
  end if;
  perform from public.items i
    where i.shop_id = p_shop_id and i.id in (select private.try_uuid(c.value ->> 'item_id') from jsonb_array_elements(p_counts) c)
    order by i.id for no key update;
  with line as (
    select c.no, c.value, private.try_uuid(c.value ->> 'item_id') as item_id, private.try_count(c.value -> 'counted') as counted,
      private.try_count(c.value -> 'expected') as expected
    from jsonb_array_elements(p_counts) with ordinality c (value, no)
  ),
  checked as (
    select l.*, i.id, i.stock, i.backorder_limit, case
        when l.item_id is null then 'item_id must be the id of an item.'
        when l.counted is null then 'counted must be a whole number from -1000000 to 1000000000.'
        when l.expected is null and coalesce(l.value -> 'expected', 'null') <> 'null' then 'expected must be a whole number from -1000000 to 1000000000.'
        when i.id is null then 'There is no such item in this shop.'
        when i.stock is null then 'A service has no stock.'
        when l.counted < -i.backorder_limit then 'The item may not fall so low.'
        when count(*) over (partition by l.item_id) > 1 then 'The item stands in the list more than once.'
        when i.stock <> l.expected then 'The stock changed since it was looked up.'
      end as error
    from line l left join public.items i on i.shop_id = p_shop_id and i.id = l.item_id
  )
  select jsonb_agg(jsonb_build_object('line', coalesce(value -> 'line', to_jsonb(no)), 'item_id', value -> 'item_id', 'error', error, 'stock', stock,
        'code', case when stock <> expected then 'stock_changed' else 'invalid_counts' end) order by no) filter (where error is not null),
      coalesce(jsonb_agg(jsonb_build_object('item_id', item_id, 'before', stock, 'after', counted, 'change', counted - stock) order by item_id)
        filter (where error is null and counted <> stock), '[]')
    into v_errors, v_changes from checked;
  if v_errors is not null then
    return jsonb_build_object('success', false, 'code', v_errors #>> '{0,code}', 'error', v_errors #>> '{0,error}', 'errors', v_errors);
  end if;

  if p_dry_run then
    return jsonb_build_object('success', true, 'counted', jsonb_array_length(p_counts), 'changes', v_changes);
  end if;
  select t.short into v_short from private.try_movements(array(
    select row(p_shop_id, c.item_id, c.change, coalesce(nullif(trim(p_reason), ''), 'Stock-take'), null, auth.uid(), now(), p_kind)::private.movement
    from jsonb_to_recordset(v_changes) c (item_id uuid, change bigint))) t;
  if v_short is not null then
    return jsonb_build_object('success', false, 'code', 'insufficient_stock', 'error', 'Pending orders hold more than was counted.',
      'errors', private.name_shortage(v_short));
  end if;
  return jsonb_build_object('success', true, 'counted', jsonb_array_length(p_counts), 'changes', v_changes);
end $$;
comment on function public.count_stock(uuid, jsonb, text, public.movement_kind, boolean) is
  'A stock-take: sets the stock of items to what was counted, all or none. [{item_id, counted, expected}]; expected is the stock '
  'that the list was made with: where it differs from the present, somebody sold meanwhile, and nothing is written. Answers '
  '{success, counted, changes: [{item_id, before, after, change}]} or {success: false, code, error, errors}. p_dry_run writes nothing and '
  'answers the same; p_kind import marks the movements of a list that came from elsewhere.';

create function private.try_count(p_value jsonb) returns integer language sql immutable as $$
  select case when jsonb_typeof(p_value) = 'number' then
    case when p_value::numeric between -1000000 and 1000000000 and p_value::numeric = trunc(p_value::numeric)
      then p_value::numeric::integer end end
$$;
comment on function private.try_count(jsonb) is 'A whole number of units from -1,000,000, for items sold beyond the shelf, to 1,000,000,000, or null.';

-- security definer: last sales are read past the caller's row rights; the tenant is checked here.
create function public.get_low_stock_items(p_shop_id uuid, p_threshold integer default 10, p_include_zero boolean default true)
returns table (id uuid, name text, stock integer, category text, last_sale_date timestamptz, out_of_stock boolean)
language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager', 'Support Agent');
  return query
    select i.id, i.name, i.stock, i.category, sale."timestamp", i.stock = 0
    from public.items i
    join public.shops s on s.id = i.shop_id
    left join lateral (
      select h."timestamp"
      from public.stock_history h
      join public.order_stock o on o.shop_id = h.shop_id and o.order_ref = h.order_ref and o.state = 'taken'
      where h.shop_id = i.shop_id and h.item_id = i.id and h.change < 0
      order by h.seq desc limit 1
    ) sale on true
    where i.shop_id = p_shop_id
      and i.stock < coalesce(p_threshold, i.low_stock_threshold, s.low_stock_threshold)
      and (p_include_zero or i.stock > 0)
    order by i.stock, i.name, i.id;
end $$;
comment on function public.get_low_stock_items(uuid, integer, boolean) is
  'Products with fewer units than the threshold (S-D3), fewest first; a null threshold means each item''s own, else the '
  'shop''s. last_sale_date is the last order that took units and was neither cancelled nor returned.';

-- security definer: pools are closed to everyone; the tenant is checked here.
create function public.get_item_availability(p_shop_id uuid, p_item_ids uuid[] default null)
returns table (item_id uuid, stock integer, held integer, available integer, backorder_limit integer)
language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager', 'Support Agent');
  return query
    select i.id, i.stock, a.held::integer, a.available::integer, i.backorder_limit
    from public.items i
    join plinth.availability('stock', coalesce(p_item_ids, array(select p.id from public.items p where p.shop_id = p_shop_id))) a
      on a.thing = i.id
    where i.shop_id = p_shop_id and i.item_type = 'product'
    order by i.name, i.id;
end $$;
comment on function public.get_item_availability(uuid, uuid[]) is
  'Units on hand, held for pending orders, and available (the difference, and what may be sold beyond the shelf) of products, all of '
  'the shop by default.';

-- security definer: counts past the caller's row rights; the tenant is checked here.
create function public.get_shop_stats(p_shop_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_stats jsonb;
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager', 'Support Agent');
  select jsonb_build_object(
      'total_products', (select count(*) from public.items where shop_id = s.id and item_type = 'product'),
      'total_services', (select count(*) from public.items where shop_id = s.id and item_type = 'service'),
      'total_orders', (select count(*) from public.form_submissions where shop_id = s.id),
      'total_revenue', plinth.to_major(coalesce(sold.minor, 0), s.currency)
        - coalesce((select sum(discount) from public.form_submissions
                    where shop_id = s.id and status in ('Confirmed', 'Completed')), 0)
        - plinth.to_major(coalesce((select sum(r.amount_minor - r.discount_minor) from public.order_returns r
                    join public.form_submissions f on f.shop_id = r.shop_id and f.id = r.order_id
                    where r.shop_id = s.id and f.status in ('Confirmed', 'Completed')), 0), s.currency),
      'total_conversations', (select count(*) from public.conversations where shop_id = s.id),
      'low_stock_count', (select count(*) from public.items i where i.shop_id = s.id
                          and i.stock < coalesce(i.low_stock_threshold, s.low_stock_threshold)))
    into v_stats
    from public.shops s
    cross join lateral (
      select sum(l.amount_minor) as minor
      from public.order_lines l
      join public.form_submissions f on f.shop_id = l.shop_id and f.id = l.order_id
      where l.shop_id = s.id and f.status in ('Confirmed', 'Completed')
    ) sold
    where s.id = p_shop_id;
  return v_stats;
end $$;
comment on function public.get_shop_stats(uuid) is
  'A shop in six numbers (S-D10). Revenue is what confirmed and completed orders sold, less discounts and returns, in major '
  'units; low stock follows each item''s threshold, else the shop''s.';

revoke all on all functions in schema private from public;
revoke all on function public.update_stock(uuid, integer, text, uuid, public.movement_kind),
  public.count_stock(uuid, jsonb, text, public.movement_kind, boolean), public.process_order_stock_changes(jsonb, text, uuid),
  public.get_low_stock_items(uuid, integer, boolean), public.get_item_availability(uuid, uuid[]), public.get_shop_stats(uuid)
  from public, anon;
grant execute on function public.update_stock(uuid, integer, text, uuid, public.movement_kind),
  public.count_stock(uuid, jsonb, text, public.movement_kind, boolean), public.process_order_stock_changes(jsonb, text, uuid),
  public.get_low_stock_items(uuid, integer, boolean), public.get_item_availability(uuid, uuid[]), public.get_shop_stats(uuid)
  to authenticated, service_role;
