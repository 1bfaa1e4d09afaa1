-- A code names one item: its first line is taken, and an item that the shop has is left as it is.
create temp table import_new_products as
select p.*, row_number() over (order by p.line) as no
from (select distinct on (code) * from import_products where code is not null order by code, line) p
where not exists (select from public.items i where i.shop_id = (select shop_id from import_run) and i.sku = p.code);

insert into import_findings (line, code, detail)
select p.line, r.value ->> 0, r.value ->> 1
from import_products p cross join lateral jsonb_array_elements(p.remarks) r
where p.remarks is not null;

insert into import_findings (line, code, detail)
select line, 'duplicate_code', format('%s was on line %s already', to_jsonb(left(code, 100)), first)
from (select line, code, min(line) over (partition by code) as first from import_products where code is not null) p
where line <> first;
