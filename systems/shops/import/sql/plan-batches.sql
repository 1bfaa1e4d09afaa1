-- Documents in the order of their time, together as long as a transaction stays within 10,000 lines of the file. Smaller
-- transactions cost more in all: each updates most of the items that sell at all.
do $$
declare
  d record;
  v_batch integer := 0;
  v_lines integer := 0;
begin
  update import_documents set batch = null where batch is not null;
  for d in select no, lines from import_documents where verdict is null order by no loop
    if v_lines + d.lines > 10000 then
      v_batch := v_batch + 1;
      v_lines := 0;
    end if;
    v_lines := v_lines + d.lines;
    update import_documents set batch = v_batch where no = d.no;
  end loop;
end $$;
create index if not exists import_documents_batch on import_documents (batch);
analyze import_documents;
