-- New items, each with what must have been on the shelf when the file begins: triggers give it its pool and its
-- opening movement, dated created_at.
insert into public.items (id, shop_id, item_type, name, sku, retail_price, stock, created_at)
select i.id, r.shop_id, i.item_type, i.name, i.code, i.price,
  case i.item_type when 'product' then i.opening end, $2::timestamptz
from import_items i cross join import_run r
where i.is_new and i.code = any ($1::text[])
order by i.first_line
