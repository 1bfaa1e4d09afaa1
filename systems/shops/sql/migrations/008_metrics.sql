-- Metrics of a shop's local days, all derived from one function: private.sales_facts().
--
-- A sale counts on the day on which the order was placed, as long as the order is Confirmed, Completed or Return. A
-- return counts on the day on which it happened. So a later status, a correction or an order that comes late derives
-- its day anew; nothing is ever added to a figure. private.derive_day() writes both metrics of a day at once.
--
-- Which days are to be derived: private.dirty_days, marked by the consumer of the change stream
-- (metrics/mark-dirty-days.ts) and taken up by the job refresh-metrics.

create table private.dirty_days (
  shop_id uuid not null references public.shops (id) on delete cascade,
  date date not null,
  causes jsonb not null default '[]',
  marked_at timestamptz not null default now(),
  primary key (shop_id, date)
);
comment on table private.dirty_days is 'Local days whose metrics are to be derived anew, and the changes that made them so.';
create index dirty_days_marked on private.dirty_days (marked_at);
alter table private.dirty_days enable row level security;

create table public.metric_restatements (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  date date not null,
  restated_at timestamptz not null default now(),
  causes jsonb not null,
  before jsonb not null,
  after jsonb not null
);
comment on table public.metric_restatements is 'Closed days whose figures changed afterwards: when, because of what, from what to what.';
comment on column public.metric_restatements.causes is '[{order, from, to}] or [{cause}]; the first 50.';
create index metric_restatements_day on public.metric_restatements (shop_id, date, restated_at);
alter table public.metric_restatements enable row level security;
revoke all on public.metric_restatements from anon, authenticated, service_role;
grant select on public.metric_restatements to authenticated, service_role;
create policy "select by role" on public.metric_restatements for select to authenticated
  using (shop_id = any ((select private.my_shops())::uuid[]));

-- Facts ----------------------------------------------------------------------------------------------------------

create function private.local_day(p_zone text, p_date date, out starts timestamptz, out ends timestamptz) language sql stable as $$
  select p_date::timestamp at time zone p_zone, (p_date + 1)::timestamp at time zone p_zone
$$;
comment on function private.local_day(text, date) is 'A day of a zone as instants, the end not included: days of a zone tile time without gap or overlap.';

-- No search_path of its own, so that it is planned with the statement that reads from it.
create function private.sales_facts(p_shop_id uuid, p_date date)
returns table (order_id uuid, submission_id text, is_refund boolean, item_id uuid, category text, units bigint, amount_minor bigint,
  discount_minor bigint, cost_minor bigint, cost_known boolean)
