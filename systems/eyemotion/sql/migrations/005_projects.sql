-- Projects: who may do what in one, its states, its counters, and what is uploaded into it.

create function private.require_flag(p_flag text) returns void language plpgsql stable set search_path = '' as $$
begin
  if not plinth.flag(p_flag) then
    perform plinth.refuse('feature_off', 503, format('%s is switched off.', p_flag), jsonb_build_object('feature', p_flag), 'The operator has switched it off for now.');
  end if;
end $$;
comment on function private.require_flag(text) is 'Raises feature_off (PT503) while a flag (E-N2) is off.';

create function private.role_in(p_user uuid, p_project uuid) returns text language sql stable set search_path = '' as $$
  select case when p.user_id = p_user then 'owner' else greatest(
    (select m.role from public.project_members m where m.project_id = p.id and m.member_id = p_user),
    (select case t.role when 'manager' then 'editor' else 'commenter' end::public.member_role
      from public.team_members t where t.team_id = p.team_id and t.member_id = p_user))::text end
  from public.projects p
  where p.id = p_project and exists (select from public.user_profiles where id = p_user and suspended_at is null)
$$;
comment on function private.role_in(uuid, uuid) is 'What somebody is in a project: owner, editor, commenter, viewer; null for strangers.';

create function private.require_project(p_user uuid, p_project uuid, p_role text) returns public.projects language plpgsql stable set search_path = '' as $$
declare
  v_order constant text[] := '{viewer,commenter,editor,owner}';
  v_role text := private.role_in(p_user, p_project);
  v_project public.projects;
begin
  if v_role is null then
    perform plinth.refuse('project_not_found', 404, 'There is no such project.', p_hint => 'Check its id and who is signed in.');
  elsif array_position(v_order, v_role) < array_position(v_order, p_role) then
    perform plinth.refuse('role_too_low', 403, 'Your role in this project does not allow this.', jsonb_build_object('role', v_role, 'needed', p_role));
  end if;
  select * into v_project from public.projects where id = p_project;
  return v_project;
end $$;
comment on function private.require_project(uuid, uuid, text) is
  'The project, for whoever has the role or more. Raises project_not_found (PT404) for strangers, role_too_low (PT403).';

-- States -----------------------------------------------------------------------------------------------------------
--
--   from \ to    draft  in_progress  review  completed  archived
--   draft          –        yes                            yes
--   in_progress   yes        –        yes                  yes
--   review                  yes        –       yes         yes
--   completed               yes                 –          yes
--   archived      yes       yes                             –

create function private.move_project() returns trigger language plpgsql set search_path = '' as $$
declare
  v_next constant jsonb := '{"draft": ["in_progress", "archived"], "in_progress": ["draft", "review", "archived"],
    "review": ["in_progress", "completed", "archived"], "completed": ["in_progress", "archived"], "archived": ["draft", "in_progress"]}';
begin
  if new.status <> old.status then
    if not v_next -> old.status::text ? new.status::text then
      perform plinth.refuse('project_state', 409, format('A project that is %s does not become %s.', old.status, new.status),
        jsonb_build_object('status', old.status, 'wanted', new.status), format('From here it becomes %s.', array_to_string(array(select jsonb_array_elements_text(v_next -> old.status::text)), ', ')));
    end if;
    new.status_changed_at := plinth.now();
  end if;
  if new.team_id is distinct from old.team_id and not plinth.is_trusted() and old.user_id is distinct from private.me() then
    perform plinth.refuse('role_too_low', 403, 'Only the owner moves a project to another team.', jsonb_build_object('needed', 'owner'));
  end if;
  new.updated_at := now();
  return new;
end $$;
comment on function private.move_project() is 'Trigger, before update: keeps the table of states. Raises project_state (PT409).';
create trigger move before update of status, team_id, name, description, type, settings, collaboration_settings, tags on public.projects
  for each row execute function private.move_project();

-- Counters ---------------------------------------------------------------------------------------------------------

create function private.count_files() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_files integer := 0;
  v_seconds numeric := 0;
