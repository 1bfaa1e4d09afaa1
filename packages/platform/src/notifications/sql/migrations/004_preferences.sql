-- What people want to get, for systems that have no such table of their own.

create function plinth.is_zone(p_zone text) returns boolean language plpgsql stable
set search_path = ''
as $$
begin
  -- A name of the IANA list: abbreviations and offsets know nothing of daylight saving.
  perform now() at time zone p_zone;
  return p_zone = 'UTC' or p_zone ~ '^[A-Z][A-Za-z_+-]+(/[A-Za-z0-9_+-]+)+$';
exception when others then
  return false;
end $$;
comment on function plinth.is_zone(text) is 'Whether it is the name of an IANA time zone.';
revoke all on function plinth.is_zone(text) from public;
grant execute on function plinth.is_zone(text) to authenticated, service_role;

create table public.notification_preferences (
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  topic text not null default '' check (length(topic) <= 100),
  email boolean,
  sms boolean,
  push boolean,
  in_app boolean,
  marketing boolean,
  quiet_from time,
  quiet_until time,
  zone text check (plinth.is_zone(zone)),
  locale text check (locale ~ '^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$'),
  primary key (user_id, topic),
  check ((quiet_from is null) = (quiet_until is null))
);
comment on table public.notification_preferences is 'What people want to get. A null, and a row that is not there, mean the project''s default.';
comment on column public.notification_preferences.topic is 'Empty: whatever no row with a topic of its own says. Quiet hours, zone and locale are read here.';
alter table public.notification_preferences enable row level security;
create policy "own preferences" on public.notification_preferences to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
revoke all on public.notification_preferences from anon;
revoke truncate, references, trigger on public.notification_preferences from authenticated;

select plinth.map_notifications('preferences', 'public.notification_preferences', '{"person": "user_id"}', p_own => true);
