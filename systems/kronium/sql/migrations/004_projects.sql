-- Projects that clients can follow. What was told of a project is a table that only grows; the column updates shows it.

create table public.projects (
  id uuid primary key default gen_random_uuid(),
  title varchar(255) not null check (title <> ''),
  description text not null default '' check (length(description) <= 20000),
  "clientName" varchar(255) not null default '',
  "clientEmail" varchar(255),
  "clientPhone" varchar(50),
  status varchar(20) not null default 'active'
    check (status in ('planning', 'pending', 'active', 'inProgress', 'onHold', 'completed', 'cancelled')),
  progress numeric(5,2) not null default 0 check (progress between 0 and 100),
  location text check (length(location) <= 2000),
  "mediaUrls" jsonb not null default '[]' check (jsonb_typeof("mediaUrls") = 'array' and jsonb_array_length("mediaUrls") <= 500),
  updates jsonb not null default '[]' check (jsonb_typeof(updates) = 'array'),
  "createdAt" timestamptz not null default plinth.now(),
  "updatedAt" timestamptz not null default plinth.now(),
  "customerId" uuid default auth.uid() references public.users (id) on delete set null,
  "staffId" uuid references public.users (id) on delete set null,
  "bookingId" uuid unique references public.bookings (id) on delete set null
);
comment on table public.projects is 'Work for a client. bookingId: the booking that it came from, at most one project each.';
comment on column public.projects.updates is 'What the client is told, oldest first: the rows of project_updates that are for clients. Entries that a write adds become rows; none is lost.';
create index projects_by_customer on public.projects ("customerId", "createdAt" desc);
create index projects_by_staff on public.projects ("staffId", "createdAt" desc) where "staffId" is not null;
create index projects_by_status on public.projects (status, "createdAt" desc);
create index projects_recent on public.projects ("createdAt" desc, id);
create trigger touch before update on public.projects for each row execute function private.touch();

create table public.project_updates (
  id uuid primary key default gen_random_uuid(),
  "projectId" uuid not null references public.projects (id) on delete cascade,
  seq bigint generated always as identity,
  "authorId" uuid default auth.uid() references public.users (id) on delete set null,
  "authorName" varchar(255) not null default '',
  kind varchar(20) not null default 'note' check (kind in ('note', 'progress', 'status', 'media')),
  message text not null default '' check (length(message) <= 10000),
  data jsonb not null default '{}' check (jsonb_typeof(data) = 'object' and length(data::text) <= 20000),
  internal boolean not null default false,
  "createdAt" timestamptz not null default plinth.now()
);
comment on table public.project_updates is 'What was told of a project, once and for good. internal: for the staff only.';
create unique index project_updates_by_project on public.project_updates ("projectId", seq);

create function private.works_on(p_project public.projects) returns boolean language sql stable security definer set search_path = '' as $$
  select case private.scope_of('manage_projects') when 'all' then true when 'assigned' then coalesce((p_project)."staffId" = (select auth.uid()), false) else false end
$$;
comment on function private.works_on(public.projects) is 'Whether the caller manages a project.';

-- security definer: reads users and counts rows that the caller may not see.
create function private.open_project() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_staff boolean := plinth.is_trusted() or private.may_all('create_projects') or pg_trigger_depth() > 1;
  v_client public.users;
begin
  new."createdAt" := plinth.now();
  new."updatedAt" := plinth.now();
  if not v_staff then
    -- A client asks for a project; what becomes of it the staff says.
    new.status := 'pending';
    new.progress := 0;
    new."staffId" := null;
    new."bookingId" := null;
    new.updates := '[]';
    new."mediaUrls" := '[]';
    perform from public.users where id = new."customerId" for no key update;
    if (select count(*) from public.projects where "customerId" = new."customerId" and status not in ('completed', 'cancelled')) >= private.limit_of('projects') then
      perform plinth.refuse('too_many_projects', 409, format('A client has at most %s projects at a time.', private.limit_of('projects')));
    end if;
  end if;
  select * into v_client from public.users where id = new."customerId";
  if found then
    new."clientName" := coalesce(nullif(new."clientName", ''), v_client.name);
    new."clientEmail" := coalesce(nullif(new."clientEmail", ''), v_client.email);
    new."clientPhone" := coalesce(nullif(new."clientPhone", ''), v_client.phone);
  end if;
  return new;
end $$;
comment on function private.open_project() is 'Trigger, before insert: a client''s project waits for the staff. Raises too_many_projects (PT409).';
create trigger open_project before insert on public.projects for each row execute function private.open_project();

