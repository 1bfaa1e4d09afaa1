-- The books of the orders just written; the trigger of items has checked stock against history already.
select string_agg(problem, '; ') as problem
from (
  select format('%s of %s lines and %s of %s in amounts were written for the orders of step %s',
    written.lines, stated.lines, written.amount, stated.amount, $1::integer + 1) as problem
  from (select sum(lines) as lines, sum(amount) as amount from import_documents where batch = $1) stated
  cross join (
    select sum(there.lines) as lines, sum(there.amount) as amount
    from import_documents d
    cross join import_run r
    -- Order by order: nothing here may cost more as the shop grows.
    cross join lateral (
      select count(*) as lines, sum(l.amount) as amount from public.order_lines l where l.shop_id = r.shop_id and l.order_id = d.id
    ) there
    where d.batch = $1
  ) written
  where (stated.lines, stated.amount) is distinct from (written.lines, written.amount)
  union all
  select format('stock of %s is %s, its history says %s', i.sku, i.stock, last.new_stock)
  from (select distinct item_id from import_movements where batch = $1) moved
  cross join import_run r
  join public.items i on i.id = moved.item_id
  left join lateral (
    select h.new_stock from public.stock_history h
    where h.shop_id = r.shop_id and h.item_id = i.id order by h.seq desc limit 1
  ) last on true
  where i.stock is distinct from last.new_stock
) problems
