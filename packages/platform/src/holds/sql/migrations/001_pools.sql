-- Timed claims on finite things. docs/holds.md has the tables of states.
--
-- A pool stands for one thing that can run out, and its row is the lock of that thing: every function takes the pools it
-- needs in the order of their ids before it reads or writes anything else, so two of them never wait for each other in a
-- circle. Four shapes of pools have one interface, hold → commit | release | expire:
--   counted  stock of an item, seats of an event: units on hand, of which some are held
--   quota    bytes of a user, seats of a hall: a limit that may shrink below what is used; settled at the true size
--   ranges   a resource that one claim at a time has for a while; a group claims any one of its members
--   lots     credits of an account, in lots that expire: a burn takes from the soonest first and cites its lots
--
-- A hold that ran out is free from the instant of its end. Nobody has to sweep: whoever needs its units removes it under
-- the pool's lock.
--
-- Two kinds of functions: try_…() answer what is short; their namesakes raise it. A caller that words the refusal itself
-- uses the first kind: catching an error costs a subtransaction for each success.

create extension if not exists btree_gist with schema extensions;

-- Groups come first: they are locked before their members.
create type plinth.pool_shape as enum ('group', 'counted', 'quota', 'ranges', 'lots');

create table plinth.pools (
  kind text not null,
  thing uuid not null,
  shape plinth.pool_shape not null default 'counted',
  on_hand bigint not null default 0,
  held bigint not null default 0 check (held >= 0),
  used bigint not null default 0 check (used >= 0),
  queue integer not null default 0 check (queue >= 0),
  primary key (kind, thing),
  constraint pools_held_within_on_hand check (shape = 'quota' or held <= on_hand),
  constraint pools_units_are_counted check (shape in ('counted', 'quota') or (on_hand, held, used, queue) = (0, 0, 0, 0))
) with (fillfactor = 50);
comment on table plinth.pools is 'Things that can run out, and the lock of each.';
comment on column plinth.pools.kind is 'What it is, in the words of the system: stock, seat, slot, credit, byte.';
comment on column plinth.pools.on_hand is 'Units that exist and are not committed; of a quota its limit less what is used, negative when the limit shrank below it.';
comment on column plinth.pools.held is 'Units of all rows in plinth.holds, expired ones included until they are removed.';
comment on column plinth.pools.used is 'Units committed and not returned.';
comment on column plinth.pools.queue is 'Entries of the waitlist that are waiting or have an offer.';

-- What tells rows apart comes first in the indexes: kinds are few. No reference to pools: its check would be the dearest part of a hold. Only the functions below write here, under the
-- pool's lock, and drop_pool() leaves none behind.
create table plinth.holds (
  kind text not null,
  thing uuid not null,
  key text not null,
  quantity bigint not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  owner uuid,
  claimed uuid,
  during tstzrange,
  blocks tstzrange,
  committed_at timestamptz,
  primary key (key, kind, thing),
  constraint holds_quantity check (quantity > 0 or committed_at is not null and quantity = 0),
  constraint holds_range check ((during is null) = (blocks is null) and (during is null) = (claimed is null) and during <@ blocks),
  constraint holds_one_at_a_time exclude using gist (kind with =, thing with =, blocks with &&) where (blocks is not null)
);
comment on table plinth.holds is 'Who holds what, until when. Of ranges and lots also what was committed.';
comment on column plinth.holds.key is 'The holder: the same key holding again is the same hold, never a second one.';
comment on column plinth.holds.owner is 'The user who may read the row; null for none.';
comment on column plinth.holds.claimed is 'Of a range: what was asked for, the resource itself or a group of which it is the free one.';
comment on column plinth.holds.during is 'Of a range: the time asked for.';
comment on column plinth.holds.blocks is 'Of a range: during with the buffers around it; no two of a resource overlap.';
comment on column plinth.holds.committed_at is 'Of ranges and lots: when it was committed; it then has no end.';
create index holds_expiry on plinth.holds (thing, expires_at);
create index holds_owner on plinth.holds (owner) where owner is not null;

create index pools_queued on plinth.pools (kind, thing) where queue > 0;

create table plinth.resources (
  kind text not null,
  thing uuid not null,
  buffer_before interval not null default '0' check (buffer_before >= '0'),
  buffer_after interval not null default '0' check (buffer_after >= '0'),
  primary key (kind, thing),
  foreign key (kind, thing) references plinth.pools (kind, thing) on delete cascade
);
comment on table plinth.resources is 'What can be claimed for a time, with the buffers that every claim on it gets.';

create table plinth.members (
  kind text not null,
  pool uuid not null,
  member uuid not null,
  rank integer not null,
  primary key (kind, pool, member),
  foreign key (kind, pool) references plinth.pools (kind, thing) on delete cascade,
  foreign key (kind, member) references plinth.pools (kind, thing) on delete cascade
);
comment on table plinth.members is 'The resources of a group: a claim on the group gets any one that is free, the lowest rank first.';
create index members_member on plinth.members (kind, member);

