insert into public.order_lines (shop_id, order_id, line_no, item_id, item_name, quantity, unit_price, unit_cost, category, amount, amount_minor, currency)
select r.shop_id, d.id, row_number() over (partition by d.no order by l.line), i.id, i.name, l.quantity, l.unit_price,
  i.unit_cost, i.category, l.quantity * l.unit_price, plinth.to_minor(l.quantity * l.unit_price, r.currency), r.currency
from import_documents d
cross join import_run r
join import_lines l on l.document = d.document
join import_items i on i.code = l.code
where d.batch = $1
order by d.no, l.line
