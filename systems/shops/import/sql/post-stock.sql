-- Items and pools follow the history that was just written.
with posting as materialized (
  select set_config('plinth.stock_posting', 'on', true)
),
total as materialized (
  select m.item_id, last.new_stock, i.backorder_limit
  from (select distinct item_id from import_movements where batch = $1) m
  cross join import_run r
  join public.items i on i.shop_id = r.shop_id and i.id = m.item_id
  cross join lateral (
    select h.new_stock from public.stock_history h
    where h.shop_id = r.shop_id and h.item_id = m.item_id order by h.seq desc limit 1
  ) last
),
pooled as materialized (
  select plinth.set_on_hand('stock', array_agg(item_id), array_agg(new_stock::bigint + backorder_limit)) from total having count(*) > 0
)
update public.items i set stock = total.new_stock
from total, posting
where i.id = total.item_id and i.stock <> total.new_stock and (select count(*) from pooled) >= 0
