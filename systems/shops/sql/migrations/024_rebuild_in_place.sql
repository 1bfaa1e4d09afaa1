-- A pool's row is the lock of its thing. An order that waited for a row that private.rebuild_stock() then replaced went on
-- without any lock, and two of them could meet at the check of pools: rows stay, and only their numbers are made anew.

create or replace function private.rebuild_stock(p_shop_id uuid) returns table (item_id uuid, held bigint, left_unheld bigint)
language plpgsql set search_path = '' as $$
declare
  v_things uuid[];
begin
  perform from public.order_stock o where o.shop_id = p_shop_id order by o.order_ref for no key update;
  perform from public.items i where i.shop_id = p_shop_id order by i.id for no key update;
  v_things := array(select i.id from public.items i where i.shop_id = p_shop_id);
  perform plinth.lock_pools('stock', v_things);
  delete from plinth.holds h where h.kind = 'stock' and h.thing = any (v_things);
  delete from plinth.pools p
  where p.kind = 'stock' and p.thing = any (v_things)
    and not exists (select from public.items i where i.id = p.thing and i.item_type = 'product');
  update plinth.pools p set on_hand = i.stock, held = 0
  from public.items i
  where i.shop_id = p_shop_id and i.item_type = 'product' and p.kind = 'stock' and p.thing = i.id;
  insert into plinth.pools (kind, thing, on_hand)
  select 'stock', i.id, i.stock from public.items i
  where i.shop_id = p_shop_id and i.item_type = 'product'
    and not exists (select from plinth.pools p where p.kind = 'stock' and p.thing = i.id)
  order by i.id;

  -- Orders get their units in the order in which they came, as far as units reach.
  return query
    with wish as (
      select d.key::uuid as thing, o.order_ref, d.value::bigint as quantity,
        o.updated_at + s.order_hold_minutes * interval '1 minute' as expires_at,
        sum(d.value::bigint) over (partition by d.key order by o.updated_at, o.order_ref) as reaching
      from public.order_stock o
      join public.shops s on s.id = o.shop_id
      cross join lateral jsonb_each_text(o.demand) d
      where o.shop_id = p_shop_id and o.state = 'held' and d.value::bigint > 0
        and o.updated_at + s.order_hold_minutes * interval '1 minute' > plinth.now()
    ),
    placed as (
      insert into plinth.holds (kind, thing, key, quantity, expires_at)
      select 'stock', w.thing, private.hold_key(p_shop_id, w.order_ref), w.quantity, w.expires_at
      from wish w join plinth.pools p on p.kind = 'stock' and p.thing = w.thing and w.reaching <= p.on_hand
      returning thing, quantity
    ),
    sums as (
      select p.thing, sum(p.quantity) as quantity from placed p group by p.thing
    ),
    counted as (
      update plinth.pools p set held = s.quantity from sums s where p.kind = 'stock' and p.thing = s.thing
    )
    select w.thing, coalesce(max(s.quantity), 0)::bigint, (sum(w.quantity) - coalesce(max(s.quantity), 0))::bigint
    from wish w left join sums s on s.thing = w.thing
    group by w.thing;
end $$;

-- A shop's revenue may exceed what a bigint of minor units holds, though none of its lines does.

-- security definer: counts past the caller's row rights; the tenant is checked here.
create or replace function public.get_shop_stats(p_shop_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_stats jsonb;
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager', 'Support Agent');
  select jsonb_build_object(
      'total_products', (select count(*) from public.items where shop_id = s.id and item_type = 'product'),
      'total_services', (select count(*) from public.items where shop_id = s.id and item_type = 'service'),
      'total_orders', (select count(*) from public.form_submissions where shop_id = s.id),
      'total_revenue', round(coalesce(sold.minor, 0) / power(10::numeric, digits.n), digits.n)
        - coalesce((select sum(discount) from public.form_submissions
                    where shop_id = s.id and status in ('Confirmed', 'Completed')), 0),
      'total_conversations', (select count(*) from public.conversations where shop_id = s.id),
      'low_stock_count', (select count(*) from public.items i where i.shop_id = s.id
                          and i.stock < coalesce(i.low_stock_threshold, s.low_stock_threshold)))
    into v_stats
    from public.shops s
    cross join lateral (select private.minor_digits(s.currency) as n) digits
    cross join lateral (
      select sum(l.amount_minor) as minor
      from public.order_lines l
      join public.form_submissions f on f.shop_id = l.shop_id and f.id = l.order_id
      where l.shop_id = s.id and f.status in ('Confirmed', 'Completed')
    ) sold
    where s.id = p_shop_id;
  return v_stats;
end $$;
drop function private.to_major(bigint, text);