language sql stable as $$
  with day as (
    select s.id as shop_id, s.currency, power(10::numeric, plinth.minor_digits(s.currency)) as factor, d.starts, d.ends
    from public.shops s cross join lateral private.local_day(s.timezone, p_date) d
    where s.id = p_shop_id
  ),
  moved as (
    select f.id, f.submission_id, f.discount, 1 as sign, true as restocked
    from day join public.form_submissions f on f.shop_id = day.shop_id and f.submitted_at >= day.starts and f.submitted_at < day.ends
    where f.status in ('Confirmed', 'Completed', 'Return')
    union all
    select f.id, f.submission_id, f.discount, -1, k.state is distinct from 'taken'
    from day join public.form_submissions f on f.shop_id = day.shop_id and f.returned_at >= day.starts and f.returned_at < day.ends
    left join public.order_stock k on k.shop_id = f.shop_id and k.order_ref = f.submission_id
    where f.status = 'Return'
  )
  select m.id, m.submission_id, m.sign * l.quantity < 0, l.item_id, l.category, abs(l.quantity)::bigint - coalesce(b.units, 0),
    sign(l.quantity)::bigint * l.amount_minor - coalesce(b.amount, 0), 0::bigint,
    case when m.sign > 0 or m.restocked
      then round((abs(l.quantity) - coalesce(b.units, 0)) * coalesce(l.unit_cost, i.original_price, 0) * day.factor)::bigint else 0 end,
    coalesce(l.unit_cost, i.original_price) is not null
  from day
  cross join moved m
  join public.order_lines l on l.shop_id = day.shop_id and l.order_id = m.id
  left join public.items i on l.unit_cost is null and i.shop_id = l.shop_id and i.id = l.item_id
  left join lateral (
    select sum(r.quantity) as units, sum(r.amount_minor)::bigint as amount from public.order_returns r
    where r.shop_id = l.shop_id and r.order_id = l.order_id and r.line_no = l.line_no
  ) b on m.sign < 0
  union all
  select m.id, m.submission_id, m.sign < 0, null, null, 0, 0, plinth.to_minor(m.discount, day.currency) - coalesce(b.discount, 0), 0, true
  from day cross join moved m
  left join lateral (
    select sum(r.discount_minor)::bigint as discount from public.order_returns r where r.shop_id = day.shop_id and r.order_id = m.id
  ) b on m.sign < 0
  where m.discount <> 0
  union all
  select f.id, f.submission_id, true, p.item_id, p.category, p.units, p.amount, p.discount, p.cost, true
  from day
  join public.order_returns r on r.shop_id = day.shop_id and r.returned_at >= day.starts and r.returned_at < day.ends
  join public.form_submissions f on f.shop_id = r.shop_id and f.id = r.order_id and f.status in ('Confirmed', 'Completed', 'Return')
  join public.order_lines l on l.shop_id = r.shop_id and l.order_id = r.order_id and l.line_no = r.line_no
  cross join lateral (values (l.item_id, l.category, r.quantity::bigint, r.amount_minor, 0::bigint, r.cost_minor),
    (null, null, 0, 0, r.discount_minor, 0)) p (item_id, category, units, amount, discount, cost)
$$;
comment on function private.sales_facts(uuid, date) is
  'What a local day consists of: a row per line that was sold on it or came back on it (is_refund), and per discount of an '
  'order. Amounts are positive in the direction of their kind. A line of negative quantity (an imported credit) is a refund '
  'of its own day. Returns of single lines count on their own day, and the return of the whole order only for the rest. The cost of '
  'what came back is 0 where it did not go back on the shelf.';

-- Deriving a day ---------------------------------------------------------------------------------------------------

-- security definer: metrics are written by SQL alone.
create function private.derive_day(p_shop_id uuid, p_date date, p_causes jsonb default '[]') returns public.daily_sales_metrics
language plpgsql security definer set search_path = '' as $$
declare
  v_before public.daily_sales_metrics;
  v_after public.daily_sales_metrics;
