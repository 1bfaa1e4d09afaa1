-- Waitlists of counted pools and quotas.
--
-- An offer is a hold in the name of the waiting key, for as long as the offer lasts: nobody else can get its units, and
-- claiming them with the same key accepts it. First come, first served, without exception: while somebody waits, free units go
-- to the head of the line and a newcomer gets none; a head that wants more than is free keeps what is free waiting, unless it
-- wants more than the pool can ever have. Whoever locks a pool that has a line moves the line up first, so that no offer outlives
-- its end and no entry is forgotten; plinth.move_up_waitlists() does it where nobody comes by.

create type plinth.waiter_state as enum ('waiting', 'offered', 'accepted', 'declined', 'expired', 'left');

create table plinth.waitlists (
  kind text not null,
  thing uuid not null,
  offer_for interval not null default '24 hours' check (offer_for > '0'),
  closes_at timestamptz not null default 'infinity',
  primary key (kind, thing),
  foreign key (kind, thing) references plinth.pools (kind, thing) on delete cascade
);
comment on table plinth.waitlists is 'Pools that people can wait for.';
comment on column plinth.waitlists.offer_for is 'How long an offer stands.';
comment on column plinth.waitlists.closes_at is 'When waiting ends, such as the start of the event; no offer outlasts it.';

create table plinth.waiters (
  kind text not null,
  thing uuid not null,
  key text not null,
  quantity bigint not null check (quantity > 0),
  owner uuid,
  seq bigint generated always as identity,
  state plinth.waiter_state not null default 'waiting',
  joined_at timestamptz not null,
  offered_at timestamptz,
  offer_until timestamptz,
  ended_at timestamptz,
  primary key (kind, thing, key),
  foreign key (kind, thing) references plinth.waitlists (kind, thing) on delete cascade,
  constraint waiters_offer check ((state <> 'offered') or (offered_at is not null and offer_until is not null)),
  constraint waiters_end check ((state in ('waiting', 'offered')) = (ended_at is null))
);
comment on table plinth.waiters is 'Who waits for what, and what became of it. A system''s trigger on state tells people of their offers.';
comment on column plinth.waiters.seq is 'Place in the line: lower is earlier.';
create index waiters_line on plinth.waiters (kind, thing, seq) where state in ('waiting', 'offered');
create index waiters_owner on plinth.waiters (owner) where owner is not null;

create function plinth.set_waitlist(p_kind text, p_thing uuid, p_offer_for interval default '24 hours', p_closes_at timestamptz default 'infinity',
  p_at timestamptz default plinth.now())
returns void language plpgsql set search_path = '' as $$
declare
  v_shape plinth.pool_shape;
begin
  select p.shape into v_shape from plinth.pools p where p.kind = p_kind and p.thing = p_thing for no key update;
  if v_shape is null or v_shape not in ('counted', 'quota') then
    perform plinth.refuse_shape(p_kind, p_thing, 'counted');
  end if;
  insert into plinth.waitlists (kind, thing, offer_for, closes_at) values (p_kind, p_thing, p_offer_for, p_closes_at)
    on conflict (kind, thing) do update set offer_for = excluded.offer_for, closes_at = excluded.closes_at;
  perform plinth.advance_waitlists(p_kind, array[p_thing], p_at);
end $$;
comment on function plinth.set_waitlist(text, uuid, interval, timestamptz, timestamptz) is
  'Opens a waitlist on a pool, or changes how long offers stand from now on and when it closes. Raises wrong_shape (PT409).';

create function plinth.join_waitlist(p_kind text, p_thing uuid, p_key text, p_quantity bigint default 1, p_owner uuid default null,
  p_at timestamptz default plinth.now())
returns plinth.waiters language plpgsql set search_path = '' as $$
declare
  v_list plinth.waitlists;
  v_entry plinth.waiters;
begin
  if p_key is null or p_quantity > 0 is not true then
    perform plinth.refuse_claim('Who waits needs a key and a positive quantity.');
  end if;
  perform plinth.lock_pools(p_kind, array[p_thing]);
  perform plinth.advance_waitlists(p_kind, array[p_thing], p_at);
  select * into v_list from plinth.waitlists where kind = p_kind and thing = p_thing;
  if v_list.kind is null or v_list.closes_at <= p_at then
    perform plinth.refuse('waitlist_closed', 409, 'Nobody can wait for this any more.', jsonb_build_object('thing', p_thing),
      'The waitlist is not open, or has closed.');
  end if;
  select * into v_entry from plinth.waiters where kind = p_kind and thing = p_thing and key = p_key;
  if v_entry.state in ('waiting', 'offered') then
    return v_entry;
  end if;
  if exists (select from plinth.holds where kind = p_kind and thing = p_thing and key = p_key and expires_at > p_at) then
    perform plinth.refuse('already_held', 409, 'The key holds units already.', jsonb_build_object('key', p_key), 'There is nothing to wait for.');
  end if;
  delete from plinth.waiters where kind = p_kind and thing = p_thing and key = p_key;
  insert into plinth.waiters (kind, thing, key, quantity, owner, joined_at) values (p_kind, p_thing, p_key, p_quantity, p_owner, p_at);
  update plinth.pools set queue = queue + 1 where kind = p_kind and thing = p_thing;
  perform plinth.advance_waitlists(p_kind, array[p_thing], p_at);
  select * into v_entry from plinth.waiters where kind = p_kind and thing = p_thing and key = p_key;
  return v_entry;
