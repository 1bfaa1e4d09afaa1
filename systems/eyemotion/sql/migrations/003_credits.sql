-- Credits (E-N3, AT-18…AT-20): lots of the platform's holds, one account per user under the kind `credits`. The lot that ends
-- soonest is burned first; among those that end together included ones (rank 0) before extra ones (rank 10).
--
-- Whoever changes an account locks its pool first and its row of user_subscriptions after it. The size of a lot follows from what
-- was paid for it, so the same news twice grants nothing twice, and news in any order end in one size. What was burned of a lot that
-- shrank afterwards is owed: other credits cover it before they can be spent.

create function private.lock_credits(p_user uuid) returns void language plpgsql set search_path = '' as $$
begin
  insert into plinth.pools (kind, thing, shape) values ('credits', p_user, 'lots') on conflict do nothing;
  perform plinth.lock_pools('credits', array[p_user]);
end $$;
comment on function private.lock_credits(uuid) is 'One at a time for each account, until the transaction ends.';

create function private.refresh_credits(p_user uuid) returns void language sql set search_path = '' as $$
  update public.user_subscriptions s set
    credits_included = lots.included, credits_extra = lots.extra, credits_owed = lots.owed,
    credits_used = coalesce((
      select sum(u.credits_used) from public.credits_usage u where u.user_id = p_user and u.created_at >= s.current_period_start), 0),
    warned_at = case when lots.included + lots.extra - lots.taken > lots.included / 10 then null else s.warned_at end
  from (
    select coalesce(sum(l.granted) filter (where l.rank = 0 and l.revoked_at is null and l.expires_at > r.current_period_start), 0) as included,
      coalesce(sum(l.taken) filter (where l.rank = 0 and l.revoked_at is null and l.expires_at > r.current_period_start), 0) as taken,
      coalesce(sum(greatest(l.granted - l.taken, 0)) filter (where l.rank > 0 and l.revoked_at is null and l.expires_at > r.current_period_start), 0) as extra,
      coalesce(sum(case when l.revoked_at is null then greatest(l.taken - l.granted, 0) else l.taken end), 0) as owed
    from public.user_subscriptions r left join plinth.lots l on l.kind = 'credits' and l.thing = r.user_id
    where r.user_id = p_user
  ) lots
  where s.user_id = p_user
$$;
comment on function private.refresh_credits(uuid) is 'Brings the columns of an account in line with its lots and burns. The caller has locked the account.';

create function private.grant_credits(p_user uuid, p_key text, p_credits bigint, p_expires_at timestamptz default 'infinity', p_rank integer default 10)
returns void language plpgsql set search_path = '' as $$
begin
  perform private.lock_credits(p_user);
  perform plinth.grant_lot('credits', p_user, p_key, p_credits, p_expires_at, p_rank::smallint);
  perform private.refresh_credits(p_user);
end $$;
comment on function private.grant_credits(uuid, text, bigint, timestamptz, integer) is
  'Gives an account a lot, once per key; the same key again sets its size. Ranks: 0 for what a period includes, 10 for what was bought or given.';

create function private.spendable_credits(p_user uuid, p_at timestamptz) returns bigint language sql stable set search_path = '' as $$
  select greatest(0, plinth.balance('credits', p_user, p_at)
    - coalesce((select credits_owed from public.user_subscriptions where user_id = p_user), 0))
$$;
comment on function private.spendable_credits(uuid, timestamptz) is 'Credits that can be burned now: free ones of all lots, less what is owed.';

