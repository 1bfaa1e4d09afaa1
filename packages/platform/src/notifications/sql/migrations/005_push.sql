-- Browsers and phones that take push messages.

create table public.push_subscriptions (
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  endpoint text not null check (length(endpoint) between 10 and 2000),
  kind text not null default 'web' check (kind in ('web', 'fcm')),
  p256dh text check (length(p256dh) <= 200),
  auth text check (length(auth) <= 100),
  created_at timestamptz not null default now(),
  primary key (user_id, endpoint),
  check (kind <> 'web' or (endpoint ~ '^https://' and p256dh is not null and auth is not null))
);
comment on table public.push_subscriptions is 'Devices that take push messages: web, the fields of a PushSubscription; fcm, a registration token as endpoint.';
create index push_subscriptions_endpoint on public.push_subscriptions (endpoint);
alter table public.push_subscriptions enable row level security;
create policy "own devices" on public.push_subscriptions to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
revoke all on public.push_subscriptions from anon;
revoke truncate, references, trigger on public.push_subscriptions from authenticated;

create function plinth.move_push_subscription() returns trigger language plpgsql
-- Definer: whoever signs in on a device takes it over from whoever was signed in before, whose row they do not see.
security definer
set search_path = ''
as $$
begin
  delete from public.push_subscriptions where endpoint = new.endpoint and user_id <> new.user_id;
  if (select count(*) from public.push_subscriptions where user_id = new.user_id and endpoint <> new.endpoint) >= 20 then
    delete from public.push_subscriptions where user_id = new.user_id and endpoint = (
      select endpoint from public.push_subscriptions where user_id = new.user_id order by created_at limit 1);
  end if;
  return null;
end $$;
comment on function plinth.move_push_subscription() is 'Trigger: a device belongs to one person, and a person has at most twenty.';
create trigger move_push_subscription after insert or update of endpoint on public.push_subscriptions
  for each row execute function plinth.move_push_subscription();
