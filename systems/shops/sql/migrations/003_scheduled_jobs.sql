-- Work that runs by the clock. Plinth runs it from systems/shops/jobs; a Supabase project that has pg_cron runs it there.

create table private.low_stock_checks (
  shop_id uuid primary key references public.shops (id) on delete cascade,
  date date not null
);
comment on table private.low_stock_checks is 'The local day on which each shop''s stock was checked last.';
alter table private.low_stock_checks enable row level security;

-- security definer: alerts are closed to everyone.
create function private.check_low_stock() returns integer language plpgsql security definer set search_path = '' as $$
declare
  v_shops uuid[];
  v_raised integer;
  v_resolved integer;
begin
  with checked as (
    insert into private.low_stock_checks as c (shop_id, date)
    select s.id, today.date
    from public.shops s
    cross join lateral (select (plinth.now() at time zone s.timezone)::date as date) today
    where plinth.now() >= (today.date + time '09:00') at time zone s.timezone
    order by s.id
    on conflict (shop_id) do update set date = excluded.date where c.date < excluded.date
    returning c.shop_id
  )
  select array_agg(shop_id) into v_shops from checked;
  insert into public.low_stock_alerts (shop_id, item_id, stock, threshold)
    select i.shop_id, i.id, i.stock, t.threshold
    from public.items i
    join public.shops s on s.id = i.shop_id
    cross join lateral (select coalesce(i.low_stock_threshold, s.low_stock_threshold) as threshold) t
    where i.shop_id = any (v_shops) and i.stock < t.threshold
    on conflict (shop_id, item_id) where resolved_at is null do nothing;
  get diagnostics v_raised = row_count;
  update public.low_stock_alerts a set resolved_at = now()
    from public.items i join public.shops s on s.id = i.shop_id
    where a.shop_id = any (v_shops) and a.resolved_at is null and i.shop_id = a.shop_id and i.id = a.item_id
      and i.stock >= coalesce(i.low_stock_threshold, s.low_stock_threshold);
  get diagnostics v_resolved = row_count;
  return v_raised + v_resolved;
end $$;
comment on function private.check_low_stock() is
  'Once a day of each shop, from 09:00 of its own clock (S-J6): raises and resolves alerts by what is on the shelf, items that '
  'were low from the start included. Returns how many changed.';

create table public.stock_history_archive (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  item_id uuid not null,
  archived_at timestamptz not null default now(),
  first_at timestamptz not null,
  last_at timestamptz not null,
  movements integer not null,
  closing_stock integer not null,
  ndjson text not null,
  sha256 bytea not null
);
comment on table public.stock_history_archive is
  'Movements older than a year, taken out of stock_history: a JSON object a line, with the SHA-256 of the text.';
create index stock_history_archive_item on public.stock_history_archive (shop_id, item_id, last_at);
alter table public.stock_history_archive enable row level security;

-- security definer: history is closed to everyone.
create function private.roll_up_history(p_before timestamptz default plinth.now() - interval '365 days', p_limit integer default 500) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  v_item record;
  v_archived record;
  v_count integer := 0;
begin
  perform pg_advisory_xact_lock(hashtextextended('plinth.roll_up_history', 0));
  for v_item in
    -- Only what lies before an item's first younger movement: seq is the order of movements, and imports are dated back.
    select h.shop_id, h.item_id, max(h.seq) as until
    from public.stock_history h
    where h.item_id is not null and h."timestamp" < p_before and not exists (
      select from public.stock_history y
      where y.shop_id = h.shop_id and y.item_id = h.item_id and y.seq < h.seq and y."timestamp" >= p_before)
    group by h.shop_id, h.item_id
    having count(*) > 1
    order by h.shop_id, h.item_id
    limit p_limit
  loop
    with gone as (
      delete from public.stock_history h
      where h.shop_id = v_item.shop_id and h.item_id = v_item.item_id and h.seq <= v_item.until
      returning h.*
    ),
    text as (
      select string_agg(to_jsonb(g)::text, E'\n' order by g.seq) || E'\n' as ndjson, count(*) as movements, min(g."timestamp") as first_at,
        max(g."timestamp") as last_at, (array_agg(g.new_stock order by g.seq desc))[1] as closing
      from gone g
    )
    insert into public.stock_history_archive (shop_id, item_id, first_at, last_at, movements, closing_stock, ndjson, sha256)
    select v_item.shop_id, v_item.item_id, t.first_at, t.last_at, t.movements, t.closing, t.ndjson, sha256(convert_to(t.ndjson, 'UTF8'))
    from text t
    returning * into v_archived;
    if v_archived.closing_stock <> 0 then
      insert into public.stock_history (seq, shop_id, item_id, change, new_stock, kind, reason, "timestamp")
      overriding system value
      values (v_item.until, v_item.shop_id, v_item.item_id, v_archived.closing_stock, v_archived.closing_stock, 'opening',
        format('Opening balance after %s archived movements, SHA-256 %s', v_archived.movements, encode(v_archived.sha256, 'hex')),
        v_archived.last_at);
    end if;
    v_count := v_count + 1;
  end loop;
  return v_count;
end $$;
comment on function private.roll_up_history(timestamptz, integer) is
  'Moves the movements of items that lie before an instant into the archive and puts an opening balance in their place, which '
  'names the SHA-256 of what was archived (S-J5): the sum of an item''s changes stays its stock. Returns how many items.';

revoke all on all functions in schema private from public;
grant usage on schema private to service_role;
grant execute on function private.check_low_stock(), private.roll_up_history(timestamptz, integer)
  to service_role;

do $$
begin
  if exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    perform cron.schedule('prune-expired-holds', '*/15 * * * *', 'select plinth.prune_holds()');
    perform cron.schedule('check-low-stock-alerts', '*/15 * * * *', 'select private.check_low_stock()');
    perform cron.schedule('cleanup-old-stock-history', '0 6 1 * *', 'select private.roll_up_history(p_limit => 1000000)');
  end if;
end $$;
