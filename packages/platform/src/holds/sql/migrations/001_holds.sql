-- Timed claims on counted things. docs/holds.md has the table of states.
--
-- A pool says how many units of a thing there are and how many of them are held. The pool's row is the lock of its
-- thing: every function takes the pools it needs in the order of their ids, so two of them never wait for each other
-- in a circle. `held` counts expired holds too until somebody needs their units and removes them under that lock;
-- what is available never counts them, so a hold that ran out is free at once and needs no sweeper.

create function plinth.now() returns timestamptz language plpgsql stable set search_path = '' as $$
declare
  v_clock text := current_setting('plinth.clock', true);
begin
  if coalesce(v_clock, '') <> '' and exists (
    select from pg_catalog.pg_namespace where nspname = 'plinth' and pg_has_role(session_user, nspowner, 'USAGE')
  ) then
    return v_clock::timestamptz;
  end if;
  return now();
end $$;
comment on function plinth.now() is
  'The present. A session that logged in as the owner of the schema may move it with set_config(''plinth.clock'', …), '
  'for tests and rehearsals; from every other login the setting is ignored.';
revoke all on function plinth.now() from public;
grant execute on function plinth.now() to service_role;

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

-- Every step of these functions looks rows up by key, and their settings say so: planning anew for each call would
-- cost more than running it, and a plan made while tables were empty would scan them for as long as a connection lives.

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

create function plinth.refuse_shortage(p_short jsonb) returns void language plpgsql set search_path = '' as $$
begin
  raise exception 'Not enough units: % of % asked things are short.', jsonb_array_length(p_short -> 'short'), p_short ->> 'asked'
    using errcode = 'PT409', detail = (p_short || '{"code": "not_enough_units"}')::text,
      hint = 'Nothing was changed. The detail lists each short thing with what was wanted and what is available.';
end $$;
comment on function plinth.refuse_shortage(jsonb) is 'Raises not_enough_units (PT409).';

create function plinth.place_holds(p_kind text, p_claims plinth.claim[], p_at timestamptz default plinth.now()) returns void
language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_things uuid[];
  v_tight uuid[];
  v_short jsonb;
begin
  if exists (
    select from unnest(p_claims) c
    where c.quantity is null or c.quantity <= 0 or c.thing is null or c.key is null or c.expires_at is null
  ) or exists (select from unnest(p_claims) c group by c.thing, c.key having count(*) > 1) then
    raise exception 'A claim needs a thing, a key, a positive quantity and an end, once per thing and key.'
      using errcode = 'PT422', detail = '{"code": "invalid_claim"}', hint = 'Nothing was changed.';
  end if;
  v_things := array(select distinct c.thing from unnest(p_claims) c);
  perform plinth.lock_pools(p_kind, v_things);

  v_tight := array(select s.thing from plinth.shortages(p_kind, p_claims) s);
  if v_tight <> '{}' and plinth.drop_expired_holds(p_kind, v_tight, p_at) > 0 then
    v_tight := array(select s.thing from plinth.shortages(p_kind, p_claims) s);
  end if;
  if v_tight <> '{}' then
    select jsonb_build_object('asked', cardinality(v_things), 'short',
        jsonb_agg(jsonb_build_object('thing', s.thing, 'wanted', s.wanted, 'available', s.available) order by s.thing))
      into v_short
      from plinth.shortages(p_kind, p_claims) s;
    perform plinth.refuse_shortage(v_short);
  end if;

  update plinth.pools p set held = p.held + grown.by
  from (
    select c.thing, sum(c.quantity - coalesce(h.quantity, 0)) as by
    from unnest(p_claims) c
    left join lateral (
      select quantity from plinth.holds where kind = p_kind and holds.thing = c.thing and key = c.key offset 0
    ) h on true
    group by c.thing
  ) grown
  where p.kind = p_kind and p.thing = grown.thing and grown.by <> 0;

  insert into plinth.holds as h (kind, thing, key, quantity, expires_at)
  select p_kind, c.thing, c.key, c.quantity, c.expires_at from unnest(p_claims) c
  on conflict (kind, thing, key) do update
    set quantity = excluded.quantity, expires_at = excluded.expires_at
    where (h.quantity, h.expires_at) is distinct from (excluded.quantity, excluded.expires_at);
