-- Orders and the ledger with a third of the statements. What an order takes is locked until it commits, so everything
-- that runs under those locks is what the next order for the same item waits for: lines are read before, a new order's
-- state is written once and before, the ledger reads and locks items in one statement, and a shortage is an answer of
-- the functions below instead of an error that every sale opens a subtransaction for.
--
-- Locks are taken as ever: what an order has done (order_stock), then items, then pools, each in the order of their keys.

drop trigger follow_stock on public.items;
drop function private.settle_orders(private.order_change[], boolean, private.order_line[]);
drop function private.settle_steps(private.order_step[]);
drop function private.post_movements(private.movement[]);

-- The ledger ------------------------------------------------------------------------------------------------------

-- The ledger's own updates have their history, pools and alerts. It says so by a setting that anybody can make; it is
-- believed of those who may write the history, which is the ledger alone.
create trigger follow_stock after update on public.items referencing old table as before_change new table as after_change
  for each statement
  when (pg_catalog.current_setting('plinth.stock_posting', true) is distinct from 'ledger'
    or not pg_catalog.has_table_privilege('public.stock_history', 'INSERT'))
  execute function private.follow_stock();

create type private.posting as (
  shop_id uuid, item_id uuid, change bigint, before bigint, new_stock bigint, is_last boolean,
  low_stock_threshold integer, reason text, order_ref text, changed_by uuid, at timestamptz
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
  -- Sums run before the rows are locked; the order of the locks is the order of ids.
  select array_agg(row(i.shop_id, i.id, i.change, i.stock, i.stock + i.running, i.is_last, i.low_stock_threshold,
        i.reason, i.order_ref, i.changed_by, i.at)::private.posting order by i.no),
      array_agg(i.id order by i.id) filter (where i.is_last), array_agg(i.stock + i.running order by i.id) filter (where i.is_last),
      bool_or(i.is_last and (i.stock >= i.threshold and i.stock + i.running < i.threshold or i.alerted and i.stock + i.running >= i.threshold))
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
comment on function private.try_movements(private.movement[]) is
  'Moves stock: history, items, pools and alerts together, in the order given. Movements of services and of items that '
  'are gone have no effect; `moved` is how many had one. `short` is null, or what plinth.try_on_hand() said was '
  'short, nothing changed. Raises stock_too_large (PT422).';

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
  perform private.refuse('insufficient_stock', 'PT409', 'Insufficient stock: ' || v_list || '.',
    'Nothing was changed. Units held for pending orders are not available; cancel an order to free them.',
    jsonb_build_object('items', v_items));
end $$;
comment on function private.refuse_shortage(jsonb) is 'Raises insufficient_stock (PT409) from what plinth.holds said of things.';

create or replace function private.record_stock(p_changes private.stock_change[], p_posting boolean) returns void
language plpgsql set search_path = '' set plan_cache_mode = 'force_generic_plan'
set enable_nestloop = on set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_short jsonb;
begin
  if p_posting is not true then
    select plinth.try_on_hand('stock', array_agg(c.item_id), array_agg(coalesce(c.after, 0)::bigint))
      into v_short
      from unnest(p_changes) c where c.before is distinct from c.after having count(*) > 0;
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
    perform private.refuse('stock_without_history', 'P0001', 'Stock changed without its history.', 'Change stock by update_stock.');
  end if;
  perform private.follow_alerts(p_changes);
end $$;
comment on function private.record_stock(private.stock_change[], boolean) is
  'Gives a change of items.stock its history and its pool. An import, which writes the history first (p_posting), is '
  'checked against it instead.';
drop function private.refuse_shortage(text);

-- security definer: the ledger is closed to everyone; the tenant is checked here.
create or replace function public.update_stock(p_item_id uuid, p_change integer, p_reason text, p_changed_by uuid default null)
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
    select jsonb_build_object('code', 'insufficient_stock', 'error', 'Insufficient stock', 'available', t.short #> '{short,0,available}')
      into v_problem
      from private.try_movements(array[row(v_item.shop_id, v_item.id, p_change,
        coalesce(nullif(trim(p_reason), ''), 'Adjustment'), null, coalesce(p_changed_by, auth.uid()), now())::private.movement]) t
      where t.short is not null;
  end if;
  if v_problem is not null then
    return jsonb_build_object('success', false, 'current_stock', v_item.stock, 'requested_change', p_change) || v_problem;
  end if;
  return jsonb_build_object('success', true, 'item_id', v_item.id, 'previous_stock', v_item.stock,
    'change', p_change, 'new_stock', v_item.stock + p_change);
end $$;

-- Orders ----------------------------------------------------------------------------------------------------------

create or replace function private.plan_orders(p_changes private.order_change[], p_new boolean) returns private.order_step[]
language plpgsql set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_made text[];
  v_steps private.order_step[];
  v_other text;
begin
  if p_new then
    with made as (
      insert into public.order_stock (shop_id, order_ref, state, demand)
      select c.shop_id, c.order_ref, c.goal, c.demand from unnest(p_changes) c order by c.shop_id, c.order_ref
      on conflict do nothing
      returning private.hold_key(shop_id, order_ref) as key
    )
    select array_agg(key) into v_made from made;
  end if;
  if coalesce(cardinality(v_made), 0) < cardinality(p_changes) then
    perform from public.order_stock o join unnest(p_changes) c on c.shop_id = o.shop_id and c.order_ref = o.order_ref
      order by o.shop_id, o.order_ref for no key update of o;
  end if;
  select array_agg(row(c.shop_id, c.order_ref, coalesce(o.state, 'none'), goal.state, o.demand, c.demand, c.reason, c.at,
        plinth.now() + s.order_hold_minutes * interval '1 minute')::private.order_step
      order by c.at, c.shop_id, c.order_ref),
      min(c.order_ref) filter (where o.state = 'taken' and o.demand <> c.demand)
    into v_steps, v_other
    from (
      select c.*, coalesce(private.hold_key(c.shop_id, c.order_ref) = any (v_made), false) as made from unnest(p_changes) c
    ) c
    join public.shops s on s.id = c.shop_id
    left join lateral (
      select k.state, k.demand from public.order_stock k
      where not c.made and k.shop_id = c.shop_id and k.order_ref = c.order_ref offset 0
    ) o on true
    cross join lateral (
      select case when p_new and o.state = 'taken' and c.goal = 'held' then 'taken' else c.goal end as state
    ) goal
    where case when c.made then c.goal <> 'none' else o.state <> goal.state or o.demand <> c.demand end;
  if v_other is not null then
    perform private.refuse('order_body_differs', 'PT409', format('Order %s has taken other items or quantities already.', v_other),
      'Nothing was changed. Cancel the order and place another.', jsonb_build_object('order', v_other));
  end if;
  return v_steps;
end $$;
comment on function private.plan_orders(private.order_change[], boolean) is
  'Says what is to do, null when nothing is, having locked what the orders have done so far. Of new orders that nothing '
  'is known of (p_new) it writes down at once what they will have done; their steps have no old_demand.';

create function private.try_steps(p_steps private.order_step[]) returns jsonb
language plpgsql set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_user uuid := auth.uid();
  v_was_held boolean;
  v_holds boolean;
  v_takes boolean;
  v_known boolean;
  v_things uuid[];
  v_moving uuid[];
  v_movements private.movement[];
  v_claims plinth.claim[];
  v_moved integer;
  v_short jsonb;
begin
  select bool_or(s.before = 'held'), bool_or(s.after = 'held'), bool_or('taken' in (s.before, s.after)), bool_or(s.old_demand is not null)
    into v_was_held, v_holds, v_takes, v_known
    from unnest(p_steps) s;
  -- Taking alone locks items and then pools, holding alone locks pools, each in the order of their ids. Together they
  -- would take pools twice, so all locks come first.
  if v_was_held or v_holds and v_takes then
    select array_agg(distinct u.item_id::uuid), array_agg(distinct u.item_id::uuid) filter (where 'taken' in (s.before, s.after))
      into v_things, v_moving
      from unnest(p_steps) s cross join lateral jsonb_object_keys(coalesce(s.old_demand, '{}') || s.new_demand) u (item_id);
    perform from unnest(v_moving) m (id) join public.items i on i.id = m.id order by i.id for no key update of i;
    perform plinth.lock_pools('stock', v_things);
  end if;
  if v_was_held then
    perform plinth.commit_holds('stock', array(
      select private.hold_key(s.shop_id, s.order_ref) from unnest(p_steps) s
      where s.before = 'held' and s.after = 'taken' and s.old_demand = s.new_demand));
    perform plinth.release_holds('stock', array(
      select private.hold_key(s.shop_id, s.order_ref) from unnest(p_steps) s
      where s.before = 'held' and (s.after = 'none' or s.old_demand <> s.new_demand)));
  end if;
  if v_takes then
    v_movements := array(
      select row(s.shop_id, u.item_id, u.change, s.reason, s.order_ref, v_user, s.at)::private.movement
      from unnest(p_steps) with ordinality s (shop_id, order_ref, before, after, old_demand, new_demand, reason, at, expires_at, no)
      cross join lateral (
        select d.key::uuid as item_id, d.value::bigint as change from jsonb_each_text(s.old_demand) d where s.before = 'taken' and s.after <> 'taken'
        union all
        select d.key::uuid, -d.value::bigint from jsonb_each_text(s.new_demand) d where s.before <> 'taken' and s.after = 'taken'
      ) u
      order by s.at, u.change < 0, s.no, u.item_id);
    select t.short, t.moved into v_short, v_moved from private.try_movements(v_movements) t;
    if v_moved < cardinality(v_movements) then
      perform private.require_items(p_steps);
    end if;
  end if;
  if v_holds and v_short is null then
    v_claims := array(
      select row(d.key::uuid, private.hold_key(s.shop_id, s.order_ref), d.value::bigint, s.expires_at)::plinth.claim
      from unnest(p_steps) s cross join lateral jsonb_each_text(s.new_demand) d
      where s.after = 'held' and d.value::bigint > 0);
    if v_claims <> '{}' then
      v_short := plinth.try_holds('stock', v_claims);
    end if;
  end if;
  if v_short is not null then
    perform private.require_items(p_steps);
    return v_short;
  end if;
  if v_known then
    update public.order_stock o set state = s.after, demand = s.new_demand, updated_at = now()
    from unnest(p_steps) s where o.shop_id = s.shop_id and o.order_ref = s.order_ref;
  end if;
  return null;
end $$;
comment on function private.try_steps(private.order_step[]) is
  'Holds, takes and gives back, for all orders of a statement at once. Answers null, or what is short: then the caller '
  'has to undo the statement or, if it was one new order that takes, what plan_orders wrote. Raises unknown_item (PT422).';

create function private.settle_orders(p_changes private.order_change[], p_new boolean default false, p_lines private.order_line[] default '{}')
returns void language plpgsql set search_path = '' as $$
declare
  v_steps private.order_step[] := private.plan_orders(p_changes, p_new);
  v_short jsonb;
begin
  if v_steps is not null then
    v_short := private.try_steps(v_steps);
    if v_short is not null then
      perform private.refuse_shortage(v_short);
    end if;
  end if;
  if p_lines <> '{}' then
    perform private.write_lines(p_lines);
  end if;
end $$;
comment on function private.settle_orders(private.order_change[], boolean, private.order_line[]) is
  'Brings orders into the states of stock that they are to be in, all or none, and writes their lines. p_new says that '
  'the orders were just created: one that process_order has taken already then stays taken. Raises insufficient_stock '
  '(PT409) or order_body_differs (PT409).';

create or replace function private.take_lines(p_orders public.form_submissions[]) returns private.order_line[]
language plpgsql stable set search_path = '' as $$
declare
  v_wrong boolean;
  v_lines private.order_line[];
begin
  select coalesce(array_agg(row(l.shop_id, l.order_id, l.line_no, l.item_id, l.item_name, l.is_product, l.quantity, l.unit_price,
      l.unit_cost, l.amount, l.amount_minor, l.currency)::private.order_line), '{}'),
      count(l.problem) > 0 or (
        select bool_or(case jsonb_typeof(o.ordered_products) when 'array' then jsonb_array_length(o.ordered_products) > 5000 else true end)
        from unnest(p_orders) o)
    into v_lines, v_wrong
    from private.read_order_lines(p_orders) l;
  if v_wrong then
    perform private.refuse_order_lines(p_orders);
  end if;
  return v_lines;
end $$;

create function private.write_lines(p_lines private.order_line[]) returns void language plpgsql set search_path = '' as $$
begin
  insert into public.order_lines (shop_id, order_id, line_no, item_id, item_name, quantity, unit_price, unit_cost, amount, amount_minor, currency)
  select l.shop_id, l.order_id, l.line_no, l.item_id, l.item_name, l.quantity, l.unit_price, l.unit_cost, l.amount, l.amount_minor, l.currency
  from unnest(p_lines) l;
end $$;
comment on function private.write_lines(private.order_line[]) is
  'Writes lines, last of all: on hot rows, references that are checked before the rows are locked pile up as shared locks.';

create function private.place_order(p_order public.form_submissions, p_lines private.order_line[]) returns boolean
language plpgsql set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_goal public.order_stock_state := case p_order.status when 'Pending' then 'held' when 'Confirmed' then 'taken' when 'Completed' then 'taken' else 'none' end;
  v_reason text := format('Order %s: %s', p_order.submission_id, p_order.status);
  v_at timestamptz := case when p_order.imported then p_order.submitted_at else now() end;
  v_user uuid;
  v_key text;
  v_ends timestamptz;
  v_demand jsonb;
  v_movements private.movement[];
  v_claims plinth.claim[];
  v_moved integer;
  v_short jsonb;
begin
  if v_goal = 'taken' then
    v_user := auth.uid();
  elsif v_goal = 'held' then
    v_key := private.hold_key(p_order.shop_id, p_order.submission_id);
    select plinth.now() + s.order_hold_minutes * interval '1 minute' into v_ends from public.shops s where s.id = p_order.shop_id;
  end if;
  select coalesce(jsonb_object_agg(w.item_id, w.quantity), '{}'),
      array_agg(row(p_order.shop_id, w.item_id, -w.quantity, v_reason, p_order.submission_id, v_user, v_at)::private.movement
        order by w.quantity > 0, w.item_id) filter (where v_goal = 'taken'),
      array_agg(row(w.item_id, v_key, w.quantity, v_ends)::plinth.claim) filter (where v_goal = 'held' and w.quantity > 0)
    into v_demand, v_movements, v_claims
    from (
      select l.item_id, sum(l.quantity) as quantity from unnest(p_lines) l
      where l.is_product group by l.item_id having sum(l.quantity) <> 0
    ) w;
  insert into public.order_stock (shop_id, order_ref, state, demand)
    values (p_order.shop_id, p_order.submission_id, v_goal, v_demand) on conflict do nothing;
  if not found then
    return false;
  end if;
  if v_movements is not null then
    select t.short, t.moved into v_short, v_moved from private.try_movements(v_movements) t;
  elsif v_claims is not null then
    v_short := plinth.try_holds('stock', v_claims);
  end if;
  if v_short is not null or v_moved < cardinality(v_movements) then
    perform private.require_items(array[row(p_order.shop_id, p_order.submission_id, 'none', v_goal, null, v_demand, v_reason, v_at, v_ends)::private.order_step]);
  end if;
  if v_short is not null then
    perform private.refuse_shortage(v_short);
  end if;
  perform private.write_lines(p_lines);
  return true;
end $$;
comment on function private.place_order(public.form_submissions, private.order_line[]) is
  'What private.settle_orders() does, for one new order that nothing is known of yet: nearly every order there is. False, '
  'and nothing done, when process_order has taken it already.';

create or replace function private.take_orders() returns trigger language plpgsql security definer
set search_path = '' set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off as $$
declare
  v_orders public.form_submissions[];
  v_imported boolean;
  v_lines private.order_line[];
begin
  select array_agg(c::public.form_submissions), bool_or(c.imported) into v_orders, v_imported from created c;
  if v_orders is null then
    return null;
  end if;
  if v_imported and not private.is_trusted() then
    perform private.refuse('forbidden', '42501', 'Only the service role imports orders.', 'Leave imported out.');
  end if;
  v_lines := private.take_lines(v_orders);
  if cardinality(v_orders) = 1 and private.place_order(v_orders[1], v_lines) then
    return null;
  end if;
  perform private.settle_orders(array(
    select row(o.shop_id, o.submission_id, t.goal, coalesce(d.demand, '{}'),
      format('Order %s: %s', o.submission_id, o.status), case when o.imported then o.submitted_at else now() end)::private.order_change
    from unnest(v_orders) o
    join private.order_transitions t on t.from_status = o.status and t.to_status = o.status
    left join private.demand_of(v_lines) d on d.order_id = o.id), true, v_lines);
  return null;
end $$;

-- security definer: the ledger is closed to everyone; the tenant is checked here.
create or replace function public.process_order_stock_changes(p_order_items jsonb, p_order_id text, p_shop_id uuid)
returns jsonb language plpgsql security definer set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off as $$
declare
  v_wish record;
  v_before record;
  v_fresh boolean;
  v_errors jsonb;
  v_steps private.order_step[];
  v_short jsonb;
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager');
  select r.errors, r.demand, r.lines into v_wish from private.read_order_items(p_order_items, p_order_id, p_shop_id) r;
  if v_wish.errors <> '[]' then
    return jsonb_build_object('success', false, 'processed', 0, 'errors', v_wish.errors);
  end if;

  insert into public.order_stock (shop_id, order_ref, state, demand)
    values (p_shop_id, p_order_id, 'taken', v_wish.demand) on conflict do nothing;
  v_fresh := found;
  if v_fresh then
    v_steps := array[row(p_shop_id, p_order_id, 'none', 'taken', null, v_wish.demand, format('Order %s processed', p_order_id), now(), null)::private.order_step];
  else
    select * into v_before from public.order_stock where shop_id = p_shop_id and order_ref = p_order_id for no key update;
    v_errors := case
      when v_before.demand <> v_wish.demand then jsonb_build_array(jsonb_build_object('code', 'order_body_differs',
        'error', format('Order %s is known with other items or quantities.', p_order_id)))
      when v_before.state = 'none' then jsonb_build_array(jsonb_build_object('code', 'order_closed',
        'error', format('Order %s was cancelled or returned.', p_order_id)))
      end;
    if v_errors is not null then
      return jsonb_build_object('success', false, 'processed', 0, 'errors', v_errors);
    end if;
    if v_before.state = 'held' then
      v_steps := array[row(p_shop_id, p_order_id, 'held', 'taken', v_before.demand, v_wish.demand, format('Order %s processed', p_order_id), now(), null)::private.order_step];
    end if;
  end if;

  if v_fresh then
    v_short := private.try_steps(v_steps);
    if v_short is not null then
      delete from public.order_stock where shop_id = p_shop_id and order_ref = p_order_id;
    end if;
  elsif v_steps is not null then
    -- The order may hold some of its items and not others: what committing those did is undone with the rest.
    begin
      v_short := private.try_steps(v_steps);
      if v_short is not null then
        raise sqlstate 'PT409';
      end if;
    exception when sqlstate 'PT409' then
      if v_short is null then
        raise;
      end if;
    end;
  end if;
  if v_short is not null then
    select jsonb_agg(jsonb_build_object('code', 'insufficient_stock', 'item_id', f.value -> 'item_id',
        'error', format('Insufficient stock of %s', f.value ->> 'name'), 'requested', f.value -> 'wanted',
        'available', f.value -> 'available') order by f.no)
      into v_errors from jsonb_array_elements(private.name_shortage(v_short)) with ordinality f (value, no);
    return jsonb_build_object('success', false, 'processed', 0, 'errors', v_errors);
  end if;
  return jsonb_build_object('success', true, 'processed', v_wish.lines, 'errors', '[]'::jsonb);
end $$;

revoke all on function private.try_movements(private.movement[]), private.post_movements(private.movement[]),
  private.name_shortage(jsonb), private.refuse_shortage(jsonb), private.try_steps(private.order_step[]),
  private.settle_orders(private.order_change[], boolean, private.order_line[]), private.write_lines(private.order_line[]),
  private.place_order(public.form_submissions, private.order_line[]) from public;
