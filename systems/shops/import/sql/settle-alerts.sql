-- Once the file is in: an alert for each of its items that is low now, none for those that are not.
with present as (
  select i.shop_id, i.id, i.stock, coalesce(i.low_stock_threshold, s.low_stock_threshold) as threshold, a.id as alert
  from import_run r
  join public.shops s on s.id = r.shop_id
  join public.items i on i.shop_id = r.shop_id and i.item_type = 'product' and i.sku = any (array(select distinct code from import_lines))
  left join public.low_stock_alerts a on a.shop_id = i.shop_id and a.item_id = i.id and a.resolved_at is null
),
wrong as materialized (
  select * from present where (stock < threshold) <> (alert is not null) limit $1
),
resolved as (
  update public.low_stock_alerts a set resolved_at = now() from wrong w where a.id = w.alert
),
raised as (
  insert into public.low_stock_alerts (shop_id, item_id, stock, threshold)
  select shop_id, id, stock, threshold from wrong where alert is null
  on conflict (shop_id, item_id) where resolved_at is null do nothing
)
select count(*)::integer as settled from wrong
