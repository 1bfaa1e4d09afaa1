-- Orders: what a status does to stock, and the lines of an order as rows.
--
-- The status machine is one table, private.order_transitions: for each pair of statuses the state of stock that the
-- order is in afterwards, or null where the change is refused. order_stock says which state an order is in and for
-- which units, so repeating a status changes nothing.
--
-- The triggers work on whole statements: a bulk insert locks its items once and in order, and a batch of an import
-- costs a handful of statements.
--
-- Settings of these functions: each step looks rows up by key, whether for one order or ten thousand. Planning it anew
-- each time would cost more than running it (plan_cache_mode), and a plan that a connection made while tables were
-- small would go on scanning them when they are not (enable_…).

create table private.order_transitions (
  from_status public.order_status not null,
  to_status public.order_status not null,
  goal public.order_stock_state,
  primary key (from_status, to_status)
);
comment on table private.order_transitions is
  'Every pair of statuses: the state of stock that the change leads to, or null where it is refused.';
insert into private.order_transitions (from_status, to_status, goal) values
  ('Pending',   'Pending',   'held'),
  ('Pending',   'Confirmed', 'taken'),
  ('Pending',   'Completed', 'taken'),
  ('Pending',   'Cancelled', 'none'),
  ('Pending',   'Return',    null),
  ('Confirmed', 'Pending',   'held'),
  ('Confirmed', 'Confirmed', 'taken'),
  ('Confirmed', 'Completed', 'taken'),
  ('Confirmed', 'Cancelled', 'none'),
  ('Confirmed', 'Return',    'none'),
  ('Completed', 'Pending',   null),
  ('Completed', 'Confirmed', 'taken'),
  ('Completed', 'Completed', 'taken'),
  ('Completed', 'Cancelled', 'none'),
  ('Completed', 'Return',    'none'),
  ('Cancelled', 'Pending',   'held'),
  ('Cancelled', 'Confirmed', 'taken'),
  ('Cancelled', 'Completed', 'taken'),
  ('Cancelled', 'Cancelled', 'none'),
  ('Cancelled', 'Return',    null),
  ('Return',    'Pending',   null),
  ('Return',    'Confirmed', 'taken'),
  ('Return',    'Completed', 'taken'),
  ('Return',    'Cancelled', null),
  ('Return',    'Return',    'none');

alter table private.order_transitions enable row level security;

-- What writing an order does ----------------------------------------------------------------------------------

create type private.order_line as (
  shop_id uuid, order_id uuid, line_no integer, item_id uuid, item_name text, is_product boolean, quantity integer,
  unit_price numeric, unit_cost numeric, category text, amount numeric, amount_minor bigint, currency text
);
comment on type private.order_line is 'A row of order_lines before it is written.';

-- security definer: whoever writes an order writes its lines, its holds and the history of stock with it.
create function private.take_orders() returns trigger language plpgsql security definer
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
  if v_imported and not plinth.is_trusted() then
    perform plinth.refuse('forbidden', 403, 'Only the service role imports orders.',
      p_hint => 'Leave imported out.');
  end if;
  v_lines := private.parse_lines(v_orders);
  if cardinality(v_orders) = 1 and private.place_order(v_orders[1], v_lines) then
    return null;
  end if;
  perform private.apply_orders(array(
    select row(o.shop_id, o.submission_id, t.goal, coalesce(d.demand, '{}'),
      format('Order %s: %s', o.submission_id, o.status), case when o.imported then o.submitted_at else now() end, o.hold_minutes)::private.order_change
    from unnest(v_orders) o
    join private.order_transitions t on t.from_status = o.status and t.to_status = o.status
    left join private.demand_of(v_lines) d on d.order_id = o.id), true, v_lines);
  return null;
end $$;
comment on function private.take_orders() is 'Trigger: a new order gets its lines and holds or takes its units.';

