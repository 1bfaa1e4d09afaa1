-- Calendars both ways: a person's bookings for their own calendar, and the busy times of another calendar for a resource.

create table public.calendar_feeds (
  id uuid primary key default gen_random_uuid(),
  "userId" uuid not null default auth.uid() references public.users (id) on delete cascade,
  name varchar(255) not null default '',
  "tokenHash" bytea not null unique,
  "createdAt" timestamptz not null default plinth.now(),
  "revokedAt" timestamptz,
  "readAt" timestamptz
);
comment on table public.calendar_feeds is 'Addresses under which a calendar reads a person''s bookings. The address has a secret, of which the hash is kept; revoked, it is dead.';
create index calendar_feeds_by_user on public.calendar_feeds ("userId");

create function public.make_calendar_feed(p_name text default '') returns jsonb language plpgsql security definer
-- Definer: nobody writes hashes themselves.
set search_path = '' as $$
declare
  v_token text := replace(replace(replace(encode(extensions.gen_random_bytes(24), 'base64'), '+', '-'), '/', '_'), '=', '');
  v_feed public.calendar_feeds;
begin
  perform private.require_permission('view_bookings');
  perform from public.users where id = (select auth.uid()) for no key update;
  if (select count(*) from public.calendar_feeds where "userId" = (select auth.uid()) and "revokedAt" is null) >= 10 then
    perform plinth.refuse('too_many_feeds', 409, 'A person has at most ten calendar addresses.', p_hint => 'Revoke one that you do not use.');
  end if;
  insert into public.calendar_feeds ("userId", name, "tokenHash") values ((select auth.uid()), left(p_name, 255), sha256(convert_to(v_token, 'UTF8')))
    returning * into v_feed;
  return jsonb_build_object('id', v_feed.id, 'name', v_feed.name, 'token', v_token);
end $$;
comment on function public.make_calendar_feed(text) is 'A new calendar address of the caller; its token is shown this once. Raises too_many_feeds (PT409).';

