-- Which bytes an object's versions are, what became of earlier ones, and what still needs them. Only the platform
-- reads and writes these tables.

create table plinth.storage_blobs (
  id text primary key,
  size bigint not null check (size >= 0),
  sha256 bytea not null,
  is_sealed boolean not null default false,
  claimed_at timestamptz not null default now(),
  missing_since timestamptz
);
comment on table plinth.storage_blobs is 'What the store of bytes holds, by its name there. A row is written before its bytes become final, and removed after they are.';
comment on column plinth.storage_blobs.claimed_at is 'When an upload last claimed the bytes; until some time after that they are kept without any version.';
comment on column plinth.storage_blobs.missing_since is 'When the reconciler first found that the bytes are not in the store.';
create index storage_blobs_missing on plinth.storage_blobs (missing_since) where missing_since is not null;
alter table plinth.storage_blobs enable row level security;

create table plinth.storage_versions (
  version text primary key default gen_random_uuid()::text,
  blob text not null references plinth.storage_blobs (id),
  bucket_id text not null,
  name text collate "C" not null,
  account uuid,
  is_counted boolean not null default false,
  created_at timestamptz not null default now()
);
comment on column plinth.storage_versions.account is 'Whose room the bytes take: a pool of the kind bytes; null for nobody''s.';
comment on column plinth.storage_versions.is_counted is 'True while the pool counts them as used.';
comment on table plinth.storage_versions is 'The bytes of one upload, and the object that it was for. The version is public, the name of the bytes is not.';
create index storage_versions_by_blob on plinth.storage_versions (blob);
create index storage_versions_by_age on plinth.storage_versions (created_at);
alter table plinth.storage_versions enable row level security;

create table plinth.storage_history (
  id bigint generated always as identity primary key,
  changed_at timestamptz not null default plinth.now(),
  object_id uuid not null,
  bucket_id text not null,
  name text collate "C" not null,
  before jsonb,
  before_version text,
  by_rewind text
);
comment on table plinth.storage_history is 'The objects as they were before each change, until their retention ends: a removed object''s bytes are kept as long, so that a rewind finds them.';
comment on column plinth.storage_history.name is 'The object''s name after the change, or the one it had when it was removed.';
comment on column plinth.storage_history.by_rewind is 'The tenant whose rewind changed it; null for every other change.';
comment on column plinth.storage_history.before is 'The whole row before the change; null when the change made it.';
create index storage_history_by_age on plinth.storage_history (changed_at);
create index storage_history_by_version on plinth.storage_history (before_version) where before_version is not null;
alter table plinth.storage_history enable row level security;

-- security definer: versions are the platform's own table. A row of storage.objects names the bytes that are served for
-- it, so nobody may write the version of another object into it, whatever the policies allow.
create function plinth.check_object_version() returns trigger language plpgsql security definer set search_path = ''
as $$
begin
  if new.version is null or (tg_op = 'UPDATE' and new.version is not distinct from old.version) then
    return new;
  end if;
  if not exists (
    select from plinth.storage_versions v
    where v.version = new.version and v.bucket_id = new.bucket_id and v.name = new.name
  ) then
    raise exception 'version % was not uploaded for this object', new.version using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
comment on function plinth.check_object_version() is 'Trigger: an object''s version is one that was uploaded for it.';
create trigger check_version before insert or update of version on storage.objects
  for each row execute function plinth.check_object_version();

-- security definer: the history is the platform's own table. However an object is changed, its earlier bytes are kept.
create function plinth.keep_object_history() returns trigger language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' and (old.bucket_id, old.name, old.version, old.metadata, old.user_metadata, old.owner_id)
    is not distinct from (new.bucket_id, new.name, new.version, new.metadata, new.user_metadata, new.owner_id) then
    return null;
  end if;
  if tg_op = 'INSERT' then
    insert into plinth.storage_history (object_id, bucket_id, name) values (new.id, new.bucket_id, new.name);
  else
    insert into plinth.storage_history (object_id, bucket_id, name, before, before_version)
    values (old.id, old.bucket_id, case when tg_op = 'UPDATE' then new.name else old.name end,
      to_jsonb(old) - 'path_tokens', old.version);
    if old.version is not null and (tg_op = 'DELETE' or new.version is distinct from old.version)
      and exists (select from plinth.storage_versions v where v.version = old.version and v.is_counted) then
      perform plinth.return_room(array[old.version]);
    end if;
  end if;
  return null;
