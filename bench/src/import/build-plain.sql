-- The rows of an import from the staged table, in one transaction, without triggers, findings, matching or checks:
-- the fastest that these tables, keys and indexes allow. Same counts of rows in every table.
begin;
set local work_mem = '64MB';
set local jit = off;

create temp table plain_items on commit drop as
select code, gen_random_uuid() as id, max(description) as name, sum(abs(quantity)) as opening from staged group by code;
create temp table plain_documents on commit drop as
select document, gen_random_uuid() as id, min(at) at time zone 'Europe/London' as at, min(customer) as customer, min(country) as country
from staged group by document;
analyze plain_items, plain_documents;

insert into public.items (id, shop_id, name, sku, stock, created_at)
select i.id, s.id, coalesce(nullif(trim(i.name), ''), i.code), i.code, i.opening - t.sold, '2010-12-01'
from plain_items i
join (select code, sum(quantity) as sold from staged group by code) t using (code)
cross join public.shops s;

insert into plinth.pools (kind, thing, on_hand)
select 'stock', id, stock from public.items order by id;

insert into public.form_submissions (id, shop_id, submission_id, status, ordered_products, custom_fields, imported, submitted_at)
select d.id, s.id, d.document, 'Completed', lines.products,
  jsonb_build_object('kind', 'sale', 'customer', d.customer, 'country', d.country), true, d.at
from plain_documents d
cross join public.shops s
join (
  select l.document, jsonb_agg(jsonb_build_object('productId', i.id, 'quantity', l.quantity, 'unitPrice', l.unit_price) order by l.line) as products
  from staged l join plain_items i using (code)
  group by l.document
) lines using (document);

insert into public.order_lines (shop_id, order_id, line_no, item_id, item_name, quantity, unit_price, amount, amount_minor, currency)
select s.id, d.id, row_number() over (partition by d.document order by l.line), i.id, coalesce(nullif(trim(i.name), ''), i.code),
  l.quantity, l.unit_price, l.quantity * l.unit_price, plinth.to_minor(l.quantity * l.unit_price, s.currency), s.currency
from plain_documents d
join staged l using (document)
join plain_items i using (code)
cross join public.shops s;

insert into public.order_stock (shop_id, order_ref, state, demand)
select s.id, units.document, 'taken', jsonb_object_agg(units.id, units.quantity)
from (select l.document, i.id, sum(l.quantity) as quantity from staged l join plain_items i using (code) group by 1, 2) units
cross join public.shops s
group by s.id, units.document;

insert into public.stock_history (shop_id, item_id, change, new_stock, reason, "timestamp")
select s.id, i.id, i.opening, i.opening, 'Opening stock', '2010-12-01'
from plain_items i cross join public.shops s;

insert into public.stock_history (shop_id, item_id, change, new_stock, reason, order_ref, "timestamp")
select s.id, m.id, m.change, m.opening + sum(m.change) over (partition by m.id order by m.at, m.document rows unbounded preceding),
  'Order ' || m.document || ': Completed', m.document, m.at
from (
  select i.id, i.opening, d.document, d.at, -sum(l.quantity) as change
  from staged l join plain_items i using (code) join plain_documents d using (document)
  group by i.id, i.opening, d.document, d.at
  having sum(l.quantity) <> 0
) m
cross join public.shops s
order by m.at;
commit;
