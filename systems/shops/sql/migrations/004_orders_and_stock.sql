-- What the 19 tables do not hold and stock needs: the lines of orders as rows, what each order has taken, and alerts.
-- Written by SQL alone; members read.

create table public.order_lines (
  shop_id uuid not null,
  order_id uuid not null,
  line_no integer not null check (line_no > 0),
  item_id uuid,
  item_name text not null,
  quantity integer not null check (quantity <> 0),
  unit_price numeric not null,
  unit_cost numeric,
  amount numeric not null,
  amount_minor bigint not null,
  currency text not null,
  primary key (shop_id, order_id, line_no),
  foreign key (shop_id, order_id) references public.form_submissions (shop_id, id) on delete cascade,
  foreign key (shop_id, item_id) references public.items (shop_id, id) on delete set null (item_id),
  constraint order_lines_amount_exact check (amount = quantity * unit_price)
);
comment on table public.order_lines is
  'form_submissions.ordered_products as rows, for joins and sums. Follows every write of an order.';
comment on column public.order_lines.quantity is 'Negative only in imported credits and write-offs.';
comment on column public.order_lines.unit_price is 'Major units, every decimal as written.';
comment on column public.order_lines.unit_cost is 'items.original_price when the line was written; null if unknown.';
comment on column public.order_lines.amount is 'quantity × unit_price, major units, exact: lines add up as on paper.';
comment on column public.order_lines.amount_minor is
  'amount in minor units of the currency, rounded once, half away from zero: what ledgers and metrics count.';
create index order_lines_item on public.order_lines (shop_id, item_id);

create type public.order_stock_state as enum ('held', 'taken', 'none');
comment on type public.order_stock_state is
  'held: reserved for a pending order; taken: off the shelf; none: given back, or never touched.';

create table public.order_stock (
  shop_id uuid not null references public.shops (id) on delete cascade,
  order_ref text not null check (length(order_ref) between 1 and 200),
  state public.order_stock_state not null,
  demand jsonb not null check (jsonb_typeof(demand) = 'object'),
  updated_at timestamptz not null default now(),
  primary key (shop_id, order_ref)
);
comment on table public.order_stock is
  'What each order has done to stock. An order''s status only moves it between states, so repeating changes nothing.';
comment on column public.order_stock.order_ref is 'form_submissions.submission_id, or the order id given to process_order.';
comment on column public.order_stock.demand is '{item_id: units} of products, each item once.';

create table public.low_stock_alerts (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null,
  item_id uuid not null,
  stock integer not null,
  threshold integer not null,
  raised_at timestamptz not null default now(),
  resolved_at timestamptz,
  foreign key (shop_id, item_id) references public.items (shop_id, id) on delete cascade
);
comment on table public.low_stock_alerts is
  'One row each time an item''s stock falls below its threshold; resolved when it is back.';
comment on column public.low_stock_alerts.stock is 'Units on hand when the alert was raised.';
create unique index low_stock_alerts_open on public.low_stock_alerts (shop_id, item_id) where resolved_at is null;
create index low_stock_alerts_item on public.low_stock_alerts (shop_id, item_id);
create index low_stock_alerts_time on public.low_stock_alerts (shop_id, raised_at desc);

do $$
declare t text;
begin
  foreach t in array array['order_lines', 'order_stock', 'low_stock_alerts'] loop
    execute format('alter table public.%I enable row level security', t);
    execute format('revoke all on public.%I from anon, authenticated, service_role', t);
    execute format('grant select on public.%I to authenticated, service_role', t);
    execute format('create policy "select by role" on public.%I for select to authenticated '
      'using (shop_id = any ((select private.my_shops())::uuid[]))', t);
  end loop;
end $$;
