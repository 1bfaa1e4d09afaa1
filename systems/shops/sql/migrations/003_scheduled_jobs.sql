-- Work that runs by the clock. Plinth runs it from systems/shops/jobs; a Supabase project that has pg_cron runs it there.

-- security definer: holds are closed to everyone, the service role included.
create function private.prune_expired_holds() returns bigint language sql security definer set search_path = '' as $$
  select plinth.prune_holds()
$$;
comment on function private.prune_expired_holds() is
  'Removes the holds of pending orders that ran out, and returns how many. Their units were free already.';
revoke all on all functions in schema private from public;
grant usage on schema private to service_role;
grant execute on function private.prune_expired_holds() to service_role;

do $$
begin
  if exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    perform cron.schedule('prune-expired-holds', '*/15 * * * *', 'select private.prune_expired_holds()');
  end if;
end $$;
