-- Libraries lend books to their members; librarians keep the shelf.

create schema if not exists private;
grant usage on schema private to anon, authenticated, service_role;

create table public.libraries (
  id uuid primary key default gen_random_uuid(),
  name text not null check (name <> ''),
  created_at timestamptz not null default plinth.now()
);
comment on table public.libraries is 'The tenant: whoever owns books and members.';

create table public.members (
  library_id uuid not null references public.libraries on delete cascade,
  user_id uuid not null references auth.users on delete cascade,
  role text not null default 'reader' check (role in ('librarian', 'reader')),
  primary key (library_id, user_id)
);
comment on table public.members is 'Who belongs to which library, and as what.';
create index members_by_user on public.members (user_id, library_id);

create table public.books (
  id uuid primary key default gen_random_uuid(),
  library_id uuid not null references public.libraries on delete cascade,
  title text not null check (title <> ''),
  author text not null default '',
  copies integer not null default 1 check (copies between 0 and 10000),
  unique (library_id, title, author)
);
comment on table public.books is 'What stands on the shelf: a title with so many copies.';

create table public.loans (
  id uuid primary key default gen_random_uuid(),
  library_id uuid not null references public.libraries on delete cascade,
  book_id uuid not null references public.books,
  reader_id uuid not null,
  reader_email text,
  borrowed_at timestamptz not null default plinth.now(),
  due_on date not null,
  returned_at timestamptz,
  reminded_at timestamptz
);
comment on table public.loans is 'Who has which copy until when.';
create index loans_out on public.loans (library_id, book_id) where returned_at is null;
create index loans_by_reader on public.loans (reader_id, borrowed_at desc);

create table private.loan_counts (
  book_id uuid primary key references public.books on delete cascade,
  loans bigint not null
);
comment on table private.loan_counts is 'How often each book was lent, counted from the stream of changes.';
alter table private.loan_counts enable row level security;
grant select on private.loan_counts to service_role;

create table private.stream_positions (
  consumer text primary key,
  position pg_lsn not null
);
comment on table private.stream_positions is 'How far each of our consumers of the stream has come.';
alter table private.stream_positions enable row level security;

-- Definer: a policy of members that reads members would call itself.
create function private.role_in(p_library uuid) returns text language sql stable security definer set search_path = '' as $$
  select m.role from public.members m where m.library_id = p_library and m.user_id = (select auth.uid())
$$;
comment on function private.role_in(uuid) is 'The caller''s role in a library; null for strangers.';
revoke all on function private.role_in(uuid) from public;
grant execute on function private.role_in(uuid) to authenticated, service_role;

alter table public.libraries enable row level security;
create policy "members see their library" on public.libraries for select to authenticated
  using (private.role_in(id) is not null);

alter table public.members enable row level security;
create policy "members see themselves, librarians everybody" on public.members for select to authenticated
  using (user_id = (select auth.uid()) or private.role_in(library_id) = 'librarian');
create policy "librarians let people in and out" on public.members for all to authenticated
  using (private.role_in(library_id) = 'librarian') with check (private.role_in(library_id) = 'librarian');

alter table public.books enable row level security;
create policy "members see the shelf" on public.books for select to authenticated
  using (private.role_in(library_id) is not null);
create policy "librarians keep the shelf" on public.books for all to authenticated
  using (private.role_in(library_id) = 'librarian') with check (private.role_in(library_id) = 'librarian');

alter table public.loans enable row level security;
create policy "readers see their loans, librarians all" on public.loans for select to authenticated
  using (reader_id = (select auth.uid()) or private.role_in(library_id) = 'librarian');
-- Loans are written by borrow_book alone, which counts the copies.
revoke insert, update, delete, truncate on public.loans from anon, authenticated;
