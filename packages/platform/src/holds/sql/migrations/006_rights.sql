-- Systems build on these functions from SQL of their own, and the platform from its own statements; no role of a request
-- calls them. Of the rows people see their own.

alter table plinth.pools enable row level security;
alter table plinth.holds enable row level security;
alter table plinth.resources enable row level security;
alter table plinth.members enable row level security;
alter table plinth.lots enable row level security;
alter table plinth.burns enable row level security;
alter table plinth.waitlists enable row level security;
alter table plinth.waiters enable row level security;

create policy "own holds" on plinth.holds for select to authenticated using (owner = (select auth.uid()));
create policy "own place in the line" on plinth.waiters for select to authenticated using (owner = (select auth.uid()));
grant select on plinth.holds, plinth.waiters to authenticated;

do $$
declare
  f regprocedure;
begin
  for f in
    select p.oid from pg_catalog.pg_proc p
    where p.pronamespace = 'plinth'::regnamespace and p.proname = any ('{
      lock_pools, drop_expired_holds, refuse_overdraft, try_on_hand, set_on_hand, set_limit, return_units, drop_pool, availability,
      refuse_shortage, refuse_claim, refuse_shape, refuse_committed,
      try_hold, try_holds, place_hold, place_holds, try_claims, try_units, try_others, commit_holds, release_holds, let_go,
      return_holds, try_settle, settle_units, settle_hold, prune_holds,
      set_resource, try_ranges, free_ranges, find_ranges,
      grant_lot, revoke_lot, try_lots, free_in_lots, take_from_lots, resize_burn, settle_lots, lots_of, balance,
      set_waitlist, join_waitlist, accept_offer, leave_waitlist, advance_waitlists, somebody_waits, end_entries, follow_entries,
      move_up_waitlists, waitlist}')
  loop
    execute format('revoke all on function %s from public, anon, authenticated, service_role', f);
  end loop;
end $$;
