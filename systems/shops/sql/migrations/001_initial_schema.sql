-- The tables of the shop platform (S-T1), their indexes, and the triggers that every row needs. 004_policies says who
-- may touch them. Applies to Plinth and, after the platform's 000_plinth, to a Supabase project.
--
-- Every table of a shop carries shop_id, first in its composite indexes. References between a shop's tables carry
-- it too, so that no row can point into another shop. What clients write keeps exact numeric major units; metrics
-- are integer minor units of the shop's currency (columns …_minor).

create schema private;
comment on schema private is 'Functions and tables that clients do not call: behind policies, triggers and RPC. Not exposed by REST.';
-- Realtime resolves the functions of policies by name as the subscriber. Each function is granted on its own.
grant usage on schema private to authenticated;

create type public.item_type as enum ('product', 'service');
create type public.movement_kind as enum ('opening', 'sale', 'return', 'adjustment', 'count', 'shrinkage', 'import');
create type public.order_status as enum ('Pending', 'Confirmed', 'Completed', 'Cancelled', 'Return');
create type public.shipping_status as enum ('unshipped', 'packed', 'shipped', 'delivered', 'returned');
create type public.team_role as enum ('Owner', 'Admin', 'Order Manager', 'Support Agent');
create type public.message_sender as enum ('user', 'bot');
create type public.match_type as enum ('contains', 'exact', 'word', 'regex');
create type public.conversation_state as enum ('open', 'waiting', 'closed');
create type public.subscription_plan as enum ('Starter', 'Pro', 'Growth');
create type public.subscription_status as enum ('trialing', 'active', 'expired', 'pending_approval');
create type public.billing_interval as enum ('month', 'year');
create type public.data_extension_status as enum
  ('none', 'requested', 'pending_payment', 'pending_approval', 'active', 'rejected', 'expired');
create type public.run_status as enum ('pending', 'running', 'completed', 'failed');
create type public.social_platform as enum ('facebook', 'instagram', 'whatsapp', 'telegram', 'tiktok', 'line');

-- People and shops ---------------------------------------------------------------------------------------------

create table public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  email text,
  full_name text,
  avatar_url text,
  phone text,
  is_admin boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.profiles is 'What the platform knows of a user beyond auth.users; made at sign-up.';
comment on column public.profiles.is_admin is 'Administrator of the whole platform. Only the service role sets it.';