end $$;
comment on function plinth.keep_object_history() is 'Trigger: remembers an object as it was before each change.';
create trigger keep_history after insert or update or delete on storage.objects
  for each row execute function plinth.keep_object_history();

create function plinth.refuse_object_truncate() returns trigger language plpgsql set search_path = ''
as $$
begin
  raise exception 'storage.objects is emptied by delete: truncate would keep no history of it' using errcode = 'insufficient_privilege';
end $$;
comment on function plinth.refuse_object_truncate() is 'Trigger: objects are not truncated.';
create trigger refuse_truncate before truncate on storage.objects
  for each statement execute function plinth.refuse_object_truncate();

-- Claims bytes for one upload, before they become final. Whoever removes bytes locks their row and looks at the claim: bytes
-- that were claimed a short while ago stay, and a claim that waits for a removal makes the row anew.
create function plinth.claim_bytes(
  p_blob text, p_size bigint, p_sha256 bytea, p_is_sealed boolean, p_bucket text, p_name text,
  p_hold text default null, p_account uuid default null
) returns text language plpgsql volatile set search_path = ''
as $$
declare
  v_version text;
begin
  insert into plinth.storage_blobs (id, size, sha256, is_sealed, claimed_at)
  values (p_blob, p_size, p_sha256, p_is_sealed, clock_timestamp())
  on conflict (id) do update set claimed_at = clock_timestamp();
  insert into plinth.storage_versions (blob, bucket_id, name, account, is_counted)
  values (p_blob, p_bucket, p_name, p_account, p_account is not null and p_size > 0) returning version into v_version;
  if p_account is not null then
    if p_size > 0 then perform plinth.settle_hold('bytes', p_hold, p_size);
    else perform plinth.release_holds('bytes', array[p_hold]);
    end if;
  end if;
  return v_version;
end $$;
comment on function plinth.claim_bytes(text, bigint, bytea, boolean, text, text, text, uuid) is
  'Records bytes that are about to become final, and gives the version that an object may name. Room that was held for them becomes used, at their true size.';

create function plinth.return_room(p_versions text[]) returns void language plpgsql volatile set search_path = ''
as $$
declare
  v_room record;
begin
  -- Only a system that uses holds has pools.
  if to_regclass('plinth.pools') is null then
    return;
  end if;
  with returned as (
    update plinth.storage_versions set is_counted = false where version = any (p_versions) and is_counted
    returning account, blob
  )
  select array_agg(r.account) as accounts, array_agg(b.size) as sizes into v_room
  from returned r join plinth.storage_blobs b on b.id = r.blob
  join plinth.pools p on p.kind = 'bytes' and p.thing = r.account;
  if v_room.accounts is not null then
    perform plinth.return_units('bytes', v_room.accounts, v_room.sizes);
  end if;
end $$;
comment on function plinth.return_room(text[]) is 'The bytes of these versions take nobody''s room any more.';

create function plinth.take_room(p_versions text[]) returns void language plpgsql volatile set search_path = ''
as $$
declare
  v_room record;
begin
  if to_regclass('plinth.pools') is null then
    return;
  end if;
  for v_room in
    update plinth.storage_versions v set is_counted = true
    from plinth.storage_blobs b, plinth.pools p
    where v.version = any (p_versions) and not v.is_counted and b.id = v.blob and b.size > 0
      and p.kind = 'bytes' and p.thing = v.account
    returning v.version, v.account, b.size
  loop
    perform plinth.place_hold('bytes', v_room.account, 'again ' || v_room.version, v_room.size, plinth.now() + interval '1 minute');
    perform plinth.settle_hold('bytes', 'again ' || v_room.version, v_room.size);
  end loop;
end $$;
comment on function plinth.take_room(text[]) is 'The bytes of these versions, which came back with a rewind, take room again. Raises not_enough_units when there is none.';

-- The owner's own functions call these; nobody else may.
revoke all on function plinth.claim_bytes(text, bigint, bytea, boolean, text, text, text, uuid), plinth.return_room(text[]),
  plinth.take_room(text[]) from public;

create table plinth.storage_traffic (
  day date not null,
  bucket_id text not null,
  user_id text not null default '',
  requests bigint not null default 0,
  bytes bigint not null default 0,
  primary key (day, bucket_id, user_id)
);
comment on table plinth.storage_traffic is 'Bytes served, per day (UTC), bucket and user; nobody signed in is the empty user.';
alter table plinth.storage_traffic enable row level security;