-- security definer: as above.
create function private.guard_order() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if (new.id, new.shop_id, new.submission_id, new.imported) is distinct from (old.id, old.shop_id, old.submission_id, old.imported) then
    perform plinth.refuse('order_identity_fixed', 422, 'An order keeps its id, its shop and its number.',
      p_hint => 'Create another order instead.');
  end if;
  if new.ordered_products <> old.ordered_products and old.status <> 'Pending' then
    perform plinth.refuse('order_lines_fixed', 409, format('Order %s is %s: its lines cannot change any more.', old.submission_id, old.status),
      jsonb_build_object('order', old.submission_id), 'Only pending orders can be edited.');
  end if;
  if not exists (
    select from private.order_transitions where from_status = old.status and to_status = new.status and goal is not null
  ) then
    perform plinth.refuse('invalid_transition', 409, format('Order %s cannot go from %s to %s.', old.submission_id, old.status, new.status),
      jsonb_build_object('order', old.submission_id, 'from', old.status, 'to', new.status), 'docs/shops.md has the table of statuses.');
  end if;
  if (new.shipping_status, new.shipped_at, new.delivered_at) is distinct from (old.shipping_status, old.shipped_at, old.delivered_at) then
    perform private.check_shipment(old, new);
    new.shipped_at := case when new.shipping_status in ('delivered', 'returned') then coalesce(old.shipped_at, plinth.now())
      when new.shipping_status = 'shipped' then case when old.shipping_status = 'shipped' then old.shipped_at else plinth.now() end end;
    new.delivered_at := case when new.shipping_status = 'delivered' then coalesce(old.delivered_at, plinth.now()) end;
  end if;
  new.returned_at := case when new.status = 'Return' then case when old.status = 'Return' then old.returned_at else plinth.now() end end;
  return new;
end $$;
comment on function private.guard_order() is 'Trigger: what may change of an order, which statuses follow which, and when it was returned.';

create function private.prepare_return() returns trigger language plpgsql set search_path = '' as $$
begin
  new.returned_at := case when new.status = 'Return' then case when new.imported then new.submitted_at else plinth.now() end end;
  return new;
end $$;
comment on function private.prepare_return() is 'Trigger: an order that comes in as returned was returned now; an imported one when it was placed.';

create type private.order_update as (before public.order_status, edited boolean, after public.form_submissions);
comment on type private.order_update is 'What an update did to an order.';

-- security definer: as above. enable_nestloop: as for private.follow_stock().
create function private.change_orders() returns trigger language plpgsql security definer
set search_path = '' set enable_nestloop = off as $$
declare
  v_updates private.order_update[];
begin
  select array_agg(row(o.status, o.ordered_products <> n.ordered_products, n::public.form_submissions)::private.order_update)
    into v_updates
    from before_change o join after_change n using (id)
    where o.status <> n.status or o.ordered_products <> n.ordered_products;
  if v_updates is not null then
    perform private.follow_orders(v_updates);
  end if;
  return null;
end $$;
comment on function private.change_orders() is 'Trigger: lines follow an edit, stock follows the status.';

create function private.follow_orders(p_updates private.order_update[]) returns void language plpgsql
set search_path = '' set enable_nestloop = on set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off as $$
declare
  v_edited public.form_submissions[] := array(select u.after from unnest(p_updates) u where u.edited);
  v_lines private.order_line[] := '{}';
begin
  if v_edited <> '{}' then
    v_lines := private.parse_lines(v_edited);
    delete from public.order_lines l using unnest(v_edited) o where l.shop_id = o.shop_id and l.order_id = o.id;
  end if;
  perform private.apply_orders(array(
    select row((u.after).shop_id, (u.after).submission_id,
      case when (u.after).status = 'Return' and not s.restock_returns then 'taken' else t.goal end,
      case when u.edited then coalesce(d.demand, '{}') else k.demand end,
      format('Order %s: %s → %s', (u.after).submission_id, u.before, (u.after).status), now(), (u.after).hold_minutes)::private.order_change
    from unnest(p_updates) u
    join public.shops s on s.id = (u.after).shop_id
    join private.order_transitions t on t.from_status = u.before and t.to_status = (u.after).status
    join public.order_stock k on k.shop_id = (u.after).shop_id and k.order_ref = (u.after).submission_id
    left join private.demand_of(v_lines) d on d.order_id = (u.after).id), false, v_lines);
end $$;
comment on function private.follow_orders(private.order_update[]) is 'Brings lines and stock to where updated orders are.';

-- security definer: as above.
create function private.drop_orders() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_taken text;
begin
  select min(o.submission_id) into v_taken
    from removed o
    join public.shops s on s.id = o.shop_id
    join public.order_stock k on k.shop_id = o.shop_id and k.order_ref = o.submission_id and k.state = 'taken';
  if v_taken is not null then
    perform plinth.refuse('order_in_effect', 409, format('Order %s has taken stock and cannot be deleted.', v_taken),
      jsonb_build_object('order', v_taken), 'Cancel or return it first.');
  end if;
  perform plinth.release_holds('stock', array(select private.hold_key(shop_id, submission_id) from removed));
  delete from public.order_stock k using removed o where k.shop_id = o.shop_id and k.order_ref = o.submission_id;
  return null;
