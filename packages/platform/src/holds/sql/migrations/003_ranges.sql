-- Ranges of time: a resource that one claim at a time has, and groups of which any free member does.
--
-- Locks are taken in two steps, each in the order of ids: groups, then resources. So a claim on a group and one on a
-- member directly never wait for each other in a circle. The exclusion constraint of plinth.holds is a backstop: found by
-- it alone, overlapping inserts deadlock.

create function plinth.set_resource(p_kind text, p_thing uuid, p_buffer_before interval default '0', p_buffer_after interval default '0',
  p_members uuid[] default null)
returns void language plpgsql set search_path = '' as $$
declare
  v_shape plinth.pool_shape := case when p_members is null then 'ranges' else 'group' end;
  v_other uuid;
begin
  insert into plinth.pools (kind, thing, shape) values (p_kind, p_thing, v_shape) on conflict do nothing;
  select p.thing into v_other from plinth.pools p where p.kind = p_kind and p.thing = p_thing and p.shape <> v_shape for no key update;
  if v_other is not null then
    perform plinth.refuse_shape(p_kind, p_thing, v_shape);
  end if;
  -- Claims on a group lock it before they read its members.
  perform plinth.lock_pools(p_kind, array[p_thing]);
  insert into plinth.resources (kind, thing, buffer_before, buffer_after) values (p_kind, p_thing, p_buffer_before, p_buffer_after)
    on conflict (kind, thing) do update set buffer_before = excluded.buffer_before, buffer_after = excluded.buffer_after;
  if p_members is null then
    return;
  end if;
  select m.member into v_other
    from unnest(p_members) m (member)
    where not exists (select from plinth.pools p where p.kind = p_kind and p.thing = m.member and p.shape = 'ranges') limit 1;
  if v_other is not null then
    perform plinth.refuse_shape(p_kind, v_other, 'ranges');
  end if;
  delete from plinth.members where kind = p_kind and pool = p_thing and member <> all (p_members);
  insert into plinth.members (kind, pool, member, rank)
    select p_kind, p_thing, m.member, min(m.rank) from unnest(p_members) with ordinality m (member, rank) group by m.member
    on conflict (kind, pool, member) do update set rank = excluded.rank;
end $$;
comment on function plinth.set_resource(text, uuid, interval, interval, uuid[]) is
  'Makes or changes a resource, or with p_members a group of resources in the order in which they are tried. The buffers go '
  'around every claim on it from now on. Claims that there are stay. Raises wrong_shape (PT409).';

create function plinth.try_ranges(p_kind text, p_claims plinth.claim[], p_at timestamptz) returns jsonb
language plpgsql set search_path = ''
set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
declare
  v_resources uuid[];
  v_claim plinth.claim;
  v_own plinth.holds;
  v_blocks tstzrange;
  v_free uuid;
  v_short jsonb := '[]';
begin
  select array_agg(distinct coalesce(m.member, c.thing)) into v_resources
    from unnest(p_claims) c left join plinth.members m on m.kind = p_kind and m.pool = c.thing;
  perform plinth.lock_pools(p_kind, v_resources);
  perform plinth.let_go(p_kind, v_resources, null, p_at);
  for v_claim in select c.* from unnest(p_claims) c order by lower(c.during), c.key, c.thing loop
    select h.* into v_own from plinth.holds h where h.kind = p_kind and h.key = v_claim.key and h.claimed = v_claim.thing;
    if v_own.committed_at is not null and v_own.during = v_claim.during then
      continue;
    elsif v_own.committed_at is not null then
      perform plinth.refuse_committed(v_claim.key);
    end if;
    select tstzrange(lower(v_claim.during) - r.buffer_before, upper(v_claim.during) + r.buffer_after) into v_blocks
      from plinth.resources r where r.kind = p_kind and r.thing = v_claim.thing;
    select r.thing into v_free
      from (
        select v_claim.thing, 0 as rank where v_claim.thing = any (v_resources)
        union all
        select m.member, m.rank from plinth.members m where m.kind = p_kind and m.pool = v_claim.thing
      ) r (thing, rank)
      join plinth.pools p on p.kind = p_kind and p.thing = r.thing and p.shape = 'ranges'
      where not exists (
          select from plinth.holds h
          where h.kind = p_kind and h.thing = r.thing and h.blocks && v_blocks and (h.key, h.claimed) <> (v_claim.key, v_claim.thing))
        and not exists (
          select from plinth.holds h
          where h.kind = p_kind and h.key = v_claim.key and h.thing = r.thing and h.claimed <> v_claim.thing)
      order by (r.thing = v_own.thing) is not true, r.rank, r.thing
      limit 1;
    if v_free is null then
      v_short := v_short || jsonb_build_object('thing', v_claim.thing, 'wanted', 1, 'available', 0, 'key', v_claim.key,
        'from', lower(v_claim.during), 'until', upper(v_claim.during));
      continue;
    end if;
    delete from plinth.holds h where h.kind = p_kind and h.key = v_claim.key and h.claimed = v_claim.thing and h.thing <> v_free;
    insert into plinth.holds as h (kind, thing, key, quantity, expires_at, owner, claimed, during, blocks)
      values (p_kind, v_free, v_claim.key, 1, v_claim.expires_at, coalesce(v_claim.owner, v_own.owner), v_claim.thing, v_claim.during, v_blocks)
      on conflict (kind, key, thing) do update
        set expires_at = excluded.expires_at, owner = excluded.owner, during = excluded.during, blocks = excluded.blocks;
  end loop;
  return case when v_short <> '[]' then jsonb_build_object('asked', cardinality(p_claims), 'short', v_short) end;