begin
  if tg_op <> 'INSERT' and old.processing_status <> 'pending_upload' then
    v_files := v_files - 1;
    v_seconds := v_seconds - coalesce(old.duration, 0);
  end if;
  if tg_op <> 'DELETE' and new.processing_status <> 'pending_upload' then
    v_files := v_files + 1;
    v_seconds := v_seconds + coalesce(new.duration, 0);
  end if;
  if v_files <> 0 or v_seconds <> 0 then
    update public.projects set file_count = file_count + v_files, total_duration = total_duration + v_seconds
      where id = case tg_op when 'DELETE' then old.project_id else new.project_id end;
  end if;
  return null;
end $$;
comment on function private.count_files() is 'Trigger: a project''s file_count and total_duration. Security definer: nobody writes counters.';
create trigger count after insert or delete or update of processing_status, duration on public.project_files
  for each row execute function private.count_files();

create function private.count_room() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid;
  v_bytes bigint;
begin
  for v_user, v_bytes in
    select (storage.foldername(c.name))[1]::uuid, sum(c.bytes) from (
      select new.name, coalesce((new.metadata ->> 'size')::bigint, 0) as bytes where tg_op <> 'DELETE' and new.bucket_id like 'eyemotion-%'
      union all
      select old.name, -coalesce((old.metadata ->> 'size')::bigint, 0) where tg_op <> 'INSERT' and old.bucket_id like 'eyemotion-%'
    ) c where (storage.foldername(c.name))[1] ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' group by 1
  loop
    if v_bytes <> 0 then
      update public.user_subscriptions set storage_used_bytes = greatest(0, storage_used_bytes + v_bytes) where user_id = v_user;
    end if;
  end loop;
  return null;
end $$;
comment on function private.count_room() is 'Trigger: bytes that a user''s files take. Security definer: files are written by whoever may.';
create trigger eyemotion_room after insert or update or delete on storage.objects for each row execute function private.count_room();

-- Uploads ----------------------------------------------------------------------------------------------------------

create function private.upload_credits(p_bytes bigint) returns bigint language sql immutable set search_path = '' as $$
  select greatest(1, ceil(p_bytes * 10 / 1073741824::numeric))::bigint
$$;
comment on function private.upload_credits(bigint) is 'Credits of an upload (E-N3): 10 per GiB, rounded up.';

create function private.request_upload(p_user uuid, p_project uuid, p_name text, p_bytes bigint, p_type text, p_folder uuid, p_version_of uuid,
  p_until timestamptz, p_at timestamptz) returns public.project_files language plpgsql set search_path = '' as $$
declare
  v_project public.projects;
  v_file public.project_files;
  v_first public.project_files;
  v_id uuid := gen_random_uuid();
  v_short jsonb;
begin
  perform private.require_flag('storageEnabled');
  v_project := private.require_project(p_user, p_project, 'editor');
  if v_project.status = 'archived' then
    perform plinth.refuse('project_archived', 409, 'The project is archived.', p_hint => 'Take it out of the archive first.');
  elsif p_bytes > 10737418240 then
    perform plinth.refuse('file_too_large', 413, 'A file has 10 GiB at most.', jsonb_build_object('limit', 10737418240));
  end if;
  if p_folder is not null and not exists (select from public.project_folders where id = p_folder and project_id = p_project) then
    perform plinth.refuse('folder_not_found', 404, 'There is no such folder in this project.');
  end if;
  -- Credits before bytes, as everywhere: two uploads never wait for each other in a circle.
  perform private.hold_credits(v_project.user_id, 'upload ' || v_id, private.upload_credits(p_bytes), p_until, p_at);
  v_short := plinth.try_hold('bytes', v_project.user_id, 'upload ' || v_id, p_bytes, p_until, v_project.user_id, null, p_at) -> 'short' -> 0;
  if v_short is not null then
    perform plinth.refuse('storage_full', 413, 'There is not enough room for this file.',
      jsonb_build_object('needed', p_bytes, 'available', (v_short ->> 'available')::bigint), 'Remove files, or choose a larger plan.');
  end if;
  if p_version_of is not null then
    perform from public.projects where id = p_project for no key update;
    select f.* into v_first from public.project_files f where f.id = p_version_of and f.project_id = p_project;
    if not found then
      perform plinth.refuse('file_not_found', 404, 'There is no such file in this project.');
    end if;
  end if;
  insert into public.project_files (id, project_id, user_id, uploaded_by, folder_id, filename, file_type, file_size, storage_path,
    credits_cost, version_group, version, tags, expires_at, created_at)
  values (v_id, p_project, v_project.user_id, p_user, coalesce(p_folder, v_first.folder_id), p_name, p_type, p_bytes,
    format('%s/%s/%s/%s', v_project.user_id, p_project, v_id, right(regexp_replace(p_name, '[^A-Za-z0-9._-]', '_', 'g'), 100)),
    private.upload_credits(p_bytes), coalesce(v_first.version_group, v_id),
    coalesce((select max(version) + 1 from public.project_files where version_group = v_first.version_group), 1),
    coalesce(v_first.tags, '{}'), p_until, p_at)
  returning * into v_file;
  return v_file;