end $$;
comment on function private.drop_orders() is 'Trigger: a deleted order lets go of what it held; one that took stock stays.';

create trigger take_orders after insert on public.form_submissions referencing new table as created
  for each statement when (private.importing() is not true) execute function private.take_orders();
create trigger prepare_return before insert on public.form_submissions
  for each row when (new.status = 'Return' or new.returned_at is not null) execute function private.prepare_return();
create trigger guard_order before update on public.form_submissions
  for each row execute function private.guard_order();
create trigger change_orders after update on public.form_submissions
  referencing old table as before_change new table as after_change
  for each statement execute function private.change_orders();
create trigger drop_orders after delete on public.form_submissions referencing old table as removed
  for each statement execute function private.drop_orders();

-- What orders do to stock -------------------------------------------------------------------------------------

create type private.order_change as
  (shop_id uuid, order_ref text, goal public.order_stock_state, demand jsonb, reason text, at timestamptz, hold_minutes integer);
comment on type private.order_change is 'An order and the state of stock that it is to be in; demand is {item_id: units}.';

create type private.order_step as (
  shop_id uuid, order_ref text, before public.order_stock_state, after public.order_stock_state,
  old_demand jsonb, new_demand jsonb, reason text, at timestamptz, expires_at timestamptz
);
comment on type private.order_step is 'What one order does to stock: from which state to which, and for which units.';

create function private.hold_key(p_shop_id uuid, p_order_ref text) returns text language sql immutable as $$
  select p_shop_id || ':' || p_order_ref
$$;
comment on function private.hold_key(uuid, text) is 'The key under which an order holds stock.';

create function private.place_order(p_order public.form_submissions, p_lines private.order_line[]) returns boolean
language plpgsql set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_goal public.order_stock_state;
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
  select t.goal into v_goal from private.order_transitions t where t.from_status = p_order.status and t.to_status = p_order.status;
  if v_goal = 'taken' then
    v_user := auth.uid();
  elsif v_goal = 'held' then
    v_key := private.hold_key(p_order.shop_id, p_order.submission_id);
    select plinth.now() + coalesce(p_order.hold_minutes, s.order_hold_minutes) * interval '1 minute' into v_ends
      from public.shops s where s.id = p_order.shop_id;
  end if;
  select coalesce(jsonb_object_agg(w.item_id, w.quantity), '{}'),
      array_agg(row(p_order.shop_id, w.item_id, -w.quantity, v_reason, p_order.submission_id, v_user, v_at,
          case when w.quantity > 0 then 'sale' else 'return' end)::private.movement
        order by w.quantity > 0, w.item_id) filter (where v_goal = 'taken'),
      array_agg(row(w.item_id, v_key, w.quantity, v_ends, null, null)::plinth.claim) filter (where v_goal = 'held' and w.quantity > 0)
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
    perform private.require_items(array[row(p_order.shop_id, p_order.submission_id, 'none', v_goal, null, v_demand,
      v_reason, v_at, v_ends)::private.order_step]);
  end if;
  if v_short is not null then
    perform private.refuse_shortage(v_short);
  end if;
  perform private.write_lines(p_lines);
  return true;
end $$;
comment on function private.place_order(public.form_submissions, private.order_line[]) is
  'What private.apply_orders() does, in fewer statements, for one new order that has no row in order_stock yet: nearly every '
  'order there is. False, and nothing done, when process_order has taken it already.';

create function private.apply_orders(p_changes private.order_change[], p_new boolean default false, p_lines private.order_line[] default '{}')
returns void language plpgsql set search_path = '' as $$
declare
  v_steps private.order_step[] := private.plan_steps(p_changes, p_new);
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
comment on function private.apply_orders(private.order_change[], boolean, private.order_line[]) is
  'Brings orders into the states of stock that they are to be in, all or none, and writes their lines. p_new says that '
  'the orders were just created: one that process_order has taken already then stays taken. Raises insufficient_stock '
  '(PT409) or order_body_differs (PT409).';

