-- Lots: units of an account that end at different times. A hold takes from the lots that end soonest, ties by rank, and
-- plinth.burns says from which; so whatever comes back goes back where it came from, and a refund mints nothing.
--
-- A hold keeps its units when their lot ends before the hold does. What comes back to a lot that has ended is not
-- available any more; who wants to make up for that grants a new lot.

create function plinth.grant_lot(p_kind text, p_thing uuid, p_key text, p_quantity bigint, p_expires_at timestamptz default 'infinity',
  p_rank smallint default 0)
returns bigint language plpgsql set search_path = '' as $$
declare
  v_shape plinth.pool_shape;
  v_lot bigint;
begin
  if p_key is null or p_quantity is null or p_quantity < 0 or p_expires_at is null or p_rank is null then
    perform plinth.refuse_claim('A lot needs a key, a quantity from 0 up, an end and a rank.');
  end if;
  insert into plinth.pools (kind, thing, shape) values (p_kind, p_thing, 'lots') on conflict do nothing;
  select p.shape into v_shape from plinth.pools p where p.kind = p_kind and p.thing = p_thing for no key update;
  if v_shape <> 'lots' then
    perform plinth.refuse_shape(p_kind, p_thing, 'lots');
  end if;
  insert into plinth.lots (kind, thing, key, granted, expires_at, rank) values (p_kind, p_thing, p_key, p_quantity, p_expires_at, p_rank)
    on conflict (kind, thing, key) do update set granted = excluded.granted, expires_at = excluded.expires_at, rank = excluded.rank
    returning id into v_lot;
  return v_lot;
end $$;
comment on function plinth.grant_lot(text, uuid, text, bigint, timestamptz, smallint) is
  'Gives an account a lot, once per key. The same key again sets quantity, end and rank of that lot and leaves what was taken '
  'from it: a plan that changes to and fro within a period mints nothing. It does not undo a revocation. Returns the lot''s id.';

create function plinth.revoke_lot(p_kind text, p_thing uuid, p_key text, p_revoked boolean default true, p_at timestamptz default plinth.now())
returns bigint language plpgsql set search_path = '' as $$
declare
  v_taken bigint;
begin
  perform plinth.lock_pools(p_kind, array[p_thing]);
  perform plinth.let_go(p_kind, array[p_thing], null, p_at);
  update plinth.lots set revoked_at = case when p_revoked then coalesce(revoked_at, p_at) end
    where kind = p_kind and thing = p_thing and key = p_key returning taken into v_taken;
  return v_taken;
end $$;
comment on function plinth.revoke_lot(text, uuid, text, boolean, timestamptz) is
  'Takes what is left of a lot away (a payment was charged back), or with false gives it back (the dispute was won). Returns '
  'how many of its units are spent or held and were not taken away; null when there is no such lot.';

create function plinth.try_lots(p_kind text, p_claims plinth.claim[], p_at timestamptz) returns jsonb
language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_claim plinth.claim;
  v_own plinth.holds;
  v_available bigint;
  v_short jsonb := '[]';
begin
  perform plinth.let_go(p_kind, array(select c.thing from unnest(p_claims) c), null, p_at);
  for v_claim in select c.* from unnest(p_claims) c order by c.thing, c.key loop
    select h.* into v_own from plinth.holds h where h.kind = p_kind and h.key = v_claim.key and h.thing = v_claim.thing;
    if v_own.committed_at is not null and v_own.quantity = v_claim.quantity then
      continue;
    elsif v_own.committed_at is not null then
      perform plinth.refuse_committed(v_claim.key);
    end if;
    v_available := plinth.free_in_lots(p_kind, v_claim.thing, p_at);
    if v_claim.quantity > coalesce(v_own.quantity, 0) + v_available then
      v_short := v_short || jsonb_build_object('thing', v_claim.thing, 'wanted', v_claim.quantity,
        'available', coalesce(v_own.quantity, 0) + v_available);
      continue;
    end if;
    if v_own.key is null then
      insert into plinth.holds (kind, thing, key, quantity, expires_at, owner)
        values (p_kind, v_claim.thing, v_claim.key, v_claim.quantity, v_claim.expires_at, v_claim.owner) returning * into v_own;
      perform plinth.take_from_lots(v_own, v_claim.quantity, p_at);
    else
      perform plinth.resize_burn(v_own, v_claim.quantity, p_at);
      update plinth.holds h set expires_at = v_claim.expires_at, owner = coalesce(v_claim.owner, h.owner)
        where h.kind = p_kind and h.key = v_claim.key and h.thing = v_claim.thing;
    end if;
  end loop;
  return case when v_short <> '[]' then jsonb_build_object('asked', cardinality(p_claims), 'short', v_short) end;
