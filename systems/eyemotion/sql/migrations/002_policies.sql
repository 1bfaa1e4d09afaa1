-- Who may do what: users their own, members of a project or a team what their role lets them, admins everything about accounts and
-- money and nothing of anybody's projects. Strangers see the plans. A suspended account is nobody.

-- security definer: the tables of people are protected by policies that ask these functions.
create function private.me() returns uuid language sql stable security definer set search_path = '' as $$
  select id from public.user_profiles where id = (select auth.uid()) and suspended_at is null
$$;
comment on function private.me() is 'The signed-in user; null for strangers and while the account is suspended.';

create function private.is_admin() returns boolean language sql stable security definer set search_path = '' as $$
  select exists (
    select from public.user_profiles where id = (select auth.uid()) and suspended_at is null and role in ('admin', 'super_admin'))
$$;
comment on function private.is_admin() is 'Whether an admin or a super admin is signed in.';

create function private.my_projects(p_role public.member_role) returns uuid[] language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(found.id), '{}') from (
    select m.project_id as id from public.project_members m where m.member_id = (select private.me()) and m.role >= p_role
    union
    select p.id from public.team_members t join public.projects p on p.user_id = t.user_id and p.team_id = t.team_id
    where t.member_id = (select private.me()) and (t.role = 'manager' or p_role <= 'commenter')
  ) found
$$;
comment on function private.my_projects(public.member_role) is
  'Projects of others in which the signed-in user has the role or more. Members of a team comment in its projects, managers edit them.';

create function private.my_teams() returns uuid[] language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(team_id), '{}') from public.team_members where member_id = (select private.me())
$$;
comment on function private.my_teams() is 'Teams of others to which the signed-in user belongs.';

revoke all on function private.me(), private.is_admin(), private.my_projects(public.member_role), private.my_teams() from public;
grant execute on function private.me(), private.is_admin(), private.my_projects(public.member_role), private.my_teams()
  to anon, authenticated, service_role;

-- What is not granted below is for functions alone, and nobody truncates: that would pass all policies.
do $$
declare t text;
begin
  -- Tables of the platform have theirs already.
  for t in select tablename from pg_catalog.pg_tables where schemaname = 'public' and not rowsecurity loop
    execute format('alter table public.%I enable row level security', t);
    execute format('revoke all on public.%I from anon, authenticated, service_role', t);
    execute format('grant select, insert, update, delete on public.%I to service_role', t);
    if t <> 'review_links' then
      execute format('grant select on public.%I to authenticated', t);
    end if;
  end loop;
end $$;
-- The hash of a token is nobody's to read.
grant select (id, project_id, user_id, can_comment, created_by, expires_at, revoked_at, created_at) on public.review_links to authenticated;

create policy "own profile, admins all" on public.user_profiles for select to authenticated
  using (id = (select auth.uid()) or (select private.is_admin()));
create policy "change the own profile" on public.user_profiles for update to authenticated
  using (id = (select private.me())) with check (id = (select private.me()));
grant update (full_name, company_name, industry, country, preferences) on public.user_profiles to authenticated;

create policy "everybody sees what can be subscribed to" on public.subscription_plans for select using (is_active);
grant select on public.subscription_plans to anon;

create policy "own subscription, admins all" on public.user_subscriptions for select to authenticated
  using (user_id = (select private.me()) or (select private.is_admin()));
create policy "own payments, admins all" on public.payment_transactions for select to authenticated
  using (user_id = (select private.me()) or (select private.is_admin()));
create policy "own usage, admins all" on public.credits_usage for select to authenticated
  using (user_id = (select private.me()) or (select private.is_admin()));
create policy "own activity, admins all" on public.activity_logs for select to authenticated
  using (user_id = (select private.me()) or (select private.is_admin()));

create policy "own teams and those one belongs to" on public.teams for select to authenticated
  using (user_id = (select private.me()) or id = any ((select private.my_teams())::uuid[]));
create policy "make teams" on public.teams for insert to authenticated with check (user_id = (select private.me()));
create policy "rename teams" on public.teams for update to authenticated
  using (user_id = (select private.me())) with check (user_id = (select private.me()));
create policy "dissolve teams" on public.teams for delete to authenticated using (user_id = (select private.me()));
grant insert (user_id, name), update (name), delete on public.teams to authenticated;

create policy "who is in the team" on public.team_members for select to authenticated
  using (user_id = (select private.me()) or team_id = any ((select private.my_teams())::uuid[]));
create policy "owners let go, members leave" on public.team_members for delete to authenticated
  using (user_id = (select private.me()) or member_id = (select private.me()));
