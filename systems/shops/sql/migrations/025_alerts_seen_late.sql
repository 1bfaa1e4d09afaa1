-- Whether an item has an open alert is read before its row is locked. One that another order raised meanwhile was not
-- seen, and stayed open when stock came back: a crossing in either direction asks for alerts again, under the lock.

-- security definer: writes history, which is closed to everyone.
create or replace function private.try_movements(p_movements private.movement[], out short jsonb, out moved integer)
language plpgsql security definer set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_nestloop = on set enable_seqscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_postings private.posting[];
  v_things uuid[];
  v_stock bigint[];
  v_alerts boolean;
  v_setting text;
begin
  -- Sums run before the rows are locked; the order of the locks is the order of ids.
  select array_agg(row(i.shop_id, i.id, i.change, i.stock, i.stock + i.running, i.is_last, i.low_stock_threshold,
        i.reason, i.order_ref, i.changed_by, i.at)::private.posting order by i.no),
      array_agg(i.id order by i.id) filter (where i.is_last), array_agg(i.stock + i.running order by i.id) filter (where i.is_last),
      bool_or(i.is_last and ((i.stock < i.threshold) <> (i.stock + i.running < i.threshold) or i.alerted and i.stock + i.running >= i.threshold))
    into v_postings, v_things, v_stock, v_alerts
    from (
      select m.*, i.id, i.stock, i.low_stock_threshold, coalesce(i.low_stock_threshold, s.low_stock_threshold) as threshold,
        exists (
          select from public.low_stock_alerts a where a.shop_id = i.shop_id and a.item_id = i.id and a.resolved_at is null
        ) as alerted
      from (
        select m.*, sum(m.change) over (partition by m.item_id order by m.no) as running,
          m.no = max(m.no) over (partition by m.item_id) as is_last
        from unnest(p_movements) with ordinality m (shop_id, item_id, change, reason, order_ref, changed_by, at, no)
      ) m
      join public.items i on i.shop_id = m.shop_id and i.id = m.item_id and i.item_type = 'product'
      join public.shops s on s.id = m.shop_id
      order by i.id for no key update of i
    ) i;
  moved := coalesce(cardinality(v_postings), 0);
  if moved = 0 then
    return;
  end if;
  if 2147483647 < any (v_stock) then
    perform private.refuse('stock_too_large', 'PT422', 'The stock of an item would exceed 2147483647 units.', 'Nothing was changed.');
  end if;
  short := plinth.try_on_hand('stock', v_things, v_stock);
  if short is not null then
    return;
  end if;
  v_setting := pg_catalog.set_config('plinth.stock_posting', 'ledger', true);
  with history as (
    insert into public.stock_history (shop_id, item_id, change, new_stock, reason, order_ref, changed_by, "timestamp")
    select p.shop_id, p.item_id, p.change, p.new_stock, p.reason, p.order_ref, p.changed_by, p.at from unnest(v_postings) p
  )
  update public.items i set stock = p.new_stock from unnest(v_postings) p where p.is_last and i.id = p.item_id;
  v_setting := pg_catalog.set_config('plinth.stock_posting', '', true);
  if v_alerts then
    perform private.follow_alerts(array(
      select row(p.shop_id, p.item_id, p.before, p.new_stock, p.low_stock_threshold, p.low_stock_threshold)::private.stock_change
      from unnest(v_postings) p where p.is_last));
  end if;
end $$;
