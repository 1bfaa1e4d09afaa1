-- Every change of stock leaves a row in stock_history, whoever makes it and however, and keeps the pool of plinth.holds
-- true. The ledger writes history first and then the item; anything else that writes items.stock gets its history
-- written after the fact. Either way the last row of an item's history says what its stock is.

create type private.movement as
  (shop_id uuid, item_id uuid, change bigint, reason text, order_ref text, changed_by uuid, at timestamptz);
comment on type private.movement is 'A row of stock_history as it is asked for.';

create function private.refuse_shortage(p_detail text) returns void language plpgsql stable set search_path = '' as $$
declare
  v_items jsonb;
  v_list text;
begin
  if p_detail::jsonb ->> 'code' is distinct from 'not_enough_units' then
    perform private.refuse(p_detail::jsonb ->> 'code', 'PT409', 'Stock cannot change like this.', 'Nothing was changed.', p_detail::jsonb);
  end if;
  select jsonb_agg(jsonb_build_object('item_id', s.thing, 'name', i.name, 'wanted', s.wanted, 'available', s.available) order by i.name, s.thing),
      string_agg(format('%s (wanted %s, available %s)', i.name, s.wanted, s.available), ', ' order by i.name, s.thing) filter (where s.rank <= 5)
    into v_items, v_list
    from (
      select s.*, row_number() over () as rank
      from jsonb_to_recordset(p_detail::jsonb -> 'short') s (thing uuid, wanted bigint, available bigint)
    ) s
    left join public.items i on i.id = s.thing;
  perform private.refuse('insufficient_stock', 'PT409', 'Insufficient stock: ' || v_list || '.',
    'Nothing was changed. Units held for pending orders are not available; cancel an order to free them.',
    jsonb_build_object('items', v_items));
end $$;
comment on function private.refuse_shortage(text) is 'Raises insufficient_stock (PT409) from what plinth.holds said of things.';

-- security definer: writes history, which is closed to everyone.
create function private.post_movements(p_movements private.movement[]) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_things uuid[];
  v_stock bigint[];
begin
  perform from public.items where id in (select m.item_id from unnest(p_movements) m) order by id for no key update;
  select array_agg(t.id), array_agg(t.stock) into v_things, v_stock
    from (
      select i.id, i.stock + sum(m.change) as stock
      from unnest(p_movements) m
      join public.items i on i.shop_id = m.shop_id and i.id = m.item_id and i.item_type = 'product'
      group by i.id
    ) t;
  if v_things is null then
    return;
  end if;
  if 2147483647 < any (v_stock) then
    perform private.refuse('stock_too_large', 'PT422', 'The stock of an item would exceed 2147483647 units.', 'Nothing was changed.');
  end if;
  perform plinth.set_on_hand('stock', v_things, v_stock);
  insert into public.stock_history (shop_id, item_id, change, new_stock, reason, order_ref, changed_by, "timestamp")
  select m.shop_id, m.item_id, m.change, i.stock + sum(m.change) over (partition by m.item_id order by m.no),
    m.reason, m.order_ref, m.changed_by, m.at
  from unnest(p_movements) with ordinality m (shop_id, item_id, change, reason, order_ref, changed_by, at, no)
  join public.items i on i.shop_id = m.shop_id and i.id = m.item_id and i.item_type = 'product'
  order by m.no;
  -- Tells the trigger of items that history is written; it checks that this is so, and takes nobody's word for it.
  perform pg_catalog.set_config('plinth.stock_posting', 'on', true);
  update public.items i set stock = t.stock
  from unnest(v_things, v_stock) t (id, stock) where i.id = t.id;
  perform pg_catalog.set_config('plinth.stock_posting', '', true);
end $$;
comment on function private.post_movements(private.movement[]) is
  'Moves stock: history, items, pools and alerts together, in the order given. Movements of services and of items that '
  'are gone have no effect. Raises not_enough_units (PT409) or stock_too_large (PT422).';

