-- Where the lines of a file wait, in the session's own temporary tables: a file that turns out to be unreadable has
-- touched nothing, and an import that dies leaves nothing behind.
set temp_buffers = '64MB';
set work_mem = '128MB';
set jit = off;
-- A client that was killed must not keep its server process, and with it the shop's lock, busy.
set client_connection_check_interval = '1s';

create temp table import_run (
  shop_id uuid not null,
  currency text not null,
  format text not null,
  reserve numeric not null
);

create temp table import_lines (
  line bigint not null,
  document text,
  kind text,
  code text,
  description text,
  quantity integer,
  unit_price numeric,
  at timestamptz,
  customer text,
  country text,
  service boolean,
  facts jsonb,
  remarks jsonb
);

create temp table import_findings (line bigint not null, code text not null, detail text not null);
