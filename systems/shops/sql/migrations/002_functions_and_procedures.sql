-- What clients call: S-D1, S-D2, S-D3 and S-D10, each by RPC for members and the service role.
-- They check the tenant themselves and act through the ledger of migrations 004 to 006, below which nobody gets.

create function private.refuse(p_code text, p_state text, p_message text, p_hint text, p_details jsonb default '{}') returns void
language plpgsql set search_path = '' as $$
begin
  raise exception '%', p_message
    using errcode = p_state, hint = p_hint, detail = (p_details || jsonb_build_object('code', p_code))::text;
end $$;
comment on function private.refuse(text, text, text, text, jsonb) is
  'Raises an error whose detail is JSON with a code of systems/shops/errors.ts. PTnnn becomes HTTP status nnn.';

-- security definer: tells the owner's own sessions from a request's by the owner's name. A request acts as anon,
-- authenticated or service_role by SET ROLE; `none` is a session that logged in directly.
create function private.is_trusted() returns boolean language sql stable security definer set search_path = '' as $$
  select case pg_catalog.current_setting('role')
    when 'service_role' then true
    when 'none' then pg_catalog.pg_has_role(session_user, current_user, 'USAGE')
    else pg_catalog.current_setting('role') = current_user
  end
$$;
comment on function private.is_trusted() is 'Whether the service role or the owner of the database acts, whom tenancy does not bind.';

create function private.require_role(p_shop_id uuid, variadic p_roles public.team_role[]) returns void
language plpgsql stable set search_path = '' as $$
begin
  if private.is_trusted() then
    if exists (select from public.shops where id = p_shop_id) then
      return;
    end if;
  elsif p_shop_id = any (private.my_shops(variadic p_roles)) then
    return;
  elsif p_shop_id = any (private.my_shops()) then
    perform private.refuse('forbidden', '42501', 'Your role in this shop does not allow this.',
      format('One of these roles may: %s.', array_to_string(p_roles, ', ')));
  end if;
  perform private.refuse('unknown_shop', 'PT404', 'There is no such shop.', 'Check the shop''s id and who is signed in.');
end $$;
comment on function private.require_role(uuid, public.team_role[]) is
  'Raises unknown_shop (PT404) for strangers and forbidden (42501) for members without one of the roles.';

-- security definer: the ledger is closed to everyone; the tenant is checked here.
create function public.update_stock(p_item_id uuid, p_change integer, p_reason text, p_changed_by uuid default null)
returns jsonb language plpgsql security definer set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off as $$
declare
  v_item public.items;
  v_problem jsonb;
begin
  select * into v_item from public.items where id = p_item_id;
  if v_item.id is null or not (private.is_trusted() or v_item.shop_id = any (private.my_shops())) then
    return jsonb_build_object('success', false, 'code', 'unknown_item', 'error', 'There is no such item.');
  end if;
  perform private.require_role(v_item.shop_id, 'Owner', 'Admin', 'Order Manager');
  if p_changed_by is not null and not private.is_trusted() and p_changed_by is distinct from auth.uid() then
    perform private.refuse('forbidden', '42501', 'p_changed_by names somebody else.', 'Leave it out: the signed-in user is recorded.');
  end if;

  select * into v_item from public.items where id = p_item_id for no key update;
  v_problem := case
    when not found then
      jsonb_build_object('code', 'unknown_item', 'error', 'There is no such item.')
    when v_item.stock is null then
      jsonb_build_object('code', 'services_have_no_stock', 'error', 'A service has no stock.')
    when p_change is null or p_change = 0 then
      jsonb_build_object('code', 'invalid_change', 'error', 'The change must be a whole number other than 0.')
    when v_item.stock::bigint + p_change > 2147483647 then
      jsonb_build_object('code', 'stock_too_large', 'error', 'The stock would exceed 2147483647 units.')
  end;
  if v_problem is null then
    begin
      perform private.post_movements(array[row(v_item.shop_id, v_item.id, p_change,
        coalesce(nullif(trim(p_reason), ''), 'Adjustment'), null, coalesce(p_changed_by, auth.uid()), now())::private.movement]);
    exception when sqlstate 'PT409' then
      v_problem := jsonb_build_object('code', 'insufficient_stock', 'error', 'Insufficient stock', 'available',
        (select available from plinth.availability('stock', array[v_item.id])));
    end;
  end if;
  if v_problem is not null then
    return jsonb_build_object('success', false, 'current_stock', v_item.stock, 'requested_change', p_change) || v_problem;
  end if;
  return jsonb_build_object('success', true, 'item_id', v_item.id, 'previous_stock', v_item.stock,
    'change', p_change, 'new_stock', v_item.stock + p_change);
end $$;
comment on function public.update_stock(uuid, integer, text, uuid) is
  'Adds to or takes from an item''s stock and records why and who (S-D1). Units held for pending orders cannot be '
  'taken. Answers {success, item_id, previous_stock, change, new_stock} or {success: false, code, error, '
  'current_stock, requested_change}.';