begin
  -- The statements below read what was committed before this lock was taken: of two at once, the later one is right.
  perform pg_advisory_xact_lock(hashtextextended('plinth.day:' || p_shop_id || ':' || p_date, 0));
  select * into v_before from public.daily_sales_metrics where shop_id = p_shop_id and date = p_date;

  with day as (
    select s.id as shop_id, s.currency, d.starts, d.ends
    from public.shops s cross join lateral private.local_day(s.timezone, p_date) d where s.id = p_shop_id
  ),
  fact as materialized (
    select * from private.sales_facts(p_shop_id, p_date)
  ),
  product as (
    select f.item_id, sum(f.units) filter (where not f.is_refund) as sold, sum(f.units) filter (where f.is_refund) as returned,
      sum(case when f.is_refund then -f.amount_minor else f.amount_minor end) as revenue,
      sum(case when f.is_refund then -f.cost_minor else f.cost_minor end) as cost
    from fact f where f.item_id is not null group by f.item_id
  ),
  removed as (
    delete from public.product_analytics a
    where a.shop_id = p_shop_id and a.date = p_date and not exists (select from product p where p.item_id = a.item_id)
  ),
  written as (
    insert into public.product_analytics as a (shop_id, item_id, date, currency, units_sold, units_returned, closing_stock,
      revenue_minor, cost_of_goods_minor, profit_minor, margin, sell_through)
    select p_shop_id, p.item_id, p_date, day.currency, coalesce(p.sold, 0), coalesce(p.returned, 0), stock.closing,
      p.revenue, p.cost, p.revenue - p.cost, round((p.revenue - p.cost) / nullif(p.revenue, 0), 4),
      round(coalesce(p.sold, 0)::numeric / nullif(coalesce(p.sold, 0) + stock.closing, 0), 4)
    from product p
    cross join day
    join public.items i on i.shop_id = p_shop_id and i.id = p.item_id
    left join lateral (
      select h.new_stock as closing from public.stock_history h
      where h.shop_id = p_shop_id and h.item_id = p.item_id and h."timestamp" < day.ends
      order by h.seq desc limit 1
    ) stock on i.item_type = 'product'
    on conflict (shop_id, item_id, date) do update
      set currency = excluded.currency, units_sold = excluded.units_sold, units_returned = excluded.units_returned,
        -- Of a day whose movements are in the archive, the stock that was seen when they were not.
        closing_stock = coalesce(excluded.closing_stock, a.closing_stock), revenue_minor = excluded.revenue_minor,
        cost_of_goods_minor = excluded.cost_of_goods_minor, profit_minor = excluded.profit_minor, margin = excluded.margin,
        sell_through = case when excluded.closing_stock is null then a.sell_through else excluded.sell_through end, generated_at = now()
  ),
  category as (
    select jsonb_agg(jsonb_build_object('category', c.category, 'units_sold', c.sold, 'units_returned', c.returned,
        'revenue_minor', c.revenue, 'cost_minor', c.cost) order by c.revenue desc, c.category) as list
    from (
      select f.category, coalesce(sum(f.units) filter (where not f.is_refund), 0) as sold,
        coalesce(sum(f.units) filter (where f.is_refund), 0) as returned,
        sum(case when f.is_refund then -f.amount_minor else f.amount_minor end) as revenue,
        sum(case when f.is_refund then -f.cost_minor else f.cost_minor end) as cost
      from fact f where f.units > 0 group by f.category
    ) c
  ),
  total as (
    select coalesce(sum(f.amount_minor) filter (where not f.is_refund), 0) as gross,
      coalesce(sum(f.amount_minor) filter (where f.is_refund), 0) as refund,
      coalesce(sum(f.discount_minor) filter (where not f.is_refund), 0) as granted,
      coalesce(sum(f.discount_minor) filter (where f.is_refund), 0) as taken_back,
      coalesce(sum(case when f.is_refund then -f.cost_minor else f.cost_minor end), 0) as cost,
      coalesce(sum(f.units) filter (where not f.is_refund), 0) as sold,
      coalesce(sum(f.units) filter (where f.is_refund), 0) as returned,
      coalesce(sum(f.units) filter (where not f.is_refund and not f.cost_known), 0) as without_cost,
      count(distinct f.order_id) filter (where not f.is_refund and f.units > 0) as orders
    from fact f
  ),
  placed as (
    select count(*) filter (where f.status = 'Pending') as pending, count(*) filter (where f.status = 'Confirmed') as confirmed,
      count(*) filter (where f.status = 'Completed') as completed, count(*) filter (where f.status = 'Cancelled') as cancelled,
      count(*) filter (where f.status = 'Return') as returned
    from day join public.form_submissions f on f.shop_id = day.shop_id and f.submitted_at >= day.starts and f.submitted_at < day.ends
  )
  insert into public.daily_sales_metrics as m (shop_id, date, currency, gross_minor, discount_minor, refund_minor, revenue_minor, cost_minor,
    net_profit_minor, avg_order_value_minor, orders_count, items_sold, items_returned, items_without_cost,
    pending_count, confirmed_count, completed_count, cancelled_count, return_count, categories)
  select p_shop_id, p_date, day.currency, t.gross, t.granted - t.taken_back, t.refund, r.revenue, t.cost, r.revenue - t.cost,
    coalesce(round((t.gross - t.granted)::numeric / nullif(t.orders, 0)), 0), t.orders, t.sold, t.returned, t.without_cost,
    s.pending, s.confirmed, s.completed, s.cancelled, s.returned, coalesce(c.list, '[]')
  from day
  cross join total t
  cross join lateral (select t.gross - t.granted + t.taken_back - t.refund as revenue) r
  cross join placed s
  cross join category c
  on conflict (shop_id, date) do update
    set currency = excluded.currency, gross_minor = excluded.gross_minor, discount_minor = excluded.discount_minor,
      refund_minor = excluded.refund_minor, revenue_minor = excluded.revenue_minor, cost_minor = excluded.cost_minor,
      net_profit_minor = excluded.net_profit_minor, avg_order_value_minor = excluded.avg_order_value_minor,
      orders_count = excluded.orders_count, items_sold = excluded.items_sold, items_returned = excluded.items_returned,
      items_without_cost = excluded.items_without_cost, pending_count = excluded.pending_count,
      confirmed_count = excluded.confirmed_count, completed_count = excluded.completed_count,
      cancelled_count = excluded.cancelled_count, return_count = excluded.return_count, categories = excluded.categories,
      generated_at = now()
  returning m.* into v_after;

  if v_before.id is not null and p_date < private.local_today(p_shop_id)
    and to_jsonb(v_before) - 'generated_at' <> to_jsonb(v_after) - 'generated_at' then
    insert into public.metric_restatements (shop_id, date, causes, before, after)
      values (p_shop_id, p_date, case when p_causes = '[]' then '[{"cause": "recomputed"}]' else p_causes end,
        to_jsonb(v_before) - '{id,shop_id,date,generated_at}'::text[], to_jsonb(v_after) - '{id,shop_id,date,generated_at}'::text[]);
  end if;
  return v_after;