end $$;
comment on function plinth.place_holds(text, plinth.claim[], timestamptz) is
  'Holds every claim or none. A key that holds already gets the new quantity and end instead of a second hold. '
  'Raises not_enough_units (PT409) or invalid_claim (PT422).';

create function plinth.shortages(p_kind text, p_claims plinth.claim[])
returns table (thing uuid, wanted bigint, available bigint) language plpgsql stable set search_path = '' as $$
begin
  return query
    select wish.thing, wish.wanted::bigint, coalesce(p.on_hand - p.held + wish.own, 0)::bigint
    from (
      select c.thing, sum(c.quantity) as wanted, coalesce(sum(h.quantity), 0) as own
      from unnest(p_claims) c
      left join lateral (
        select quantity from plinth.holds where kind = p_kind and holds.thing = c.thing and key = c.key offset 0
      ) h on true
      group by c.thing
    ) wish
    left join lateral (
      select pools.thing, on_hand, held from plinth.pools where kind = p_kind and pools.thing = wish.thing offset 0
    ) p on true
    where p.thing is null or p.on_hand - p.held + wish.own < wish.wanted;
end $$;
comment on function plinth.shortages(text, plinth.claim[]) is
  'Things whose pool cannot carry the claims; a key''s own hold counts as available to it. Under the pools'' locks.';

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

create function plinth.set_on_hand(p_kind text, p_things uuid[], p_on_hand bigint[], p_at timestamptz default plinth.now())
returns void language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_tight uuid[];
  v_short jsonb;
begin
  perform plinth.lock_pools(p_kind, p_things);
  v_tight := array(
    select p.thing from unnest(p_things, p_on_hand) w (thing, on_hand)
    join plinth.pools p on p.kind = p_kind and p.thing = w.thing
    where w.on_hand < p.held
  );
  if v_tight <> '{}' then
    perform plinth.drop_expired_holds(p_kind, v_tight, p_at);
    select jsonb_build_object('asked', cardinality(p_things), 'short', jsonb_agg(
        jsonb_build_object('thing', p.thing, 'wanted', p.on_hand - w.on_hand, 'available', p.on_hand - p.held) order by p.thing))
      into v_short
      from unnest(p_things, p_on_hand) w (thing, on_hand)
      join plinth.pools p on p.kind = p_kind and p.thing = w.thing
      where w.on_hand < p.held;
    if v_short -> 'short' <> 'null' then
      perform plinth.refuse_shortage(v_short);
    end if;
  end if;
  update plinth.pools p set on_hand = w.on_hand
  from unnest(p_things, p_on_hand) w (thing, on_hand)
  where p.kind = p_kind and p.thing = w.thing and p.on_hand <> w.on_hand;
  insert into plinth.pools (kind, thing, on_hand)
  select p_kind, w.thing, w.on_hand
  from unnest(p_things, p_on_hand) w (thing, on_hand)
  where not exists (select from plinth.pools p where p.kind = p_kind and p.thing = w.thing)
  order by w.thing;
end $$;
comment on function plinth.set_on_hand(text, uuid[], bigint[], timestamptz) is
  'Says how many units of things there are; new things get their pool. Raises not_enough_units (PT409) where fewer '
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
      raise exception 'The thing is held.' using errcode = 'PT409', detail = '{"code": "thing_is_held"}',
        hint = 'Commit or release its holds first.';
    end if;
  end if;
  delete from plinth.pools where kind = p_kind and thing = p_thing;
end $$;
comment on function plinth.drop_pool(text, uuid, boolean, timestamptz) is
  'Forgets a thing. Raises thing_is_held (PT409) while somebody holds it, unless forced.';

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

-- Systems build on these from SQL of their own; nobody calls them from outside.
do $$
declare f regprocedure;
begin
  for f in
    select oid from pg_proc where pronamespace = 'plinth'::regnamespace
      and proname in ('lock_pools', 'drop_expired_holds', 'refuse_shortage', 'place_holds', 'shortages', 'commit_holds',
        'release_holds', 'set_on_hand', 'drop_pool', 'availability', 'prune_holds')
  loop
    execute format('revoke all on function %s from public, service_role', f);
  end loop;
end $$;