-- security definer: looks into history, whatever rows the caller may see.
create function private.prepare_item() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'UPDATE' then
    if (new.id, new.shop_id) is distinct from (old.id, old.shop_id) then
      perform private.refuse('item_identity_fixed', 'PT422', 'An item keeps its id and its shop.', 'Create another item instead.');
    end if;
    if new.item_type = 'service' and old.item_type = 'product'
      and exists (select from public.stock_history where shop_id = old.shop_id and item_id = old.id) then
      perform private.refuse('services_have_no_stock', 'PT422', 'A product that has had stock cannot become a service.',
        'Create a service beside it.');
    end if;
  end if;
  if new.item_type = 'service' and new.stock > 0 then
    perform private.refuse('services_have_no_stock', 'PT422', 'A service has no stock.', 'Leave stock out, or make it a product.');
  end if;
  new.stock := case when new.item_type = 'product' then coalesce(new.stock, 0) end;
  return new;
end $$;
comment on function private.prepare_item() is 'Trigger: products have a number in stock, services have null.';

-- security definer: writes pools and history, which are closed to everyone.
create function private.open_stock() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform plinth.set_on_hand('stock', array_agg(id), array_agg(stock::bigint))
    from created where item_type = 'product' having count(*) > 0;
  insert into public.stock_history (shop_id, item_id, change, new_stock, reason, changed_by, "timestamp")
  select shop_id, id, stock, stock, 'Opening stock', auth.uid(), case when private.is_trusted() then created_at else now() end
  from created where stock > 0;
  return null;
end $$;
comment on function private.open_stock() is
  'Trigger: a new product gets its pool and its opening movement, dated created_at when the service role brings it in.';

create type private.stock_change as (
  shop_id uuid, item_id uuid, before integer, after integer, old_threshold integer, new_threshold integer
);
comment on type private.stock_change is 'What an update did to an item; before and after are null for services.';

-- security definer: writes pools, history and alerts, which are closed to everyone.
-- enable_nestloop: the statement's rows are few or many and PostgreSQL plans once for both; two of its lists joined
-- row by row would take minutes for ten thousand items.
create function private.follow_stock() returns trigger language plpgsql security definer
set search_path = '' set enable_nestloop = off as $$
declare
  v_changes private.stock_change[];
begin
  select array_agg(row(n.shop_id, n.id, o.stock, n.stock, o.low_stock_threshold, n.low_stock_threshold)::private.stock_change)
    into v_changes
    from before_change o join after_change n using (id)
    where (o.stock, o.low_stock_threshold) is distinct from (n.stock, n.low_stock_threshold);
  if v_changes is not null then
    perform private.record_stock(v_changes, current_setting('plinth.stock_posting', true) = 'on');
  end if;
  return null;
end $$;
comment on function private.follow_stock() is 'Trigger: history, pools and alerts follow what was written to items.';

create function private.record_stock(p_changes private.stock_change[], p_posting boolean) returns void
language plpgsql set search_path = '' set plan_cache_mode = 'force_generic_plan'
set enable_nestloop = on set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_detail text;
begin
  if p_posting is not true then
    begin
      perform plinth.set_on_hand('stock', array_agg(c.item_id), array_agg(coalesce(c.after, 0)::bigint))
        from unnest(p_changes) c where c.before is distinct from c.after having count(*) > 0;
    exception when sqlstate 'PT409' then
      get stacked diagnostics v_detail = pg_exception_detail;
      perform private.refuse_shortage(v_detail);
    end;
    insert into public.stock_history (shop_id, item_id, change, new_stock, reason, changed_by)
    select c.shop_id, c.item_id, coalesce(c.after, 0) - coalesce(c.before, 0), coalesce(c.after, 0), 'Set directly', auth.uid()
    from unnest(p_changes) c
    where coalesce(c.before, 0) <> coalesce(c.after, 0);
  elsif exists (
    select from unnest(p_changes) c
    where c.before is distinct from c.after and c.after is distinct from (
      select h.new_stock from public.stock_history h
      where h.shop_id = c.shop_id and h.item_id = c.item_id order by h.seq desc limit 1)
  ) then
    perform private.refuse('stock_without_history', 'P0001', 'Stock changed without its history.', 'Change stock by update_stock.');
  end if;
  perform private.follow_alerts(p_changes);
