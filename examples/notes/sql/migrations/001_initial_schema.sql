-- Notes: each user has their own.

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  author_id uuid not null default auth.uid(),
  body text not null check (body <> ''),
  created_at timestamptz not null default now()
);
comment on table public.notes is 'What a user wrote down. Only the author sees it.';
create index notes_by_author on public.notes (author_id, created_at desc);

alter table public.notes enable row level security;
create policy "authors have their own notes" on public.notes to authenticated
  using (author_id = (select auth.uid()))
  with check (author_id = (select auth.uid()));
