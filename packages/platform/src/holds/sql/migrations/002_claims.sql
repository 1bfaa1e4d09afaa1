-- Hold → commit | release | expire, for every shape of pool; what is particular to ranges and lots is in 003 and 004.

-- One claim on units is the usual case and has a path of two statements: the conditional UPDATE that takes the units also
-- locks the pool. Whatever it does not find as simple as that goes the general way.
create function plinth.try_hold(p_kind text, p_thing uuid, p_key text, p_quantity bigint, p_expires_at timestamptz,
  p_owner uuid default null, p_during tstzrange default null, p_at timestamptz default null)
returns jsonb language plpgsql set search_path = '' set enable_seqscan = off as $$
declare
  v_available bigint;
begin
  if p_quantity > 0 and p_key is not null and p_expires_at is not null and p_during is null then
    update plinth.pools set held = held + p_quantity
      where kind = p_kind and thing = p_thing and on_hand - held >= p_quantity and queue = 0;
    if found then
      insert into plinth.holds (kind, thing, key, quantity, expires_at, owner)
        values (p_kind, p_thing, p_key, p_quantity, p_expires_at, p_owner) on conflict do nothing;
      if found then
        return null;
      end if;
      -- The key holds already.
      update plinth.pools set held = held - p_quantity where kind = p_kind and thing = p_thing;
    else
      -- Who cannot get the units is told so by what is committed now, without waiting for the lock or writing anything.
      select p.on_hand - p.held + (
          select coalesce(sum(h.quantity), 0) from plinth.holds h
          where h.kind = p_kind and h.thing = p_thing and h.expires_at <= coalesce(p_at, plinth.now())
        ) into v_available
        from plinth.pools p
        where p.kind = p_kind and p.thing = p_thing and p.queue = 0 and p.shape in ('counted', 'quota')
          and not exists (select from plinth.holds h where h.kind = p_kind and h.key = p_key and h.thing = p_thing);
      if v_available < p_quantity then
        return jsonb_build_object('asked', 1, 'short', jsonb_build_array(
          jsonb_build_object('thing', p_thing, 'wanted', p_quantity, 'available', greatest(v_available, 0))));
      end if;
    end if;
  end if;
  return plinth.try_claims(p_kind,
    array[row(p_thing, p_key, p_quantity, p_expires_at, p_owner, p_during)::plinth.claim], p_at);
end $$;
comment on function plinth.try_hold(text, uuid, text, bigint, timestamptz, uuid, tstzrange, timestamptz) is
  'As plinth.try_holds() for one claim.';

create function plinth.try_holds(p_kind text, p_claims plinth.claim[], p_at timestamptz default null) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_claim plinth.claim;
begin
  if cardinality(p_claims) = 1 then
    v_claim := p_claims[1];
    return plinth.try_hold(p_kind, v_claim.thing, v_claim.key, v_claim.quantity, v_claim.expires_at, v_claim.owner, v_claim.during, p_at);
  end if;
  return plinth.try_claims(p_kind, p_claims, p_at);
end $$;
comment on function plinth.try_holds(text, plinth.claim[], timestamptz) is
  'Holds every claim or none. A key that holds already gets the new quantity or time and the new end instead of a second '
  'hold. Answers null, or {asked, short: [{thing, wanted, available}]}, nothing changed but expired holds removed. Raises '
  'invalid_claim (PT422); of ranges and lots also already_committed (PT409).';

create function plinth.place_hold(p_kind text, p_thing uuid, p_key text, p_quantity bigint, p_expires_at timestamptz,
  p_owner uuid default null, p_during tstzrange default null, p_at timestamptz default null)
returns void language plpgsql set search_path = '' as $$
declare
  v_short jsonb := plinth.try_hold(p_kind, p_thing, p_key, p_quantity, p_expires_at, p_owner, p_during, p_at);
begin
  if v_short is not null then
    perform plinth.refuse_shortage(v_short);
  end if;
end $$;
comment on function plinth.place_hold(text, uuid, text, bigint, timestamptz, uuid, tstzrange, timestamptz) is
  'As plinth.place_holds() for one claim.';

