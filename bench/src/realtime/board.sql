-- A table as apps have it: rows belong to somebody, or to a room whose members see them.
create table public.members (room int not null, person uuid not null, primary key (person, room));
create table public.posts (
  id bigint generated always as identity primary key,
  room int, owner uuid, title text not null, sent double precision not null
);
alter table public.posts enable row level security;
create policy "mine or of my rooms" on public.posts for select to authenticated using (
  owner = (select auth.uid())
  or room in (select m.room from public.members m where m.person = (select auth.uid())));
grant select on public.members to authenticated;
