-- TRUNCATE is told too: it says of which tables only, but whoever keeps a copy has to know.

alter publication plinth_tail set (publish = 'insert, update, delete, truncate');
