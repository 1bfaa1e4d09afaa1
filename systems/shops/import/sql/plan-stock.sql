-- What each new document does to each product, and what must have been on the shelf before.
-- A sale takes what it lists; a cancellation lists what comes back with a minus; a correction lists the change itself.
drop table if exists import_movements;
create temp table import_movements as
with units as (
  select document, code, sum(quantity) as quantity, min(description) as description
  from import_lines where code is not null group by document, code having sum(quantity) <> 0
)
select d.no, d.batch, d.document, i.code, i.id as item_id,
  case when d.kind = 'adjustment' then u.quantity else -u.quantity end as change,
  d.at, coalesce(d.at < i.counted_at, false) as before_count,
  case d.kind
    when 'cancellation' then 'Cancellation ' || d.document
    when 'adjustment' then case when u.quantity < 0 then 'Written off: ' else 'Found: ' end
      || coalesce(nullif(u.description, ''), 'no reason given')
    else 'Order ' || d.document || ': ' || d.status
  end as reason
from units u
join import_documents d on d.document = u.document
join import_items i on i.code = u.code and i.item_type = 'product'
where d.verdict is null and d.kind <> 'accounting' and (d.kind = 'adjustment' or d.status in ('Confirmed', 'Completed'));
create index on import_movements (batch);
analyze import_movements;

-- Stock never goes below zero along the history, so what is missing at its lowest point was there at the start. For
-- an item that has a history already, the lowest point from the file's first movement on counts too.
with low as (
  select code, min(level) as lowest, sum(greatest(-change, 0)) as sold, min(at) as first_at
  from (
    select code, change, at, sum(change) over (partition by code order by no rows unbounded preceding) as level
    from import_movements where not before_count
  ) m
  group by code
),
present as (
  select low.*, i.is_new, i.id, r.reserve,
    coalesce(least(i.stock - pool.held, later.lowest), 0) as floor
  from low
  join import_items i using (code)
  cross join import_run r
  left join plinth.pools pool on pool.kind = 'stock' and pool.thing = i.id
  left join lateral (
    select min(h.level) as lowest
    from (
      select "timestamp", sum(change) over (order by "timestamp", seq) as level
      from public.stock_history where shop_id = r.shop_id and item_id = i.id
    ) h
    where h."timestamp" > low.first_at
  ) later on not i.is_new and exists (
    select from public.stock_history x where x.shop_id = r.shop_id and x.item_id = i.id and x."timestamp" > low.first_at
  )
)
update import_items i set opening = greatest(0, -(p.floor + p.lowest)) + case when p.is_new then ceil(p.sold * p.reserve) else 0 end
from present p where p.code = i.code;
