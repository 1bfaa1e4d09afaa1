-- Timed claims on counted things. docs/holds.md has the table of states.
--
-- A pool says how many units of a thing there are and how many of them are held. The pool's row is the lock of its
-- thing: every function takes the pools it needs in the order of their ids, so two of them never wait for each other
-- in a circle. `held` counts expired holds too until somebody needs their units and removes them under that lock;
-- what is available never counts them, so the units of a hold that ran out are free at once, without a job.
--
-- Two kinds of functions: try_on_hand() and try_holds() answer what is short; set_on_hand() and place_holds() raise it.
-- A caller that words the refusal itself uses the first kind: catching an error costs a subtransaction for each success.

create table plinth.pools (
  kind text not null,
  thing uuid not null,
  on_hand bigint not null check (on_hand >= 0),
  held bigint not null default 0 check (held >= 0),
  primary key (kind, thing),
  constraint pools_held_within_on_hand check (held <= on_hand)
) with (fillfactor = 50);
comment on table plinth.pools is 'Counted things that can be held: stock of an item, seats of an event, credits of an account.';
comment on column plinth.pools.kind is 'What is counted, in the words of the system that counts it: stock, seat.';
comment on column plinth.pools.on_hand is 'Units that exist and are not committed.';
comment on column plinth.pools.held is 'Units of all rows in plinth.holds, expired ones included until they are removed.';

create table plinth.holds (
  kind text not null,
  thing uuid not null,
  key text not null,
  quantity bigint not null check (quantity > 0),
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (kind, thing, key),
  foreign key (kind, thing) references plinth.pools (kind, thing)
);
comment on table plinth.holds is 'Who holds how many units of what, until when.';
comment on column plinth.holds.key is 'The holder: the same key holding again is the same hold, never a second one.';
create index holds_of_key on plinth.holds (kind, key);
create index holds_expiry on plinth.holds (kind, thing, expires_at);
create index holds_expired on plinth.holds (expires_at);

alter table plinth.pools enable row level security;
alter table plinth.holds enable row level security;

create type plinth.claim as (thing uuid, key text, quantity bigint, expires_at timestamptz);
comment on type plinth.claim is 'A hold as it is asked for.';

-- Every step of these functions looks rows up by key, and their settings make PostgreSQL plan for that: planning anew
-- for each call would cost more than running it, and a plan made while tables were empty would scan them as long as a
-- connection lives.

create function plinth.lock_pools(p_kind text, p_things uuid[]) returns void language plpgsql
set search_path = '' set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
begin
  perform from unnest(p_things) t (thing) join plinth.pools p on p.kind = p_kind and p.thing = t.thing
    order by p.thing for no key update of p;
end $$;
comment on function plinth.lock_pools(text, uuid[]) is 'Locks pools until the transaction ends, in the one order there is.';

create function plinth.drop_expired_holds(p_kind text, p_things uuid[], p_at timestamptz) returns bigint
language sql set search_path = '' as $$
  with gone as (
    delete from plinth.holds
    where kind = p_kind and thing = any (p_things) and expires_at <= p_at
    returning thing, quantity
  ),
  freed as (
    select thing, sum(quantity) as quantity, count(*) as holds from gone group by thing
  ),
  counted as (
    update plinth.pools set held = held - freed.quantity
    from freed where pools.kind = p_kind and pools.thing = freed.thing
    returning freed.holds
  )
  select coalesce(sum(holds), 0)::bigint from counted
$$;
comment on function plinth.drop_expired_holds(text, uuid[], timestamptz) is
  'Removes expired holds of pools that the caller has locked; returns how many.';

-- Pools -------------------------------------------------------------------------------------------------------

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
  'Sets how many units of things there are, all or none; new things get their pool. Answers null, or where fewer would '
  'remain than are held {asked, short: [{thing, wanted, available}]}, nothing changed.';

create function plinth.set_on_hand(p_kind text, p_things uuid[], p_on_hand bigint[], p_at timestamptz default plinth.now())
returns void language plpgsql set search_path = '' as $$
declare
  v_short jsonb := plinth.try_on_hand(p_kind, p_things, p_on_hand, p_at);
begin
  if v_short is not null then
    perform plinth.refuse_shortage(v_short);
  end if;
end $$;
comment on function plinth.set_on_hand(text, uuid[], bigint[], timestamptz) is
  'Sets how many units of things there are; new things get their pool. Raises not_enough_units (PT409) where fewer '
  'would remain than are held.';

create function plinth.drop_pool(p_kind text, p_thing uuid, p_force boolean default false, p_at timestamptz default plinth.now())
returns void language plpgsql set search_path = '' as $$
begin
  perform plinth.lock_pools(p_kind, array[p_thing]);
  if p_force then
    delete from plinth.holds where kind = p_kind and thing = p_thing;
  else
    delete from plinth.holds where kind = p_kind and thing = p_thing and expires_at <= p_at;
    if exists (select from plinth.holds where kind = p_kind and thing = p_thing) then
      perform plinth.refuse('thing_is_held', 409, 'The thing is held.', p_hint => 'Commit or release its holds first.');
    end if;
  end if;
  delete from plinth.pools where kind = p_kind and thing = p_thing;
end $$;
comment on function plinth.drop_pool(text, uuid, boolean, timestamptz) is
  'Removes a thing''s pool. Raises thing_is_held (PT409) while somebody holds it, unless forced.';

create function plinth.availability(p_kind text, p_things uuid[], p_at timestamptz default plinth.now())
returns table (thing uuid, on_hand bigint, held bigint, available bigint) language sql stable set search_path = '' as $$
  select p.thing, p.on_hand, p.held - expired.quantity, p.on_hand - p.held + expired.quantity
  from plinth.pools p
  cross join lateral (
    select coalesce(sum(h.quantity), 0)::bigint as quantity
    from plinth.holds h where h.kind = p.kind and h.thing = p.thing and h.expires_at <= p_at
  ) expired
  where p.kind = p_kind and p.thing = any (p_things)
