create table public.shows (
  id uuid primary key default gen_random_uuid(),
  title text not null,
  price bigint not null check (price > 0),
  tax bigint not null default 0 check (tax >= 0 and tax < price),
  currency text not null
);
comment on table public.shows is 'What tickets are sold for.';
comment on column public.shows.price is 'Minor units, tax included.';

create table public.tickets (
  id uuid primary key default gen_random_uuid(),
  show_id uuid not null references public.shows,
  user_id uuid,
  status text not null default 'open',
  paid_at timestamptz,
  receipt text
);
comment on table public.tickets is 'One ticket, paid or not.';
create index tickets_show on public.tickets (show_id);
create index tickets_user on public.tickets (user_id);

alter table public.shows enable row level security;
alter table public.tickets enable row level security;
create policy "everybody sees shows" on public.shows for select using (true);
create policy "people see their tickets" on public.tickets for select using (user_id = (select auth.uid()));
