-- Snapshots: backups of shops that somebody asked for, or that are made each night and week, on the platform's backups
-- (docs/recovery.md). A snapshot has one backup for each of its shops, so that none holds rows of another; restoring one is an action
-- of admin-operations.

create table private.snapshot_backups (
  snapshot_id uuid not null references public.recovery_snapshots (id) on delete cascade,
  shop_id uuid not null references public.shops (id) on delete cascade,
  backup_id uuid not null unique,
  primary key (snapshot_id, shop_id)
);
comment on table private.snapshot_backups is 'Which backup holds which shop of a snapshot.';
create index snapshot_backups_shop on private.snapshot_backups (shop_id);
alter table private.snapshot_backups enable row level security;

-- security definer: backups belong to the owner; who may is checked here.
create function public.create_backup_snapshot(p_snapshot_name text, p_description text default null, p_shop_ids uuid[] default null)
returns uuid language plpgsql security definer set search_path = '' as $$
declare
  v_shops uuid[] := p_shop_ids;
  v_id uuid;
begin
  if p_shop_ids is null then
    perform private.require_platform_admin();
    v_shops := array(select id from public.shops order by id);
  elsif not private.is_platform_admin() then
    perform private.require_role(s.id, 'Owner', 'Admin') from unnest(p_shop_ids) s (id);
  end if;
  if exists (select from unnest(p_shop_ids) s (id) where not exists (select from public.shops where shops.id = s.id)) or p_shop_ids = '{}' then
    perform plinth.refuse('unknown_shop', 404, 'There is no such shop.');
  end if;
  if coalesce(length(trim(p_snapshot_name)), 0) not between 1 and 200 then
    perform plinth.refuse('invalid_snapshot', 422, 'A snapshot has a name of 1 to 200 characters.');
  end if;
  insert into public.recovery_snapshots (snapshot_name, description, shop_id, shop_ids, status, created_by)
    values (trim(p_snapshot_name), p_description, case when cardinality(p_shop_ids) = 1 then p_shop_ids[1] end, p_shop_ids,
      case when v_shops = '{}' then 'completed'::public.run_status else 'pending' end, auth.uid())
    on conflict (snapshot_name) do nothing returning id into v_id;
  if v_id is null then
    perform plinth.refuse('snapshot_exists', 409, 'A snapshot of this name exists already.', p_hint => 'Choose another name.');
  end if;
  insert into private.snapshot_backups (snapshot_id, shop_id, backup_id)
    select v_id, s.id, plinth.request_backup(s.id::text, left(p_snapshot_name, 200), 'full', coalesce(auth.uid()::text, 'service'))
    from (select distinct id from unnest(v_shops) s (id)) s;
  return v_id;
end $$;
comment on function public.create_backup_snapshot(text, text, uuid[]) is
  'Asks for a snapshot of shops, all when none are named, and answers its id at once (S-D8): a job does the work, and the row of '
  'recovery_snapshots says how far it is. An Owner or Admin may for their own shops, administrators of the platform and the service role '
  'for any.';

-- security definer: as above.
create function public.cleanup_expired_snapshots() returns integer language plpgsql security definer set search_path = '' as $$
declare
  v_ids uuid[];
begin
  perform private.require_platform_admin();
  v_ids := array(select id from public.recovery_snapshots where expires_at <= plinth.now() for update);
  -- What is asked for by hand is kept until somebody lets it go: from here on the retention of backups removes it.
  update plinth.backups b set trigger = 'schedule'
    from private.snapshot_backups s where s.snapshot_id = any (v_ids) and b.id = s.backup_id;
  delete from public.recovery_snapshots where id = any (v_ids);
  return cardinality(v_ids);
end $$;
comment on function public.cleanup_expired_snapshots() is
  'Removes snapshots that are older than their 90 days (S-D9) and answers how many; their bytes go with the next run of the retention. '
  'For administrators of the platform and the service role.';

-- security definer: writes what only the service role may.
create function private.follow_backup() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_snapshot uuid := (select s.snapshot_id from private.snapshot_backups s where s.backup_id = new.id);
  v_shop uuid := (select id from public.shops where id::text = new.tenant);
