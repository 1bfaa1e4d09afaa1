-- What happens after an order: shipment and tracking; and who the shop's customers are, by their orders.

create table private.shipping_transitions (
  from_status public.shipping_status not null,
  to_status public.shipping_status not null,
  primary key (from_status, to_status)
);
comment on table private.shipping_transitions is 'Which state of a shipment follows which; staying is always possible.';
insert into private.shipping_transitions (from_status, to_status) values
  ('unshipped', 'packed'), ('unshipped', 'shipped'),
  ('packed', 'unshipped'), ('packed', 'shipped'),
  ('shipped', 'delivered'), ('shipped', 'returned'),
  ('delivered', 'returned'),
  ('returned', 'shipped');
alter table private.shipping_transitions enable row level security;

create function private.check_shipment(p_old public.form_submissions, p_new public.form_submissions) returns void
language plpgsql stable set search_path = '' as $$
begin
  if p_new.shipping_status = p_old.shipping_status then
    return;
  end if;
  if not exists (
    select from private.shipping_transitions t where t.from_status = p_old.shipping_status and t.to_status = p_new.shipping_status
  ) then
    perform plinth.refuse('invalid_shipping', 409,
      format('The shipment of order %s cannot go from %s to %s.', p_old.submission_id, p_old.shipping_status, p_new.shipping_status),
      jsonb_build_object('order', p_old.submission_id, 'from', p_old.shipping_status, 'to', p_new.shipping_status),
      'docs/shops.md has the table of shipments.');
  end if;
  if p_new.shipping_status in ('packed', 'shipped') and p_new.status not in ('Confirmed', 'Completed') then
    perform plinth.refuse('order_not_shippable', 409, format('Order %s is %s and is not sent.', p_old.submission_id, p_new.status),
      jsonb_build_object('order', p_old.submission_id), 'Confirm it first.');
  end if;
end $$;
comment on function private.check_shipment(public.form_submissions, public.form_submissions) is
  'Raises invalid_shipping or order_not_shippable (PT409) where a shipment cannot become what an update makes it.';

-- Customers -----------------------------------------------------------------------------------------------------

create function private.customer_key(p_email text, p_phone text) returns text language sql immutable
return coalesce(nullif(lower(trim(p_email)), ''), nullif(regexp_replace(p_phone, '[^0-9+]', '', 'g'), ''));
comment on function private.customer_key(text, text) is
  'Who a customer is to a shop: the address, else the digits of the number; null for an order that names neither.';
create index form_submissions_customer on public.form_submissions (shop_id, private.customer_key(customer_email, customer_phone), submitted_at desc)
  where customer_email is not null or customer_phone is not null;

-- security definer: sums past the caller's row rights; the tenant is checked here.
create function public.get_customers(p_shop_id uuid, p_search text default null, p_limit integer default 50, p_offset integer default 0)
returns table (customer text, name text, email text, phone text, orders_count bigint, revenue numeric, first_order_at timestamptz,
  last_order_at timestamptz)
language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager', 'Support Agent');
  return query
    select o.key, (array_agg(o.customer_name order by o.submitted_at desc) filter (where o.customer_name is not null))[1],
      (array_agg(o.customer_email order by o.submitted_at desc) filter (where o.customer_email is not null))[1],
      (array_agg(o.customer_phone order by o.submitted_at desc) filter (where o.customer_phone is not null))[1],
      count(*), plinth.to_major(coalesce(sum(sold.minor) filter (where o.status in ('Confirmed', 'Completed')), 0), s.currency)
        - coalesce(sum(o.discount) filter (where o.status in ('Confirmed', 'Completed')), 0),
      min(o.submitted_at), max(o.submitted_at)
    from public.shops s
    cross join lateral (
      select f.*, private.customer_key(f.customer_email, f.customer_phone) as key from public.form_submissions f
      where f.shop_id = s.id and (f.customer_email is not null or f.customer_phone is not null)
    ) o
    left join lateral (
      select sum(l.amount_minor) - coalesce((select sum(r.amount_minor - r.discount_minor) from public.order_returns r
        where r.shop_id = o.shop_id and r.order_id = o.id), 0) as minor
      from public.order_lines l where l.shop_id = o.shop_id and l.order_id = o.id
    ) sold on true
    where s.id = p_shop_id and o.key is not null
    group by o.key, s.currency
    having p_search is null or bool_or(position(lower(p_search) in lower(concat_ws(' ', o.customer_name, o.customer_email, o.customer_phone))) > 0)
    order by max(o.submitted_at) desc, o.key
    limit least(greatest(p_limit, 0), 1000) offset greatest(p_offset, 0);
end $$;
comment on function public.get_customers(uuid, text, integer, integer) is
  'A shop''s customers, who ordered last first: contact as last given, orders, and what confirmed and completed ones brought less '
  'their discounts and returns, in major units. p_search is part of a name, an address or a number. 1,000 at most.';

-- security definer: as above.
create function public.get_customer_orders(p_shop_id uuid, p_customer text, p_limit integer default 50, p_before timestamptz default null)
returns table (submission_id text, status public.order_status, submitted_at timestamptz, total numeric, discount numeric,
  shipping_status public.shipping_status, tracking_number text, lines jsonb)
language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager', 'Support Agent');
  return query
    select f.submission_id, f.status, f.submitted_at, plinth.to_major(coalesce(l.minor, 0), s.currency) - f.discount, f.discount,
      f.shipping_status, f.tracking_number, coalesce(l.lines, '[]')
    from public.shops s
    join public.form_submissions f on f.shop_id = s.id
    left join lateral (
      select sum(o.amount_minor) as minor,
        jsonb_agg(jsonb_build_object('item_id', o.item_id, 'name', o.item_name, 'quantity', o.quantity, 'amount', o.amount) order by o.line_no) as lines
      from public.order_lines o where o.shop_id = f.shop_id and o.order_id = f.id
    ) l on true
    where s.id = p_shop_id and (f.customer_email is not null or f.customer_phone is not null)
      and private.customer_key(f.customer_email, f.customer_phone) = p_customer and (p_before is null or f.submitted_at < p_before)
    order by f.submitted_at desc, f.submission_id
    limit least(greatest(p_limit, 0), 1000);
end $$;
comment on function public.get_customer_orders(uuid, text, integer, timestamptz) is
  'The orders of a customer as get_customers() names them, latest first; p_before continues a list. 1,000 at most.';

revoke all on all functions in schema private from public;
-- Whoever writes an order evaluates its index.
grant execute on function private.customer_key(text, text) to authenticated, service_role;
revoke all on function public.get_customers(uuid, text, integer, integer),
  public.get_customer_orders(uuid, text, integer, timestamptz) from public, anon;
grant execute on function public.get_customers(uuid, text, integer, integer),
  public.get_customer_orders(uuid, text, integer, timestamptz) to authenticated, service_role;