end $$;
comment on function private.derive_day(uuid, date, jsonb) is
  'Derives the metrics of a shop''s local day from its orders, whatever stood there before, and records it when a closed '
  'day changes. Deriving a day again changes nothing.';

create function private.local_today(p_shop_id uuid) returns date language sql stable set search_path = '' as $$
  select (plinth.now() at time zone timezone)::date from public.shops where id = p_shop_id
$$;
comment on function private.local_today(uuid) is 'The date in a shop''s zone.';

create table private.metrics_position (
  only_row boolean primary key default true check (only_row),
  position text not null
);
comment on table private.metrics_position is 'Up to where the change stream has been read for dirty days.';
alter table private.metrics_position enable row level security;

-- Which days are dirty -----------------------------------------------------------------------------------------------

create function private.mark_days(p_marks jsonb) returns void language plpgsql set search_path = '' as $$
begin
  insert into private.dirty_days as d (shop_id, date, causes)
  select m.shop_id, (m.at at time zone s.timezone)::date,
    coalesce(jsonb_path_query_array(jsonb_agg(distinct m.cause) filter (where m.cause is not null), '$[0 to 49]'), '[]')
  from jsonb_to_recordset(p_marks) m (shop_id uuid, at timestamptz, cause jsonb)
  join public.shops s on s.id = m.shop_id
  group by 1, 2
  order by 1, 2
  on conflict (shop_id, date) do update
    set causes = jsonb_path_query_array(d.causes || excluded.causes, '$[0 to 49]');
end $$;
comment on function private.mark_days(jsonb) is 'Marks the local days of instants: [{shop_id, at, cause}].';

