-- What private.post_movements() does, from the planned movements instead of an array of them: history first, then the
-- items, whose trigger checks one against the other, then the pools, which refuse what is held.
-- Movements from before an item's first count must not change what was counted: what they take is put there first,
-- what they bring is taken off after.
with moved as (
  select m.*, sum(m.change) over (partition by m.item_id, m.before_count order by m.no rows unbounded preceding) as level
  from import_movements m where m.batch = $1
),
balanced as (
  select item_id, min(at) as first_at, max(at) as last_at, sum(change) as total,
    greatest(0, -min(level), -sum(change)) as before
  from moved where before_count group by item_id
),
all_movements as (
  select 1 as step, no, item_id, change, reason, document, at from moved
  union all
  select 0, 0, item_id, before, 'On the shelf before the first count', null, first_at - interval '1 second' from balanced where before > 0
  union all
  select 2, 0, item_id, -(before + total), 'Settled by the first count', null, last_at from balanced where before + total > 0
)
insert into public.stock_history (shop_id, item_id, change, new_stock, kind, reason, order_ref, "timestamp")
select i.shop_id, m.item_id, m.change,
  i.stock + sum(m.change) over (partition by m.item_id order by m.step, m.no rows unbounded preceding), 'import', m.reason, m.document, m.at
from all_movements m
join public.items i on i.id = m.item_id
order by m.step, m.no, m.item_id