grant delete on public.team_members to authenticated;

create policy "own projects and those one works on" on public.projects for select to authenticated
  using (user_id = (select private.me()) or id = any ((select private.my_projects('viewer'))::uuid[]));
create policy "begin projects" on public.projects for insert to authenticated with check (user_id = (select private.me()));
create policy "owners and editors change projects" on public.projects for update to authenticated
  using (user_id = (select private.me()) or id = any ((select private.my_projects('editor'))::uuid[]))
  with check (user_id = (select private.me()) or id = any ((select private.my_projects('editor'))::uuid[]));
create policy "owners delete projects" on public.projects for delete to authenticated using (user_id = (select private.me()));
grant insert (user_id, team_id, name, description, type, settings, collaboration_settings, tags),
  update (team_id, name, description, type, status, settings, collaboration_settings, tags), delete on public.projects to authenticated;

create policy "who works on the project" on public.project_members for select to authenticated
  using (user_id = (select private.me()) or project_id = any ((select private.my_projects('viewer'))::uuid[]));
create policy "owners let go, members leave" on public.project_members for delete to authenticated
  using (user_id = (select private.me()) or member_id = (select private.me()));
grant delete on public.project_members to authenticated;

create policy "folders of what one works on" on public.project_folders for select to authenticated
  using (user_id = (select private.me()) or project_id = any ((select private.my_projects('viewer'))::uuid[]));
create policy "editors make folders" on public.project_folders for insert to authenticated
  with check (user_id = (select private.me()) or project_id = any ((select private.my_projects('editor'))::uuid[]));
create policy "editors move folders" on public.project_folders for update to authenticated
  using (user_id = (select private.me()) or project_id = any ((select private.my_projects('editor'))::uuid[]))
  with check (user_id = (select private.me()) or project_id = any ((select private.my_projects('editor'))::uuid[]));
create policy "editors remove folders" on public.project_folders for delete to authenticated
  using (user_id = (select private.me()) or project_id = any ((select private.my_projects('editor'))::uuid[]));
grant insert (project_id, parent_id, name), update (parent_id, name), delete on public.project_folders to authenticated;

create policy "files of what one works on" on public.project_files for select to authenticated
  using (user_id = (select private.me()) or project_id = any ((select private.my_projects('viewer'))::uuid[]));
create policy "editors name and sort files" on public.project_files for update to authenticated
  using (user_id = (select private.me()) or project_id = any ((select private.my_projects('editor'))::uuid[]))
  with check (user_id = (select private.me()) or project_id = any ((select private.my_projects('editor'))::uuid[]));
create policy "editors remove files" on public.project_files for delete to authenticated
  using (user_id = (select private.me()) or project_id = any ((select private.my_projects('editor'))::uuid[]));
grant update (filename, folder_id, tags), delete on public.project_files to authenticated;

create policy "comments of what one works on" on public.file_comments for select to authenticated
  using (user_id = (select private.me()) or project_id = any ((select private.my_projects('viewer'))::uuid[]));
create policy "commenters comment" on public.file_comments for insert to authenticated
  with check (author_id = (select private.me())
    and (user_id = (select private.me()) or project_id = any ((select private.my_projects('commenter'))::uuid[])));
create policy "authors change, editors resolve" on public.file_comments for update to authenticated
  using (user_id = (select private.me()) or author_id = (select private.me()) and project_id = any ((select private.my_projects('commenter'))::uuid[])
    or project_id = any ((select private.my_projects('editor'))::uuid[]))
  with check (user_id = (select private.me()) or author_id = (select private.me()) and project_id = any ((select private.my_projects('commenter'))::uuid[])
    or project_id = any ((select private.my_projects('editor'))::uuid[]));
create policy "authors and owners remove comments" on public.file_comments for delete to authenticated
  using (user_id = (select private.me()) or author_id = (select private.me()));
grant insert (file_id, frame, body), update (body, resolved_at), delete on public.file_comments to authenticated;

create policy "editors see review links" on public.review_links for select to authenticated
  using (user_id = (select private.me()) or project_id = any ((select private.my_projects('editor'))::uuid[]));
create policy "exports of what one works on" on public.project_exports for select to authenticated
  using (user_id = (select private.me()) or project_id = any ((select private.my_projects('viewer'))::uuid[]));

-- What rows say about each other is not the client's to say ----------------------------------------------------------

create function private.own_row_of_project() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  select p.user_id into new.user_id from public.projects p where p.id = new.project_id;
  return new;