create function private.mark_all_days(p_shop_id uuid default null, p_cause text default 'recomputed') returns void
language plpgsql set search_path = '' as $$
begin
  insert into private.dirty_days (shop_id, date, causes)
  select distinct day.shop_id, day.date, jsonb_build_array(jsonb_build_object('cause', p_cause))
  from (
    select f.shop_id, (t.at at time zone s.timezone)::date as date
    from public.form_submissions f
    join public.shops s on s.id = f.shop_id
    cross join lateral (values (f.submitted_at), (f.returned_at)) t (at)
    where t.at is not null
    union all
    select m.shop_id, m.date from public.daily_sales_metrics m
  ) day
  where p_shop_id is null or day.shop_id = p_shop_id
  on conflict (shop_id, date) do nothing;
end $$;
comment on function private.mark_all_days(uuid, text) is 'Marks every day of a shop, or of all, that has orders or metrics.';

create function private.mark_return_days(p_order_ids uuid[]) returns void language plpgsql set search_path = '' as $$
begin
  perform private.mark_days((
    select coalesce(jsonb_agg(jsonb_build_object('shop_id', r.shop_id, 'at', r.returned_at,
      'cause', jsonb_build_object('order', f.submission_id, 'from', null, 'to', f.status))), '[]')
    from public.form_submissions f join public.order_returns r on r.shop_id = f.shop_id and r.order_id = f.id
    where f.id = any (p_order_ids)));
end $$;
comment on function private.mark_return_days(uuid[]) is 'Marks the days on which lines of orders came back: they count while the order does.';

create function private.mark_cost_days(p_shop_id uuid, p_item_ids uuid[]) returns void language plpgsql set search_path = '' as $$
begin
  perform private.mark_days((
    select coalesce(jsonb_agg(jsonb_build_object('shop_id', f.shop_id, 'at', t.at, 'cause', jsonb_build_object('cause', 'cost changed'))), '[]')
    from public.order_lines l
    join public.form_submissions f on f.shop_id = l.shop_id and f.id = l.order_id
    cross join lateral (values (f.submitted_at), (f.returned_at)) t (at)
    where l.shop_id = p_shop_id and l.item_id = any (p_item_ids) and l.unit_cost is null and t.at is not null));
end $$;
comment on function private.mark_cost_days(uuid, uuid[]) is 'Marks the days of lines without a cost of their own, whose items'' cost changed.';

-- security definer: dirty days and metrics are closed to everyone; for the service role's jobs.
create function private.refresh_days(p_limit integer default 50) returns integer language plpgsql security definer set search_path = '' as $$
declare
  v_day record;
  v_count integer := 0;
begin
  for v_day in
    delete from private.dirty_days d
    using (
      select shop_id, date from private.dirty_days order by marked_at, shop_id, date limit p_limit for update skip locked
    ) due
    where d.shop_id = due.shop_id and d.date = due.date
    returning d.shop_id, d.date, d.causes
  loop
    perform private.derive_day(v_day.shop_id, v_day.date, v_day.causes);
    v_count := v_count + 1;
  end loop;
  return v_count;
end $$;
comment on function private.refresh_days(integer) is 'Derives up to so many dirty days, the longest waiting first; returns how many.';

-- security definer: as above.
create function private.close_days() returns integer language plpgsql security definer set search_path = '' as $$
declare
  v_shop record;
  v_count integer := 0;
begin
  for v_shop in
    select s.id, today.date - 1 as yesterday
    from public.shops s
    cross join lateral (select (plinth.now() at time zone s.timezone)::date as date) today
    cross join lateral (select (today.date + time '02:00') at time zone s.timezone as at) due
    where plinth.now() >= due.at and not exists (
      select from public.daily_sales_metrics m where m.shop_id = s.id and m.date = today.date - 1 and m.generated_at >= due.at)
    order by s.id
  loop
    perform private.derive_day(v_shop.id, v_shop.yesterday, '[{"cause": "nightly"}]');
    v_count := v_count + 1;
  end loop;
  return v_count;
end $$;
comment on function private.close_days() is
  'Derives yesterday of every shop whose own clock is past 02:00 and whose yesterday was not derived since (S-J1); returns how many.';

-- What clients call ------------------------------------------------------------------------------------------------