create function private.plan_steps(p_changes private.order_change[], p_new boolean) returns private.order_step[]
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
        plinth.now() + coalesce(c.hold_minutes, s.order_hold_minutes) * interval '1 minute')::private.order_step
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
    perform plinth.refuse('order_body_differs', 409, format('Order %s has taken other items or quantities already.', v_other),
      jsonb_build_object('order', v_other), 'Nothing was changed. Cancel the order and place another.');
  end if;
  return v_steps;
end $$;
comment on function private.plan_steps(private.order_change[], boolean) is
  'Locks what the orders have done so far (order_stock) and answers their steps, null when there are none. For new orders '
  '(p_new) it writes order_stock at once; their steps have no old_demand.';

create function private.try_steps(p_steps private.order_step[]) returns jsonb
language plpgsql set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_any record;
  v_short jsonb;
begin
  select bool_or(s.before = 'held') as held, bool_or('taken' in (s.before, s.after)) as moving,
      bool_or(s.after = 'held') as holding, bool_or(s.old_demand is not null) as known
    into v_any from unnest(p_steps) s;

  -- Moving alone locks items and then pools, holding alone locks pools. Both together would lock pools twice, so that all
  -- locks come first.
  if v_any.held or v_any.moving and v_any.holding then
    perform private.lock_steps(p_steps);
  end if;
  if v_any.held then
    perform private.end_holds(p_steps);
  end if;
  if v_any.moving then
    v_short := private.move_units(p_steps);
  end if;
  if v_any.holding and v_short is null then
    v_short := private.hold_units(p_steps);
  end if;

  if v_short is not null then
    perform private.require_items(p_steps);
  elsif v_any.known then
    update public.order_stock o set state = s.after, demand = s.new_demand, updated_at = now()
    from unnest(p_steps) s where o.shop_id = s.shop_id and o.order_ref = s.order_ref;
  end if;
  return v_short;
end $$;
comment on function private.try_steps(private.order_step[]) is
  'Holds, takes and gives back, for all orders of a statement at once. Answers null, or the shortage: then the caller '
  'has to undo the statement or, if it was one new order that takes, the row that plan_steps wrote. Raises unknown_item (PT404).';

create function private.lock_steps(p_steps private.order_step[]) returns void language plpgsql set search_path = '' as $$
declare
  v_things uuid[];
  v_moving uuid[];
begin
  select array_agg(distinct u.item_id::uuid), array_agg(distinct u.item_id::uuid) filter (where 'taken' in (s.before, s.after))
    into v_things, v_moving
    from unnest(p_steps) s cross join lateral jsonb_object_keys(coalesce(s.old_demand, '{}') || s.new_demand) u (item_id);
  perform from unnest(v_moving) m (id) join public.items i on i.id = m.id order by i.id for no key update of i;
  perform plinth.lock_pools('stock', v_things);
end $$;
comment on function private.lock_steps(private.order_step[]) is 'Locks the items that steps move, then the pools of all their items.';

create function private.end_holds(p_steps private.order_step[]) returns void language plpgsql set search_path = '' as $$
begin
  perform plinth.commit_holds('stock', array(
    select private.hold_key(s.shop_id, s.order_ref) from unnest(p_steps) s
    where s.before = 'held' and s.after = 'taken' and s.old_demand = s.new_demand));
  perform plinth.release_holds('stock', array(
    select private.hold_key(s.shop_id, s.order_ref) from unnest(p_steps) s
    where s.before = 'held' and (s.after = 'none' or s.old_demand <> s.new_demand)));
end $$;
comment on function private.end_holds(private.order_step[]) is
  'Commits the holds of orders that take just what they held, and releases those of orders that take or hold something else.';

create function private.move_units(p_steps private.order_step[]) returns jsonb language plpgsql set search_path = '' as $$
declare
  v_user uuid := auth.uid();
  v_movements private.movement[];
  v_result record;
begin
  v_movements := array(
    select row(s.shop_id, u.item_id, u.change, s.reason, s.order_ref, v_user, s.at,
      case when u.change < 0 then 'sale' else 'return' end)::private.movement
    from unnest(p_steps) with ordinality s (shop_id, order_ref, before, after, old_demand, new_demand, reason, at, expires_at, no)
    cross join lateral (
      select d.key::uuid as item_id, d.value::bigint as change from jsonb_each_text(s.old_demand) d where s.before = 'taken' and s.after <> 'taken'
      union all
      select d.key::uuid, -d.value::bigint from jsonb_each_text(s.new_demand) d where s.before <> 'taken' and s.after = 'taken'
    ) u
    order by s.at, u.change < 0, s.no, u.item_id);
  select t.short, t.moved into v_result from private.try_movements(v_movements) t;
  if v_result.moved < cardinality(v_movements) then
    perform private.require_items(p_steps);
  end if;
  return v_result.short;
