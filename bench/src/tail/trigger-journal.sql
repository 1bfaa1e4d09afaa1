-- The same journal kept by statement-level triggers: entries with images, a gap-free sequence and a hash chain per
-- tenant. The head of a chain is locked until commit, which is what makes the sequence gap-free and in order.
create function plinth.keep_journal() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_relation text := tg_table_schema || '.' || tg_table_name;
  v_actor json := nullif(current_setting('request.jwt.claims', true), '')::json;
  v_change record;
  v_tenant text;
  v_sequence bigint;
  v_hash bytea;
  v_previous bytea;
begin
  for v_change in execute case tg_op
    when 'INSERT' then 'select null::json as was, row_to_json(n) as is, n.id::text as key, n.shop_id::text as tenant from new_rows n order by tenant'
    when 'DELETE' then 'select row_to_json(o) as was, null::json as is, o.id::text as key, o.shop_id::text as tenant from old_rows o order by tenant'
    else 'select row_to_json(o) as was, row_to_json(n) as is, n.id::text as key, n.shop_id::text as tenant from old_rows o join new_rows n using (id) order by 4'
    end
  loop
    if v_tenant is distinct from v_change.tenant then
      if v_tenant is not null then
        update plinth_journal.heads set sequence = v_sequence, hash = v_hash where tenant = v_tenant;
      end if;
      v_tenant := v_change.tenant;
      insert into plinth_journal.heads values (v_tenant, 0, '\x00') on conflict do nothing;
      select sequence, hash into v_sequence, v_hash from plinth_journal.heads where tenant = v_tenant for update;
    end if;
    v_sequence := v_sequence + 1;
    v_previous := v_hash;
    v_hash := sha256(v_previous || convert_to(concat_ws('|', v_tenant, v_sequence, v_actor, v_relation, v_change.key, tg_op,
      v_change.was, v_change.is), 'UTF8'));
    insert into plinth_journal.entries (tenant, sequence, day, position, committed_at, actor, relation, key, operation, before,
      after, previous_hash, hash)
    values (v_tenant, v_sequence, current_date, pg_current_wal_insert_lsn(), now(), v_actor, v_relation, v_change.key, lower(tg_op),
      v_change.was, v_change.is, v_previous, v_hash);
  end loop;
  if v_tenant is not null then
    update plinth_journal.heads set sequence = v_sequence, hash = v_hash where tenant = v_tenant;
  end if;
  return null;
end $$;
comment on function plinth.keep_journal() is 'For the measurement beside the tail only. Security definer: callers may not write the journal.';
select plinth_journal.create_partition(current_date, now()), plinth_journal.create_partition(current_date + 1, now());
do $$
declare v_table text;
begin
  foreach v_table in array array['items', 'orders', 'order_lines', 'stock_history'] loop
    execute format('create trigger j1 after insert on public.%I referencing new table as new_rows for each statement execute function plinth.keep_journal()', v_table);
    execute format('create trigger j2 after update on public.%I referencing old table as old_rows new table as new_rows for each statement execute function plinth.keep_journal()', v_table);
    execute format('create trigger j3 after delete on public.%I referencing old table as old_rows for each statement execute function plinth.keep_journal()', v_table);
  end loop;
end $$;
