-- In the order of their ids, as everybody who moves stock does.
select from public.items
where id = any (array(select distinct item_id from import_movements where batch = $1))
order by id for no key update
