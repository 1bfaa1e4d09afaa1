insert into public.form_submissions (id, shop_id, submission_id, status, ordered_products, customer_name, customer_email,
  payment_method, discount, custom_fields, imported, submitted_at)
select d.id, r.shop_id, d.document, d.status, lines.products,
  d.facts #>> '{customer,name}', d.facts #>> '{customer,email}', d.facts ->> 'paymentMethod',
  coalesce((d.facts ->> 'discount')::numeric, 0),
  jsonb_strip_nulls(jsonb_build_object('kind', d.kind, 'customer', nullif(d.customer, ''), 'country', nullif(d.country, ''),
    'cancels', nullif(d.cancels, '[]'))),
  true, d.at
from import_documents d
cross join import_run r
join (
  select l.document,
    jsonb_agg(jsonb_build_object('productId', i.id, 'quantity', l.quantity, 'unitPrice', l.unit_price) order by l.line) as products
  from import_documents d join import_lines l on l.document = d.document join import_items i on i.code = l.code
  where d.batch = $1
  group by l.document
) lines on lines.document = d.document
where d.batch = $1
order by d.no
