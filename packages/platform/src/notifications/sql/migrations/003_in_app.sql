-- Messages inside the app, for systems that have no such table of their own.

create table public.in_app_notifications (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  message text not null,
  type text not null default 'info' check (type in ('info', 'success', 'warning', 'error')),
  action_url text,
  data jsonb,
  read_at timestamptz,
  created_at timestamptz not null default now()
);
comment on table public.in_app_notifications is 'Messages shown inside the app. Whoever they are for reads them and marks them as read.';
create index in_app_notifications_of on public.in_app_notifications (user_id, created_at desc);
alter table public.in_app_notifications enable row level security;
create policy "own messages" on public.in_app_notifications for select to authenticated using (user_id = (select auth.uid()));
create policy "mark own as read" on public.in_app_notifications for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy "remove own" on public.in_app_notifications for delete to authenticated using (user_id = (select auth.uid()));
revoke all on public.in_app_notifications from anon, authenticated;
grant select, update (read_at), delete on public.in_app_notifications to authenticated;

select plinth.map_notifications('in_app', 'public.in_app_notifications', '{"person": "user_id", "level": "type"}', p_own => true);