create function plinth.place_holds(p_kind text, p_claims plinth.claim[], p_at timestamptz default null)
returns void language plpgsql set search_path = '' as $$
declare
  v_short jsonb := plinth.try_holds(p_kind, p_claims, p_at);
begin
  if v_short is not null then
    perform plinth.refuse_shortage(v_short);
  end if;
end $$;
comment on function plinth.place_holds(text, plinth.claim[], timestamptz) is
  'As plinth.try_holds(), and raises not_enough_units (PT409) where it is short.';

create function plinth.try_claims(p_kind text, p_claims plinth.claim[], p_at timestamptz) returns jsonb
language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_wrong boolean;
  v_things uuid[];
  v_shapes plinth.pool_shape[];
  v_queued uuid[];
begin
  select bool_or(c.thing is null or c.key is null or c.expires_at is null or c.times > 1
        or case when c.during is null then c.quantity > 0 is not true
          else c.quantity <> 1 or isempty(c.during) or lower(c.during) is null or upper(c.during) is null
            or not isfinite(lower(c.during)) or not isfinite(upper(c.during)) end),
      array_agg(distinct c.thing)
    into v_wrong, v_things
    from (select c.*, count(*) over (partition by c.thing, c.key) as times from unnest(p_claims) c) c;
  if v_wrong then
    perform plinth.refuse_claim('A claim needs a thing, a key, a positive quantity or a time, and an end, once per thing and key.');
  end if;
  -- Resources are locked with the members of groups, in plinth.try_ranges().
  select array_agg(distinct p.shape), array_agg(p.thing) filter (where p.queue > 0) into v_shapes, v_queued
    from (
      select p.shape, p.thing, p.queue from unnest(v_things) t (thing) join plinth.pools p on p.kind = p_kind and p.thing = t.thing
      where p.shape <> 'ranges'
      order by p.thing for no key update of p
    ) p;
  if coalesce(v_shapes, '{counted}') <@ '{counted,quota}' and p_claims[1].during is null then
    return plinth.try_units(p_kind, p_claims, v_things, v_queued, p_at);
  end if;
  return plinth.try_others(p_kind, p_claims, coalesce(v_shapes, '{}'), coalesce(p_at, plinth.now()));
end $$;
comment on function plinth.try_claims(text, plinth.claim[], timestamptz) is
  'What plinth.try_holds() does: checks the claims, locks their pools, and goes on by their shape.';

create function plinth.try_units(p_kind text, p_claims plinth.claim[], p_things uuid[], p_queued uuid[], p_at timestamptz)
returns jsonb language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_at timestamptz := coalesce(p_at, plinth.now());
  v_tight uuid[];
  v_short jsonb;