end $$;
comment on function private.request_upload(uuid, uuid, text, bigint, text, uuid, uuid, timestamptz, timestamptz) is
  'Reserves the credits and the room of an upload until an instant. Raises project_not_found, folder_not_found, file_not_found (PT404), '
  'role_too_low (PT403), project_archived (PT409), file_too_large, storage_full (PT413), not_enough_credits (PT402), feature_off (PT503).';

create function private.require_file(p_user uuid, p_file uuid, p_role text) returns public.project_files language plpgsql set search_path = '' as $$
declare
  v_file public.project_files;
begin
  select * into v_file from public.project_files where id = p_file;
  if not found or private.role_in(p_user, v_file.project_id) is null then
    perform plinth.refuse('file_not_found', 404, 'There is no such file.', p_hint => 'Check its id and who is signed in.');
  end if;
  perform private.require_project(p_user, v_file.project_id, p_role);
  return v_file;
end $$;
comment on function private.require_file(uuid, uuid, text) is
  'The file, for whoever has the role in its project or more. Raises file_not_found (PT404) for strangers, role_too_low (PT403).';

create function private.confirm_upload(p_user uuid, p_file uuid, p_at timestamptz) returns public.project_files language plpgsql set search_path = '' as $$
declare
  v_file public.project_files;
  v_object storage.objects;
  v_bytes bigint;
  v_key text := 'upload ' || p_file;
begin
  perform private.require_flag('storageEnabled');
  v_file := private.require_file(p_user, p_file, 'editor');
  perform private.lock_credits(v_file.user_id);
  select * into v_file from public.project_files where id = p_file for update;
  if v_file.processing_status <> 'pending_upload' then
    return v_file;
  end if;
  select * into v_object from storage.objects where bucket_id = 'eyemotion-projects' and name = v_file.storage_path;
  if not found then
    perform plinth.refuse('upload_missing', 409, 'Nothing has been uploaded yet.', p_hint => 'Upload the whole file to the address that upload-url gave, then confirm it.');
  end if;
  v_bytes := (v_object.metadata ->> 'size')::bigint;
  perform private.hold_credits(v_file.user_id, v_key, private.upload_credits(v_bytes), p_at + interval '1 minute', p_at);
  perform plinth.commit_holds('credits', array[v_key], p_at);
  perform private.note_burn(v_file.user_id, v_key, 'upload', 'file', p_file::text, jsonb_build_object('bytes', v_bytes), p_at);
  -- The bytes themselves count since they were written; what is left of the reservation is free again.
  perform plinth.release_holds('bytes', array[v_key], p_at);
  update public.project_files set processing_status = 'uploaded', expires_at = null, file_size = v_bytes,
    file_type = coalesce(v_object.metadata ->> 'mimetype', file_type), credits_cost = private.upload_credits(v_bytes)
  where id = p_file returning * into v_file;
  return v_file;
end $$;
comment on function private.confirm_upload(uuid, uuid, timestamptz) is
  'Settles an upload at its true size, once: the credits are burned, the file is there. Raises file_not_found (PT404), upload_missing (PT409), not_enough_credits (PT402).';

create function private.forget_file() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if old.processing_status = 'pending_upload' then
    perform plinth.release_holds('credits', array['upload ' || old.id]);
    perform plinth.release_holds('bytes', array['upload ' || old.id]);
  end if;
  delete from storage.objects where bucket_id = 'eyemotion-projects' and name = old.storage_path
    or bucket_id = 'eyemotion-thumbnails' and name like format('%s/%s/%s/%%', old.user_id, old.project_id, old.id);
  return null;
