-- Leaves out documents whose units would carry an item's stock beyond what an integer holds.
with too_large as (
  select m.code
  from import_movements m join import_items i using (code)
  group by m.code, i.opening, i.stock
  having sum(abs(m.change)) + i.opening + coalesce(i.stock, 0) > 2147483647
)
update import_documents d set verdict = 'stock_out_of_range'
where d.verdict is null
  and exists (select from import_lines l where l.document = d.document and l.code in (select code from too_large))