begin
  if p_queued is not null then
    perform plinth.advance_waitlists(p_kind, p_queued, v_at);
  end if;
  for attempt in 1 .. 2 loop
    with wish as materialized (
      select c.thing, sum(c.quantity) as wanted, coalesce(sum(h.quantity), 0) as own,
        coalesce(sum(h.quantity) filter (where h.expires_at > v_at), 0) as live
      from unnest(p_claims) c
      left join lateral (
        select quantity, expires_at from plinth.holds where kind = p_kind and holds.thing = c.thing and key = c.key offset 0
      ) h on true
      group by c.thing
    ),
    pool as materialized (
      select w.thing, w.wanted, w.own, w.live, w.own + coalesce(
        case when p_queued is not null and plinth.somebody_waits(p_kind, w.thing) then least(p.on_hand - p.held, 0) else p.on_hand - p.held end,
        0) as available
      from wish w
      left join lateral (
        select on_hand, held from plinth.pools where kind = p_kind and pools.thing = w.thing offset 0
      ) p on true
    ),
    grown as (
      update plinth.pools p set held = p.held + pool.wanted - pool.own
      from pool
      where p.kind = p_kind and p.thing = pool.thing and pool.wanted <> pool.own
        and not exists (select from pool tight where tight.available < tight.wanted and tight.wanted > tight.live)
    )
    select array_agg(thing) filter (where available < wanted and wanted > live),
        jsonb_build_object('asked', cardinality(p_things), 'short', jsonb_agg(
          jsonb_build_object('thing', thing, 'wanted', wanted, 'available', greatest(available, 0)) order by thing)
          filter (where available < wanted and wanted > live))
      into v_tight, v_short
      from pool;
    exit when v_tight is null;
    if attempt = 2 or plinth.drop_expired_holds(p_kind, v_tight, v_at) = 0 then
      return v_short;
    end if;
  end loop;
  insert into plinth.holds as h (kind, thing, key, quantity, expires_at, owner)
  select p_kind, c.thing, c.key, c.quantity, c.expires_at, c.owner from unnest(p_claims) c
  on conflict (kind, key, thing) do update
    set quantity = excluded.quantity, expires_at = excluded.expires_at, owner = coalesce(excluded.owner, h.owner)
    where (h.quantity, h.expires_at) is distinct from (excluded.quantity, excluded.expires_at);
  if p_queued is not null then
    perform plinth.end_entries(p_kind, p_queued, array(select c.key from unnest(p_claims) c), 'accepted', v_at);
  end if;
  return null;
end $$;
comment on function plinth.try_units(text, plinth.claim[], uuid[], uuid[], timestamptz) is
  'plinth.try_claims() for counted pools and quotas, which the caller has locked; p_queued are those with a waitlist.';

create function plinth.try_others(p_kind text, p_claims plinth.claim[], p_shapes plinth.pool_shape[], p_at timestamptz)
returns jsonb language plpgsql set search_path = '' as $$
declare
  v_ranges boolean := p_claims[1].during is not null;
  v_short jsonb;
begin
  if exists (select from unnest(p_claims) c where (c.during is not null) <> v_ranges)
    or not p_shapes <@ (case when v_ranges then '{group}' else '{lots}' end)::plinth.pool_shape[] then
    perform plinth.refuse_claim('The claims do not fit the shape of their pools, or are of several shapes.');
  end if;
  -- Several claims may get some before one is short: the error undoes those.
  begin
    v_short := case when v_ranges then plinth.try_ranges(p_kind, p_claims, p_at) else plinth.try_lots(p_kind, p_claims, p_at) end;
    if v_short is not null and cardinality(p_claims) > 1 then
      raise sqlstate 'PTH01';
    end if;
  exception when sqlstate 'PTH01' then
    null;
  end;
  return v_short;
end $$;
comment on function plinth.try_others(text, plinth.claim[], plinth.pool_shape[], timestamptz) is
  'plinth.try_claims() for ranges and lots.';

-- Commit, release, settle ---------------------------------------------------------------------------------------

create function plinth.commit_holds(p_kind text, p_keys text[], p_at timestamptz default plinth.now())
returns table (thing uuid, key text, quantity bigint) language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_units uuid[];
  v_others uuid[];
  v_queued uuid[];
begin
  select array_agg(p.thing) filter (where p.shape in ('counted', 'quota')),
      array_agg(p.thing) filter (where p.shape not in ('counted', 'quota')), array_agg(p.thing) filter (where p.queue > 0)
    into v_units, v_others, v_queued
    from (
      select p.thing, p.shape, p.queue
      from (select distinct h.thing from plinth.holds h where h.kind = p_kind and h.key = any (p_keys)) h
      join plinth.pools p on p.kind = p_kind and p.thing = h.thing
      order by p.thing for no key update of p
    ) p;
  if v_others is not null then
    perform plinth.let_go(p_kind, v_others, p_keys, p_at);
    return query
      update plinth.holds h set committed_at = coalesce(h.committed_at, p_at), expires_at = 'infinity'
      where h.kind = p_kind and h.key = any (p_keys) and h.thing = any (v_others)
      returning h.thing, h.key, h.quantity;
  end if;
  if v_units is null then
    return;
  end if;
  if v_queued is not null then
    perform plinth.advance_waitlists(p_kind, v_queued, p_at);
  end if;
  return query
    with ended as (
      delete from plinth.holds h where h.kind = p_kind and h.key = any (p_keys) and h.thing = any (v_units)
      returning h.thing, h.key, h.quantity, h.expires_at > p_at as valid
    ),
    counted as (
      update plinth.pools p set held = p.held - sums.ended, on_hand = p.on_hand - sums.committed, used = p.used + sums.committed
      from (
        select e.thing, sum(e.quantity) as ended, coalesce(sum(e.quantity) filter (where e.valid), 0) as committed
        from ended e group by e.thing
      ) sums
      where p.kind = p_kind and p.thing = sums.thing
    )
    select e.thing, e.key, e.quantity from ended e where e.valid;
  if v_queued is not null then
    perform plinth.end_entries(p_kind, v_queued, p_keys, 'accepted', p_at);
  end if;