end $$;
comment on function private.move_units(private.order_step[]) is
  'Gives back what orders had taken, takes what they take now. Answers null, or the shortage.';

create function private.hold_units(p_steps private.order_step[]) returns jsonb language plpgsql set search_path = '' as $$
declare
  v_claims plinth.claim[] := array(
    select row(d.key::uuid, private.hold_key(s.shop_id, s.order_ref), d.value::bigint, s.expires_at, null, null)::plinth.claim
    from unnest(p_steps) s cross join lateral jsonb_each_text(s.new_demand) d
    where s.after = 'held' and d.value::bigint > 0);
begin
  return case when v_claims <> '{}' then plinth.try_holds('stock', v_claims) end;
end $$;
comment on function private.hold_units(private.order_step[]) is 'Holds the units of pending orders. Answers null, or the shortage.';

create function private.require_items(p_steps private.order_step[]) returns void language plpgsql stable set search_path = '' as $$
declare
  v_gone jsonb;
begin
  select jsonb_agg(distinct d.key) into v_gone
    from unnest(p_steps) s cross join lateral jsonb_object_keys(s.new_demand) d (key)
    where s.after <> 'none' and s.before <> 'taken'
      and not exists (select from public.items i where i.shop_id = s.shop_id and i.id = d.key::uuid);
  if v_gone is not null then
    perform plinth.refuse('unknown_item', 404, 'An item of the order does not exist any more.',
      jsonb_build_object('items', v_gone), 'Nothing was changed.');
  end if;
end $$;
comment on function private.require_items(private.order_step[]) is 'Raises unknown_item (PT404) when an order would take what was deleted.';

-- Lines -------------------------------------------------------------------------------------------------------

-- Pure functions have no search_path of their own: with one, PostgreSQL could not inline them, and a call a line would
-- be most of the cost of an import. Only functions whose search_path is empty use them.

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

create function private.try_imported_units(p_value jsonb) returns integer language sql immutable as $$
  select case when jsonb_typeof(p_value) = 'number' then
    case when abs(p_value::numeric) between 1 and 1000000000 and p_value::numeric = trunc(p_value::numeric)
      then p_value::numeric::integer end end
$$;
comment on function private.try_imported_units(jsonb) is 'A whole number of units, negative for credits and write-offs, or null.';

