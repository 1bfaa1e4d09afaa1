-- The stock ledger.
--
-- Three records hold an item's stock, and agree after every statement:
--   stock_history   every movement, append-only: the sum of an item's changes is its stock
--   items.stock     that sum
--   plinth.pools    the same number and the item's backorder_limit, of which pending orders hold some (docs/holds.md)
--
-- Who writes them:
--   private.try_movements()   orders, update_stock() and returns: locks items, then pools, and writes all three
--   follow_stock              a direct write of items.stock: history and pool are written after the fact
--   open_stock, close_stock   new and deleted items
--   an import                 writes history in bulk and then the items; follow_stock checks one against the other
--
-- Whoever needs several locks takes them in this order, each kind in the order of its keys: order_stock, items, pools.

create type private.movement as
  (shop_id uuid, item_id uuid, change bigint, reason text, order_ref text, changed_by uuid, at timestamptz, kind public.movement_kind);
comment on type private.movement is 'A row of stock_history as it is asked for.';

create type private.posting as (
  shop_id uuid, item_id uuid, change bigint, before bigint, new_stock bigint, is_last boolean,
  low_stock_threshold integer, reason text, order_ref text, changed_by uuid, at timestamptz, kind public.movement_kind
);
comment on type private.posting is
  'A movement and what it leaves; before is the item''s stock before the first of its movements.';