end $$;
comment on function plinth.try_ranges(text, plinth.claim[], timestamptz) is
  'plinth.try_claims() for ranges; the caller has locked the groups. Of what is short it also says key, from and until. The '
  'caller undoes what others of its claims got. Raises already_committed (PT409).';

create function plinth.refuse_committed(p_key text) returns void language plpgsql set search_path = '' as $$
begin
  perform plinth.refuse('already_committed', 409, 'The key has committed something else already.', jsonb_build_object('key', p_key),
    'Return it first, or use another key.');
end $$;
comment on function plinth.refuse_committed(text) is 'Raises already_committed (PT409).';

create function plinth.free_ranges(p_kind text, p_thing uuid, p_within tstzmultirange, p_at timestamptz default plinth.now())
returns table (resource uuid, rank integer, free tstzmultirange) language sql stable set search_path = '' as $$
  select r.thing, r.rank, p_within - coalesce((
      -- [s, e) fits beside a hold when its own buffers do not reach into what the hold blocks.
      select range_agg(tstzrange(lower(h.blocks) - own.buffer_after, upper(h.blocks) + own.buffer_before))
      from plinth.holds h
      where h.kind = p_kind and h.thing = r.thing and h.expires_at > p_at and h.blocks && tstzrange(
          lower(range_merge(p_within)) - own.buffer_before, upper(range_merge(p_within)) + own.buffer_after)
    ), '{}')
  from plinth.resources own
  cross join lateral (
    select own.thing, 0 as rank where not exists (select from plinth.members m where m.kind = p_kind and m.pool = own.thing)
    union all
    select m.member, m.rank from plinth.members m where m.kind = p_kind and m.pool = own.thing
  ) r
  where own.kind = p_kind and own.thing = p_thing
$$;
comment on function plinth.free_ranges(text, uuid, tstzmultirange, timestamptz) is
  'When a resource, or each member of a group, can be claimed within some times (its opening hours), its buffers included.';

create function plinth.find_ranges(p_kind text, p_thing uuid, p_during tstzrange, p_within tstzmultirange,
  p_step interval default '15 minutes', p_limit integer default 5, p_at timestamptz default plinth.now())
returns table (during tstzrange, resources uuid[]) language sql stable set search_path = '' as $$
  select tstzrange(s.start, s.start + (upper(p_during) - lower(p_during))), array_agg(f.resource order by f.rank, f.resource)
  from plinth.free_ranges(p_kind, p_thing, p_within, p_at) f
  cross join lateral unnest(f.free) span
  cross join lateral generate_series(
    lower(p_during) + ceil(extract(epoch from greatest(lower(span), p_at) - lower(p_during)) / extract(epoch from p_step)) * p_step,
    upper(span) - (upper(p_during) - lower(p_during)), p_step) s (start)
  where lower(span) is not null and upper(span) is not null
  group by s.start
  order by abs(extract(epoch from s.start - lower(p_during))), s.start
  limit p_limit
$$;
comment on function plinth.find_ranges(text, uuid, tstzrange, tstzmultirange, interval, integer, timestamptz) is
  'The free times nearest to a wanted one, as long as it and steps away from it, not in the past: the wanted one itself if it is '
  'free, else the alternatives to offer. p_within must be bounded.';
