-- What a provider's books and ours do not agree in, day by day.

create table plinth.payment_differences (
  provider text not null,
  day date not null,
  object text not null,
  problem text not null check (problem in
    ('unknown_here', 'missed_here', 'unknown_there', 'amount_differs')),
  target uuid,
  ours bigint,
  theirs bigint,
  currency text,
  found_at timestamptz not null,
  mended_at timestamptz,
  primary key (provider, day, object, problem)
);
comment on table plinth.payment_differences is 'Payments and refunds of a day (UTC) that only one side knows, or that differ.';
comment on column plinth.payment_differences.problem is
  'unknown_here: of no order of ours. missed_here: of an order of ours, and no fact told of it. unknown_there: the provider '
  'does not know it. amount_differs: both know it, with other amounts.';
comment on column plinth.payment_differences.mended_at is 'When what the provider says was folded, and both agreed.';
create index payment_differences_open on plinth.payment_differences (day) where mended_at is null;

alter table plinth.payment_differences enable row level security;
