-- Computed answers that survive a restart, and what has changed since they were computed.

create sequence plinth.cache_changes;
comment on sequence plinth.cache_changes is 'Numbers the changes that answers depend on. An answer carries the last number from before it was computed.';
-- From here on, last_value is a number that was given out.
select nextval('plinth.cache_changes');

-- Unlogged: what is lost in a crash is computed again. Both together, or an old answer could outlive the word of its change.
create unlogged table plinth.cache (
  key text collate "C" primary key,
  value text not null,
  tags text[] not null,
  change bigint not null,
  fresh_until timestamptz not null,
  stale_until timestamptz not null
);
comment on table plinth.cache is 'Answers as JSON text. One is valid while none of its tags has a later change.';
create index cache_stale on plinth.cache (stale_until);
alter table plinth.cache enable row level security;

create unlogged table plinth.cache_tags (
  tag text primary key,
  change bigint not null,
  at timestamptz not null default clock_timestamp()
);
comment on table plinth.cache_tags is 'The last change of each thing that answers depend on: a table, a tenant''s rows in it, a key, or * for everything.';
alter table plinth.cache_tags enable row level security;

create function plinth.invalidate_cache(p_tags text[], p_node text default '') returns void language plpgsql set search_path = '' as $$
declare
  v_part text;
begin
  insert into plinth.cache_tags as t (tag, change)
  select tag, nextval('plinth.cache_changes') from (select distinct tag from unnest(p_tags) tag) w order by tag
  on conflict (tag) do update set change = excluded.change, at = clock_timestamp();
  -- A signal has 8,000 bytes at most.
  for v_part in
    select coalesce(json_agg(tag)::text, '[]') from (
      select tag, sum(octet_length(tag) + 8) over (order by tag) / 6000 as part from (select distinct tag from unnest(p_tags) tag) w
    ) parts group by part
  loop
    perform pg_notify('plinth_cache', p_node || ' ' || v_part);
  end loop;
end $$;
comment on function plinth.invalidate_cache(text[], text) is
  'Makes every answer that depends on one of these tags invalid, stored ones with the commit and those in memory of each node '
  'when its signal comes. p_node says who tells it: a node does not wait for its own signal.';
revoke all on function plinth.invalidate_cache(text[], text) from public, anon, authenticated, service_role;