end $$;
comment on function private.forget_file() is
  'Trigger, after delete: what an upload has reserved is free again, and the bytes go with the row. Security definer: holds are the owner''s.';
create trigger forget after delete on public.project_files for each row execute function private.forget_file();

create function private.forget_export() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  delete from storage.objects where bucket_id = 'eyemotion-exports' and name = old.storage_path;
  return null;
end $$;
comment on function private.forget_export() is 'Trigger, after delete: the bytes go with the row. Security definer: files are the owner''s to remove.';
create trigger forget after delete on public.project_exports for each row execute function private.forget_export();

create function private.abandon_uploads(p_at timestamptz) returns bigint language plpgsql set search_path = '' as $$
declare
  v_count bigint;
begin
  with gone as (
    delete from public.project_files where id in (
      select id from public.project_files where expires_at <= p_at order by expires_at limit 1000 for update skip locked)
    returning user_id, id, project_id, filename
  ),
  noted as (
    insert into public.activity_logs (user_id, action, resource_type, resource_id, details, created_at)
    select user_id, 'file.abandoned', 'file', id::text, jsonb_build_object('project', project_id, 'filename', filename), p_at from gone
  )
  select count(*) into v_count from gone;
  return v_count;
end $$;
comment on function private.abandon_uploads(timestamptz) is 'Gives up uploads whose time is over; returns how many.';

-- Called by storage for every upload, right before it takes room of its own for it.
create function private.account_of_file(p_bucket text, p_name text, p_owner text) returns uuid language plpgsql set search_path = '' as $$
declare
  v_folder text := (storage.foldername(p_name))[1];
  v_file uuid;
begin
  if p_bucket not in ('eyemotion-projects', 'eyemotion-uploads', 'eyemotion-exports')
    or v_folder !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    or not exists (select from plinth.pools where kind = 'bytes' and thing = v_folder::uuid) then
    return null;
  end if;
  if p_bucket = 'eyemotion-projects' then
    select id into v_file from public.project_files where storage_path = p_name and processing_status = 'pending_upload';
    if found then
      perform plinth.release_holds('bytes', array['upload ' || v_file]);
    end if;
  end if;
  return v_folder::uuid;
end $$;
comment on function private.account_of_file(text, text, text) is
  'Whose room a file takes: the first folder of its name. What upload-url reserved for it is handed over in the same transaction.';

-- Working together -------------------------------------------------------------------------------------------------

create function private.add_member(p_user uuid, p_project uuid, p_email text, p_role public.member_role) returns public.project_members
language plpgsql set search_path = '' as $$
declare
  v_project public.projects := private.require_project(p_user, p_project, 'owner');
  v_member uuid;
  v_row public.project_members;
begin
  select id into v_member from auth.users where lower(email) = lower(trim(p_email)) and email_confirmed_at is not null;
  if v_member is null or v_member = v_project.user_id then
    perform plinth.refuse('user_not_found', 404, 'Nobody else has an account with this address.', p_hint => 'Ask them to sign up first, or send a review link.');
  end if;
  insert into public.project_members (project_id, user_id, member_id, role) values (p_project, v_project.user_id, v_member, p_role)
    on conflict (project_id, member_id) do update set role = excluded.role returning * into v_row;
  return v_row;
end $$;
comment on function private.add_member(uuid, uuid, text, public.member_role) is
  'Lets somebody work on a project, or gives another role. Raises project_not_found, user_not_found (PT404), role_too_low (PT403).';

create function private.add_team_member(p_user uuid, p_team uuid, p_email text, p_role public.team_role) returns public.team_members
language plpgsql set search_path = '' as $$
declare
  v_member uuid;
  v_row public.team_members;
