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
) problems