end $$;
comment on function private.record_stock(private.stock_change[], boolean) is
  'Gives a change of items.stock its history and its pool; one that says that the ledger made it is checked against '
  'the history instead.';

create function private.follow_alerts(p_changes private.stock_change[]) returns void language plpgsql set search_path = '' as $$
begin
  insert into public.low_stock_alerts (shop_id, item_id, stock, threshold)
  select c.shop_id, c.item_id, c.after, coalesce(c.new_threshold, s.low_stock_threshold)
  from unnest(p_changes) c
  join public.shops s on s.id = c.shop_id
  where c.before >= coalesce(c.old_threshold, s.low_stock_threshold)
    and c.after < coalesce(c.new_threshold, s.low_stock_threshold)
  on conflict (shop_id, item_id) where resolved_at is null do nothing;
  update public.low_stock_alerts a set resolved_at = now()
  from unnest(p_changes) c
  join public.shops s on s.id = c.shop_id
  where a.shop_id = c.shop_id and a.item_id = c.item_id and a.resolved_at is null
    and coalesce(c.after >= coalesce(c.new_threshold, s.low_stock_threshold), true);
end $$;
comment on function private.follow_alerts(private.stock_change[]) is 'Raises an alert where stock crossed its threshold, and resolves those whose stock is back.';

-- security definer: as above.
create function private.follow_threshold() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.low_stock_alerts (shop_id, item_id, stock, threshold)
  select i.shop_id, i.id, i.stock, new.low_stock_threshold
  from public.items i
  where i.shop_id = new.id and i.low_stock_threshold is null
    and i.stock >= old.low_stock_threshold and i.stock < new.low_stock_threshold
  on conflict (shop_id, item_id) where resolved_at is null do nothing;
  update public.low_stock_alerts a set resolved_at = now()
  from public.items i
  where a.shop_id = new.id and a.resolved_at is null and i.shop_id = a.shop_id and i.id = a.item_id
    and i.low_stock_threshold is null and i.stock >= new.low_stock_threshold;
  return null;
end $$;
comment on function private.follow_threshold() is 'Trigger: alerts follow a change of the shop''s threshold.';

-- security definer: as above.
create function private.close_stock() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_shop_goes boolean := not exists (select from public.shops where id = old.shop_id);
begin
  begin
    perform plinth.drop_pool('stock', old.id, v_shop_goes);
  exception when sqlstate 'PT409' then
    perform private.refuse('item_is_held', 'PT409', format('%s is held for a pending order.', old.name),
      'Confirm or cancel the order first.', jsonb_build_object('item_id', old.id));
  end;
  if not v_shop_goes then
    insert into public.stock_history (shop_id, item_id, change, new_stock, reason, changed_by)
    select old.shop_id, old.id, -old.stock, 0, format('%s was deleted', old.name), auth.uid() where old.stock > 0;
    update public.stock_history set item_id = null, deleted_item_id = old.id where shop_id = old.shop_id and item_id = old.id;
  end if;
  return old;
end $$;
comment on function private.close_stock() is
  'Trigger: what a deleted item had is written off, and its history stays under deleted_item_id.';

create trigger prepare_item before insert or update on public.items for each row execute function private.prepare_item();
create trigger open_stock after insert on public.items referencing new table as created
  for each statement execute function private.open_stock();
create trigger follow_stock after update on public.items referencing old table as before_change new table as after_change
  for each statement execute function private.follow_stock();
create trigger close_stock before delete on public.items for each row execute function private.close_stock();
create trigger follow_threshold after update on public.shops for each row
  when (old.low_stock_threshold <> new.low_stock_threshold) execute function private.follow_threshold();

revoke all on function private.refuse_shortage(text), private.post_movements(private.movement[]), private.prepare_item(),
  private.open_stock(), private.follow_stock(), private.record_stock(private.stock_change[], boolean),
  private.follow_alerts(private.stock_change[]), private.follow_threshold(), private.close_stock() from public;