create function private.try_price(p_value jsonb, p_signed boolean) returns numeric language sql immutable as $$
  select case
    when jsonb_typeof(p_value) = 'number' or jsonb_typeof(p_value) = 'string' and p_value #>> '{}' ~ '^-?\d{1,12}(\.\d{1,10})?$' then
      case
        when (p_value #>> '{}')::numeric between case when p_signed then -1000000000 else 0 end and 1000000000
          and scale((p_value #>> '{}')::numeric) <= 10 then (p_value #>> '{}')::numeric
      end
  end
$$;
comment on function private.try_price(jsonb, boolean) is
  'A unit price in major units, given as a number or as its decimal text (which no client rounds), or null.';

-- No search_path of its own either, so that it is planned with the statement that reads from it.
create function private.read_order_lines(p_orders public.form_submissions[])
returns table (shop_id uuid, order_id uuid, order_ref text, line_no integer, item_id uuid, item_name text, is_product boolean,
  quantity integer, unit_price numeric, unit_cost numeric, category text, amount numeric, amount_minor bigint, currency text, value jsonb,
  problem text)
language sql stable as $$
  select o.shop_id, o.id, o.submission_id, l.no::integer, i.id, i.name, i.item_type = 'product', q.quantity, q.unit_price, i.original_price, i.category,
    q.quantity * q.unit_price, round(q.quantity * q.unit_price * s.minor_units)::bigint, s.currency, l.value,
    case
      when jsonb_typeof(l.value) <> 'object' then 'must be an object {productId, quantity, unitPrice}'
      when q.product_id is null then 'productId must be the id of an item'
      when q.quantity is null then 'quantity must be a whole number from 1 to 1000000'
      when q.unit_price is null then 'unitPrice must be a number from 0 to 1000000000 with at most 10 decimals'
      when i.id is null then 'there is no such item in this shop'
      when i.has_variants and not o.imported then 'the item has variants: name one of them'
    end
  from unnest(p_orders) o
  cross join lateral (
    select currency, plinth.to_minor(1, currency) as minor_units from public.shops where shops.id = o.shop_id offset 0
  ) s
  cross join lateral jsonb_array_elements(case jsonb_typeof(o.ordered_products) when 'array' then o.ordered_products else '[]' end)
    with ordinality l (value, no)
  cross join lateral (
    select private.try_uuid(l.value ->> 'productId') as product_id,
      case when o.imported then private.try_imported_units(l.value -> 'quantity') else private.try_units(l.value -> 'quantity') end as quantity,
      private.try_price(l.value -> 'unitPrice', o.imported) as unit_price
    offset 0
  ) q
  left join lateral (
    select id, name, item_type, original_price, category, has_variants from public.items where items.shop_id = o.shop_id and items.id = q.product_id offset 0
  ) i on true
$$;
comment on function private.read_order_lines(public.form_submissions[]) is 'ordered_products as rows; problem says what is wrong with a line.';

create function private.parse_lines(p_orders public.form_submissions[]) returns private.order_line[]
language plpgsql stable set search_path = '' as $$
declare
  v_wrong boolean;
  v_lines private.order_line[];
begin
  select coalesce(array_agg(row(l.shop_id, l.order_id, l.line_no, l.item_id, l.item_name, l.is_product, l.quantity, l.unit_price,
      l.unit_cost, l.category, l.amount, l.amount_minor, l.currency)::private.order_line), '{}'),
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
comment on function private.parse_lines(public.form_submissions[]) is
  'The lines of orders. Raises invalid_order_lines (PT422), which lists what is wrong, line by line.';

create function private.refuse_order_lines(p_orders public.form_submissions[]) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_problems jsonb;
begin
  select jsonb_agg(p.problem) into v_problems
    from (
      select jsonb_build_object('order', o.submission_id, 'problem', 'ordered_products must be an array of at most 5000 lines') as problem
      from unnest(p_orders) o
      where jsonb_typeof(o.ordered_products) <> 'array' or jsonb_array_length(o.ordered_products) > 5000
      union all
      (select jsonb_build_object('order', l.order_ref, 'line', l.line_no, 'problem', l.problem, 'value', left(l.value::text, 200))
      from private.read_order_lines(p_orders) l where l.problem is not null order by l.order_ref, l.line_no limit 100)
    ) p;
  perform plinth.refuse('invalid_order_lines', 422,
    format('Order %s: %s%s.', v_problems #>> '{0,order}', coalesce('line ' || (v_problems #>> '{0,line}') || ': ', ''), v_problems #>> '{0,problem}'),
    jsonb_build_object('lines', v_problems), 'Nothing was changed. The detail lists every line that is wrong.');
end $$;
comment on function private.refuse_order_lines(public.form_submissions[]) is 'Raises invalid_order_lines (PT422).';

create function private.demand_of(p_lines private.order_line[]) returns table (order_id uuid, demand jsonb)
language plpgsql immutable set search_path = '' as $$
begin
  return query
    select wish.order_id, jsonb_object_agg(wish.item_id, wish.quantity)
    from (
      select l.order_id, l.item_id, sum(l.quantity) as quantity
      from unnest(p_lines) l
      where l.is_product
      group by l.order_id, l.item_id
      having sum(l.quantity) <> 0
    ) wish
    group by wish.order_id;
end $$;
comment on function private.demand_of(private.order_line[]) is
  'Units per product of each order that has any, each item once however many lines name it.';

create function private.write_lines(p_lines private.order_line[]) returns void language plpgsql set search_path = '' as $$
begin
  insert into public.order_lines (shop_id, order_id, line_no, item_id, item_name, quantity, unit_price, unit_cost, category, amount, amount_minor, currency)
  select l.shop_id, l.order_id, l.line_no, l.item_id, l.item_name, l.quantity, l.unit_price, l.unit_cost, l.category, l.amount, l.amount_minor, l.currency
  from unnest(p_lines) l;
end $$;
comment on function private.write_lines(private.order_line[]) is
  'Writes lines, last of all: on hot rows, references that are checked before the rows are locked pile up as shared locks.';

revoke all on all functions in schema private from public;
