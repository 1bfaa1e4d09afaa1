-- What is odd about lines and documents, for the report.
insert into import_findings (line, code, detail)
select l.line, r.value ->> 0, r.value ->> 1
from import_lines l cross join lateral jsonb_array_elements(l.remarks) r
where l.remarks is not null;

insert into import_findings (line, code, detail)
select l.line, d.verdict, case d.verdict
    when 'order_incomplete' then format('left out with the rest of %s, of which another line was refused', d.document)
    when 'order_too_long' then format('left out: %s has %s lines, more than 4999', d.document, d.lines)
    when 'mixed_currency' then format('left out: %s is in %s, the shop counts in %s', d.document, d.facts ->> 'currency', run.currency)
    when 'order_differs' then format('left out: the shop has another order %s', d.document)
    else format('left out: units of %s exceed what stock can hold', d.document)
  end
from import_documents d
cross join import_run run
join import_lines l on l.document = d.document
where d.verdict <> 'already_there' and (d.verdict <> 'order_incomplete' or l.code is not null);

insert into import_findings (line, code, detail)
select first_line, 'times_differ', format('lines of %s are dated from %s to %s UTC; the first is taken', document,
  to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), to_char(last_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'))
from import_documents where at <> last_at;

insert into import_findings (line, code, detail)
select d.first_line, 'no_customer', format('%s names no customer', d.document)
from import_documents d where d.customer = '' and d.kind in ('sale', 'cancellation');

insert into import_findings (line, code, detail)
select line, 'duplicate_line', format('the same as line %s of %s; both are taken', first, document)
from (
  select line, document, min(line) over (partition by document, code, quantity, unit_price, description, at) as first
  from import_lines where code is not null
) l
where line <> first;

insert into import_findings (line, code, detail)
select line, 'return_without_sale', format('no earlier sale of its customer in the file that %s could take back', document)
from import_cancellations where sale is null;

insert into import_findings (line, code, detail)
select first_line, 'opening_assumed', format('%s units of %s assumed on the shelf before its first line', opening, code)
from import_items where opening > 0;
