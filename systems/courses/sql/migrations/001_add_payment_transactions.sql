-- Payments as the requirement shows them. What was paid is folded by the platform from facts (plinth.payment_orders); these
-- rows follow it, and nobody but the platform writes them.

create type public.transaction_status as enum ('initiated', 'success', 'failed', 'refunded');

create table public.payment_transactions (
  id uuid primary key default gen_random_uuid(),
  registration_id uuid references public.registrations (id),
  event_id uuid not null references public.events (id),
  user_id uuid references auth.users (id) on delete set null,
  order_id uuid unique,
  razorpay_order_id text,
  razorpay_payment_id text,
  razorpay_signature text,
  status public.transaction_status not null default 'initiated',
  amount numeric(10, 2) not null check (amount >= 0),
  refunded_amount numeric(10, 2) not null default 0 check (refunded_amount >= 0),
  currency text not null default 'INR' check (currency ~ '^[A-Z]{3}$'),
  metadata jsonb not null default '{}',
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now()
);
comment on table public.payment_transactions is 'One row for each registration that is to be paid: who, how much, and what Razorpay says of it.';
comment on column public.payment_transactions.order_id is 'The platform''s order (plinth.payment_orders), whose state this row shows.';
comment on column public.payment_transactions.razorpay_signature is 'What the client brought back from Razorpay''s window, once it was checked.';
comment on column public.payment_transactions.refunded_amount is 'Given back so far. A part of the amount: the status stays success.';
comment on column public.payment_transactions.metadata is 'authorized_at, last_error, discrepancies, refund_because.';
create index payment_transactions_registration on public.payment_transactions (registration_id);
create index payment_transactions_user on public.payment_transactions (user_id, created_at);
create index payment_transactions_event on public.payment_transactions (event_id);
create index payment_transactions_created on public.payment_transactions (created_at, status);
create unique index payment_transactions_razorpay_order on public.payment_transactions (razorpay_order_id);
create index payment_transactions_metadata on public.payment_transactions using gin (metadata jsonb_path_ops);
create trigger touch before update on public.payment_transactions for each row execute function plinth.touch_row();

create table public.payment_attempts (
  id uuid primary key default gen_random_uuid(),
  registration_id uuid not null references public.registrations (id) on delete cascade,
  user_id uuid references auth.users (id) on delete set null,
  ip_address inet,
  user_agent text check (length(user_agent) <= 1000),
  device_id text check (length(device_id) <= 200),
  created_at timestamptz not null default plinth.now()
);
comment on table public.payment_attempts is 'Each time that somebody opened the payment window: from where, and with what.';
create index payment_attempts_registration on public.payment_attempts (registration_id);
create index payment_attempts_user on public.payment_attempts (user_id, created_at);
create index payment_attempts_ip on public.payment_attempts (ip_address, created_at);
create index payment_attempts_device on public.payment_attempts (device_id, created_at);

create table public.payment_flags (
  id uuid primary key default gen_random_uuid(),
  registration_id uuid not null references public.registrations (id) on delete cascade,
  user_id uuid references auth.users (id) on delete set null,
  rule text not null check (rule in ('many_attempts', 'many_users_of_address', 'many_users_of_device', 'many_failures', 'amount_differs', 'refund_failed')),
  facts jsonb not null default '{}',
  reviewed_at timestamptz,
  reviewed_by uuid references auth.users (id) on delete set null,
  verdict text check (verdict in ('fine', 'fraud')),
  created_at timestamptz not null default plinth.now(),
  unique (registration_id, rule)
);
comment on table public.payment_flags is 'Payments that look odd, for an administrator to review. A flag refuses nothing by itself.';
create index payment_flags_open on public.payment_flags (created_at) where reviewed_at is null;
create index payment_flags_user on public.payment_flags (user_id);
create index payment_flags_reviewer on public.payment_flags (reviewed_by);

alter table public.payment_transactions enable row level security;
alter table public.payment_attempts enable row level security;
alter table public.payment_flags enable row level security;