end $$;
comment on function plinth.join_waitlist(text, uuid, text, bigint, uuid, timestamptz) is
  'Puts a key at the end of the line and answers its entry, which has an offer at once when units are free and nobody waits. '
  'A key that waits already keeps its place. Raises waitlist_closed, already_held (PT409) or invalid_claim (PT422).';

create function plinth.accept_offer(p_kind text, p_thing uuid, p_key text, p_expires_at timestamptz default null, p_at timestamptz default plinth.now())
returns void language plpgsql set search_path = '' as $$
declare
  v_entry plinth.waiters;
begin
  perform plinth.lock_pools(p_kind, array[p_thing]);
  perform plinth.advance_waitlists(p_kind, array[p_thing], p_at);
  select * into v_entry from plinth.waiters where kind = p_kind and thing = p_thing and key = p_key;
  if v_entry.state is distinct from 'offered' then
    perform plinth.refuse('offer_is_gone', 409, 'There is no offer, or its time is over.', jsonb_build_object('key', p_key),
      'Join the waitlist again.');
  end if;
  update plinth.holds set expires_at = coalesce(p_expires_at, expires_at) where kind = p_kind and key = p_key and thing = p_thing;
  perform plinth.end_entries(p_kind, array[p_thing], array[p_key], 'accepted', p_at);
end $$;
comment on function plinth.accept_offer(text, uuid, text, timestamptz, timestamptz) is
  'Accepts an offer: its units are an ordinary hold of the key from now on, until p_expires_at or the end of the offer. Raises '
  'offer_is_gone (PT409).';

create function plinth.leave_waitlist(p_kind text, p_thing uuid, p_key text, p_at timestamptz default plinth.now())
returns plinth.waiter_state language plpgsql set search_path = '' as $$
declare
  v_state plinth.waiter_state;
begin
  perform plinth.lock_pools(p_kind, array[p_thing]);
  perform plinth.advance_waitlists(p_kind, array[p_thing], p_at);
  select case state when 'offered' then 'declined'::plinth.waiter_state else 'left' end into v_state
    from plinth.waiters where kind = p_kind and thing = p_thing and key = p_key and state in ('waiting', 'offered');
  if v_state = 'declined' then
    perform plinth.release_holds(p_kind, array[p_key], p_at);
  elsif v_state = 'left' then
    perform plinth.follow_entries(p_kind, array[p_thing], array[p_key], 'left', p_at);
  end if;
  return v_state;
end $$;
comment on function plinth.leave_waitlist(text, uuid, text, timestamptz) is
  'Declines an offer or leaves the line, and the next in line gets their offer. Answers declined or left; null when the key does not wait.';

create function plinth.advance_waitlists(p_kind text, p_things uuid[], p_at timestamptz) returns integer
language plpgsql set search_path = '' as $$
declare
  v_list plinth.waitlists;
  v_ended text[];
  v_made integer;
  v_all integer := 0;
begin
  for v_list in
    select w.* from plinth.pools p join plinth.waitlists w on w.kind = p.kind and w.thing = p.thing
    where p.kind = p_kind and p.thing = any (p_things) and p.queue > 0 order by p.thing
  loop
    with ended as (
      update plinth.waiters w set state = 'expired', ended_at = p_at
      where w.kind = p_kind and w.thing = v_list.thing and w.state in ('waiting', 'offered')
        and (w.offer_until <= p_at or v_list.closes_at <= p_at)
      returning w.key
    )
    select array_agg(key) into v_ended from ended;
    if v_ended is not null then
      -- Where the list was made to close earlier, their holds have not expired yet.
      update plinth.holds h set expires_at = least(h.expires_at, p_at)
        where h.kind = p_kind and h.key = any (v_ended) and h.thing = v_list.thing;
      update plinth.pools p set queue = p.queue - cardinality(v_ended) where p.kind = p_kind and p.thing = v_list.thing;
    end if;
    perform plinth.drop_expired_holds(p_kind, array[v_list.thing], p_at);
    with pool as (
      select p.on_hand - p.held as free, p.on_hand + p.used as most from plinth.pools p where p.kind = p_kind and p.thing = v_list.thing
    ),
    line as (
      select w.key, sum(w.quantity) over (order by w.seq) as reaching
      from plinth.waiters w, pool
      where w.kind = p_kind and w.thing = v_list.thing and w.state = 'waiting' and w.quantity <= pool.most
    ),
    offered as (
      update plinth.waiters w set state = 'offered', offered_at = p_at, offer_until = least(p_at + v_list.offer_for, v_list.closes_at)
      from line, pool
      where w.kind = p_kind and w.thing = v_list.thing and w.key = line.key and line.reaching <= pool.free
      returning w.*
    ),
    placed as (
      insert into plinth.holds (kind, thing, key, quantity, expires_at, owner)
      select p_kind, v_list.thing, o.key, o.quantity, o.offer_until, o.owner from offered o
    ),
    counted as (
      update plinth.pools p set held = p.held + o.quantity
      from (select sum(quantity) as quantity from offered) o
      where p.kind = p_kind and p.thing = v_list.thing and o.quantity > 0
    )
    select count(*) into v_made from offered;
    v_all := v_all + v_made;
  end loop;
  return v_all;