end $$;
comment on function plinth.commit_holds(text, text[], timestamptz) is
  'Turns the holds of keys into units that are gone, slots that are taken, credits that are burned, and returns them. A hold '
  'that has expired is only removed and is not among them: who still wants its units has to find them free. Slots and '
  'burns that were committed before are among them again.';

create function plinth.release_holds(p_kind text, p_keys text[], p_at timestamptz default plinth.now()) returns bigint
language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_units uuid[];
  v_others uuid[];
  v_queued uuid[];
  v_released bigint;
begin
  select array_agg(p.thing) filter (where p.shape in ('counted', 'quota')),
      array_agg(p.thing) filter (where p.shape not in ('counted', 'quota')), array_agg(p.thing) filter (where p.queue > 0)
    into v_units, v_others, v_queued
    from (
      select p.thing, p.shape, p.queue
      from (select distinct h.thing from plinth.holds h where h.kind = p_kind and h.key = any (p_keys)) h
      join plinth.pools p on p.kind = p_kind and p.thing = h.thing
      order by p.thing for no key update of p
    ) p;
  if v_queued is not null then
    perform plinth.advance_waitlists(p_kind, v_queued, p_at);
  end if;
  with gone as (
    delete from plinth.holds h where h.kind = p_kind and h.key = any (p_keys) and h.thing = any (v_units)
    returning h.thing, h.quantity, h.expires_at
  ),
  freed as (
    select g.thing, sum(g.quantity) as quantity, count(*) filter (where g.expires_at > p_at) as holds from gone g group by g.thing
  ),
  counted as (
    update plinth.pools p set held = p.held - freed.quantity
    from freed where p.kind = p_kind and p.thing = freed.thing
    returning freed.holds
  )
  select coalesce(sum(holds), 0) into v_released from counted;
  if v_others is not null then
    v_released := v_released + (
      select count(*) from plinth.holds h
      where h.kind = p_kind and h.key = any (p_keys) and h.thing = any (v_others) and h.committed_at is null and h.expires_at > p_at);
    perform plinth.let_go(p_kind, v_others, p_keys, null);
  end if;
  if v_queued is not null then
    perform plinth.follow_entries(p_kind, v_queued, p_keys, 'declined', p_at);
  end if;
  return v_released;
end $$;
comment on function plinth.release_holds(text, text[], timestamptz) is
  'Lets the holds of keys go, and returns how many that had not expired. What was committed stays: plinth.return_holds() and '
  'plinth.return_units() give that back.';

create function plinth.let_go(p_kind text, p_things uuid[], p_keys text[], p_at timestamptz) returns bigint
language sql set search_path = '' as $$
  with gone as (
    delete from plinth.holds h
    where h.kind = p_kind and h.thing = any (p_things) and h.committed_at is null
      and (p_keys is null or h.key = any (p_keys)) and (p_at is null or h.expires_at <= p_at)
    returning h.kind, h.key, h.thing
  ),
  returned as (
    update plinth.lots l set taken = l.taken - b.quantity
    from (
      select b.lot, sum(b.quantity) as quantity
      from gone g join plinth.burns b on b.kind = g.kind and b.key = g.key and b.thing = g.thing
      group by b.lot
    ) b
    where l.id = b.lot
  )
  select count(*) from gone