-- security definer: metrics are written by SQL alone; the tenant is checked here.
create function public.generate_daily_sales_metrics(p_shop_id uuid, p_date date) returns public.daily_sales_metrics
language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin');
  perform private.require_days(p_date, p_date);
  return private.derive_day(p_shop_id, p_date);
end $$;
comment on function public.generate_daily_sales_metrics(uuid, date) is
  'Derives a local day''s metrics from the orders and answers them (S-D4). Safe to repeat.';

-- security definer: as above.
create function public.generate_product_analytics(p_shop_id uuid, p_date date) returns setof public.product_analytics
language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin');
  perform private.require_days(p_date, p_date);
  perform private.derive_day(p_shop_id, p_date);
  return query select * from public.product_analytics
    where shop_id = p_shop_id and date = p_date order by revenue_minor desc, item_id;
end $$;
comment on function public.generate_product_analytics(uuid, date) is
  'Derives a local day''s metrics and answers them per item, most revenue first (S-D5). Safe to repeat.';

-- security definer: reads past the caller's row rights; the tenant is checked here.
create function public.get_sales_metrics(p_shop_id uuid, p_start_date date, p_end_date date) returns setof public.daily_sales_metrics
language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager', 'Support Agent');
  perform private.require_days(p_start_date, p_end_date);
  return query select * from public.daily_sales_metrics
    where shop_id = p_shop_id and date between p_start_date and p_end_date order by date;
end $$;
comment on function public.get_sales_metrics(uuid, date, date) is
  'The daily metrics of a range of local days, both ends included, oldest first (S-D6). A day without orders may have no row.';

-- security definer: as above.
create function public.get_sales_summary(p_shop_id uuid, p_start_date date, p_end_date date) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_days integer;
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager', 'Support Agent');
  perform private.require_days(p_start_date, p_end_date);
  v_days := p_end_date - p_start_date + 1;
  return jsonb_build_object('currency', (select currency from public.shops where id = p_shop_id),
    'period', private.sum_days(p_shop_id, p_start_date, p_end_date),
    'previous', private.sum_days(p_shop_id, p_start_date - v_days, p_start_date - 1));
end $$;
comment on function public.get_sales_summary(uuid, date, date) is
  'Sums of a range of local days, and of the range of the same length before it: {currency, period, previous}.';

create function private.sum_days(p_shop_id uuid, p_start_date date, p_end_date date) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('start_date', p_start_date, 'end_date', p_end_date,
    'gross_minor', coalesce(sum(gross_minor), 0), 'discount_minor', coalesce(sum(discount_minor), 0),
    'refund_minor', coalesce(sum(refund_minor), 0), 'revenue_minor', coalesce(sum(revenue_minor), 0),
    'cost_minor', coalesce(sum(cost_minor), 0), 'net_profit_minor', coalesce(sum(net_profit_minor), 0),
    'orders_count', coalesce(sum(orders_count), 0), 'items_sold', coalesce(sum(items_sold), 0),
    'items_returned', coalesce(sum(items_returned), 0))
  from public.daily_sales_metrics where shop_id = p_shop_id and date between p_start_date and p_end_date
$$;
comment on function private.sum_days(uuid, date, date) is 'The sums of a shop''s daily metrics.';

-- security definer: as above.
create function public.get_product_metrics(p_shop_id uuid, p_start_date date, p_end_date date, p_limit integer default 100)
returns table (item_id uuid, name text, category text, units_sold bigint, units_returned bigint, revenue_minor bigint,
  cost_of_goods_minor bigint, profit_minor bigint, margin numeric, stock integer, sell_through numeric, days_of_cover numeric)