create table plinth.lots (
  id bigint generated always as identity primary key,
  kind text not null,
  thing uuid not null,
  key text not null,
  granted bigint not null check (granted >= 0),
  taken bigint not null default 0 check (taken >= 0),
  rank smallint not null default 0,
  expires_at timestamptz not null default 'infinity',
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  unique (kind, thing, key),
  foreign key (kind, thing) references plinth.pools (kind, thing) on delete cascade
);
comment on table plinth.lots is 'Units of an account that came together and end together: the credits of a month, of a purchase.';
comment on column plinth.lots.key is 'What the lot was granted for: the same key again is the same lot, never a second one.';
comment on column plinth.lots.taken is 'Units of all rows in plinth.burns. More than granted when the lot shrank after it was used.';
comment on column plinth.lots.rank is 'Among lots that end together the lowest rank is used first.';

create table plinth.burns (
  kind text not null,
  key text not null,
  thing uuid not null,
  lot bigint not null references plinth.lots (id) on delete cascade,
  quantity bigint not null check (quantity >= 0),
  returned bigint not null default 0 check (returned >= 0),
  primary key (kind, key, thing, lot),
  foreign key (kind, key, thing) references plinth.holds (kind, key, thing) on delete cascade
);
comment on table plinth.burns is 'From which lots a hold has its units.';
comment on column plinth.burns.returned is 'Units that went back to the lot after they were committed.';
create index burns_lot on plinth.burns (lot);

create function plinth.refuse_overdraft() returns trigger language plpgsql set search_path = '' as $$
begin
  raise exception 'Lot % has % units, and % would be taken.', new.id, new.granted, new.taken using errcode = 'check_violation';
end $$;
comment on function plinth.refuse_overdraft() is 'Trigger: nothing is taken from a lot beyond what it has.';
create trigger refuse_overdraft before update on plinth.lots for each row
  when (new.taken > old.taken and new.taken > new.granted) execute function plinth.refuse_overdraft();

create type plinth.claim as (
  thing uuid, key text, quantity bigint, expires_at timestamptz, owner uuid, during tstzrange
);
comment on type plinth.claim is 'A hold as it is asked for. A range has during and no quantity; everything else has a quantity.';

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
  'Removes expired holds of counted pools and quotas that the caller has locked; returns how many.';

-- Units ---------------------------------------------------------------------------------------------------------

create function plinth.try_on_hand(p_kind text, p_things uuid[], p_on_hand bigint[], p_at timestamptz default null) returns jsonb
language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_known bigint;
  v_tight uuid[];
  v_queued uuid[];
  v_short jsonb;
begin
  -- Locked first, and read by the next statement: it sees what those committed that the lock waited for. One statement that did
  -- both let an on_hand below what was held reach the table's constraint.
  perform plinth.lock_pools(p_kind, p_things);
  for attempt in 1 .. 2 loop
    with pool as materialized (
      select p.thing, p.on_hand, p.held, p.queue, w.on_hand as wanted
      from unnest(p_things, p_on_hand) w (thing, on_hand)
      join plinth.pools p on p.kind = p_kind and p.thing = w.thing
    ),
    counted as (
      update plinth.pools p set on_hand = pool.wanted
      from pool
      where p.kind = p_kind and p.thing = pool.thing and pool.wanted <> pool.on_hand
        and not exists (select from pool tight where tight.wanted < tight.held)
    )
    select count(*), array_agg(thing) filter (where wanted < held), array_agg(thing) filter (where queue > 0),
        jsonb_build_object('asked', cardinality(p_things), 'short', jsonb_agg(
          jsonb_build_object('thing', thing, 'wanted', on_hand - wanted, 'available', on_hand - held) order by thing)
          filter (where wanted < held))
      into v_known, v_tight, v_queued, v_short
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
  if v_queued is not null then
    perform plinth.advance_waitlists(p_kind, v_queued, coalesce(p_at, plinth.now()));
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

create function plinth.set_limit(p_kind text, p_thing uuid, p_limit bigint, p_at timestamptz default plinth.now())
returns void language plpgsql set search_path = '' as $$
declare
  v_pool plinth.pools;
begin
  if p_limit is null or p_limit < 0 then
    perform plinth.refuse_claim('A limit is a whole number from 0 up.');
  end if;
  insert into plinth.pools (kind, thing, shape, on_hand) values (p_kind, p_thing, 'quota', p_limit)
    on conflict (kind, thing) do update set on_hand = p_limit - pools.used where pools.shape = 'quota'
    returning * into v_pool;
  if not found then
    perform plinth.refuse_shape(p_kind, p_thing, 'quota');
  end if;
  if v_pool.queue > 0 then
    perform plinth.advance_waitlists(p_kind, array[p_thing], p_at);
  end if;
end $$;
comment on function plinth.set_limit(text, uuid, bigint, timestamptz) is
  'Sets the limit of a quota, which is made when there is none. It may lie below what is used and held: nothing is taken '
  'back, and nobody gets more until it fits. Raises invalid_claim (PT422) or wrong_shape (PT409).';

