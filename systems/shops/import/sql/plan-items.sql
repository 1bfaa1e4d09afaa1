-- Finds or names the item of each code that new documents mention.
drop table if exists import_items;
create temp table import_items as
with mentioned as materialized (
  select l.code, l.description, l.unit_price, l.kind = 'sale' and l.unit_price > 0 as sold, bool_and(l.service) as service,
    count(*) as times, min(l.line) as first, max(l.line) as last, min(l.at) as first_at
  from import_lines l join import_documents d on d.document = l.document and d.verdict is null
  group by 1, 2, 3, 4
),
codes as (
  select code, bool_and(service) as service, min(first) as first_line, min(first_at) as first_at from mentioned group by code
),
-- The description and the price that a code carries most often; the later one where two are as frequent. What
-- corrections of stock say ("damaged?") names an item only when no sale does.
descriptions as (
  select distinct on (code) code, description
  from (
    select code, description, bool_or(sold) as sold, sum(times) as times, max(last) as last
    from mentioned where description <> '' group by code, description
  ) d
  order by code, sold desc, times desc, last desc
),
prices as (
  select distinct on (code) code, unit_price
  from (
    select code, unit_price, sum(times) as times, max(last) as last from mentioned where sold group by code, unit_price
  ) p
  order by code, times desc, last desc
)
select c.code, c.first_line, c.first_at, coalesce(i.id, gen_random_uuid()) as id, i.id is null as is_new,
  coalesce(i.item_type, case when c.service then 'service' else 'product' end::public.item_type) as item_type,
  coalesce(i.name, d.description, c.code) as name, coalesce(p.unit_price, 0) as price, i.original_price as unit_cost,
  i.category, i.stock, counted.at as counted_at, 0::bigint as opening
from codes c
cross join import_run r
left join descriptions d on d.code = c.code
left join prices p on p.code = c.code
left join public.items i on i.shop_id = r.shop_id and i.sku = c.code
left join lateral (
  select h."timestamp" as at from public.stock_history h
  where h.shop_id = r.shop_id and h.item_id = i.id order by h.seq limit 1
) counted on i.id is not null;
create unique index on import_items (code);
analyze import_items;