-- security definer: as above.
create function public.process_order_stock_changes(p_order_items jsonb, p_order_id text, p_shop_id uuid)
returns jsonb language plpgsql security definer set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off as $$
declare
  v_errors jsonb;
  v_demand jsonb;
  v_lines integer;
  v_before record;
  v_fresh boolean;
  v_detail text;
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager');
  select r.errors, r.demand, r.lines into v_errors, v_demand, v_lines
    from private.read_order_items(p_order_items, p_order_id, p_shop_id) r;
  if v_errors <> '[]' then
    return jsonb_build_object('success', false, 'processed', 0, 'errors', v_errors);
  end if;

  insert into public.order_stock (shop_id, order_ref, state, demand)
    values (p_shop_id, p_order_id, 'none', v_demand) on conflict do nothing;
  v_fresh := found;
  select * into v_before from public.order_stock where shop_id = p_shop_id and order_ref = p_order_id for no key update;
  if not v_fresh then
    v_errors := case
      when v_before.demand <> v_demand then jsonb_build_array(jsonb_build_object('code', 'order_body_differs',
        'error', format('Order %s is known with other items or quantities.', p_order_id)))
      when v_before.state = 'none' then jsonb_build_array(jsonb_build_object('code', 'order_closed',
        'error', format('Order %s was cancelled or returned.', p_order_id)))
      else '[]' end;
    if v_errors <> '[]' then
      return jsonb_build_object('success', false, 'processed', 0, 'errors', v_errors);
    end if;
  end if;

  begin
    perform private.settle_orders(array[row(p_shop_id, p_order_id, 'taken', v_demand,
      format('Order %s processed', p_order_id), now())::private.order_change]);
  exception when sqlstate 'PT409' then
    get stacked diagnostics v_detail = pg_exception_detail;
    if v_fresh then
      delete from public.order_stock where shop_id = p_shop_id and order_ref = p_order_id;
    end if;
    select jsonb_agg(jsonb_build_object('code', 'insufficient_stock', 'item_id', f.value -> 'item_id',
        'error', format('Insufficient stock of %s', f.value ->> 'name'), 'requested', f.value -> 'wanted',
        'available', f.value -> 'available'))
      into v_errors from jsonb_array_elements(v_detail::jsonb -> 'items') f;
    return jsonb_build_object('success', false, 'processed', 0, 'errors', v_errors);
  end;
  return jsonb_build_object('success', true, 'processed', v_lines, 'errors', '[]'::jsonb);
end $$;
comment on function public.process_order_stock_changes(jsonb, text, uuid) is
  'Takes an order''s units off the shelf, all or none (S-D2): [{item_id, quantity}], demand summed per item. Once per '
  'shop and order: the same call again changes nothing, another body is refused. Answers {success, processed, '
  'errors[]}; errors lists every line that fails.';

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

-- Pure functions have no search_path of their own: with one, PostgreSQL could not inline them, and a call a line
-- would be most of the cost of an import. Only functions whose search_path is empty use them.

create function private.try_uuid(p_text text) returns uuid language sql immutable as $$
  select case when p_text ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then p_text::uuid end
$$;
comment on function private.try_uuid(text) is 'The UUID that a text spells, or null.';

create function private.try_units(p_value jsonb) returns integer language sql immutable as $$
  select case when jsonb_typeof(p_value) = 'number' then
    case when p_value::numeric between 1 and 1000000 and p_value::numeric = trunc(p_value::numeric)
      then p_value::numeric::integer end end
$$;
comment on function private.try_units(jsonb) is 'A whole number of units from 1 to 1,000,000, or null.';

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
      'total_revenue', private.to_major(coalesce(sold.minor, 0)::bigint, s.currency)
        - coalesce((select sum(discount) from public.form_submissions
                    where shop_id = s.id and status in ('Confirmed', 'Completed')), 0),
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
  'A shop in six numbers (S-D10). Revenue is what confirmed and completed orders sold, less their discounts, in major '
  'units; low stock follows each item''s threshold, else the shop''s.';

create function private.minor_digits(p_currency text) returns integer language sql immutable as $$
  select case
    when p_currency in ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF') then 0
    when p_currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
    else 2
  end
$$;
comment on function private.minor_digits(text) is 'Decimal places of a currency''s minor unit (ISO 4217).';

create function private.to_minor(p_amount numeric, p_currency text) returns bigint language sql immutable as $$
  select round(p_amount * power(10::numeric, private.minor_digits(p_currency)))::bigint
$$;
comment on function private.to_minor(numeric, text) is 'Major to minor units, rounded half away from zero.';

create function private.to_major(p_minor bigint, p_currency text) returns numeric language sql immutable as $$
  select round(p_minor / power(10::numeric, private.minor_digits(p_currency)), private.minor_digits(p_currency))
$$;
comment on function private.to_major(bigint, text) is 'Minor to major units, exactly.';

revoke all on all functions in schema private from public;
grant execute on function private.my_shops(public.team_role[]), private.is_platform_admin() to anon, authenticated, service_role;
revoke all on function public.update_stock(uuid, integer, text, uuid), public.process_order_stock_changes(jsonb, text, uuid),
  public.get_low_stock_items(uuid, integer, boolean), public.get_shop_stats(uuid) from public;
grant execute on function public.update_stock(uuid, integer, text, uuid), public.process_order_stock_changes(jsonb, text, uuid),
  public.get_low_stock_items(uuid, integer, boolean), public.get_shop_stats(uuid) to authenticated, service_role;