begin
  if not exists (select from public.teams where id = p_team and user_id = p_user) then
    perform plinth.refuse('team_not_found', 404, 'There is no such team.', p_hint => 'Only its owner changes who is in a team.');
  end if;
  select id into v_member from auth.users where lower(email) = lower(trim(p_email)) and email_confirmed_at is not null;
  if v_member is null or v_member = p_user then
    perform plinth.refuse('user_not_found', 404, 'Nobody else has an account with this address.', p_hint => 'Ask them to sign up first, or send a review link.');
  end if;
  insert into public.team_members (team_id, user_id, member_id, role) values (p_team, p_user, v_member, p_role)
    on conflict (team_id, member_id) do update set role = excluded.role returning * into v_row;
  return v_row;
end $$;
comment on function private.add_team_member(uuid, uuid, text, public.team_role) is
  'Lets somebody into a team, or gives another role. Raises team_not_found, user_not_found (PT404).';

create function private.approve_file(p_user uuid, p_file uuid, p_approval public.approval_status, p_at timestamptz) returns public.project_files
language plpgsql set search_path = '' as $$
declare
  v_file public.project_files := private.require_file(p_user, p_file, 'editor');
begin
  if v_file.processing_status = 'pending_upload' then
    perform plinth.refuse('upload_missing', 409, 'Nothing has been uploaded yet.', p_hint => 'Confirm the upload first.');
  end if;
  update public.project_files set approval = p_approval,
    approved_by = case when p_approval = 'pending' then null else p_user end, approved_at = case when p_approval = 'pending' then null else p_at end
  where id = p_file returning * into v_file;
  return v_file;
end $$;
comment on function private.approve_file(uuid, uuid, public.approval_status, timestamptz) is
  'Approves a version, asks for changes, or takes either back. Raises file_not_found (PT404), role_too_low (PT403), upload_missing (PT409).';

create function private.open_review(p_hash bytea, p_at timestamptz) returns public.review_links language plpgsql stable set search_path = '' as $$
declare
  v_link public.review_links;
begin
  select * into v_link from public.review_links where token_hash = p_hash and revoked_at is null and expires_at > p_at;
  if not found then
    perform plinth.refuse('review_link_over', 404, 'This review link is not valid any more.', p_hint => 'Ask whoever sent it for a new one.');
  end if;
  return v_link;
end $$;
comment on function private.open_review(bytea, timestamptz) is 'The link of a token. Raises review_link_over (PT404) for one that is unknown, revoked or expired alike.';

create function private.comment_as_guest(p_hash bytea, p_file uuid, p_frame bigint, p_name text, p_body text, p_at timestamptz)
returns public.file_comments language plpgsql set search_path = '' as $$
declare
  v_link public.review_links := private.open_review(p_hash, p_at);
  v_comment public.file_comments;
begin
  if not v_link.can_comment then
    perform plinth.refuse('role_too_low', 403, 'This link is for looking only.', jsonb_build_object('role', 'viewer', 'needed', 'commenter'));
  elsif not exists (select from public.project_files where id = p_file and project_id = v_link.project_id and processing_status <> 'pending_upload') then
    perform plinth.refuse('file_not_found', 404, 'There is no such file.');
  end if;
  insert into public.file_comments (project_id, user_id, file_id, author_name, review_link_id, frame, body, created_at)
  values (v_link.project_id, v_link.user_id, p_file, p_name, v_link.id, p_frame, p_body, p_at) returning * into v_comment;
  return v_comment;
end $$;
comment on function private.comment_as_guest(bytea, uuid, bigint, text, text, timestamptz) is
  'What a guest of a review link says of a frame. Raises review_link_over, file_not_found (PT404), role_too_low (PT403).';

create function private.project_document(p_project uuid) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'project', to_jsonb(p),
    'folders', (select coalesce(jsonb_agg(to_jsonb(f) order by f.created_at, f.id), '[]') from public.project_folders f where f.project_id = p.id),
    'files', (select coalesce(jsonb_agg(to_jsonb(f) - 'storage_path' order by f.created_at, f.id), '[]') from public.project_files f where f.project_id = p.id),
    'comments', (select coalesce(jsonb_agg(to_jsonb(c) - 'review_link_id' order by c.file_id, c.frame, c.created_at), '[]') from public.file_comments c where c.project_id = p.id),
    'members', (select coalesce(jsonb_agg(jsonb_build_object('member_id', m.member_id, 'role', m.role) order by m.created_at), '[]') from public.project_members m where m.project_id = p.id))
  from public.projects p where p.id = p_project