end $$;
comment on function plinth.advance_waitlists(text, uuid[], timestamptz) is
  'Moves the lines of pools up, which the caller has locked: ends offers whose time is over, and makes new ones as far as units '
  'are free. Returns how many it made.';

create function plinth.somebody_waits(p_kind text, p_thing uuid) returns boolean language sql stable set search_path = '' as $$
  select exists (
    select from plinth.waiters w join plinth.pools p on p.kind = w.kind and p.thing = w.thing
    where w.kind = p_kind and w.thing = p_thing and w.state = 'waiting' and w.quantity <= p.on_hand + p.used)
$$;
comment on function plinth.somebody_waits(text, uuid) is 'Whether free units belong to the head of the line.';

create function plinth.end_entries(p_kind text, p_things uuid[], p_keys text[], p_state plinth.waiter_state, p_at timestamptz) returns void
language sql set search_path = '' as $$
  with ended as (
    update plinth.waiters w set state = p_state, ended_at = p_at
    where w.kind = p_kind and w.thing = any (p_things) and w.key = any (p_keys)
      and w.state in ('offered', case when p_state in ('left', 'accepted') then 'waiting'::plinth.waiter_state end)
    returning w.thing
  )
  update plinth.pools p set queue = p.queue - e.count
  from (select thing, count(*) from ended group by thing) e where p.kind = p_kind and p.thing = e.thing
$$;
comment on function plinth.end_entries(text, uuid[], text[], plinth.waiter_state, timestamptz) is
  'Ends the offers of keys on pools that the caller has locked; with left or accepted also their waiting: who got units otherwise waits no more.';

create function plinth.follow_entries(p_kind text, p_things uuid[], p_keys text[], p_state plinth.waiter_state, p_at timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  perform plinth.end_entries(p_kind, p_things, p_keys, p_state, p_at);
  perform plinth.advance_waitlists(p_kind, p_things, p_at);
end $$;
comment on function plinth.follow_entries(text, uuid[], text[], plinth.waiter_state, timestamptz) is
  'Ends the offers of keys and moves the lines up, on pools that the caller has locked.';

create function plinth.move_up_waitlists(p_at timestamptz default plinth.now()) returns integer
language plpgsql set search_path = '' as $$
declare
  v_queued record;
  v_made integer := 0;
begin
  for v_queued in
    select p.kind, array_agg(p.thing order by p.thing) as things from plinth.pools p where p.queue > 0 group by p.kind order by p.kind
  loop
    perform plinth.lock_pools(v_queued.kind, v_queued.things);
    v_made := v_made + plinth.advance_waitlists(v_queued.kind, v_queued.things, p_at);
  end loop;
  return v_made;
end $$;
comment on function plinth.move_up_waitlists(timestamptz) is
  'Moves every line up, for pools that nobody came by: a job runs it each minute, so that an offer follows one that expired. Returns '
  'how many offers it made.';

create function plinth.waitlist(p_kind text, p_thing uuid, p_at timestamptz default plinth.now())
returns table (key text, quantity bigint, owner uuid, state plinth.waiter_state, "position" bigint, offer_until timestamptz)
language sql stable set search_path = '' as $$
  select w.key, w.quantity, w.owner, now.state,
    case when now.state = 'waiting' then count(*) filter (where now.state = 'waiting') over (order by w.seq) end,
    case when now.state = 'offered' then w.offer_until end
  from plinth.waiters w
  join plinth.waitlists l on l.kind = w.kind and l.thing = w.thing
  cross join lateral (
    select case when w.state in ('waiting', 'offered') and (w.offer_until <= p_at or l.closes_at <= p_at) then 'expired' else w.state end as state
  ) now
  where w.kind = p_kind and w.thing = p_thing
  order by w.seq
$$;
comment on function plinth.waitlist(text, uuid, timestamptz) is
  'The entries of a waitlist as they are at an instant, first come first; position counts those that wait.';
