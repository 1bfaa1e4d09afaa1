-- Claims and counts with fewer statements under the lock of their pools, and with a shortage as an answer: a caller that
-- would catch not_enough_units to say it in its own words pays a subtransaction for every sale that goes through.

create function plinth.try_on_hand(p_kind text, p_things uuid[], p_on_hand bigint[], p_at timestamptz default null) returns jsonb
language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_known bigint;
  v_tight uuid[];
  v_short jsonb;
begin
  perform plinth.lock_pools(p_kind, p_things);
  for attempt in 1 .. 2 loop
    -- A statement of its own after the locks, so that it sees what they waited for.
    with pool as materialized (
      select p.thing, p.on_hand, p.held, w.on_hand as wanted
      from unnest(p_things, p_on_hand) w (thing, on_hand)
      join plinth.pools p on p.kind = p_kind and p.thing = w.thing
    ),
    counted as (
      update plinth.pools p set on_hand = pool.wanted
      from pool
      where p.kind = p_kind and p.thing = pool.thing and pool.wanted <> pool.on_hand
        and not exists (select from pool tight where tight.wanted < tight.held)
    )
    select count(*), array_agg(thing) filter (where wanted < held),
        jsonb_build_object('asked', cardinality(p_things), 'short', jsonb_agg(
          jsonb_build_object('thing', thing, 'wanted', on_hand - wanted, 'available', on_hand - held) order by thing)
          filter (where wanted < held))
      into v_known, v_tight, v_short
      from pool;
    exit when v_tight is null;
    if attempt = 2 or plinth.drop_expired_holds(p_kind, v_tight, coalesce(p_at, plinth.now())) = 0 then
      return v_short;
    end if;
  end loop;
  if v_known < cardinality(p_things) then
    insert into plinth.pools (kind, thing, on_hand)
    select p_kind, w.thing, w.on_hand
    from unnest(p_things, p_on_hand) w (thing, on_hand)
    where not exists (select from plinth.pools p where p.kind = p_kind and p.thing = w.thing)
    order by w.thing;
  end if;
  return null;
end $$;
comment on function plinth.try_on_hand(text, uuid[], bigint[], timestamptz) is
  'Says how many units of things there are, all or none; new things get their pool. Answers null, or where fewer would '
  'remain than are held {asked, short: [{thing, wanted, available}]}, nothing changed.';

create or replace function plinth.set_on_hand(p_kind text, p_things uuid[], p_on_hand bigint[], p_at timestamptz default plinth.now())
returns void language plpgsql set search_path = '' as $$
declare
  v_short jsonb := plinth.try_on_hand(p_kind, p_things, p_on_hand, p_at);
begin
  if v_short is not null then
    perform plinth.refuse_shortage(v_short);
  end if;
end $$;

create function plinth.try_holds(p_kind text, p_claims plinth.claim[], p_at timestamptz default null) returns jsonb
language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_wrong boolean;
  v_things uuid[];
  v_tight uuid[];
  v_short jsonb;
begin
  select bool_or(c.quantity is null or c.quantity <= 0 or c.thing is null or c.key is null or c.expires_at is null or c.times > 1),
      array_agg(distinct c.thing)
    into v_wrong, v_things
    from (select c.*, count(*) over (partition by c.thing, c.key) as times from unnest(p_claims) c) c;
  if v_wrong then
    raise exception 'A claim needs a thing, a key, a positive quantity and an end, once per thing and key.'
      using errcode = 'PT422', detail = '{"code": "invalid_claim"}', hint = 'Nothing was changed.';
  end if;
  perform plinth.lock_pools(p_kind, v_things);
  for attempt in 1 .. 2 loop
    with wish as materialized (
      select c.thing, sum(c.quantity) as wanted, coalesce(sum(h.quantity), 0) as own
      from unnest(p_claims) c
      left join lateral (
        select quantity from plinth.holds where kind = p_kind and holds.thing = c.thing and key = c.key offset 0
      ) h on true
      group by c.thing
    ),
    pool as materialized (
      select w.thing, w.wanted, w.own, coalesce(p.on_hand - p.held + w.own, 0) as available
      from wish w
      left join lateral (
        select on_hand, held from plinth.pools where kind = p_kind and pools.thing = w.thing offset 0
      ) p on true
    ),
    grown as (
      update plinth.pools p set held = p.held + pool.wanted - pool.own
      from pool
      where p.kind = p_kind and p.thing = pool.thing and pool.wanted <> pool.own
        and not exists (select from pool tight where tight.available < tight.wanted)
    )
    select array_agg(thing) filter (where available < wanted),
        jsonb_build_object('asked', cardinality(v_things), 'short', jsonb_agg(
          jsonb_build_object('thing', thing, 'wanted', wanted, 'available', available) order by thing)
          filter (where available < wanted))
      into v_tight, v_short
      from pool;
    exit when v_tight is null;
    if attempt = 2 or plinth.drop_expired_holds(p_kind, v_tight, coalesce(p_at, plinth.now())) = 0 then
      return v_short;
    end if;
  end loop;
  insert into plinth.holds as h (kind, thing, key, quantity, expires_at)
  select p_kind, c.thing, c.key, c.quantity, c.expires_at from unnest(p_claims) c
  on conflict (kind, thing, key) do update
    set quantity = excluded.quantity, expires_at = excluded.expires_at
    where (h.quantity, h.expires_at) is distinct from (excluded.quantity, excluded.expires_at);
  return null;
end $$;
comment on function plinth.try_holds(text, plinth.claim[], timestamptz) is
  'Holds every claim or none. A key that holds already gets the new quantity and end instead of a second hold. Answers '
  'null, or {asked, short: [{thing, wanted, available}]}, nothing changed but expired holds swept. Raises invalid_claim (PT422).';

create or replace function plinth.place_holds(p_kind text, p_claims plinth.claim[], p_at timestamptz default plinth.now())
returns void language plpgsql set search_path = '' as $$
declare
  v_short jsonb := plinth.try_holds(p_kind, p_claims, p_at);
begin
  if v_short is not null then
    perform plinth.refuse_shortage(v_short);
  end if;
end $$;
drop function plinth.shortages(text, plinth.claim[]);

revoke all on function plinth.try_on_hand(text, uuid[], bigint[], timestamptz), plinth.try_holds(text, plinth.claim[], timestamptz)
  from public, service_role;