create table public.shops (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid references auth.users (id) on delete set null,
  name text not null check (length(trim(name)) > 0),
  description text,
  logo_url text,
  phone text,
  email text,
  address text,
  currency text not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
  timezone text not null default 'UTC',
  low_stock_threshold integer not null default 10 check (low_stock_threshold >= 0),
  order_hold_minutes integer not null default 4320 check (order_hold_minutes between 1 and 525600),
  restock_returns boolean not null default true,
  notify_customers boolean not null default true,
  bot_pause_minutes integer not null default 60 check (bot_pause_minutes between 0 and 43200),
  ai_enabled boolean not null default false,
  ai_instructions text check (length(ai_instructions) <= 8000),
  subscription_plan public.subscription_plan not null default 'Starter',
  subscription_status public.subscription_status not null default 'trialing',
  billing_interval public.billing_interval not null default 'month',
  trial_ends_at timestamptz default now() + interval '14 days',
  period_ends_at timestamptz,
  data_extension_status public.data_extension_status not null default 'none',
  data_extension_ends_at timestamptz,
  ai_credits_included integer not null default 0 check (ai_credits_included >= 0),
  ai_credits_used integer not null default 0 check (ai_credits_used >= 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.shops is 'The tenants: one row per shop, with its settings and its subscription.';
comment on column public.shops.owner_id is 'Null once the owner''s account was deleted: a shop''s facts outlive an account.';
comment on column public.shops.timezone is 'IANA zone of the shop''s day.';
comment on column public.shops.low_stock_threshold is 'Units below which an item counts as low; items may set their own.';
comment on column public.shops.order_hold_minutes is 'How long a pending order keeps its units reserved. Default three days.';
comment on column public.shops.restock_returns is 'Whether the units of a returned order go back on the shelf.';
comment on column public.shops.notify_customers is 'Whether customers who gave an address are told of their orders by e-mail.';
comment on column public.shops.bot_pause_minutes is 'How long a conversation gets no automatic replies after an agent wrote in it.';
comment on column public.shops.ai_enabled is 'Whether a message that no keyword answers is answered by the AI port, a credit each.';
create index shops_owner on public.shops (owner_id);

create table public.team_members (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role public.team_role not null,
  created_at timestamptz not null default now(),
  unique (shop_id, user_id)
);
comment on table public.team_members is 'Who works in a shop, and as what. The owner by shops.owner_id needs no row.';
create index team_members_user on public.team_members (user_id, shop_id);

-- Catalogue and stock ------------------------------------------------------------------------------------------

create table public.forms (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  name text not null,
  description text,
  fields jsonb not null default '[]' check (jsonb_typeof(fields) = 'array'),
  is_active boolean not null default true,
  all_items boolean not null default false,
  hold_minutes integer not null default 60 check (hold_minutes between 5 and 43200),
  max_open_orders integer not null default 200 check (max_open_orders between 1 and 100000),
  requires_payment_proof boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (shop_id, id)
);
comment on table public.forms is 'Order forms that a shop designed; 011_order_forms takes what customers send.';
comment on column public.forms.fields is '[{key, label, type, required, …}]: docs/shops.md has the types and their rules.';
comment on column public.forms.all_items is 'Whether the form offers every item of the shop, not only those whose form_id it is.';
comment on column public.forms.hold_minutes is 'How long an order that came by the form keeps its units reserved until somebody looks at its payment.';
comment on column public.forms.max_open_orders is 'Pending orders that came by the form, at most: strangers cannot reserve a whole shop.';

create table public.items (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  item_type public.item_type not null default 'product',
  name text not null check (length(trim(name)) > 0),
  description text,
  sku text,
  retail_price numeric not null default 0 check (retail_price >= 0 and retail_price < 'Infinity'),
  original_price numeric check (original_price >= 0 and original_price < 'Infinity'),
  promo_price numeric check (promo_price >= 0 and promo_price < 'Infinity'),
  promo_start_date timestamptz,
  promo_end_date timestamptz,
  stock integer default 0,
  backorder_limit integer not null default 0 check (backorder_limit between 0 and 1000000),
  low_stock_threshold integer check (low_stock_threshold >= 0),
  category text,
  image_url text,
  warranty text,
  duration text,
  location text,
  form_id uuid,
  parent_id uuid,
  variant jsonb check (jsonb_typeof(variant) = 'object' and length(variant::text) <= 2000),
  has_variants boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (shop_id, id),
  unique (shop_id, sku),
  unique (shop_id, parent_id, variant),
  foreign key (shop_id, parent_id) references public.items (shop_id, id),
  foreign key (shop_id, form_id) references public.forms (shop_id, id) on delete set null (form_id),
  constraint items_promotion_in_order check (promo_end_date >= promo_start_date),
  constraint items_stock_not_negative check (stock >= -backorder_limit),
  constraint items_variant_of_parent check ((parent_id is null) = (variant is null) and parent_id <> id),
  constraint items_services_without_stock check ((item_type = 'service') = (stock is null))
) with (fillfactor = 70);
comment on table public.items is 'Products and services of a shop.';
comment on column public.items.stock is
  'Units on hand, always the sum of the item''s stock_history; null for services. Writing it writes the history.';
comment on column public.items.original_price is 'What a unit cost the shop, in major units; copied to a line when it is sold.';
comment on column public.items.backorder_limit is 'Units that may be sold beyond the shelf: stock may fall to minus this many. 0, the default: never.';
comment on column public.items.low_stock_threshold is 'Overrides the shop''s threshold.';
comment on column public.items.parent_id is 'The product that this is a variant of; a variant is an item with price and stock of its own.';
comment on column public.items.variant is 'What tells it from its siblings: {"size": "M", "colour": "red"}.';
comment on column public.items.has_variants is 'Whether there are variants: then they are sold, and it is not. Kept by a trigger.';
-- stock is in no index and pages have room: a sale rewrites its row in place instead of touching every index.
comment on column public.items.sku is 'The shop''s own article number; imports match by it.';
create index items_category on public.items (shop_id, category);
create index items_form on public.items (shop_id, form_id) where form_id is not null;

create table public.stock_history (
  id uuid primary key default gen_random_uuid(),
  seq bigint generated always as identity,
  shop_id uuid not null references public.shops (id) on delete cascade,
  item_id uuid,
  deleted_item_id uuid,
  change integer not null check (change <> 0),
  new_stock integer not null check (new_stock >= -1000000),
  kind public.movement_kind not null default 'adjustment',
  reason text not null,
  order_ref text,
  changed_by uuid,
  "timestamp" timestamptz not null default now(),
  foreign key (shop_id, item_id) references public.items (shop_id, id),
  constraint stock_history_names_one_item check (num_nonnulls(item_id, deleted_item_id) = 1)
);
comment on table public.stock_history is
  'Every movement of stock, append-only: the sum of an item''s changes is its stock. Written by SQL alone.';
comment on column public.stock_history.seq is 'Order of movements; the times of imported ones lie in the past.';
comment on column public.stock_history.deleted_item_id is 'Takes the place of item_id when the item is deleted.';
comment on column public.stock_history.kind is
  'opening: what was there at first; sale, return: an order took or gave back; adjustment, count, shrinkage: a person; import.';
comment on column public.stock_history.new_stock is 'Stock after the movement.';
comment on column public.stock_history.order_ref is 'submission_id of the order that moved the stock; null for adjustments.';
comment on column public.stock_history.changed_by is
  'The user who did it; null for the service role and imports. No reference: history outlives accounts.';
create index stock_history_item on public.stock_history (shop_id, item_id, seq desc);
create index stock_history_time on public.stock_history (shop_id, "timestamp");
create index stock_history_order on public.stock_history (shop_id, order_ref) where order_ref is not null;

-- Conversations ------------------------------------------------------------------------------------------------

create table public.conversations (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  customer_name text,
  customer_contact text,
  platform public.social_platform,
  external_id text,
  integration_id uuid,
  assigned_to uuid references auth.users (id) on delete set null,
  state public.conversation_state not null default 'open',
  bot_paused_until timestamptz,
  last_message_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (shop_id, id),
  unique (shop_id, platform, external_id)
);
comment on table public.conversations is 'A customer''s conversation with a shop.';
comment on column public.conversations.external_id is 'The customer as the platform names them.';
comment on column public.conversations.integration_id is 'The account that replies leave by; set by the channel the conversation came in through.';
comment on column public.conversations.state is 'open: the shop is to answer; waiting: the customer is; closed. A customer''s message opens it.';
comment on column public.conversations.bot_paused_until is 'No automatic replies before this instant: an agent has taken over. infinity until somebody hands it back.';
create index conversations_recent on public.conversations (shop_id, last_message_at desc);
create index conversations_inbox on public.conversations (shop_id, state, last_message_at desc);
create index conversations_assignee on public.conversations (assigned_to) where assigned_to is not null;

create table public.messages (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  conversation_id uuid not null,
  seq bigint generated always as identity,
  sender public.message_sender not null,
  text text check (length(text) <= 20000),
  attachments jsonb not null default '[]' check (jsonb_typeof(attachments) = 'array'),
  external_id text,
  sent_by uuid,
  in_reply_to uuid,
  is_ai boolean not null default false,
  "timestamp" timestamptz not null default now(),
  foreign key (shop_id, conversation_id) references public.conversations (shop_id, id) on delete cascade,
  unique (shop_id, external_id)
);
comment on table public.messages is 'Messages of a conversation, by the customer (user) or the shop (bot).';
comment on column public.messages.external_id is 'The platform''s own id: the same message delivered twice is one row.';
comment on column public.messages.seq is 'Order of messages; their times come from the platforms.';
comment on column public.messages.sent_by is 'The agent who wrote it; null for automatic replies and the customer. Set by a trigger.';
comment on column public.messages.in_reply_to is 'The customer''s message that it answers by itself: one automatic reply each.';
comment on column public.messages.is_ai is 'Written by the AI-reply port; counted, and written by the service role only.';
create index messages_time on public.messages (shop_id, "timestamp");
create index messages_conversation on public.messages (shop_id, conversation_id, seq);
create unique index messages_one_reply on public.messages (shop_id, in_reply_to) where in_reply_to is not null;

create table public.keyword_replies (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  keywords text[] not null check (cardinality(keywords) > 0),
  reply text not null,
  match_type public.match_type not null default 'contains',
  apply_to_chat boolean not null default true,
  apply_to_comments boolean not null default false,
  buttons jsonb not null default '[]' check (jsonb_typeof(buttons) = 'array'),
  priority integer not null default 0,
  cooldown_seconds integer not null default 60 check (cooldown_seconds between 0 and 2592000),
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint keyword_replies_bounded check (cardinality(keywords) <= 100 and length(array_to_string(keywords, '')) <= 10000
    and length(reply) <= 4000)
);
comment on table public.keyword_replies is 'What the shop answers by itself when a message fits a keyword: of several the one of the highest priority, then the oldest.';
comment on column public.keyword_replies.match_type is
  'exact: the whole message; contains: anywhere; word: as a whole word; regex: a regular expression of RE2, which takes linear time. Case and width of letters do not count.';
comment on column public.keyword_replies.cooldown_seconds is 'The same rule answers the same conversation once in so many seconds.';
create index keyword_replies_shop on public.keyword_replies (shop_id) where enabled;

create table public.saved_replies (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  title text not null,
  content text not null check (length(content) <= 4000),
  shortcut text check (shortcut ~ '^\S{1,40}$'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (shop_id, shortcut)
);
comment on table public.saved_replies is 'Texts that agents send with one touch; {{customer_name}}, {{shop_name}}, {{agent_name}}, {{order}} and {{order_status}} are filled in.';
create index saved_replies_shop on public.saved_replies (shop_id);

-- Orders -------------------------------------------------------------------------------------------------------

create table public.payment_methods (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  name text not null,
  type text,
  details jsonb not null default '{}',
  instructions text,
  qr_code_url text,
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.payment_methods is 'How a shop''s customers may pay.';
create index payment_methods_shop on public.payment_methods (shop_id);

create table public.form_submissions (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  form_id uuid,
  conversation_id uuid,
  submission_id text not null default 'ORD-' || upper(substr(replace(gen_random_uuid()::text, '-', ''), 1, 12))
    check (length(submission_id) between 1 and 200),
  status public.order_status not null default 'Pending',
  ordered_products jsonb not null default '[]',
  customer_name text,
  customer_phone text,
  customer_email text,
  payment_method text,
  payment_screenshot_url text,
  discount numeric not null default 0 check (discount >= 0 and discount < 'Infinity'),
  coupon_code text,
  hold_minutes integer check (hold_minutes between 5 and 525600),
  custom_fields jsonb not null default '{}',
  delivery_address jsonb check (jsonb_typeof(delivery_address) = 'object' and length(delivery_address::text) <= 4000),
  shipping_status public.shipping_status not null default 'unshipped',
  shipping_carrier text,
  tracking_number text,
  tracking_url text check (tracking_url ~ '^https?://'),
  shipped_at timestamptz,
  delivered_at timestamptz,
  imported boolean not null default false,
  submitted_at timestamptz not null default now() check (submitted_at >= '1970-01-01' and submitted_at < '2200-01-01'),
  returned_at timestamptz,
  updated_at timestamptz not null default now(),
  unique (shop_id, id),
  unique (shop_id, submission_id),
  foreign key (shop_id, form_id) references public.forms (shop_id, id) on delete set null (form_id),
  foreign key (shop_id, conversation_id) references public.conversations (shop_id, id)
    on delete set null (conversation_id),
  constraint form_submissions_shipped check ((shipping_status in ('shipped', 'delivered', 'returned')) = (shipped_at is not null)
    and (shipping_status = 'delivered') = (delivered_at is not null))
);
comment on table public.form_submissions is 'Orders. Their status moves stock: docs/shops.md has the table.';
comment on column public.form_submissions.submission_id is
  'The order''s number, unique in its shop: two shops may both have an ORD-1234.';
comment on column public.form_submissions.ordered_products is
  '[{productId, quantity, unitPrice}], as clients write it; order_lines holds the same as rows.';
comment on column public.form_submissions.discount is 'Taken off the whole order, major units. Of an order with a coupon it is computed.';
comment on column public.form_submissions.coupon_code is 'The coupon that the discount comes from (012_coupons); it stays as the order was placed.';
comment on column public.form_submissions.hold_minutes is 'How long its units stay reserved; null: as the shop says.';
comment on column public.form_submissions.imported is
  'Brought in from another system by the service role: lines may be negative (credits, write-offs), stock moves are '
  'dated submitted_at.';
comment on column public.form_submissions.returned_at is
  'When the order was returned, null unless it is: its refund counts on that day. Set by a trigger.';
comment on column public.form_submissions.delivery_address is 'Where it goes, an object of the shop''s own making: {name, street, city, postal_code, country}.';
comment on column public.form_submissions.shipping_status is 'How far the goods are, apart from the order''s status: docs/shops.md has the table.';
comment on column public.form_submissions.shipped_at is 'When it left, null unless it did; delivered_at likewise. Set by a trigger.';
create index form_submissions_returned on public.form_submissions (shop_id, returned_at) where returned_at is not null;
create index form_submissions_time on public.form_submissions (shop_id, submitted_at desc);
create index form_submissions_status on public.form_submissions (shop_id, status, submitted_at desc);
create index form_submissions_form on public.form_submissions (shop_id, form_id) where form_id is not null;
create index form_submissions_conversation on public.form_submissions (shop_id, conversation_id)
  where conversation_id is not null;

-- What the 19 tables asked for do not hold and stock needs. Written by SQL alone; members read.

create table public.order_lines (
  shop_id uuid not null,
  order_id uuid not null,
  line_no integer not null check (line_no > 0),
  item_id uuid,
  item_name text not null,
  quantity integer not null check (quantity <> 0),
  unit_price numeric not null,
  unit_cost numeric,
  category text,
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
comment on column public.order_lines.category is 'items.category when the line was written: an item that moves later leaves past days alone.';
comment on column public.order_lines.amount is 'quantity × unit_price, major units, exact: lines add up as on paper.';
comment on column public.order_lines.amount_minor is
  'amount in minor units of the currency, rounded once, half away from zero: what ledgers and metrics count.';
create index order_lines_item on public.order_lines (shop_id, item_id);

create table public.order_returns (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null,
  order_id uuid not null,
  line_no integer not null,
  return_key text not null check (length(return_key) between 1 and 200),
  quantity integer not null check (quantity > 0),
  restocked boolean not null,
  amount_minor bigint not null,
  discount_minor bigint not null,
  cost_minor bigint not null,
  reason text,
  returned_by uuid,
  returned_at timestamptz not null,
  unique (shop_id, order_id, return_key, line_no),
  foreign key (shop_id, order_id, line_no) references public.order_lines (shop_id, order_id, line_no) on delete cascade
);
comment on table public.order_returns is 'Units of an order''s lines that came back while the order stands. Append-only, written by return_lines().';
comment on column public.order_returns.amount_minor is 'Their part of the line''s amount: parts of a line add up to it to the last unit.';
comment on column public.order_returns.discount_minor is 'Their part of the order''s discount, which is taken back with them.';
comment on column public.order_returns.cost_minor is 'Their cost, 0 where they did not go back on the shelf.';
create index order_returns_time on public.order_returns (shop_id, returned_at);

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

-- Metrics ------------------------------------------------------------------------------------------------------

create table public.daily_sales_metrics (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  date date not null,
  currency text not null,
  gross_minor bigint not null default 0,
  discount_minor bigint not null default 0,
  refund_minor bigint not null default 0,
  revenue_minor bigint not null default 0,
  cost_minor bigint not null default 0,
  net_profit_minor bigint not null default 0,
  avg_order_value_minor bigint not null default 0,
  orders_count integer not null default 0,
  items_sold bigint not null default 0,
  items_returned bigint not null default 0,
  items_without_cost bigint not null default 0,
  pending_count integer not null default 0,
  confirmed_count integer not null default 0,
  completed_count integer not null default 0,
  cancelled_count integer not null default 0,
  return_count integer not null default 0,
  categories jsonb not null default '[]',
  generated_at timestamptz not null default now(),
  unique (shop_id, date)
);
comment on table public.daily_sales_metrics is
  'A shop''s sales of one local day, in minor units, derived from its orders (008_metrics). docs/shops.md defines each figure.';
comment on column public.daily_sales_metrics.gross_minor is 'Lines of the orders placed on the day that are Confirmed, Completed or Return.';
comment on column public.daily_sales_metrics.discount_minor is 'Discounts of these orders, less those of the orders returned on the day.';
comment on column public.daily_sales_metrics.refund_minor is 'Lines that came back on the day, whenever they were sold.';
comment on column public.daily_sales_metrics.revenue_minor is 'gross - discount - refund.';
comment on column public.daily_sales_metrics.cost_minor is 'Cost of what was sold less the cost of what went back on the shelf.';
comment on column public.daily_sales_metrics.net_profit_minor is 'revenue - cost. What items_without_cost count has no cost.';
comment on column public.daily_sales_metrics.avg_order_value_minor is '(gross - discounts of the day''s orders) / orders_count, rounded half away from zero.';
comment on column public.daily_sales_metrics.orders_count is 'Orders placed on the day that sold something. pending_count to return_count are all orders placed on it.';
comment on column public.daily_sales_metrics.categories is
  '[{category, units_sold, units_returned, revenue_minor, cost_minor}], before discounts of whole orders; category null is none.';

create table public.product_analytics (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  item_id uuid not null,
  date date not null,
  currency text not null,
  units_sold bigint not null default 0,
  units_returned bigint not null default 0,
  closing_stock integer,
  revenue_minor bigint not null default 0,
  cost_of_goods_minor bigint not null default 0,
  profit_minor bigint not null default 0,
  margin numeric,
  sell_through numeric,
  generated_at timestamptz not null default now(),
  unique (shop_id, item_id, date),
  foreign key (shop_id, item_id) references public.items (shop_id, id) on delete cascade
);
comment on table public.product_analytics is
  'An item''s sales of one local day, in minor units, before discounts of whole orders; of the items that moved on the day.';
comment on column public.product_analytics.revenue_minor is 'Sold less returned on the day.';
comment on column public.product_analytics.closing_stock is 'Units on hand at the end of the day; null for services.';
comment on column public.product_analytics.margin is 'profit / revenue, null without revenue.';
comment on column public.product_analytics.sell_through is 'units_sold / (units_sold + closing_stock), from 0 to 1.';
create index product_analytics_date on public.product_analytics (shop_id, date);

create table public.platform_metrics (
  id uuid primary key default gen_random_uuid(),
  date date not null unique,
  currency text not null,
  gmv_minor bigint not null default 0,
  gmv_by_currency jsonb not null default '{}',
  mrr_minor bigint not null default 0,
  new_mrr_minor bigint not null default 0,
  expansion_mrr_minor bigint not null default 0,
  contraction_mrr_minor bigint not null default 0,
  churned_mrr_minor bigint not null default 0,
  data_extension_revenue_minor bigint not null default 0,
  new_users integer not null default 0,
  new_subscriptions integer not null default 0,
  churned_subscriptions integer not null default 0,
  total_shops integer not null default 0,
  active_shops integer not null default 0,
  total_orders integer not null default 0,
  total_conversations integer not null default 0,
  ai_messages_processed integer not null default 0,
  plan_distribution jsonb not null default '{}',
  data_extension_distribution jsonb not null default '{}',
  generated_at timestamptz not null default now()
);
comment on table public.platform_metrics is
  'The whole platform on one day (UTC), for its administrators, in minor units of the plans'' currency; 009_platform derives it.';
comment on column public.platform_metrics.gmv_minor is 'Gross sales of the shops whose currency is the plans'' one; gmv_by_currency has all.';
comment on column public.platform_metrics.mrr_minor is
  'What active subscriptions pay a month at the end of the day, annual ones a twelfth; trials pay nothing.';
comment on column public.platform_metrics.active_shops is 'Shops with an order, a message or a movement of stock in the 30 days that end with the day.';
comment on column public.platform_metrics.plan_distribution is '{plan: {status: shops}} at the end of the day.';

-- Backups, sync, integrations ----------------------------------------------------------------------------------

create table public.backup_logs (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid references public.shops (id) on delete cascade,
  backup_type text not null,
  status public.run_status not null default 'pending',
  size_bytes bigint check (size_bytes >= 0),
  details jsonb not null default '{}',
  error text,
  started_at timestamptz not null default now(),
  completed_at timestamptz
);
comment on table public.backup_logs is 'Each run of a backup; shop_id is null for runs over the whole platform.';
create index backup_logs_shop on public.backup_logs (shop_id, started_at desc);

create table public.recovery_snapshots (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid references public.shops (id) on delete cascade,
  snapshot_name text not null unique,
  description text,
  shop_ids uuid[],
  status public.run_status not null default 'pending',
  size_bytes bigint check (size_bytes >= 0),
  created_by uuid,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '90 days'
);
comment on table public.recovery_snapshots is 'Points that shops can be restored to.';
comment on column public.recovery_snapshots.shop_id is 'The shop, when the snapshot is of one shop alone.';
create index recovery_snapshots_shop on public.recovery_snapshots (shop_id, created_at desc);
create index recovery_snapshots_expiry on public.recovery_snapshots (expires_at);

create table public.sync_status (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  table_name text not null,
  region text,
  status public.run_status not null default 'pending',
  position bigint,
  records_synced bigint not null default 0 check (records_synced >= 0),
  last_synced_at timestamptz,
  lag_seconds bigint check (lag_seconds >= 0),
  error text,
  updated_at timestamptz not null default now(),
  unique (shop_id, table_name)
);
comment on table public.sync_status is 'Up to where the second place of backups has each table of a shop.';
comment on column public.sync_status.position is 'The last change of the shop''s journal that is there.';
comment on column public.sync_status.lag_seconds is 'How old what is there was when this was written.';
comment on column public.sync_status.records_synced is 'Rows of the table when that position was first seen.';

create table public.social_integrations (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  platform public.social_platform not null,
  account_id text,
  account_name text,
  token_expires_at timestamptz,
  is_active boolean not null default true,
  last_error text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (shop_id, platform),
  unique (shop_id, id)
);
comment on table public.social_integrations is 'A shop''s accounts on social platforms. Their tokens are in private.social_tokens.';
comment on column public.social_integrations.last_error is 'Why the platform refused the account the last time; null while it does not.';

-- Sealed is a version byte 1, a nonce and a tag before the text: more than 29 bytes.
create table private.social_tokens (
  integration_id uuid primary key references public.social_integrations (id) on delete cascade,
  access_token_sealed bytea check (length(access_token_sealed) > 29 and get_byte(access_token_sealed, 0) = 1),
  refresh_token_sealed bytea check (length(refresh_token_sealed) > 29 and get_byte(refresh_token_sealed, 0) = 1),
  webhook_secret_sealed bytea check (length(webhook_secret_sealed) > 29 and get_byte(webhook_secret_sealed, 0) = 1)
);
comment on table private.social_tokens is
  'OAuth tokens of social integrations, sealed by the server (AES-256-GCM, kernel/seal.ts); a token in the clear is '
  'refused. In a schema that REST does not expose, for the service role alone.';
alter table private.social_tokens enable row level security;

-- Bookkeeping of rows ------------------------------------------------------------------------------------------

do $$
declare t text;
begin
  foreach t in array array['profiles', 'shops', 'forms', 'items', 'conversations', 'keyword_replies', 'saved_replies',
    'payment_methods', 'form_submissions', 'sync_status', 'social_integrations']
  loop
    execute format('create trigger touch_row before update on public.%I for each row execute function plinth.touch_row()', t);
  end loop;
end $$;

create function private.check_shop() returns trigger language plpgsql set search_path = '' as $$
begin
  -- PostgreSQL also takes POSIX offsets (XYZ+3), whose sign is the other way round.
  if new.timezone !~ '^[A-Za-z]+$|/' then
    raise invalid_parameter_value;
  end if;
  perform pg_catalog.now() at time zone new.timezone;
  return new;
exception when invalid_parameter_value then
  raise exception 'There is no time zone "%".', new.timezone
    using errcode = '22023', hint = 'Use an IANA name like Europe/London.', column = 'timezone';
end $$;
comment on function private.check_shop() is 'Trigger: a shop''s zone is one that PostgreSQL knows.';
create trigger check_shop before insert on public.shops for each row execute function private.check_shop();
create trigger check_shop_change before update of timezone on public.shops
  for each row when (old.timezone is distinct from new.timezone) execute function private.check_shop();

-- security definer: whoever signs up has no rights on profiles yet, and auth's own role has none at all.
create function private.create_profile() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles (id, email, full_name)
  values (new.id, new.email, new.raw_user_meta_data ->> 'full_name')
  on conflict (id) do nothing;
  return new;
end $$;
comment on function private.create_profile() is 'Trigger: a new account gets its profile.';
revoke all on all functions in schema private from public;
create trigger create_profile after insert on auth.users for each row execute function private.create_profile();