$$;
comment on function private.project_document(uuid) is 'Everything that is known of a project but the bytes: what an export holds.';

create function private.note_export(p_user uuid, p_project uuid, p_id uuid, p_path text, p_bytes bigint, p_at timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  insert into public.project_exports (id, project_id, user_id, requested_by, storage_path, file_size, created_at)
  select p_id, id, user_id, p_user, p_path, p_bytes, p_at from public.projects where id = p_project;
  update public.projects set export_count = export_count + 1 where id = p_project;
end $$;
comment on function private.note_export(uuid, uuid, uuid, text, bigint, timestamptz) is 'Writes an export down and counts it.';

revoke all on function private.require_flag(text), private.role_in(uuid, uuid), private.require_project(uuid, uuid, text),
  private.move_project(), private.count_files(), private.count_room(), private.upload_credits(bigint),
  private.request_upload(uuid, uuid, text, bigint, text, uuid, uuid, timestamptz, timestamptz), private.require_file(uuid, uuid, text),
  private.confirm_upload(uuid, uuid, timestamptz), private.forget_file(), private.forget_export(), private.abandon_uploads(timestamptz),
  private.account_of_file(text, text, text), private.add_member(uuid, uuid, text, public.member_role),
  private.add_team_member(uuid, uuid, text, public.team_role), private.approve_file(uuid, uuid, public.approval_status, timestamptz),
  private.open_review(bytea, timestamptz), private.comment_as_guest(bytea, uuid, bigint, text, text, timestamptz),
  private.project_document(uuid), private.note_export(uuid, uuid, uuid, text, bigint, timestamptz) from public;

create function private.account_document(p_user uuid) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'account', (select jsonb_build_object('id', u.id, 'email', u.email, 'created_at', u.created_at, 'last_sign_in_at', u.last_sign_in_at) from auth.users u where u.id = p_user),
    'profile', (select to_jsonb(p) from public.user_profiles p where p.id = p_user),
    'subscription', (select to_jsonb(s) from public.user_subscriptions s where s.user_id = p_user),
    'projects', (select coalesce(jsonb_agg(private.project_document(p.id) order by p.created_at, p.id), '[]') from public.projects p where p.user_id = p_user),
    'comments', (select coalesce(jsonb_agg(to_jsonb(c) order by c.created_at, c.id), '[]') from public.file_comments c where c.author_id = p_user),
    'payments', (select coalesce(jsonb_agg(to_jsonb(t) order by t.created_at, t.id), '[]') from public.payment_transactions t where t.user_id = p_user),
    'credits', (select coalesce(jsonb_agg(to_jsonb(c) order by c.created_at, c.id), '[]') from public.credits_usage c where c.user_id = p_user),
    'activity', (select coalesce(jsonb_agg(to_jsonb(a) order by a.created_at, a.id), '[]') from public.activity_logs a where a.user_id = p_user))
$$;
comment on function private.account_document(uuid) is 'Everything that is stored of a user but the bytes of files.';
revoke all on function private.account_document(uuid) from public;

create function private.usage_of(p_user uuid, p_at timestamptz) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'storage', jsonb_build_object('usedBytes', s.storage_used_bytes, 'limitBytes', s.storage_limit_bytes,
      'availableBytes', coalesce((select greatest(0, a.available) from plinth.availability('bytes', array[p_user], p_at) a), 0),
      'graceUntil', s.storage_grace_until),
    'served', (select jsonb_build_object('bytes', coalesce(sum(t.bytes), 0), 'requests', coalesce(sum(t.requests), 0))
      from plinth.storage_traffic t where t.user_id = p_user::text and t.day >= date_trunc('month', p_at at time zone 'UTC')::date),
    'credits', private.credits_of(p_user, p_at),
    'projects', (select count(*) from public.projects where user_id = p_user),
    'files', (select coalesce(sum(file_count), 0) from public.projects where user_id = p_user))
  from public.user_subscriptions s where s.user_id = p_user
$$;
comment on function private.usage_of(uuid, timestamptz) is 'What a user takes: bytes stored and promised, bytes served this month, credits, projects, files.';
revoke all on function private.usage_of(uuid, timestamptz) from public;