end $$;
comment on function private.own_row_of_project() is
  'Trigger, before insert: what is in a project belongs to its owner. Security definer: a stranger''s row gets the true owner, and the policy refuses it.';
create trigger own before insert on public.project_folders for each row execute function private.own_row_of_project();

create function private.own_comment() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  select f.user_id, f.project_id into new.user_id, new.project_id from public.project_files f where f.id = new.file_id;
  if not plinth.is_trusted() then
    new.author_id := private.me();
    new.author_name := coalesce((select nullif(trim(full_name), '') from public.user_profiles where id = new.author_id), 'Somebody');
  end if;
  return new;
end $$;
comment on function private.own_comment() is 'Trigger, before insert: a comment belongs to the project of its file, and is said by who is signed in.';
create trigger own before insert on public.file_comments for each row execute function private.own_comment();

create function private.keep_words_of_authors() returns trigger language plpgsql set search_path = '' as $$
begin
  if new.body is distinct from old.body and not plinth.is_trusted() and new.author_id is distinct from private.me() then
    perform plinth.refuse('comment_not_yours', 403, 'Only its author changes what a comment says.', p_hint => 'Answer it, or resolve it.');
  end if;
  return new;
end $$;
comment on function private.keep_words_of_authors() is 'Trigger, before update: others may resolve a comment, and not rewrite it.';
create trigger keep_words before update of body on public.file_comments for each row execute function private.keep_words_of_authors();

revoke all on function private.own_row_of_project(), private.own_comment(), private.keep_words_of_authors() from public;

-- Files ------------------------------------------------------------------------------------------------------------

create function private.may_read_object(p_bucket text, p_name text) returns boolean language sql stable security definer set search_path = '' as $$
  select plinth.flag('storageEnabled') and coalesce(
    (storage.foldername(p_name))[1] = (select private.me())::text
    or p_bucket in ('eyemotion-projects', 'eyemotion-thumbnails', 'eyemotion-exports')
      and (storage.foldername(p_name))[2] = any ((select private.my_projects('viewer'))::text[]), false)
$$;
comment on function private.may_read_object(text, text) is
  'Whether the caller may read a file. Names begin with the owner''s id; those of projects go on with the project''s.';

-- security definer: a member who may upload a file sees its row.
create function private.may_write_object(p_bucket text, p_name text) returns boolean language sql stable security definer set search_path = '' as $$
  select plinth.flag('storageEnabled') and coalesce(
    case p_bucket
      when 'eyemotion-uploads' then (storage.foldername(p_name))[1] = (select private.me())::text
      when 'eyemotion-projects' then exists (
        select from public.project_files f
        where f.storage_path = p_name and f.processing_status = 'pending_upload' and f.uploaded_by = (select private.me()))
    end, false)
$$;
comment on function private.may_write_object(text, text) is
  'Whether the caller may write a file: below the own folder of eyemotion-uploads, and what upload-url has promised room for.';

revoke all on function private.may_read_object(text, text), private.may_write_object(text, text) from public;
grant execute on function private.may_read_object(text, text), private.may_write_object(text, text) to anon, authenticated, service_role;

create policy "users see their buckets" on storage.buckets for select to authenticated using (id like 'eyemotion-%');
create policy "read files" on storage.objects for select to authenticated using (private.may_read_object(bucket_id, name));
create policy "upload files" on storage.objects for insert to authenticated with check (private.may_write_object(bucket_id, name));
create policy "replace own uploads" on storage.objects for update to authenticated
  using (bucket_id = 'eyemotion-uploads' and private.may_write_object(bucket_id, name))
  with check (bucket_id = 'eyemotion-uploads' and private.may_write_object(bucket_id, name));
create policy "remove own uploads" on storage.objects for delete to authenticated
  using (bucket_id = 'eyemotion-uploads' and private.may_write_object(bucket_id, name));

create function private.init_storage() returns setof text language sql set search_path = '' as $$
  insert into storage.buckets (id, name, public, file_size_limit)
  values ('eyemotion-projects', 'eyemotion-projects', false, 10737418240), ('eyemotion-uploads', 'eyemotion-uploads', false, 10737418240),
    ('eyemotion-exports', 'eyemotion-exports', false, 10737418240), ('eyemotion-thumbnails', 'eyemotion-thumbnails', false, 10485760)
  on conflict (id) do update set public = excluded.public, file_size_limit = excluded.file_size_limit
  returning id
$$;
comment on function private.init_storage() is 'Makes the buckets, or sets them right again.';
revoke all on function private.init_storage() from public;
grant execute on function private.init_storage() to service_role;
select private.init_storage();
