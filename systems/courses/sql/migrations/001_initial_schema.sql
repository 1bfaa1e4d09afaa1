-- Notes: each user has their own, some of them in notebooks.

create table public.notebooks (
  id uuid primary key default gen_random_uuid(),
  author_id uuid not null default auth.uid(),
  title text not null check (title <> ''),
  created_at timestamptz not null default now(),
  unique (author_id, id)
);
comment on table public.notebooks is 'What notes are kept in. Only the author sees it.';

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  author_id uuid not null default auth.uid(),
  notebook_id uuid,
  body text not null check (body <> ''),
  created_at timestamptz not null default now(),
  -- With the author in it: nobody's note can lie in somebody else's notebook.
  foreign key (author_id, notebook_id) references public.notebooks (author_id, id) on delete set null (notebook_id)
);
comment on table public.notes is 'What a user wrote down. Only the author sees it.';
create index notes_by_author on public.notes (author_id, created_at desc);
create index notes_by_notebook on public.notes (author_id, notebook_id) where notebook_id is not null;

alter table public.notebooks enable row level security;
create policy "authors have their own notebooks" on public.notebooks to authenticated
  using (author_id = (select auth.uid()))
  with check (author_id = (select auth.uid()));

alter table public.notes enable row level security;
create policy "authors have their own notes" on public.notes to authenticated
  using (author_id = (select auth.uid()))
  with check (author_id = (select auth.uid()));
