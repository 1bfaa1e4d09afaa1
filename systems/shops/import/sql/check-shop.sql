select string_agg(format('stock of %s is %s, its history adds up to %s', sku, stock, total), '; ') as problem
from (
  select i.sku, i.stock, coalesce(sum(h.change), 0) as total
  from import_run r
  join public.items i on i.shop_id = r.shop_id and i.item_type = 'product'
  left join public.stock_history h on h.shop_id = i.shop_id and h.item_id = i.id
  group by i.id
  having i.stock <> coalesce(sum(h.change), 0)
  limit 10
) wrong
