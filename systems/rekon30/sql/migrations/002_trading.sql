-- What a business works with (R-T3): products, customers, workers, sales, payments, and what each of them needs to add up.
-- Clients write catalogue rows themselves; sales, payments and wages are written by the functions of 006_selling and
-- 007_business_day.

create type public.movement_kind as enum ('opening', 'sale', 'void', 'purchase', 'adjustment', 'count', 'import');
create type public.sale_status as enum ('completed', 'voided');
create type public.wage_period as enum ('day', 'week', 'month');
create type public.wage_kind as enum ('earned', 'paid', 'advance', 'deduction');

create table public.products (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null references public.businesses (id) on delete cascade,
  name text not null check (length(trim(name)) between 1 and 300),
  sku text,
  category text,
  unit text not null default 'piece',
  price numeric not null default 0 check (price >= 0 and price < 'Infinity'),
  stock numeric(14, 3) not null default 0 check (stock < 'Infinity'),
  reorder_level numeric(14, 3) check (reorder_level >= 0),
  is_active boolean not null default true,
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now(),
  unique (business_id, id),
  unique (business_id, sku)
) with (fillfactor = 70);
comment on table public.products is 'What a business sells.';
comment on column public.products.stock is 'Always the sum of the product''s stock_movements. Nothing is sold that is not there: only a count may find less.';
create trigger touch before update on public.products for each row execute function plinth.touch_row();

create table public.product_costs (
  product_id uuid primary key,
  business_id uuid not null,
  unit_cost numeric not null check (unit_cost >= 0 and unit_cost < 'Infinity'),
  updated_at timestamptz not null default plinth.now(),
  foreign key (business_id, product_id) references public.products (business_id, id) on delete cascade
);
comment on table public.product_costs is 'What a unit costs the business: beside the product, because workers do not see it.';
create index product_costs_business on public.product_costs (business_id);
create trigger touch before update on public.product_costs for each row execute function plinth.touch_row();

create table public.customers (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null references public.businesses (id) on delete cascade,
  name text not null check (length(trim(name)) between 1 and 300),
  phone text,
  email text,
  address text,
  credit_limit numeric check (credit_limit >= 0 and credit_limit < 'Infinity'),
  notes text,
  is_active boolean not null default true,
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now(),
  unique (business_id, id)
);
comment on table public.customers is 'Who buys. What they owe is the sum of their sales less the sum of their payments.';
comment on column public.customers.credit_limit is 'Most that the customer may owe; null for no limit, 0 for nothing on credit.';
create index customers_name on public.customers (business_id, lower(name));
create trigger touch before update on public.customers for each row execute function plinth.touch_row();

create table public.workers (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null references public.businesses (id) on delete cascade,
  user_id uuid references auth.users (id) on delete set null,
  name text not null check (length(trim(name)) between 1 and 300),
  phone text,
  job_title text,
  wage_amount numeric check (wage_amount >= 0 and wage_amount < 'Infinity'),
  wage_period public.wage_period not null default 'month',
  started_on date,
  ended_on date check (ended_on >= started_on),
  is_active boolean not null default true,
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now(),
  unique (business_id, id),
  unique (business_id, user_id)
);
comment on table public.workers is 'Who works for a business, with an account or without one.';
create trigger touch before update on public.workers for each row execute function plinth.touch_row();

alter table public.business_invitations
  add foreign key (business_id, worker_id) references public.workers (business_id, id) on delete set null (worker_id);

create table public.wage_entries (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null,
  worker_id uuid not null,
  kind public.wage_kind not null,
  amount numeric(14, 4) not null check (amount > 0 and amount < 'Infinity'),
  for_day date not null,
  note text,
  recorded_by uuid references auth.users (id) on delete set null,
  created_at timestamptz not null default plinth.now(),
  foreign key (business_id, worker_id) references public.workers (business_id, id) on delete cascade
);
comment on table public.wage_entries is 'What a worker earned and got, append-only: a mistake is corrected by an entry that says so.';
create index wage_entries_worker on public.wage_entries (business_id, worker_id, for_day);
create unique index wage_entries_earned_once on public.wage_entries (worker_id, for_day) where kind = 'earned';

create table public.sales (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null references public.businesses (id) on delete cascade,
  sale_number bigint not null,
  client_id text,
  customer_id uuid,
  status public.sale_status not null default 'completed',
  currency text not null,
  subtotal numeric(14, 4) not null check (subtotal >= 0),
  discount numeric(14, 4) not null default 0 check (discount between 0 and subtotal),
  total numeric(14, 4) not null,
  sold_on date not null,
  sold_at timestamptz not null default plinth.now(),
  sold_by uuid references auth.users (id) on delete set null,
  voided_at timestamptz,
  voided_by uuid references auth.users (id) on delete set null,
  void_reason text,
  notes text,
  created_at timestamptz not null default plinth.now(),
  unique (business_id, id),
  unique (business_id, sale_number),
  unique (business_id, client_id),
  foreign key (business_id, customer_id) references public.customers (business_id, id),
  check (total = subtotal - discount),
  check ((status = 'voided') = (voided_at is not null)),
  check ((voided_at is null) = (void_reason is null))
);
comment on table public.sales is 'Sales, numbered without gaps in each business. A wrong one is voided and keeps its number.';
comment on column public.sales.client_id is 'What the till calls the sale: sending it again does not sell again.';
comment on column public.sales.sold_on is 'The day in the business''s zone; a closed day takes no more sales.';
create index sales_day on public.sales (business_id, sold_on);
create index sales_customer on public.sales (business_id, customer_id, sold_at) where customer_id is not null;

