-- What all three servers read: rows that belong to users, under row security.
create table public.items (
  id int primary key generated always as identity,
  owner uuid not null,
  name text not null,
  price numeric(10, 2) not null,
  stock int not null,
  tags text[] not null,
  created_at timestamptz not null default now()
);
create index items_owner on public.items (owner, id);
alter table public.items enable row level security;
create policy own_items on public.items for all to authenticated
  using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
grant all on public.items to authenticated;
insert into public.items (owner, name, price, stock, tags)
select ('00000000-0000-4000-8000-' || lpad((n % 100)::text, 12, '0'))::uuid, 'Item ' || n, n % 500 + 0.5, n % 40,
  array['tag ' || n % 7, 'tag ' || n % 11]
from generate_series(1, 20000) n;
analyze public.items;
