-- Movements from before an item's first count must not change what was counted: what they take is put there first,
-- what they bring is taken off after.
with moved as (
  select m.*, sum(m.change) over (partition by m.item_id, m.before_count order by m.no rows unbounded preceding) as level
  from import_movements m join import_documents d on d.no = m.no
  where d.batch = $1
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
select private.post_movements(array_agg(
  row(r.shop_id, m.item_id, m.change, m.reason, m.document, null, m.at)::private.movement order by m.step, m.no, m.item_id))
from all_movements m cross join import_run r
