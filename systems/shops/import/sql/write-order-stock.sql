-- What the order has done to stock, as its status says. A pending order is in the state of one whose hold has run
-- out: confirming it takes the units that are free then. A correction of stock has nothing that could be given back.
insert into public.order_stock (shop_id, order_ref, state, demand)
select r.shop_id, d.document,
  case when d.kind = 'adjustment' then 'none'::public.order_stock_state else t.goal end,
  case when d.kind = 'adjustment' then '{}' else coalesce(wish.demand, '{}') end
from import_documents d
cross join import_run r
join private.order_transitions t on t.from_status = d.status and t.to_status = d.status
left join (
  select document, jsonb_object_agg(item_id, quantity) as demand
  from (
    select l.document, i.id as item_id, sum(l.quantity) as quantity
    from import_documents d
    join import_lines l on l.document = d.document
    join import_items i on i.code = l.code and i.item_type = 'product'
    where d.batch = $1 and d.kind <> 'accounting'
    group by l.document, i.id
    having sum(l.quantity) <> 0
  ) units
  group by document
) wish on wish.document = d.document
where d.batch = $1
order by d.no
