create temp table import_products (
  line bigint not null,
  code text,
  name text,
  description text,
  service boolean,
  price numeric,
  compare_at_price numeric,
  cost numeric,
  counted integer,
  category text,
  image_url text,
  remarks jsonb
);