$$;
comment on function plinth.let_go(text, uuid[], text[], timestamptz) is
  'Removes holds of ranges and lots that the caller has locked and that are not committed: of these keys, or all; expired at '
  'this instant, or all. Units go back to their lots. Returns how many.';

create function plinth.return_holds(p_kind text, p_keys text[], p_at timestamptz default plinth.now())
returns table (thing uuid, key text, quantity bigint) language plpgsql set search_path = '' as $$
declare
  v_things uuid[] := array(select distinct h.thing from plinth.holds h where h.kind = p_kind and h.key = any (p_keys) and h.committed_at is not null);
  v_hold plinth.holds;
begin
  perform plinth.lock_pools(p_kind, v_things);
  for v_hold in
    select h.* from plinth.holds h
    where h.kind = p_kind and h.key = any (p_keys) and h.thing = any (v_things) and h.committed_at is not null and h.quantity > 0
    order by h.key, h.thing
  loop
    if v_hold.during is not null then
      delete from plinth.holds h where h.kind = p_kind and h.key = v_hold.key and h.thing = v_hold.thing;
    else
      perform plinth.resize_burn(v_hold, 0, p_at);
    end if;
    thing := v_hold.thing;
    key := v_hold.key;
    quantity := v_hold.quantity;
    return next;
  end loop;
end $$;
comment on function plinth.return_holds(text, text[], timestamptz) is
  'Undoes commits of ranges and lots, once: slots are free again, credits go back to the lots they came from. Returns what '
  'came back. Units of counted pools and quotas come back by plinth.return_units().';

create function plinth.try_settle(p_kind text, p_key text, p_quantity bigint, p_at timestamptz default plinth.now())
returns jsonb language plpgsql set search_path = '' as $$
declare
  v_things uuid[] := array(select h.thing from plinth.holds h where h.kind = p_kind and h.key = p_key);
  v_live uuid[];
  v_short jsonb;
begin
  if p_quantity is null or p_quantity < 0 then
    perform plinth.refuse_claim('A hold is settled at a whole number of units from 0 up.');
  end if;
  perform plinth.lock_pools(p_kind, v_things);
  perform plinth.advance_waitlists(p_kind, v_things, p_at);
  v_live := array(
    select h.thing from plinth.holds h
    where h.kind = p_kind and h.key = p_key and h.thing = any (v_things) and h.expires_at > p_at and h.during is null order by h.thing);
  if v_live = '{}' or cardinality(v_live) < cardinality(v_things) then
    return '{"gone": true}';
  end if;
  if p_quantity = 0 and not exists (
    select from plinth.holds h where h.kind = p_kind and h.key = p_key and h.thing = any (v_live) and h.committed_at is not null
  ) then
    perform plinth.release_holds(p_kind, array[p_key], p_at);
    return null;
  end if;
  v_short := plinth.settle_lots(p_kind, p_key, p_quantity, v_live, p_at);
  if v_short is not null then
    return v_short;
  end if;
  return plinth.settle_units(p_kind, p_key, p_quantity, v_live, p_at);
end $$;
comment on function plinth.try_settle(text, text, bigint, timestamptz) is
  'Commits a hold at its true size, in every pool that the key holds: what was held too much is free again, what was held '
  'too little is taken if there is enough. Credits that are committed already can be settled lower again: the rest goes back to '
  'its lots. Answers null, {asked, short} with nothing changed, or {gone: true} when the hold is not there or has expired.';

create function plinth.settle_units(p_kind text, p_key text, p_quantity bigint, p_things uuid[], p_at timestamptz)
returns jsonb language plpgsql set search_path = '' as $$
declare
  v_tight uuid[];
  v_short jsonb;
