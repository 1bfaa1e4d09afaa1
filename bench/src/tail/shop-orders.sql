-- The order workload of a shop in its plainest form: an order, its lines, the stock they take, the history of that.
create table shops (id uuid primary key default gen_random_uuid(), name text not null, created_at timestamptz not null default now());
create table items (
  id uuid primary key default gen_random_uuid(), shop_id uuid not null references shops,
  name text not null, category text not null, retail_price numeric(12,2) not null, stock int not null,
  image_url text, description text, updated_at timestamptz not null default now());
create table orders (
  id uuid primary key default gen_random_uuid(), shop_id uuid not null references shops,
  number bigint generated always as identity, status text not null, customer jsonb not null,
  total numeric(12,2) not null, created_at timestamptz not null default now());
create table order_lines (
  id uuid primary key default gen_random_uuid(), shop_id uuid not null references shops,
  order_id uuid not null references orders, item_id uuid not null references items,
  quantity int not null, unit_price numeric(12,2) not null, amount numeric(12,2) not null);
create table stock_history (
  id bigint generated always as identity primary key, shop_id uuid not null references shops,
  item_id uuid not null references items, change int not null, new_stock int not null,
  reason text not null, at timestamptz not null default now());
create index on items (shop_id); create index on orders (shop_id, created_at);
create index on order_lines (order_id); create index on stock_history (shop_id, item_id);

insert into shops (name) select 'Shop ' || n from generate_series(1, 40) n;
insert into items (shop_id, name, category, retail_price, stock, image_url, description)
select s.id, 'Item ' || n, 'Category ' || n % 7, 9.90 + n, 1000000, 'https://images.example/items/' || n || '.webp',
  'A thing of everyday use, the ' || n || 'th of its kind, in three colours.'
from shops s, generate_series(1, 50) n;

-- Seven row changes: an order, two lines, two items, two lines of history.
create function place_order(p_shop uuid, p_items uuid[]) returns uuid language plpgsql as $$
declare v_order uuid; v_item record;
begin
  insert into orders (shop_id, status, customer, total)
  values (p_shop, 'Pending', '{"name":"Ada Lovelace","email":"ada@example.test","phone":"+44 20 7946 0000"}', 42.50)
  returning id into v_order;
  for v_item in update items set stock = stock - 1, updated_at = now()
      where id = any (p_items) returning id, stock, retail_price loop
    insert into order_lines (shop_id, order_id, item_id, quantity, unit_price, amount)
    values (p_shop, v_order, v_item.id, 1, v_item.retail_price, v_item.retail_price);
    insert into stock_history (shop_id, item_id, change, new_stock, reason)
    values (p_shop, v_item.id, -1, v_item.stock, 'order');
  end loop;
  return v_order;
end $$;
grant execute on function place_order(uuid, uuid[]) to service_role;