$$;
comment on function plinth.availability(text, uuid[], timestamptz) is
  'Units on hand, held and free at an instant. Costs one row a thing and its expired holds; active ones are not read.';

-- Holds --------------------------------------------------------------------------------------------------------

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
    perform plinth.refuse('invalid_claim', 422,
      'A claim needs a thing, a key, a positive quantity and an end, once per thing and key.', p_hint => 'Nothing was changed.');
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
  'null, or {asked, short: [{thing, wanted, available}]}, nothing changed but expired holds removed. Raises invalid_claim (PT422).';

create function plinth.place_holds(p_kind text, p_claims plinth.claim[], p_at timestamptz default plinth.now())
returns void language plpgsql set search_path = '' as $$
declare
  v_short jsonb := plinth.try_holds(p_kind, p_claims, p_at);
begin
  if v_short is not null then
    perform plinth.refuse_shortage(v_short);
  end if;
end $$;
comment on function plinth.place_holds(text, plinth.claim[], timestamptz) is
  'Holds every claim or none. A key that holds already gets the new quantity and end instead of a second hold. '
  'Raises not_enough_units (PT409) or invalid_claim (PT422).';

create function plinth.commit_holds(p_kind text, p_keys text[], p_at timestamptz default plinth.now())
returns table (thing uuid, key text, quantity bigint) language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
begin
  if p_keys = '{}' then
    return;
  end if;
  perform plinth.lock_pools(p_kind, array(select h.thing from plinth.holds h where h.kind = p_kind and h.key = any (p_keys)));
  return query
    with ended as (
      delete from plinth.holds h where h.kind = p_kind and h.key = any (p_keys)
      returning h.thing, h.key, h.quantity, h.expires_at > p_at as valid
    ),
    counted as (
      update plinth.pools p set held = p.held - sums.ended, on_hand = p.on_hand - sums.committed
      from (
        select e.thing, sum(e.quantity) as ended, coalesce(sum(e.quantity) filter (where e.valid), 0) as committed
        from ended e group by e.thing
      ) sums
      where p.kind = p_kind and p.thing = sums.thing
    )
    select e.thing, e.key, e.quantity from ended e where e.valid;
end $$;
comment on function plinth.commit_holds(text, text[], timestamptz) is
  'Turns the holds of keys into units that are gone, and returns them. A hold that has expired is only removed and is '
  'not among them: who still wants its units has to find them free.';

create function plinth.release_holds(p_kind text, p_keys text[]) returns bigint language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_released bigint;
begin
  if p_keys = '{}' then
    return 0;
  end if;
  perform plinth.lock_pools(p_kind, array(select thing from plinth.holds where kind = p_kind and key = any (p_keys)));
  with gone as (
    delete from plinth.holds where kind = p_kind and key = any (p_keys) returning thing, quantity
  ),
  freed as (
    select thing, sum(quantity) as quantity, count(*) as holds from gone group by thing
  ),
  counted as (
    update plinth.pools set held = held - freed.quantity
    from freed where pools.kind = p_kind and pools.thing = freed.thing
    returning freed.holds
  )
  select coalesce(sum(holds), 0) into v_released from counted;
  return v_released;
end $$;
comment on function plinth.release_holds(text, text[]) is 'Lets the holds of keys go, and returns how many there were.';

create function plinth.prune_holds(p_limit integer default 10000, p_at timestamptz default plinth.now()) returns bigint
language plpgsql set search_path = '' as $$
declare
  v_kind text;
  v_things uuid[];
  v_removed bigint := 0;
begin
  for v_kind, v_things in
    select due.kind, array_agg(distinct due.thing)
    from (select kind, thing from plinth.holds where expires_at <= p_at order by expires_at limit p_limit) due
    group by due.kind order by due.kind
  loop
    perform plinth.lock_pools(v_kind, v_things);
    v_removed := v_removed + plinth.drop_expired_holds(v_kind, v_things, p_at);
  end loop;
  return v_removed;
end $$;
comment on function plinth.prune_holds(integer, timestamptz) is
  'Housekeeping: removes expired holds of things nobody asked for since, and returns how many. Frees no unit that was '
  'not free already.';

create function plinth.refuse_shortage(p_short jsonb) returns void language plpgsql set search_path = '' as $$
begin
  perform plinth.refuse('not_enough_units', 409,
    format('Not enough units: %s of %s asked things are short.', jsonb_array_length(p_short -> 'short'), p_short ->> 'asked'), p_short,
    'Nothing was changed. The detail lists each short thing with what was wanted and what is available.');
end $$;
comment on function plinth.refuse_shortage(jsonb) is 'Raises not_enough_units (PT409).';

-- Systems build on these from SQL of their own; nobody calls them from outside.
revoke all on function plinth.lock_pools(text, uuid[]), plinth.drop_expired_holds(text, uuid[], timestamptz),
  plinth.try_on_hand(text, uuid[], bigint[], timestamptz), plinth.set_on_hand(text, uuid[], bigint[], timestamptz),
  plinth.drop_pool(text, uuid, boolean, timestamptz), plinth.availability(text, uuid[], timestamptz),
  plinth.try_holds(text, plinth.claim[], timestamptz), plinth.place_holds(text, plinth.claim[], timestamptz),
  plinth.commit_holds(text, text[], timestamptz), plinth.release_holds(text, text[]),
  plinth.prune_holds(integer, timestamptz), plinth.refuse_shortage(jsonb) from public, anon, authenticated, service_role;