language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager', 'Support Agent');
  perform private.require_days(p_start_date, p_end_date);
  return query
    select i.id, i.name, i.category, a.sold, a.returned, a.revenue, a.cost, a.revenue - a.cost,
      round((a.revenue - a.cost)::numeric / nullif(a.revenue, 0), 4), i.stock,
      round(a.sold::numeric / nullif(a.sold + i.stock, 0), 4),
      round(i.stock / nullif(a.sold::numeric / (p_end_date - p_start_date + 1), 0), 1)
    from (
      select p.item_id, sum(p.units_sold)::bigint as sold, sum(p.units_returned)::bigint as returned,
        sum(p.revenue_minor)::bigint as revenue, sum(p.cost_of_goods_minor)::bigint as cost
      from public.product_analytics p
      where p.shop_id = p_shop_id and p.date between p_start_date and p_end_date
      group by p.item_id
    ) a
    join public.items i on i.shop_id = p_shop_id and i.id = a.item_id
    order by a.revenue desc, i.name, i.id
    limit least(greatest(p_limit, 1), 1000);
end $$;
comment on function public.get_product_metrics(uuid, date, date, integer) is
  'What items did over a range of local days, most revenue first, at most 1000: with margin, sell-through and the days that '
  'the present stock lasts at the range''s pace.';

-- security definer: as above.
create function public.explain_day(p_shop_id uuid, p_date date, p_item_id uuid default null)
returns table (order_id uuid, submission_id text, gross_minor bigint, discount_minor bigint, refund_minor bigint, revenue_minor bigint,
  cost_minor bigint, items_sold bigint, items_returned bigint)
language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager', 'Support Agent');
  perform private.require_days(p_date, p_date);
  return query
    select o.order_id, o.submission_id, o.gross, o.discount, o.refund, o.gross - o.discount - o.refund, o.cost, o.sold, o.returned
    from (
      select f.order_id, f.submission_id, coalesce(sum(f.amount_minor) filter (where not f.is_refund), 0)::bigint as gross,
        sum(case when f.is_refund then -f.discount_minor else f.discount_minor end)::bigint as discount,
        coalesce(sum(f.amount_minor) filter (where f.is_refund), 0)::bigint as refund,
        sum(case when f.is_refund then -f.cost_minor else f.cost_minor end)::bigint as cost,
        coalesce(sum(f.units) filter (where not f.is_refund), 0)::bigint as sold,
        coalesce(sum(f.units) filter (where f.is_refund), 0)::bigint as returned
      from private.sales_facts(p_shop_id, p_date) f
      where p_item_id is null or f.item_id = p_item_id
      group by f.order_id, f.submission_id
    ) o
    order by o.submission_id;
end $$;
comment on function public.explain_day(uuid, date, uuid) is
  'The orders behind a day''s figures, each with what it adds to them: their sums are the row of daily_sales_metrics, and with p_item_id '
  'the row of product_analytics.';

create function private.require_days(p_start_date date, p_end_date date) returns void language plpgsql immutable set search_path = '' as $$
begin
  if (p_start_date >= '1970-01-01' and p_start_date <= p_end_date and p_end_date < '2200-01-01') is not true
    or p_end_date > p_start_date + 3660 then
    perform plinth.refuse('invalid_days', 422, 'The days must be dates from 1970 to 2199, in order, at most 3661 of them.');
  end if;
end $$;
comment on function private.require_days(date, date) is 'Raises invalid_days (PT422).';

revoke all on all functions in schema private from public;
grant execute on function private.refresh_days(integer), private.close_days() to service_role;
revoke all on function public.generate_daily_sales_metrics(uuid, date), public.generate_product_analytics(uuid, date),
  public.get_sales_metrics(uuid, date, date), public.get_sales_summary(uuid, date, date),
  public.get_product_metrics(uuid, date, date, integer), public.explain_day(uuid, date, uuid) from public, anon;
grant execute on function public.generate_daily_sales_metrics(uuid, date), public.generate_product_analytics(uuid, date),
  public.get_sales_metrics(uuid, date, date), public.get_sales_summary(uuid, date, date),
  public.get_product_metrics(uuid, date, date, integer), public.explain_day(uuid, date, uuid) to authenticated, service_role;