end $$;
comment on function plinth.try_lots(text, plinth.claim[], timestamptz) is
  'plinth.try_claims() for lots, whose accounts the caller has locked and whose other claims it undoes where one is short. '
  'Raises already_committed (PT409).';

create function plinth.free_in_lots(p_kind text, p_thing uuid, p_at timestamptz) returns bigint
language sql stable set search_path = '' as $$
  select coalesce(sum(greatest(l.granted - l.taken, 0)), 0)::bigint
  from plinth.lots l
  where l.kind = p_kind and l.thing = p_thing and l.expires_at > p_at and l.revoked_at is null
$$;
comment on function plinth.free_in_lots(text, uuid, timestamptz) is
  'Units of an account that can be taken, expired holds not counted back.';

create function plinth.take_from_lots(p_hold plinth.holds, p_quantity bigint, p_at timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  v_taken bigint;
begin
  with free as (
    select l.id, l.granted - l.taken as units,
      sum(l.granted - l.taken) over (order by l.expires_at, l.rank, l.id) - (l.granted - l.taken) as before
    from plinth.lots l
    where l.kind = p_hold.kind and l.thing = p_hold.thing and l.expires_at > p_at and l.revoked_at is null and l.granted > l.taken
  ),
  part as (
    select f.id, least(f.units, p_quantity - f.before) as units from free f where f.before < p_quantity
  ),
  counted as (
    update plinth.lots l set taken = l.taken + part.units from part where l.id = part.id
  ),
  cited as (
    insert into plinth.burns as b (kind, key, thing, lot, quantity)
    select p_hold.kind, p_hold.key, p_hold.thing, part.id, part.units from part
    on conflict (kind, key, thing, lot) do update set quantity = b.quantity + excluded.quantity
  )
  select coalesce(sum(units), 0) into v_taken from part;
  if v_taken <> p_quantity then
    raise exception '% units were to be taken, and % were there.', p_quantity, v_taken using errcode = 'check_violation';
  end if;
end $$;
comment on function plinth.take_from_lots(plinth.holds, bigint, timestamptz) is
  'Takes units of a hold from the lots that end soonest. The caller has locked the account and seen that there are enough.';

create function plinth.resize_burn(p_hold plinth.holds, p_quantity bigint, p_at timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  if p_quantity > p_hold.quantity then
    perform plinth.take_from_lots(p_hold, p_quantity - p_hold.quantity, p_at);
  elsif p_quantity < p_hold.quantity then
    -- Units come back in the opposite order, so that what stays taken is what ends soonest.
    with cited as (
      select b.lot, b.quantity,
        sum(b.quantity) over (order by l.expires_at desc, l.rank desc, l.id desc) - b.quantity as before
      from plinth.burns b join plinth.lots l on l.id = b.lot
      where b.kind = p_hold.kind and b.key = p_hold.key and b.thing = p_hold.thing and b.quantity > 0
    ),
    part as (
      select c.lot, least(c.quantity, p_hold.quantity - p_quantity - c.before) as units
      from cited c where c.before < p_hold.quantity - p_quantity
    ),
    counted as (
      update plinth.lots l set taken = l.taken - part.units from part where l.id = part.lot
    )
    update plinth.burns b set quantity = b.quantity - part.units,
        returned = b.returned + case when p_hold.committed_at is null then 0 else part.units end
    from part where b.kind = p_hold.kind and b.key = p_hold.key and b.thing = p_hold.thing and b.lot = part.lot;
  end if;
  update plinth.holds h set quantity = p_quantity
    where h.kind = p_hold.kind and h.key = p_hold.key and h.thing = p_hold.thing and h.quantity <> p_quantity;
end $$;
comment on function plinth.resize_burn(plinth.holds, bigint, timestamptz) is
  'Gives a hold on lots, or a burn, another size.';

create function plinth.settle_lots(p_kind text, p_key text, p_quantity bigint, p_things uuid[], p_at timestamptz)
returns jsonb language plpgsql set search_path = '' as $$
declare
  v_hold plinth.holds;
  v_short jsonb;
begin
  perform plinth.let_go(p_kind, array(select p.thing from plinth.pools p where p.kind = p_kind and p.thing = any (p_things) and p.shape = 'lots'), null, p_at);
  select jsonb_agg(jsonb_build_object('thing', s.thing, 'wanted', p_quantity, 'available', s.available) order by s.thing) into v_short
    from (
      select h.thing, h.quantity + case when h.committed_at is null then plinth.free_in_lots(p_kind, h.thing, p_at) else 0 end as available
      from plinth.holds h join plinth.pools p on p.kind = h.kind and p.thing = h.thing and p.shape = 'lots'
      where h.kind = p_kind and h.key = p_key and h.thing = any (p_things)
    ) s
    where p_quantity > s.available;
  if v_short is not null then
    return jsonb_build_object('asked', cardinality(p_things), 'short', v_short);
  end if;
  for v_hold in
    select h.* from plinth.holds h join plinth.pools p on p.kind = h.kind and p.thing = h.thing and p.shape = 'lots'
    where h.kind = p_kind and h.key = p_key and h.thing = any (p_things) order by h.thing
  loop
    perform plinth.resize_burn(v_hold, p_quantity, p_at);
    update plinth.holds h set committed_at = coalesce(h.committed_at, p_at), expires_at = 'infinity'
      where h.kind = p_kind and h.key = p_key and h.thing = v_hold.thing;
  end loop;
  return null;
end $$;
comment on function plinth.settle_lots(text, text, bigint, uuid[], timestamptz) is
  'plinth.try_settle() for lots, whose accounts the caller has locked.';

create function plinth.lots_of(p_kind text, p_thing uuid, p_at timestamptz default plinth.now())
returns table (key text, granted bigint, burned bigint, held bigint, available bigint, expires_at timestamptz, rank smallint, revoked_at timestamptz)
language sql stable set search_path = '' as $$
  select l.key, l.granted, cited.burned, cited.held,
    case when l.expires_at > p_at and l.revoked_at is null then greatest(l.granted - cited.burned - cited.held, 0) else 0 end,
    l.expires_at, l.rank, l.revoked_at
  from plinth.lots l
  cross join lateral (
    select coalesce(sum(b.quantity) filter (where h.committed_at is not null), 0)::bigint as burned,
      coalesce(sum(b.quantity) filter (where h.committed_at is null and h.expires_at > p_at), 0)::bigint as held
    from plinth.burns b join plinth.holds h on h.kind = b.kind and h.key = b.key and h.thing = b.thing
    where b.lot = l.id
  ) cited
  where l.kind = p_kind and l.thing = p_thing
  order by l.expires_at, l.rank, l.id
$$;
comment on function plinth.lots_of(text, uuid, timestamptz) is
  'The lots of an account in the order in which they are used. Reads every burn of the account.';

create function plinth.balance(p_kind text, p_thing uuid, p_at timestamptz default plinth.now())
returns bigint language sql stable set search_path = '' as $$
  select coalesce(sum(greatest(l.granted - l.taken + coalesce(expired.quantity, 0), 0)), 0)::bigint
  from plinth.lots l
  left join lateral (
    select sum(b.quantity) as quantity
    from plinth.holds h join plinth.burns b on b.kind = h.kind and b.key = h.key and b.thing = h.thing and b.lot = l.id
    where h.kind = p_kind and h.thing = p_thing and h.expires_at <= p_at
  ) expired on true
  where l.kind = p_kind and l.thing = p_thing and l.expires_at > p_at and l.revoked_at is null
$$;
comment on function plinth.balance(text, uuid, timestamptz) is
  'Units of an account that are free at an instant, expired holds counted as free. Costs its lots and its expired holds.';
