create function plinth.rotate_refresh_token(
  presented_hash text,
  child_hash text,
  child_key text,
  instant timestamptz,
  grace interval,
  timebox interval,
  inactivity interval
) returns table (outcome text, session_id uuid, user_id uuid, derivation_key text)
language plpgsql
set search_path = ''
as $$
declare
  presented auth.refresh_tokens;
  family auth.sessions;
begin
  select * into presented from auth.refresh_tokens as t where t.token = presented_hash;
  select * into family from auth.sessions as s where s.id = presented.session_id for update;
  -- The lock may have been waited for, so what was read before it may be over.
  select * into presented from auth.refresh_tokens as t where t.token = presented_hash;
  if not found then
    outcome := 'unknown';
    return next;
    return;
  end if;

  session_id := family.id;
  user_id := family.user_id;
  derivation_key := family.refresh_token_hmac_key;

  if exists (select from auth.users as u where u.id = family.user_id and u.banned_until > instant) then
    outcome := 'banned';

  elsif presented.revoked then
    if presented.updated_at + grace > instant and exists (
      select from auth.refresh_tokens as child
      where child.session_id = family.id and not child.revoked and child.parent = presented_hash
    ) then
      outcome := 'repeated';
    else
      outcome := 'reused';
      update auth.refresh_tokens as t set revoked = true, updated_at = instant
        where t.session_id = family.id and not t.revoked;
      update auth.sessions as s set not_after = least(s.not_after, instant), updated_at = instant
        where s.id = family.id;
    end if;

  elsif family.not_after <= instant
    or (timebox > interval '0' and family.created_at + timebox <= instant)
    or (inactivity > interval '0'
      and greatest(family.refreshed_at at time zone 'utc', family.created_at) + inactivity <= instant) then
    outcome := 'expired';

  else
    outcome := 'rotated';
    derivation_key := child_key;
    update auth.refresh_tokens as t set revoked = true, updated_at = instant where t.id = presented.id;
    insert into auth.refresh_tokens (token, user_id, created_at, updated_at, parent, session_id)
      values (child_hash, family.user_id, instant, instant, presented_hash, family.id);
    update auth.sessions as s
      set refresh_token_hmac_key = child_key, refreshed_at = instant at time zone 'utc', updated_at = instant
      where s.id = family.id;
    -- A session that is refreshed every hour for years must not grow without end; a token this old is
    -- refused all the same, as unknown.
    delete from auth.refresh_tokens as t
      where t.session_id = family.id and t.revoked and t.updated_at < instant - interval '30 days';
  end if;
  return next;
end
$$;
comment on function plinth.rotate_refresh_token(text, text, text, timestamptz, interval, interval, interval) is
'Exchanges a refresh token (given as its SHA-256) for its child, under a lock on the session. A session is over timebox after it began and inactivity after its last refresh, where these are not 0. Outcomes: rotated (the child is stored, derivation_key is child_key); repeated (the parent of the valid token came again within grace: derivation_key is the one that made the child, nothing changes); reused (an older token, or a later repetition: the session is over); banned; expired; unknown.';