create function private.feed_of(p_token text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_feed public.calendar_feeds;
  v_user public.users;
begin
  select * into v_feed from public.calendar_feeds where "tokenHash" = sha256(convert_to(p_token, 'UTF8')) and "revokedAt" is null;
  select * into v_user from public.users where id = v_feed."userId" and "isActive";
  if v_user.id is null then
    return null;
  end if;
  if v_feed."readAt" is null or v_feed."readAt" < plinth.now() - interval '1 hour' then
    update public.calendar_feeds set "readAt" = plinth.now() where id = v_feed.id;
  end if;
  return jsonb_build_object('name', coalesce(nullif(v_feed.name, ''), v_user.name), 'bookings', coalesce((
    select jsonb_agg(to_jsonb(b) order by b.date) from public.bookings b
    where (b."customerId" = v_user.id or v_user.role = 'admin'
        or v_user.role = 'staff' and b."resourceId" in (select r.id from public.resources r where r."userId" = v_user.id))
      and b.date > plinth.now() - interval '90 days' and b.date < plinth.now() + interval '2 years' and b.status <> 'pending'
    ), '[]'));
end $$;
comment on function private.feed_of(text) is 'The bookings behind a calendar address; null for one that is revoked, unknown, or of an account that is switched off.';

create table public.external_calendars (
  id uuid primary key default gen_random_uuid(),
  "resourceId" uuid not null references public.resources (id) on delete cascade,
  url text not null check (url ~ '^https?://' and length(url) <= 2000),
  etag text,
  "fetchedAt" timestamptz,
  problem text,
  "createdAt" timestamptz not null default plinth.now(),
  unique ("resourceId", url)
);
comment on table public.external_calendars is 'Calendars (.ics by URL) whose busy times are absences of a resource. The URL is often a secret of its owner.';
alter table public.absences add foreign key ("calendarId") references public.external_calendars (id) on delete cascade;

create function private.note_busy(p_calendar uuid, p_busy jsonb) returns integer language plpgsql security definer set search_path = '' as $$
declare
  v_resource uuid;
begin
  select "resourceId" into v_resource from public.external_calendars where id = p_calendar for no key update;
  if not found then
    return 0;
  end if;
  perform set_config('kronium.many_absences', 'on', true);
  delete from public.absences where "calendarId" = p_calendar;
  insert into public.absences ("resourceId", "startsAt", "endsAt", reason, "calendarId")
    select v_resource, b."startsAt", b."endsAt", 'busy', p_calendar
    from jsonb_to_recordset(p_busy) b ("startsAt" timestamptz, "endsAt" timestamptz) where b."startsAt" < b."endsAt";
  perform set_config('kronium.many_absences', '', true);
  perform private.claim_absences(v_resource);
  return jsonb_array_length(p_busy);
end $$;
comment on function private.note_busy(uuid, jsonb) is 'The busy times of a calendar, in place of those that were known.';

-- security definer: jobs are not for clients.
create function private.follow_calendars() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'DELETE' then
    perform private.claim_absences(old."resourceId");
  else
    perform private.add_job('read-calendar', jsonb_build_object('calendar', new.id));
  end if;
  return null;
end $$;
comment on function private.follow_calendars() is 'Trigger: a new calendar is read at once, and the times of one that is gone are free.';
create trigger follow_calendars after insert or delete or update of url on public.external_calendars
  for each row execute function private.follow_calendars();

-- What people did ------------------------------------------------------------------------------------------------

create table public.activity_events (
  id uuid primary key default gen_random_uuid(),
  "userId" uuid default auth.uid() references public.users (id) on delete cascade,
  kind varchar(20) not null check (kind in ('activity', 'feature', 'error', 'performance')),
  name varchar(100) not null check (name <> ''),
  data jsonb not null default '{}' check (jsonb_typeof(data) = 'object' and length(data::text) <= 8000),
  at timestamptz not null default plinth.now()
);
comment on table public.activity_events is 'What people did and what went wrong in their apps, while the flag enableAnalytics is on. The id is the client''s: sent again it is the same event.';
create index activity_events_by_time on public.activity_events (at);
create index activity_events_by_user on public.activity_events ("userId", at);

create function private.notes_activity() returns boolean language sql stable security definer set search_path = '' as $$
  select plinth.flag('enableAnalytics')
$$;
comment on function private.notes_activity() is 'Whether the flag enableAnalytics is on.';

-- Rights ---------------------------------------------------------------------------------------------------------

do $$
declare
  t text;
begin
  foreach t in array array['calendar_feeds', 'external_calendars', 'activity_events'] loop
    execute format('alter table public.%I enable row level security', t);
    execute format('revoke all on public.%I from anon, authenticated', t);
  end loop;
end $$;
grant select (id, "userId", name, "createdAt", "revokedAt", "readAt"), update (name, "revokedAt"), delete on public.calendar_feeds to authenticated;
create policy "own addresses" on public.calendar_feeds for all to authenticated
  using ("userId" = (select auth.uid())) with check ("userId" = (select auth.uid()));
grant select, delete on public.external_calendars to authenticated;
grant insert (id, "resourceId", url), update (url) on public.external_calendars to authenticated;
create policy "keep calendars" on public.external_calendars for all to authenticated using (
  (select private.scope_of('manage_calendar')) = 'all'
  or (select private.scope_of('manage_calendar')) = 'assigned' and "resourceId" = any ((select private.my_resources())::uuid[]))
  with check (
  (select private.scope_of('manage_calendar')) = 'all'
  or (select private.scope_of('manage_calendar')) = 'assigned' and "resourceId" = any ((select private.my_resources())::uuid[]));
grant select on public.activity_events to authenticated;
grant insert (id, "userId", kind, name, data) on public.activity_events to authenticated;
create policy "people tell what they did" on public.activity_events for insert to authenticated
  with check ("userId" = (select auth.uid()) and (select private.scope_of('view_users')) is not null and (select private.notes_activity()));
create policy "people see their own, analysts all" on public.activity_events for select to authenticated
  using ("userId" = (select auth.uid()) or (select private.scope_of('view_analytics')) = 'all');

create function private.refuse_revival() returns trigger language plpgsql set search_path = '' as $$
begin
  if old."revokedAt" is not null and new."revokedAt" is distinct from old."revokedAt" then
    perform plinth.refuse('feed_is_revoked', 409, 'A revoked address stays dead.', p_hint => 'Make a new one.');
  end if;
  return new;
end $$;
comment on function private.refuse_revival() is 'Trigger: an address that was revoked may be known to others.';
create trigger refuse_revival before update on public.calendar_feeds for each row execute function private.refuse_revival();

revoke all on function public.make_calendar_feed(text) from public, anon;
grant execute on function public.make_calendar_feed(text) to authenticated;
