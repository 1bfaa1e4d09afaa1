-- Objects of a tenant as they were, and gone for good.

create function plinth.is_below(p_name text, p_tenant text) returns boolean language sql immutable parallel safe
set search_path = ''
as $$ select starts_with(p_name, p_tenant || '/') $$;
comment on function plinth.is_below(text, text) is 'Whether an object belongs to a tenant: the first folder of its name is the tenant''s key.';

create function plinth.rewind_objects(p_tenant text, p_to timestamptz, p_sequence bigint) returns void language plpgsql volatile set search_path = ''
as $$
declare
  v_ids uuid[];
  v_images jsonb;
  v_gone text;
  v_to timestamptz := p_to;
  v_is_rewind boolean;
begin
  if p_sequence is not null then
    select e.committed_at, coalesce(e.actor ->> 'via' = 'rewind', false) into v_to, v_is_rewind
    from plinth_journal.entries e where e.tenant = p_tenant and e.sequence > p_sequence order by e.sequence limit 1;
    if v_is_rewind then
      -- The undo of a rewind: what that one did to the files was written when it began, and it is the last before its commit.
      select coalesce(max(h.changed_at) - interval '1 microsecond', v_to) into v_to
      from plinth.storage_history h where h.by_rewind = p_tenant and h.changed_at <= v_to;
    end if;
    if v_to is null then
      return;
    end if;
  end if;
  -- What each object was before its first change after the instant; null for one that was not there.
  select array_agg(f.object_id), jsonb_agg(f.before) filter (where f.before is not null) into v_ids, v_images from (
    select distinct on (h.object_id) h.object_id, h.before from plinth.storage_history h
    where h.changed_at > v_to and (plinth.is_below(h.name, p_tenant) or plinth.is_below(h.before ->> 'name', p_tenant))
    order by h.object_id, h.id
  ) f;
  if v_ids is null then
    return;
  end if;
  select b ->> 'name' into v_gone from jsonb_array_elements(v_images) b
  where b ->> 'version' is not null and not exists (select from plinth.storage_versions v where v.version = b ->> 'version') limit 1;
  if v_gone is not null then
    perform plinth.refuse('bytes_missing', 500, format('The bytes of %s are not kept any more.', v_gone));
  end if;
  -- Triggers are off in a rewind: the history and the room are kept here.
  insert into plinth.storage_history (object_id, bucket_id, name, before, before_version, by_rewind)
  select o.id, o.bucket_id, o.name, to_jsonb(o) - 'path_tokens', o.version, p_tenant from storage.objects o where o.id = any (v_ids);
  insert into plinth.storage_history (object_id, bucket_id, name, by_rewind)
  select (b ->> 'id')::uuid, b ->> 'bucket_id', b ->> 'name', p_tenant from jsonb_array_elements(v_images) b
  where not exists (select from storage.objects o where o.id = (b ->> 'id')::uuid);
  perform plinth.return_room(array(select o.version from storage.objects o where o.id = any (v_ids) and o.version is not null));
  delete from storage.objects o where o.id = any (v_ids);
  insert into storage.objects (id, bucket_id, name, owner, owner_id, created_at, updated_at, last_accessed_at, metadata, version, user_metadata)
  select b.id, b.bucket_id, b.name, b.owner, b.owner_id, b.created_at, b.updated_at, b.last_accessed_at, b.metadata, b.version, b.user_metadata
  from jsonb_populate_recordset(null::storage.objects, v_images) b
  where exists (select from storage.buckets k where k.id = b.bucket_id);
  perform plinth.take_room(array(select o.version from storage.objects o where o.id = any (v_ids) and o.version is not null));
end $$;
comment on function plinth.rewind_objects(text, timestamptz, bigint) is 'Brings the objects of a tenant back to an instant, within the retention. May itself be undone by a later rewind.';

create function plinth.erase_objects(p_ids uuid[]) returns void language plpgsql volatile set search_path = ''
as $$
declare
  v_versions text[] := array(
    select o.version from storage.objects o where o.id = any (p_ids) and o.version is not null
    union
    select h.before_version from plinth.storage_history h where h.object_id = any (p_ids) and h.before_version is not null);
begin
  delete from storage.objects where id = any (p_ids);
  delete from plinth.storage_history where object_id = any (p_ids);
  perform plinth.forget_versions(v_versions);
end $$;
comment on function plinth.erase_objects(uuid[]) is 'Removes objects and everything that remembers them; their bytes go with the next sweep, whatever their age.';

create function plinth.objects_of_tenant(p_tenant text) returns setof uuid language sql stable set search_path = ''
as $$
  select id from storage.objects where plinth.is_below(name, p_tenant)
  union
  select object_id from plinth.storage_history where plinth.is_below(name, p_tenant) or plinth.is_below(before ->> 'name', p_tenant)
$$;
comment on function plinth.objects_of_tenant(text) is 'Objects of a tenant, those that are gone and not forgotten as well.';

create function plinth.objects_of_person(p_person text) returns setof uuid language sql stable set search_path = ''
as $$
  select id from storage.objects where owner_id = p_person
  union
  select object_id from plinth.storage_history where before ->> 'owner_id' = p_person
$$;
comment on function plinth.objects_of_person(text) is 'Objects that a user owns, those that are gone and not forgotten as well.';

create function plinth.forget_versions(p_versions text[]) returns void language sql volatile set search_path = ''
as $$
  delete from plinth.storage_history where before_version = any (p_versions);
  update plinth.storage_blobs set claimed_at = '-infinity'
    where id in (select blob from plinth.storage_versions where version = any (p_versions))
      and not exists (select from plinth.storage_versions v join storage.objects o on o.version = v.version where v.blob = storage_blobs.id);
  update plinth.storage_versions set created_at = '-infinity' where version = any (p_versions);
$$;
comment on function plinth.forget_versions(text[]) is 'Nothing keeps these versions any more, not even the retention.';

revoke all on function plinth.is_below(text, text), plinth.rewind_objects(text, timestamptz, bigint), plinth.erase_objects(uuid[]),
  plinth.objects_of_tenant(text), plinth.objects_of_person(text),
  plinth.forget_versions(text[]) from public;