create function private.show_update(p_update public.project_updates) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object('id', (p_update).id, 'kind', (p_update).kind, 'message', (p_update).message, 'author', (p_update)."authorName",
    'createdAt', to_json((p_update)."createdAt") #>> '{}') || (p_update).data
$$;
comment on function private.show_update(public.project_updates) is 'An entry of projects.updates.';

-- security definer: the table of updates takes rows of the triggers.
create function private.change_project() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_trusted boolean := plinth.is_trusted();
  v_staff boolean := v_trusted or private.works_on(old) or coalesce(current_setting('kronium.showing', true), '') = old.id::text;
begin
  if not v_trusted and (new.id, private.kept(new."bookingId", old."bookingId", 'bookings'), new."createdAt") is distinct from (old.id, old."bookingId", old."createdAt") then
    perform plinth.refuse('column_is_fixed', 403, 'id, bookingId and createdAt never change.');
  end if;
  if not v_staff and (new.status, new.progress, private.kept(new."customerId", old."customerId", 'users'), private.kept(new."staffId", old."staffId", 'users'),
      new."mediaUrls", new.updates) is distinct from (old.status, old.progress, old."customerId", old."staffId", old."mediaUrls", old.updates) then
    perform plinth.refuse('permission_required', 403, 'What becomes of a project the staff says.', '{"permission": "manage_projects"}');
  end if;
  return new;
end $$;
comment on function private.change_project() is 'Trigger, before update: clients describe their projects, the staff moves them on. Raises column_is_fixed, permission_required (PT403).';
create trigger change_project before update on public.projects for each row execute function private.change_project();

-- security definer: as private.change_project().
create function private.note_project() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_entry jsonb;
  v_author uuid := (select u.id from public.users u where u.id = (select auth.uid()));
  v_name text := coalesce((select u.name from public.users u where u.id = v_author), '');
begin
  if coalesce(current_setting('kronium.showing', true), '') = new.id::text then
    return null;
  end if;
  -- Entries that are new in the column become rows; those that somebody left out stay.
  for v_entry in
    select e.value from jsonb_array_elements(new.updates) with ordinality e (value, place)
    where tg_op = 'INSERT' or not exists (select from jsonb_array_elements(old.updates) o where o.value = e.value
      or e.value ? 'id' and o.value ->> 'id' = e.value ->> 'id')
    order by e.place
  loop
    insert into public.project_updates ("projectId", "authorId", "authorName", message, data)
      values (new.id, v_author, v_name,
        left(case when jsonb_typeof(v_entry) = 'string' then v_entry #>> '{}' else coalesce(v_entry ->> 'message', '') end, 10000),
        case when jsonb_typeof(v_entry) = 'object' then v_entry - array['id', 'kind', 'message', 'author', 'createdAt'] else '{}' end);
  end loop;
  if tg_op = 'UPDATE' and new.progress is distinct from old.progress then
    insert into public.project_updates ("projectId", "authorId", "authorName", kind, data)
      values (new.id, v_author, v_name, 'progress', jsonb_build_object('from', old.progress, 'to', new.progress));
  end if;
  if tg_op = 'UPDATE' and new.status is distinct from old.status then
    insert into public.project_updates ("projectId", "authorId", "authorName", kind, data)
      values (new.id, v_author, v_name, 'status', jsonb_build_object('from', old.status, 'to', new.status));
  end if;
  if new.updates is distinct from (case when tg_op = 'UPDATE' then old.updates else '[]'::jsonb end) then
    perform private.show_updates(new.id);
  end if;
  return null;
end $$;
comment on function private.note_project() is 'Trigger: what a write added to updates, and changes of progress and status, become rows of project_updates.';
create trigger note_project after insert or update of updates, progress, status on public.projects
  for each row execute function private.note_project();

create function private.show_updates(p_project uuid) returns void language plpgsql set search_path = '' as $$
declare
  v_showing text := current_setting('kronium.showing', true);
begin
  perform set_config('kronium.showing', p_project::text, true);
  update public.projects set updates = coalesce(
    (select jsonb_agg(private.show_update(u) order by u.seq) from public.project_updates u where u."projectId" = p_project and not u.internal), '[]')
    where id = p_project;
  perform set_config('kronium.showing', coalesce(v_showing, ''), true);
end $$;
comment on function private.show_updates(uuid) is 'Writes the column updates of a project from its rows, under the lock of the project.';

-- security definer: projects belongs to others than who tells of it.
create function private.add_update() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if tg_when = 'BEFORE' then
    -- The lock of the project: rows get their numbers in the order in which they are committed.
    perform from public.projects where id = new."projectId" for no key update;
    new.seq := nextval(pg_get_serial_sequence('public.project_updates', 'seq'));
    if not plinth.is_trusted() and pg_trigger_depth() <= 1 then
      new."authorId" := (select auth.uid());
      new."authorName" := coalesce((select u.name from public.users u where u.id = new."authorId"), '');
      new."createdAt" := plinth.now();
    end if;
    return new;
  end if;
  if not new.internal then
    perform set_config('kronium.showing', new."projectId"::text, true);
    update public.projects set updates = updates || private.show_update(new) where id = new."projectId";
    perform set_config('kronium.showing', '', true);
    perform private.add_job('tell-project', jsonb_build_object('update', new.id));
  end if;
  return null;
end $$;
comment on function private.add_update() is 'Trigger: an update gets its author and number, and is shown in its project.';
create trigger number_update before insert on public.project_updates for each row execute function private.add_update();
create trigger show_update after insert on public.project_updates for each row execute function private.add_update();

create function private.refuse_change() returns trigger language plpgsql set search_path = '' as $$
begin
  perform plinth.refuse('append_only', 409, 'What was told stays told.');
  return null;
end $$;
comment on function private.refuse_change() is 'Trigger: rows of a table that only grows do not change.';
create trigger append_only before update of id, "projectId", seq, kind, message, data, internal, "createdAt" on public.project_updates
  for each row execute function private.refuse_change();

create function public.add_project_media(p_project uuid, p_media jsonb) returns jsonb language plpgsql set search_path = '' as $$
declare
  v_media jsonb;
begin
  update public.projects set "mediaUrls" = "mediaUrls" || jsonb_build_array(p_media)
    where id = p_project and not "mediaUrls" @> jsonb_build_array(p_media) returning "mediaUrls" into v_media;
  if not found then
    select "mediaUrls" into v_media from public.projects where id = p_project;
  end if;
  if v_media is null then
    perform plinth.refuse('unknown_project', 404, 'There is no such project.');
  end if;
  return v_media;
end $$;
comment on function public.add_project_media(uuid, jsonb) is 'Adds an entry to mediaUrls, whoever else adds one at the same time; one that is there is not added again.';

-- Rights ---------------------------------------------------------------------------------------------------------

alter table public.projects enable row level security;
revoke all on public.projects from anon, authenticated;
grant select, insert, update, delete on public.projects to authenticated;
create policy "see projects" on public.projects for select to authenticated using (
  "customerId" = (select auth.uid()) and (select private.scope_of('view_projects')) is not null
  or (select private.scope_of('view_projects')) = 'all'
  or (select private.scope_of('view_projects')) = 'assigned' and "staffId" = (select auth.uid()));
create policy "ask for projects" on public.projects for insert to authenticated with check (
  "customerId" = (select auth.uid()) and (select private.scope_of('create_projects')) is not null
  or (select private.scope_of('create_projects')) = 'all');
create policy "describe and manage projects" on public.projects for update to authenticated using (
  "customerId" = (select auth.uid()) and (select private.scope_of('create_projects')) is not null
  or (select private.scope_of('manage_projects')) = 'all'
  or (select private.scope_of('manage_projects')) = 'assigned' and "staffId" = (select auth.uid()))
  with check (
  "customerId" = (select auth.uid()) and (select private.scope_of('create_projects')) is not null
  or (select private.scope_of('manage_projects')) in ('assigned', 'all'));
create policy "admins remove projects" on public.projects for delete to authenticated using ((select private.scope_of('manage_projects')) = 'all');

alter table public.project_updates enable row level security;
revoke all on public.project_updates from anon, authenticated;
grant select on public.project_updates to authenticated;
grant insert (id, "projectId", "authorId", "authorName", kind, message, data, internal) on public.project_updates to authenticated;
create policy "see what is told" on public.project_updates for select to authenticated using (
  exists (select from public.projects p where p.id = "projectId") and (not internal or (select private.scope_of('manage_projects')) is not null));
create policy "the staff tells" on public.project_updates for insert to authenticated with check (
  (select private.scope_of('manage_projects')) = 'all'
  or (select private.scope_of('manage_projects')) = 'assigned' and exists (
    select from public.projects p where p.id = "projectId" and p."staffId" = (select auth.uid())));
revoke all on function public.add_project_media(uuid, jsonb) from public, anon;
grant execute on function public.add_project_media(uuid, jsonb) to authenticated, service_role;
