-- Backups and restores as the super admins see them: rows that follow what the platform's backups do (R-F1, R-F3, R-F8).

-- security definer: the tables of records are written by functions alone.
create function private.note_backup() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_business public.businesses;
  v_facts jsonb;
begin
  select * into v_business from public.businesses where id::text = new.tenant;
  if not found then
    return null;
  elsif new.status = 'removed' then
    delete from public.backup_records where id = new.id;
    return null;
  end if;
  insert into public.backup_records as r (id, business_id, backup_type, trigger, slot, status, filename, file_path, data_size, rows_count,
    sha256, base_backup_id, rehearsed_at, error_message, started_at, completed_at)
  values (new.id, v_business.id, coalesce(new.kind, nullif(new.wanted, 'auto'), 'full')::public.backup_kind,
    case new.trigger when 'schedule' then 'scheduled' else 'manual' end::public.backup_trigger, new.slot,
    case when new.status in ('completed', 'failed') then new.status else 'pending' end::public.backup_status,
    split_part(new.file, '/', -1), new.file, new.bytes, new.rows, new.sha256,
    (select b.id from public.backup_records b where b.id = new.base), new.rehearsed_at, new.error, coalesce(new.started_at, new.requested_at),
    new.completed_at)
  on conflict (id) do update set (backup_type, status, filename, file_path, data_size, rows_count, sha256, base_backup_id, rehearsed_at,
    error_message, started_at, completed_at) = (excluded.backup_type, excluded.status, excluded.filename, excluded.file_path, excluded.data_size,
    excluded.rows_count, excluded.sha256, excluded.base_backup_id, excluded.rehearsed_at, excluded.error_message, excluded.started_at,
    excluded.completed_at);
  if tg_op = 'UPDATE' and new.status is distinct from old.status and new.status in ('completed', 'failed') then
    v_facts := jsonb_build_object('backup_id', new.id, 'business_name', v_business.business_name, 'backup_type', new.kind,
      'trigger', new.trigger, 'data_size', new.bytes, 'rows', new.rows, 'error', new.error);
    perform private.note_event('backup_' || new.status, v_business.id, jsonb_strip_nulls(v_facts));
    if new.status = 'completed' and private.failed_before(v_business.id, new.id) then
      perform private.note_event('backup_recovered', v_business.id, jsonb_strip_nulls(v_facts));
    end if;
  end if;
  return null;
end $$;
comment on function private.note_backup() is
  'Trigger: a business''s backups appear in backup_records, and super admins hear of those that ended, of failures and of the first that went well after one.';

create function private.failed_before(p_business_id uuid, p_backup_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select coalesce((select r.status = 'failed' from public.backup_records r
    where r.business_id = p_business_id and r.id <> p_backup_id and r.status <> 'pending' order by r.completed_at desc nulls last limit 1), false)
$$;
comment on function private.failed_before(uuid, uuid) is 'Whether the business''s last backup before this one failed.';

create trigger note_backup after insert or update on plinth.backups for each row execute function private.note_backup();

create function private.note_restore() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_business uuid := (select id from public.businesses where id::text = new.tenant);
  v_tables text[] := array(select jsonb_array_elements_text(coalesce(nullif(new.choice -> 'tables', 'null'), '[]')));
begin
  if v_business is null then
    return null;
  end if;
  insert into public.restore_requests (id, business_id, backup_id, restore_type, data_types, ids, status, requested_by, result, error_message,
    created_at, completed_at)
  values (new.id, v_business, (select b.id from public.backup_records b where b.id = new.backup),
    case when v_tables = '{}' and nullif(new.choice -> 'ids', 'null') is null then 'full' else 'selective' end::public.restore_type,
    nullif(array(select t from unnest(array['products', 'customers', 'workers', 'sales', 'payments']) t where t = any (v_tables)), '{}'),
    array(select jsonb_array_elements_text(nullif(new.choice -> 'ids', 'null'))::uuid),
    case new.status when 'running' then 'processing' else new.status end::public.restore_status,
    (select a.id from public.super_admins a where a.user_id::text = new.actor ->> 'user'), new.result, new.error, new.began_at, new.completed_at)
  on conflict (id) do update set (status, result, error_message, completed_at)
    = (excluded.status, excluded.result, excluded.error_message, excluded.completed_at);
  if tg_op = 'UPDATE' and new.status is distinct from old.status then
    perform private.note_event('restore_' || new.status, v_business,
      jsonb_strip_nulls(jsonb_build_object('restore_request_id', new.id, 'backup_id', new.backup, 'error', new.error)));
  end if;
  return null;
end $$;
comment on function private.note_restore() is 'Trigger: a business''s restores appear in restore_requests, and super admins hear how they ended (R-O6).';
create trigger note_restore after insert or update on plinth.restores for each row execute function private.note_restore();
-- The transaction that restores rows runs no triggers but these, and says in it that it is complete.
alter table plinth.restores enable always trigger note_restore;
alter table public.realtime_events enable always trigger announce;

create function private.backup_of(p_business_id uuid, p_backup text) returns uuid
language sql stable set search_path = '' as $$
  select id from public.backup_records where business_id = p_business_id and (id::text = p_backup or p_backup in (file_path, filename))
$$;
comment on function private.backup_of(uuid, text) is 'The backup of a business by its id, its path or its file''s name; null when it has none such.';

revoke all on function private.note_backup(), private.failed_before(uuid, uuid), private.note_restore(), private.backup_of(uuid, text) from public;
grant execute on function private.backup_of(uuid, text) to service_role;
