-- A cancellation names no sale. The sale it takes back is taken to be the customer's latest one before it with at
-- least as many units of the same code, at the same price rather than at another.
drop table if exists import_cancellations;
create temp table import_cancellations as
select c.line, c.document, (
    select s.document
    from import_lines s
    where s.kind = 'sale' and s.customer <> '' and s.customer = c.customer and s.code = c.code and s.quantity >= -c.quantity and s.at <= c.at
    order by (s.unit_price = c.unit_price) desc, s.at desc, s.line desc
    limit 1
  ) as sale
from import_lines c
where c.kind = 'cancellation' and c.code is not null;
update import_documents d set cancels = m.cancels
from (select document, jsonb_agg(distinct sale) as cancels from import_cancellations where sale is not null group by document) m
where m.document = d.document;
