-- After COPY, so that it fills tables without indexes.
create index on import_lines (document);
create index on import_lines (customer, code) where kind = 'sale' and customer <> '';
analyze import_lines;
analyze import_run;