-- security definer: writes history, which is closed to everyone.
create function private.try_movements(p_movements private.movement[], out short jsonb, out moved integer)
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
  -- 1. Lock the items, in the order of their ids, and work out what each movement leaves. The sums run before the rows
  --    are locked, so that they take no time under the locks.
  select array_agg(row(i.shop_id, i.id, i.change, i.stock, i.stock + i.running, i.is_last, i.low_stock_threshold,
        i.reason, i.order_ref, i.changed_by, i.at, i.kind)::private.posting order by i.no),
      array_agg(i.id order by i.id) filter (where i.is_last),
      array_agg(i.stock + i.running + i.backorder_limit order by i.id) filter (where i.is_last),
      bool_or(i.is_last and ((i.stock < i.threshold) <> (i.stock + i.running < i.threshold) or i.alerted and i.stock + i.running >= i.threshold))
    into v_postings, v_things, v_stock, v_alerts
    from (
      select m.*, i.id, i.stock, i.backorder_limit, i.low_stock_threshold, coalesce(i.low_stock_threshold, s.low_stock_threshold) as threshold,
        exists (
          select from public.low_stock_alerts a where a.shop_id = i.shop_id and a.item_id = i.id and a.resolved_at is null
        ) as alerted
      from (
        select m.*, sum(m.change) over (partition by m.item_id order by m.no) as running,
          m.no = max(m.no) over (partition by m.item_id) as is_last
        from unnest(p_movements) with ordinality m (shop_id, item_id, change, reason, order_ref, changed_by, at, kind, no)
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
    perform plinth.refuse('stock_too_large', 422, 'The stock of an item would exceed 2147483647 units.',
      p_hint => 'Nothing was changed.');
  end if;
  -- 2. Lock the pools and set them. This is where units that pending orders hold are refused.
  short := plinth.try_on_hand('stock', v_things, v_stock);
  if short is not null then
    return;
  end if;
  -- 3. Write history and items. The setting keeps follow_stock from writing history a second time.
  v_setting := pg_catalog.set_config('plinth.stock_posting', 'ledger', true);
  with history as (
    insert into public.stock_history (shop_id, item_id, change, new_stock, kind, reason, order_ref, changed_by, "timestamp")
    select p.shop_id, p.item_id, p.change, p.new_stock, p.kind, p.reason, p.order_ref, p.changed_by, p.at from unnest(v_postings) p
  )
  update public.items i set stock = p.new_stock from unnest(v_postings) p where p.is_last and i.id = p.item_id;
  v_setting := pg_catalog.set_config('plinth.stock_posting', '', true);
  -- 4. An alert per item that crossed its threshold. Whether an item has an open alert was read before its row was locked, so
  --    every crossing asks again under the lock.
  if v_alerts then
    perform private.update_alerts(array(
      select row(p.shop_id, p.item_id, p.before, p.new_stock, p.low_stock_threshold, p.low_stock_threshold, 0, 0)::private.stock_change
      from unnest(v_postings) p where p.is_last));
  end if;
end $$;
comment on function private.try_movements(private.movement[]) is
  'Moves stock: history, items, pools and alerts together, in the order given. Movements of services and of items that '
  'are gone have no effect; `moved` is how many had one. `short` is null, or the shortage that plinth.try_on_hand() '
  'answered, nothing changed. Raises stock_too_large (PT422).';

-- security definer: as above.
create function private.post_movements(p_movements private.movement[]) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_short jsonb;
begin
  select t.short into v_short from private.try_movements(p_movements) t;
  if v_short is not null then
    perform private.refuse_shortage(v_short);
  end if;
end $$;
comment on function private.post_movements(private.movement[]) is
  'Moves stock as private.try_movements() does, and raises insufficient_stock (PT409) where it is short.';

create function private.name_shortage(p_short jsonb) returns jsonb language plpgsql stable set search_path = '' as $$
begin
  return (
    select jsonb_agg(jsonb_build_object('item_id', s.thing, 'name', i.name, 'wanted', s.wanted, 'available', s.available)
      order by i.name, s.thing)
    from jsonb_to_recordset(p_short -> 'short') s (thing uuid, wanted bigint, available bigint)
    left join public.items i on i.id = s.thing);
end $$;
comment on function private.name_shortage(jsonb) is 'What is short, with the names of items: [{item_id, name, wanted, available}].';

create function private.refuse_shortage(p_short jsonb) returns void language plpgsql stable set search_path = '' as $$
declare
  v_items jsonb := private.name_shortage(p_short);
  v_list text;
begin
  select string_agg(format('%s (wanted %s, available %s)', i.value ->> 'name', i.value ->> 'wanted', i.value ->> 'available'), ', ' order by i.no)
    into v_list
    from jsonb_array_elements(v_items) with ordinality i (value, no) where i.no <= 5;
  perform plinth.refuse('insufficient_stock', 409, 'Insufficient stock: ' || v_list || '.', jsonb_build_object('items', v_items),
    'Nothing was changed. Units held for pending orders are not available; cancel an order to free them.');
end $$;
comment on function private.refuse_shortage(jsonb) is 'Raises insufficient_stock (PT409) from a shortage that plinth.try_on_hand() or try_holds() answered.';

-- Items -------------------------------------------------------------------------------------------------------

-- security definer: looks into history, whatever rows the caller may see.
create function private.prepare_item() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'UPDATE' then
    if (new.id, new.shop_id) is distinct from (old.id, old.shop_id) then
      perform plinth.refuse('item_identity_fixed', 422, 'An item keeps its id and its shop.',
        p_hint => 'Create another item instead.');
    end if;
    if new.item_type = 'service' and old.item_type = 'product'
      and exists (select from public.stock_history where shop_id = old.shop_id and item_id = old.id) then
      perform plinth.refuse('services_have_no_stock', 422, 'A product that has had stock cannot become a service.',
        p_hint => 'Create a service beside it.');
    end if;
  end if;
  if new.item_type = 'service' and new.stock > 0 then
    perform plinth.refuse('services_have_no_stock', 422, 'A service has no stock.',
      p_hint => 'Leave stock out, or make it a product.');
  end if;
  new.stock := case when new.item_type = 'product' then coalesce(new.stock, 0) end;
  return new;
end $$;
comment on function private.prepare_item() is 'Trigger: products have a number in stock, services have null.';

-- security definer: writes pools and history, which are closed to everyone.
create function private.open_stock() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform plinth.set_on_hand('stock', array_agg(id), array_agg(stock::bigint + backorder_limit))
    from created where item_type = 'product' having count(*) > 0;
  insert into public.stock_history (shop_id, item_id, change, new_stock, kind, reason, changed_by, "timestamp")
  select shop_id, id, stock, stock, 'opening', 'Opening stock', auth.uid(), case when plinth.is_trusted() then created_at else now() end
  from created where stock <> 0;
  return null;
end $$;
comment on function private.open_stock() is
  'Trigger: a new product gets its pool and its opening movement, dated created_at when the service role brings it in.';

create type private.stock_change as (
  shop_id uuid, item_id uuid, before integer, after integer, old_threshold integer, new_threshold integer, old_limit integer, new_limit integer
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
  select array_agg(row(n.shop_id, n.id, o.stock, n.stock, o.low_stock_threshold, n.low_stock_threshold, o.backorder_limit, n.backorder_limit)::private.stock_change)
    into v_changes
    from before_change o join after_change n using (id)
    where (o.stock, o.low_stock_threshold, o.backorder_limit) is distinct from (n.stock, n.low_stock_threshold, n.backorder_limit);
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
  v_short jsonb;
begin
  if p_posting is not true then
    select plinth.try_on_hand('stock', array_agg(c.item_id), array_agg(coalesce(c.after + c.new_limit, 0)::bigint))
      into v_short
      from unnest(p_changes) c where (c.before, c.old_limit) is distinct from (c.after, c.new_limit) having count(*) > 0;
    if v_short is not null then
      perform private.refuse_shortage(v_short);
    end if;
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
    perform plinth.refuse('stock_without_history', 422, 'Stock changed without its history.',
      p_hint => 'Change stock by update_stock.');
  end if;
  perform private.update_alerts(p_changes);
end $$;
comment on function private.record_stock(private.stock_change[], boolean) is
  'Gives a change of items.stock its history and its pool. An import, which writes the history first (p_posting), is '
  'checked against it instead.';

-- security definer: as above.
create function private.close_stock() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_shop_goes boolean := not exists (select from public.shops where id = old.shop_id);
begin
  begin
    perform plinth.drop_pool('stock', old.id, v_shop_goes);
  exception when sqlstate 'PT409' then
    perform plinth.refuse('item_is_held', 409, format('%s is held for a pending order.', old.name),
      jsonb_build_object('item_id', old.id), 'Confirm or cancel the order first.');
  end;
  if not v_shop_goes then
    insert into public.stock_history (shop_id, item_id, change, new_stock, reason, changed_by)
    select old.shop_id, old.id, -old.stock, 0, format('%s was deleted', old.name), auth.uid() where old.stock <> 0;
    update public.stock_history set item_id = null, deleted_item_id = old.id where shop_id = old.shop_id and item_id = old.id;
  end if;
  return old;
end $$;
comment on function private.close_stock() is
  'Trigger: what a deleted item had is written off, and its history stays under deleted_item_id.';

create trigger prepare_item before insert on public.items for each row execute function private.prepare_item();
-- Only where it has something to refuse or to put right: the call costs more than the rest of an update of stock.
create trigger prepare_item_change before update on public.items for each row
  when ((new.id, new.shop_id, new.item_type) is distinct from (old.id, old.shop_id, old.item_type)
    or (new.stock is null) <> (new.item_type = 'service'))
  execute function private.prepare_item();
create trigger open_stock after insert on public.items referencing new table as created
  for each statement execute function private.open_stock();
-- The ledger's own updates have their history, pools and alerts. Anybody can set the setting by which it says so; it is
-- believed of a role that may write the history, which is the ledger alone.
create trigger follow_stock after update on public.items referencing old table as before_change new table as after_change
  for each statement
  when (pg_catalog.current_setting('plinth.stock_posting', true) is distinct from 'ledger'
    or not pg_catalog.has_table_privilege('public.stock_history', 'INSERT'))
  execute function private.follow_stock();
create trigger close_stock before delete on public.items for each row execute function private.close_stock();

-- Alerts ------------------------------------------------------------------------------------------------------

create function private.update_alerts(p_changes private.stock_change[]) returns void language plpgsql set search_path = '' as $$
begin
  if private.importing() then
    return;
  end if;
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
comment on function private.update_alerts(private.stock_change[]) is
  'Raises an alert where stock crossed its threshold, and resolves those whose stock is back. Not while an import runs: an '
  'alert is about the present, and a replayed year crosses thresholds thousands of times; the import updates alerts once, '
  'at its end.';

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

create trigger follow_threshold after update on public.shops for each row
  when (old.low_stock_threshold <> new.low_stock_threshold) execute function private.follow_threshold();

-- Imports and repair ------------------------------------------------------------------------------------------

-- The trigger of 006_orders makes an order's lines and moves its stock from ordered_products: right for orders as they
-- come in, and half as fast as a year of them needs. An import writes the same rows from columns that it has read
-- already (import/sql), history first, and checks the result before each commit.

create function private.importing() returns boolean language sql stable set search_path = '' as $$
  select pg_catalog.current_setting('plinth.importing', true) = 'on'
    and pg_catalog.pg_has_role(session_user, n.nspowner, 'USAGE')
  from pg_catalog.pg_namespace n
  where n.nspname = 'private'
$$;
comment on function private.importing() is
  'Whether an import says that it writes the lines and the stock of its orders itself. Only a session that logged in as '
  'the owner can say so; from every other login the setting is ignored.';

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
  delete from plinth.pools p
  where p.kind = 'stock' and p.thing = any (v_things)
    and not exists (select from public.items i where i.id = p.thing and i.item_type = 'product');
  update plinth.pools p set on_hand = i.stock + i.backorder_limit, held = 0
  from public.items i
  where i.shop_id = p_shop_id and i.item_type = 'product' and p.kind = 'stock' and p.thing = i.id;
  insert into plinth.pools (kind, thing, on_hand)
  select 'stock', i.id, i.stock + i.backorder_limit from public.items i
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
comment on function private.rebuild_stock(uuid) is
  'Makes a shop''s pools and holds anew from its items and orders, and returns what pending orders hold now. left_unheld '
  'is what they would hold if there were enough.';

revoke all on all functions in schema private from public;
grant execute on function private.importing() to anon, authenticated, service_role;
