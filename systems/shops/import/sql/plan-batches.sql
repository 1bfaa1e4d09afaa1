-- Documents in the order of their time, together as long as a transaction stays within 10,000 new rows: a line and
-- a movement for each line, an order and its state of stock for each document.
do $$
declare
  d record;
  v_batch integer := 0;
  v_rows integer := 0;
begin
  update import_documents set batch = null where batch is not null;
  for d in select no, 2 * lines + 2 as rows from import_documents where verdict is null order by no loop
    if v_rows + d.rows > 10000 then
      v_batch := v_batch + 1;
      v_rows := 0;
    end if;
    v_rows := v_rows + d.rows;
    update import_documents set batch = v_batch where no = d.no;
  end loop;
end $$;
create index if not exists import_documents_batch on import_documents (batch);
analyze import_documents;