create table public.sale_lines (
  business_id uuid not null,
  sale_id uuid not null,
  line_no integer not null check (line_no > 0),
  product_id uuid,
  description text not null,
  quantity numeric(14, 3) not null check (quantity > 0 and quantity < 'Infinity'),
  unit_price numeric(14, 4) not null check (unit_price >= 0 and unit_price < 'Infinity'),
  amount numeric(14, 4) not null,
  primary key (sale_id, line_no),
  foreign key (business_id, sale_id) references public.sales (business_id, id) on delete cascade,
  foreign key (business_id, product_id) references public.products (business_id, id)
);
comment on table public.sale_lines is 'What was sold, at the price of that moment. A line is rounded once, half away from zero.';
create index sale_lines_product on public.sale_lines (business_id, product_id) where product_id is not null;

create table private.sale_line_costs (
  business_id uuid not null,
  sale_id uuid not null,
  line_no integer not null,
  unit_cost numeric not null,
  primary key (sale_id, line_no),
  foreign key (sale_id, line_no) references public.sale_lines (sale_id, line_no) on delete cascade
);
comment on table private.sale_line_costs is 'What a sold unit had cost, for margins; workers do not see it.';

create table public.payments (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null references public.businesses (id) on delete cascade,
  client_id text,
  sale_id uuid,
  customer_id uuid,
  amount numeric(14, 4) not null check (amount <> 0 and abs(amount) < 'Infinity'),
  currency text not null,
  method text not null check (method in ('cash', 'mobile_money', 'bank_transfer', 'card', 'cheque', 'other')),
  reference text,
  received_on date not null,
  received_at timestamptz not null default plinth.now(),
  received_by uuid references auth.users (id) on delete set null,
  reverses uuid,
  notes text,
  unique (business_id, id),
  unique (business_id, client_id),
  unique (business_id, reverses),
  foreign key (business_id, sale_id) references public.sales (business_id, id),
  foreign key (business_id, customer_id) references public.customers (business_id, id),
  foreign key (business_id, reverses) references public.payments (business_id, id),
  check (sale_id is not null or customer_id is not null),
  check ((amount < 0) = (reverses is not null))
);
comment on table public.payments is 'What a business''s customers paid, in parts or at once, append-only: a wrong one is reversed by its negative.';
create index payments_sale on public.payments (business_id, sale_id) where sale_id is not null;
create index payments_customer on public.payments (business_id, customer_id, received_at) where customer_id is not null;
create index payments_day on public.payments (business_id, received_on);

create table public.stock_movements (
  id uuid primary key default gen_random_uuid(),
  business_id uuid not null,
  product_id uuid not null,
  kind public.movement_kind not null,
  change numeric(14, 3) not null,
  new_stock numeric(14, 3) not null,
  sale_id uuid,
  note text,
  moved_by uuid references auth.users (id) on delete set null,
  moved_at timestamptz not null default plinth.now(),
  seq bigint generated always as identity,
  foreign key (business_id, product_id) references public.products (business_id, id) on delete cascade,
  foreign key (business_id, sale_id) references public.sales (business_id, id) on delete cascade
);
comment on table public.stock_movements is 'Every change of a product''s stock, append-only: their sum is the stock.';
create index stock_movements_product on public.stock_movements (business_id, product_id, seq);

create table public.daily_closes (
  business_id uuid not null references public.businesses (id) on delete cascade,
  day date not null,
  sales_count integer not null,
  sales_total numeric(14, 4) not null,
  by_method jsonb not null,
  opening_cash numeric(14, 4) not null default 0,
  expected_cash numeric(14, 4) not null,
  counted_cash numeric(14, 4) not null check (counted_cash >= 0),
  difference numeric(14, 4) not null,
  notes text,
  closed_by uuid references auth.users (id) on delete set null,
  closed_at timestamptz not null default plinth.now(),
  primary key (business_id, day),
  check (difference = counted_cash - expected_cash)
);
comment on table public.daily_closes is 'The end of a business''s day: what the drawer held beside what it should hold. A closed day does not change.';

create table private.business_counters (
  business_id uuid primary key references public.businesses (id) on delete cascade,
  last_sale bigint not null default 0
);
comment on table private.business_counters is 'The last number of each gapless series. Its row is locked by who takes the next one.';