begin
  if v_snapshot is not null then
    -- One of the backups of a snapshot at a time: the last one to finish sees all others.
    perform from public.recovery_snapshots where id = v_snapshot for no key update;
    update public.recovery_snapshots r set status = t.status, size_bytes = t.bytes
      from (
        select case
            when bool_or(b.status in ('failed', 'removed')) then 'failed'
            when bool_and(b.status = 'completed') then 'completed'
            when bool_or(b.status <> 'waiting') then 'running' else 'pending' end::public.run_status as status,
          sum(b.bytes)::bigint as bytes
        from private.snapshot_backups s join plinth.backups b on b.id = s.backup_id where s.snapshot_id = v_snapshot
      ) t
      where r.id = v_snapshot;
  end if;
  if new.status in ('completed', 'failed') and v_shop is not null and (new.trigger = 'manual' or new.kind = 'full' or new.status = 'failed') then
    insert into public.backup_logs (shop_id, backup_type, status, size_bytes, details, error, started_at, completed_at)
    values (v_shop, coalesce(new.kind, new.wanted), new.status::public.run_status, new.bytes,
      jsonb_build_object('backup', new.id, 'snapshot', v_snapshot, 'rows', new.rows, 'sha256', new.sha256), new.error_code,
      coalesce(new.started_at, new.requested_at), new.completed_at);
  end if;
  return null;
end $$;
comment on function private.follow_backup() is 'Trigger: a snapshot says how far its backups are, and each backup leaves a line in backup_logs.';

do $$
begin
  -- A Supabase project has no such backups.
  if to_regclass('plinth.backups') is not null then
    create trigger follow_shop_backup after update of status on plinth.backups for each row
      when (old.status is distinct from new.status) execute function private.follow_backup();
  end if;
end $$;

-- The second place -------------------------------------------------------------------------------------------------------------

-- security definer: as above.
create function private.refresh_sync_status(p_region text) returns integer language plpgsql security definer set search_path = '' as $$
declare
  v_shop record;
  v_table record;
  v_rows bigint;
  v_count integer := 0;
begin
  for v_shop in
    select distinct on (b.tenant) s.id, b.sequence, b.taken_at, b.copied_at
    from plinth.backups b join public.shops s on s.id::text = b.tenant
    where b.status = 'completed' and b.copied_at is not null
    order by b.tenant, b.taken_at desc
  loop
    for v_table in
      select c.relname as name from pg_catalog.pg_class c
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'shop_id' and not a.attisdropped
      where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
        and c.relname <> all ('{backup_logs,recovery_snapshots,sync_status,daily_sales_metrics,product_analytics,metric_restatements}')
      order by c.relname
    loop
      execute format('select count(*) from public.%I where shop_id = $1', v_table.name) into v_rows using v_shop.id;
      insert into public.sync_status as y (shop_id, table_name, region, status, position, records_synced, last_synced_at, lag_seconds)
        values (v_shop.id, v_table.name, p_region, 'completed', v_shop.sequence, v_rows, v_shop.copied_at,
          greatest(0, extract(epoch from plinth.now() - v_shop.taken_at))::bigint)
        on conflict (shop_id, table_name) do update
          set region = excluded.region, status = excluded.status, position = excluded.position, last_synced_at = excluded.last_synced_at,
            records_synced = case when y.position is distinct from excluded.position then excluded.records_synced else y.records_synced end,
            lag_seconds = excluded.lag_seconds, error = null;
    end loop;
    v_count := v_count + 1;
  end loop;
  return v_count;
end $$;
comment on function private.refresh_sync_status(text) is
  'Tells of each shop''s tables up to where the second place of backups has them (S-B7), and returns how many shops have any.';

revoke all on all functions in schema private from public;
grant select on private.snapshot_backups to service_role;
grant execute on function private.refresh_sync_status(text) to service_role;
revoke all on function public.create_backup_snapshot(text, text, uuid[]), public.cleanup_expired_snapshots() from public, anon;
grant execute on function public.create_backup_snapshot(text, text, uuid[]), public.cleanup_expired_snapshots() to authenticated, service_role;