begin
  for attempt in 1 .. 2 loop
    select array_agg(s.thing), jsonb_build_object('asked', cardinality(p_things), 'short', jsonb_agg(
        jsonb_build_object('thing', s.thing, 'wanted', p_quantity, 'available', s.quantity + s.free) order by s.thing))
      into v_tight, v_short
      from (
        select h.thing, h.quantity,
          case when p.queue > 0 and plinth.somebody_waits(p_kind, h.thing) then 0 else greatest(p.on_hand - p.held, 0) end as free
        from plinth.holds h join plinth.pools p on p.kind = h.kind and p.thing = h.thing
        where h.kind = p_kind and h.key = p_key and h.thing = any (p_things) and p.shape in ('counted', 'quota')
      ) s
      where p_quantity > s.quantity + s.free;
    exit when v_tight is null;
    if attempt = 2 or plinth.drop_expired_holds(p_kind, v_tight, p_at) = 0 then
      return v_short;
    end if;
  end loop;
  with pool as (
    update plinth.pools p set held = p.held - h.quantity, on_hand = p.on_hand - p_quantity, used = p.used + p_quantity
    from plinth.holds h
    where h.kind = p_kind and h.key = p_key and h.thing = any (p_things)
      and p.kind = h.kind and p.thing = h.thing and p.shape in ('counted', 'quota')
    returning p.thing, p.queue
  ),
  gone as (
    delete from plinth.holds h using pool where h.kind = p_kind and h.key = p_key and h.thing = pool.thing
  )
  select array_agg(thing) filter (where queue > 0) into v_tight from pool;
  if v_tight is not null then
    perform plinth.end_entries(p_kind, v_tight, array[p_key], 'accepted', p_at);
    perform plinth.advance_waitlists(p_kind, v_tight, p_at);
  end if;
  return null;
end $$;
comment on function plinth.settle_units(text, text, bigint, uuid[], timestamptz) is
  'plinth.try_settle() for counted pools and quotas, which the caller has locked.';

create function plinth.settle_hold(p_kind text, p_key text, p_quantity bigint, p_at timestamptz default plinth.now())
returns void language plpgsql set search_path = '' as $$
declare
  v_short jsonb := plinth.try_settle(p_kind, p_key, p_quantity, p_at);
begin
  if v_short ? 'gone' then
    perform plinth.refuse('hold_is_gone', 409, 'The hold has expired or was committed or released.',
      jsonb_build_object('key', p_key), 'Hold again; it may be that somebody else was faster.');
  elsif v_short is not null then
    perform plinth.refuse_shortage(v_short);
  end if;
end $$;
comment on function plinth.settle_hold(text, text, bigint, timestamptz) is
  'As plinth.try_settle(), and raises not_enough_units or hold_is_gone (PT409).';

-- Housekeeping --------------------------------------------------------------------------------------------------

create function plinth.prune_holds(p_limit integer default 10000, p_at timestamptz default plinth.now()) returns bigint
language plpgsql set search_path = '' as $$
declare
  v_due record;
  v_removed bigint := 0;
begin
  -- Reads the table through: housekeeping is rare, and an index for it would cost every hold.
  for v_due in
    select due.kind, array_agg(distinct due.thing) as things, array_agg(distinct due.thing) filter (where p.shape in ('counted', 'quota')) as units,
      array_agg(distinct due.thing) filter (where p.queue > 0) as queued
    from (select kind, thing from plinth.holds where expires_at <= p_at limit p_limit) due
    join plinth.pools p using (kind, thing)
    group by due.kind order by due.kind
  loop
    perform plinth.lock_pools(v_due.kind, v_due.things);
    if v_due.queued is not null then
      perform plinth.advance_waitlists(v_due.kind, v_due.queued, p_at);
    end if;
    v_removed := v_removed + plinth.drop_expired_holds(v_due.kind, v_due.units, p_at)
      + plinth.let_go(v_due.kind, array(select unnest(v_due.things) except select unnest(v_due.units)), null, p_at);
  end loop;
  return v_removed;
end $$;
comment on function plinth.prune_holds(integer, timestamptz) is
  'Housekeeping: removes expired holds of things nobody asked for since, and returns how many. Frees no unit that was '
  'not free already.';