create function plinth.return_units(p_kind text, p_things uuid[], p_quantities bigint[], p_at timestamptz default plinth.now())
returns void language plpgsql set search_path = '' as $$
declare
  v_over uuid;
  v_queued uuid[];
begin
  if cardinality(p_things) <> cardinality(p_quantities) or 0 > any (p_quantities) or array_position(p_quantities, null) > 0 then
    perform plinth.refuse_claim('Each thing needs the units that come back, from 0 up.');
  end if;
  perform plinth.lock_pools(p_kind, p_things);
  select min(p.thing::text)::uuid into v_over
    from (select w.thing, sum(w.quantity) as quantity from unnest(p_things, p_quantities) w (thing, quantity) group by w.thing) w
    left join plinth.pools p on p.kind = p_kind and p.thing = w.thing
    where w.quantity > coalesce(p.used, 0);
  if v_over is not null then
    perform plinth.refuse('nothing_to_return', 409, 'More units would come back than were committed.',
      jsonb_build_object('thing', v_over), 'Nothing was changed.');
  end if;
  with returned as (
    update plinth.pools p set used = p.used - w.quantity, on_hand = p.on_hand + w.quantity
    from (select w.thing, sum(w.quantity) as quantity from unnest(p_things, p_quantities) w (thing, quantity) group by w.thing) w
    where p.kind = p_kind and p.thing = w.thing
    returning p.thing, p.queue
  )
  select array_agg(thing) filter (where queue > 0) into v_queued from returned;
  if v_queued is not null then
    perform plinth.advance_waitlists(p_kind, v_queued, p_at);
  end if;
end $$;
comment on function plinth.return_units(text, uuid[], bigint[], timestamptz) is
  'Gives committed units back: a seat that was cancelled, the bytes of a deleted file. Raises nothing_to_return (PT409) or '
  'invalid_claim (PT422). The caller sees to it that it happens once.';

create function plinth.drop_pool(p_kind text, p_thing uuid, p_force boolean default false, p_at timestamptz default plinth.now())
returns void language plpgsql set search_path = '' as $$
begin
  perform plinth.lock_pools(p_kind, array[p_thing]);
  if not p_force and exists (
    select from plinth.holds
    where kind = p_kind and thing = p_thing
      and case when committed_at is null then expires_at > p_at else upper(during) > p_at end
  ) then
    perform plinth.refuse('thing_is_held', 409, 'The thing is held.', p_hint => 'Commit or release its holds first.');
  end if;
  delete from plinth.holds where kind = p_kind and thing = p_thing;
  delete from plinth.waitlists where kind = p_kind and thing = p_thing;
  delete from plinth.pools where kind = p_kind and thing = p_thing;
end $$;
comment on function plinth.drop_pool(text, uuid, boolean, timestamptz) is
  'Removes a thing''s pool with everything that hangs on it. Raises thing_is_held (PT409) while somebody holds it, unless forced.';

create function plinth.availability(p_kind text, p_things uuid[], p_at timestamptz default plinth.now())
returns table (thing uuid, on_hand bigint, held bigint, available bigint) language sql stable set search_path = '' as $$
  select p.thing, p.on_hand, p.held - expired.quantity, p.on_hand - p.held + expired.quantity
  from plinth.pools p
  cross join lateral (
    select coalesce(sum(h.quantity), 0)::bigint as quantity
    from plinth.holds h where h.kind = p.kind and h.thing = p.thing and h.expires_at <= p_at
  ) expired
  where p.kind = p_kind and p.thing = any (p_things) and p.shape in ('counted', 'quota')
$$;
comment on function plinth.availability(text, uuid[], timestamptz) is
  'Units on hand, held and free of counted pools and quotas at an instant. Costs one row a thing and its expired holds; '
  'active ones are not read.';

-- Refusals ------------------------------------------------------------------------------------------------------

create function plinth.refuse_shortage(p_short jsonb) returns void language plpgsql set search_path = '' as $$
begin
  perform plinth.refuse('not_enough_units', 409,
    format('Not enough units: %s of %s asked things are short.', jsonb_array_length(p_short -> 'short'), p_short ->> 'asked'), p_short,
    'Nothing was changed. The detail lists each short thing with what was wanted and what is available.');
end $$;
comment on function plinth.refuse_shortage(jsonb) is 'Raises not_enough_units (PT409).';

create function plinth.refuse_claim(p_message text) returns void language plpgsql set search_path = '' as $$
begin
  perform plinth.refuse('invalid_claim', 422, p_message, p_hint => 'Nothing was changed.');
end $$;
comment on function plinth.refuse_claim(text) is 'Raises invalid_claim (PT422).';

create function plinth.refuse_shape(p_kind text, p_thing uuid, p_wanted plinth.pool_shape) returns void
language plpgsql set search_path = '' as $$
begin
  perform plinth.refuse('wrong_shape', 409, format('The pool has another shape than %s.', p_wanted),
    jsonb_build_object('kind', p_kind, 'thing', p_thing), 'A thing keeps the shape that its pool was made with.');
end $$;
comment on function plinth.refuse_shape(text, uuid, plinth.pool_shape) is 'Raises wrong_shape (PT409).';
