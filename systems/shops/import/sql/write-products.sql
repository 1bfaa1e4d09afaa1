-- What a unit sells for is the retail price; a higher price that it is compared with was the price before.
insert into public.items (shop_id, item_type, name, description, sku, retail_price, promo_price, original_price, stock, category, image_url)
select r.shop_id, case when p.service then 'service' else 'product' end::public.item_type, p.name, p.description, p.code,
  greatest(p.price, coalesce(p.compare_at_price, 0)), case when p.compare_at_price > p.price then p.price end, p.cost,
  case when not p.service then coalesce(p.counted, 0) end, p.category, p.image_url
from import_new_products p cross join import_run r
where p.no > $1 and p.no <= $2
order by p.no