create function private.hold_credits(p_user uuid, p_key text, p_credits bigint, p_until timestamptz, p_at timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  v_owed bigint;
  v_own bigint := 0;
  v_short jsonb;
begin
  perform private.lock_credits(p_user);
  select credits_owed into v_owed from public.user_subscriptions where user_id = p_user;
  if v_owed > 0 then
    select coalesce(sum(quantity), 0) into v_own from plinth.holds
      where kind = 'credits' and key = p_key and thing = p_user and expires_at > p_at;
    if private.spendable_credits(p_user, p_at) + v_own < p_credits then
      v_short := jsonb_build_object('available', private.spendable_credits(p_user, p_at) + v_own);
    end if;
  end if;
  if v_short is null then
    v_short := plinth.try_hold('credits', p_user, p_key, p_credits, p_until, p_user, null, p_at) -> 'short' -> 0;
  end if;
  if v_short is not null then
    perform plinth.refuse('not_enough_credits', 402, format('This takes %s credits, and %s are left.', p_credits, v_short ->> 'available'),
      jsonb_build_object('needed', p_credits, 'available', (v_short ->> 'available')::bigint, 'owed', v_owed),
      'Buy credits, or choose a larger plan.');
  end if;
end $$;
comment on function private.hold_credits(uuid, text, bigint, timestamptz, timestamptz) is
  'Holds credits of an account until an instant; the same key again is the same hold. Raises not_enough_credits (PT402).';

create function private.note_burn(p_user uuid, p_key text, p_action text, p_resource_type text, p_resource_id text, p_details jsonb,
  p_at timestamptz) returns public.credits_usage language plpgsql set search_path = '' as $$
declare
  v_used public.credits_usage;
  v_account public.user_subscriptions;
  v_left bigint;
begin
  insert into public.credits_usage (user_id, subscription_id, burn_key, credits_used, action, resource_type, resource_id, details, created_at)
  select p_user, s.id, p_key, cited.credits, p_action, p_resource_type, p_resource_id,
    coalesce(p_details, '{}') || jsonb_build_object('lots', cited.lots), p_at
  from public.user_subscriptions s, (
    select coalesce(sum(b.quantity), 0) as credits,
      coalesce(jsonb_agg(jsonb_build_object('lot', l.key, 'credits', b.quantity) order by l.expires_at, l.rank, l.id) filter (where b.quantity > 0), '[]') as lots
    from plinth.burns b join plinth.lots l on l.id = b.lot
    where b.kind = 'credits' and b.key = p_key and b.thing = p_user
  ) cited
  where s.user_id = p_user
  returning * into v_used;
  update public.user_subscriptions s set credits_used = s.credits_used + v_used.credits_used,
    credits_extra = coalesce((
      select sum(greatest(l.granted - l.taken, 0)) from plinth.lots l
      where l.kind = 'credits' and l.thing = p_user and l.rank > 0 and l.revoked_at is null and l.expires_at > s.current_period_start), 0)
  where s.user_id = p_user returning * into v_account;
  if v_account.warned_at is null then
    v_left := private.spendable_credits(p_user, p_at);
    if v_left <= v_account.credits_included / 10 then
      update public.user_subscriptions set warned_at = p_at where id = v_account.id;
      perform plinth.notify(p_user::text, channel, 'low-credits', jsonb_build_object('left', v_left))
        from unnest(array['email', 'in_app']) channel;
    end if;
  end if;
  return v_used;
end $$;
comment on function private.note_burn(uuid, text, text, text, text, jsonb, timestamptz) is
  'Writes down a hold that was committed, with the lots that it cites, and warns once when a tenth of the period''s credits is left. The caller has locked the account.';

create function private.burn_credits(p_user uuid, p_key text, p_credits bigint, p_action text, p_resource_type text, p_resource_id text,
  p_details jsonb, p_at timestamptz) returns public.credits_usage language plpgsql set search_path = '' as $$
declare
  v_used public.credits_usage;
begin
  perform private.lock_credits(p_user);
  select * into v_used from public.credits_usage where burn_key = p_key;
  if found then
    if v_used.user_id is distinct from p_user or v_used.credits_used <> p_credits or v_used.action <> p_action then
      perform plinth.refuse('burn_key_taken', 409, 'Other credits were burned under this key.', p_hint => 'A key names one cause: give another cause another key.');
    end if;
    return v_used;
  end if;
  perform private.hold_credits(p_user, p_key, p_credits, p_at + interval '1 minute', p_at);
  perform plinth.commit_holds('credits', array[p_key], p_at);
  return private.note_burn(p_user, p_key, p_action, p_resource_type, p_resource_id, p_details, p_at);
end $$;
comment on function private.burn_credits(uuid, text, bigint, text, text, text, jsonb, timestamptz) is
  'Burns credits of an account, once per key. Raises not_enough_credits (PT402), burn_key_taken (PT409).';

create function private.return_burn(p_user uuid, p_key text, p_reason text, p_at timestamptz) returns bigint language plpgsql set search_path = '' as $$
declare
  v_returned bigint;
begin
  perform private.lock_credits(p_user);
  select coalesce(sum(quantity), 0) into v_returned from plinth.return_holds('credits', array[p_key], p_at);
  update public.credits_usage set credits_used = 0,
      details = details || jsonb_build_object('returned', credits_used, 'reason', p_reason)
    where burn_key = p_key and credits_used > 0;
  perform private.refresh_credits(p_user);
  return v_returned;
end $$;
comment on function private.return_burn(uuid, text, text, timestamptz) is
  'Gives what was burned under a key back to its lots, once; what came from a lot that has ended is lost. Returns the credits.';

create function private.credits_of(p_user uuid, p_at timestamptz) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object('available', private.spendable_credits(p_user, p_at), 'included', s.credits_included, 'used', s.credits_used,
    'extra', s.credits_extra, 'owed', s.credits_owed, 'period_end', s.current_period_end,
    'lots', (select coalesce(jsonb_agg(jsonb_build_object('lot', l.key, 'granted', l.granted, 'burned', l.burned, 'held', l.held,
        'available', l.available, 'expires_at', nullif(l.expires_at, 'infinity')) order by l.expires_at, l.rank), '[]')
      from plinth.lots_of('credits', p_user, p_at) l where l.expires_at > p_at))
  from public.user_subscriptions s where s.user_id = p_user
$$;
comment on function private.credits_of(uuid, timestamptz) is 'An account for its user: what can be burned, and the lots in the order in which they are burned.';

create function private.use_credits(p_user uuid, p_key text, p_credits bigint, p_action text, p_resource_type text, p_resource_id text,
  p_details jsonb, p_at timestamptz) returns jsonb language plpgsql set search_path = '' as $$
declare
  v_used public.credits_usage := private.burn_credits(p_user, format('use %s %s', p_user, p_key), p_credits, p_action, p_resource_type,
    p_resource_id, p_details, p_at);
begin
  return jsonb_build_object('used', to_jsonb(v_used) - 'user_id', 'credits', private.credits_of(p_user, p_at));
end $$;
comment on function private.use_credits(uuid, text, bigint, text, text, text, jsonb, timestamptz) is
  'private.burn_credits() under a key of the user''s own, with the account after it.';

revoke all on function private.use_credits(uuid, text, bigint, text, text, text, jsonb, timestamptz), private.lock_credits(uuid), private.refresh_credits(uuid), private.grant_credits(uuid, text, bigint, timestamptz, integer),
  private.spendable_credits(uuid, timestamptz), private.hold_credits(uuid, text, bigint, timestamptz, timestamptz),
  private.note_burn(uuid, text, text, text, text, jsonb, timestamptz),
  private.burn_credits(uuid, text, bigint, text, text, text, jsonb, timestamptz), private.return_burn(uuid, text, text, timestamptz),
  private.credits_of(uuid, timestamptz) from public;
