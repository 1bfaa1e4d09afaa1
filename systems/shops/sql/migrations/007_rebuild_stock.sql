-- Pools and holds say nothing that items and orders do not say: they can be made anew from them. A shop that was taken
-- back to an earlier point, or whose rows were loaded past the triggers, is right again afterwards.

create function private.rebuild_stock(p_shop_id uuid) returns table (item_id uuid, held bigint, left_unheld bigint)
language plpgsql set search_path = '' as $$
declare
  v_things uuid[];
begin
  perform from public.order_stock o where o.shop_id = p_shop_id order by o.order_ref for no key update;
  perform from public.items i where i.shop_id = p_shop_id order by i.id for no key update;
  v_things := array(select i.id from public.items i where i.shop_id = p_shop_id);
  perform plinth.lock_pools('stock', v_things);
  delete from plinth.holds h where h.kind = 'stock' and h.thing = any (v_things);
  delete from plinth.pools p where p.kind = 'stock' and p.thing = any (v_things);
  insert into plinth.pools (kind, thing, on_hand)
  select 'stock', i.id, i.stock from public.items i where i.shop_id = p_shop_id and i.item_type = 'product' order by i.id;

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
comment on function private.rebuild_stock(uuid) is
  'Makes a shop''s pools and holds anew from its items and orders, and returns what pending orders hold now. left_unheld '
  'is what they would hold if there were enough.';
revoke all on function private.rebuild_stock(uuid) from public;
