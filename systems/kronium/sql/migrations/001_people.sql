-- People: one row for each account, with a number that can be said on the phone, and what each role may do.
--
-- Columns have the names that the requirement gives them, so they are quoted. "TIMESTAMP" is timestamptz: an instant.

create schema if not exists private;
grant usage on schema private to anon, authenticated, service_role;

-- Rows -----------------------------------------------------------------------------------------------------------

create function private.touch() returns trigger language plpgsql set search_path = '' as $$
begin
  new."updatedAt" := plinth.now();
  return new;
end $$;
comment on function private.touch() is 'Trigger, before update: sets updatedAt.';

create table private.counters (
  name text primary key,
  value bigint not null check (value >= 0)
);
comment on table private.counters is 'Numbers that are given once. A row is locked until the transaction that took a number ends.';
alter table private.counters enable row level security;
insert into private.counters values ('simpleId', 0);

create function private.simple_id(p_number bigint) returns varchar(8) language plpgsql immutable set search_path = '' as $$
declare
  v_block bigint := (p_number - 1) / 99999;
begin
  if p_number not between 1 and 26 * 26 * 26 * 99999::bigint then
    perform plinth.refuse('simple_ids_used_up', 409, 'All simple ids are used.');
  end if;
  return chr((65 + v_block / 676)::int) || chr((65 + v_block / 26 % 26)::int) || chr((65 + v_block % 26)::int)
    || lpad(((p_number - 1) % 99999 + 1)::text, 5, '0');
end $$;
comment on function private.simple_id(bigint) is 'AAA00001 for 1, AAA99999 for 99999, AAB00001 for 100000, … ZZZ99999 for 1757582424.';

-- security definer: nobody but it writes counters.
create function private.next_simple_id() returns varchar(8) language sql security definer set search_path = '' as $$
  update private.counters set value = value + 1 where name = 'simpleId' returning private.simple_id(value)
$$;
comment on function private.next_simple_id() is 'The next simple id. Who asks at the same time waits, so none is given twice or left out.';

-- Jobs -----------------------------------------------------------------------------------------------------------

create function private.add_job(p_name text, p_payload jsonb, p_key text default null) returns void language plpgsql set search_path = '' as $$
begin
  -- Jobs exist once a server has declared them.
  if exists (select from plinth.jobs where name = p_name) then
    perform plinth.add_job(p_name, p_payload, null, p_key);
  end if;
end $$;
comment on function private.add_job(text, jsonb, text) is 'Queues a job in the caller''s transaction.';

-- People ---------------------------------------------------------------------------------------------------------

create table public.users (
  id uuid primary key references auth.users (id) on delete cascade,
  "simpleId" varchar(8) not null unique default private.next_simple_id(),
  name varchar(255) not null default '',
  email varchar(255) unique,
  phone varchar(50),
  "profileImage" text,
  address text,
  role varchar(20) not null default 'customer' check (role in ('guest', 'customer', 'staff', 'admin')),
  "isActive" boolean not null default true,
  "favoriteServices" jsonb not null default '[]' check (jsonb_typeof("favoriteServices") = 'array' and jsonb_array_length("favoriteServices") <= 500),
  "createdAt" timestamptz not null default plinth.now(),
  "updatedAt" timestamptz not null default plinth.now()
);
comment on table public.users is 'Everybody with an account; made with it. Role and isActive are changed by admins only.';
comment on column public.users."simpleId" is 'A short number for people. Rights never depend on it.';
create index users_by_role on public.users (role, "createdAt" desc);
create index users_recent on public.users ("createdAt" desc, id);
create trigger touch before update on public.users for each row execute function private.touch();

create table public.role_permissions (
  role varchar(20) not null check (role in ('guest', 'customer', 'staff', 'admin')),
  permission text not null,
  scope text not null check (scope in ('own', 'assigned', 'all')),
  primary key (role, permission)
);
comment on table public.role_permissions is
  'The catalogue of permissions. scope: own rows, rows assigned to the person (and own ones), or all rows.';
insert into public.role_permissions (role, permission, scope)
select r.role, p.permission, p.scope
from (values
  --  permission            guest  customer  staff       admin
  ('view_services',        'all',  'all',    'all',      'all'),
  ('book_services',        null,   'own',    'all',      'all'),
  ('view_bookings',        null,   'own',    'assigned', 'all'),
  ('manage_bookings',      null,   null,     'assigned', 'all'),
  ('manage_services',      null,   null,     null,       'all'),
  ('manage_calendar',      null,   null,     'assigned', 'all'),
  ('create_projects',      null,   'own',    'all',      'all'),
  ('view_projects',        null,   'own',    'assigned', 'all'),
  ('manage_projects',      null,   null,     'assigned', 'all'),
  ('chat',                 null,   'own',    'assigned', 'all'),
  ('view_users',           null,   'own',    'own',      'all'),
  ('manage_users',         null,   null,     null,       'all'),
  ('view_dashboard',       null,   null,     'all',      'all'),
  ('view_analytics',       null,   null,     null,       'all')
) m (permission, guest, customer, staff, admin)
cross join lateral (values ('guest', m.guest), ('customer', m.customer), ('staff', m.staff), ('admin', m.admin)) r (role, scope)
cross join lateral (select m.permission, r.scope) p
where p.scope is not null;

-- security definer: policies of users ask it, and would call themselves.
create function private.my_role() returns text language sql stable security definer set search_path = '' as $$
  select case when (select auth.uid()) is null then 'guest'
    else coalesce((select u.role from public.users u where u.id = (select auth.uid()) and u."isActive"), 'none') end
$$;
comment on function private.my_role() is 'Role of the signed-in user; guest without one; none for an account that is switched off.';

-- security definer: as private.my_role().
create function private.scope_of(p_permission text) returns text language sql stable security definer set search_path = '' as $$
  select p.scope from public.role_permissions p where p.role = private.my_role() and p.permission = p_permission
$$;
comment on function private.scope_of(text) is
  'On which rows the caller has a permission: own, assigned, all; null without it. Policies write (select private.scope_of(…)), '
  'which is asked once a statement.';

create function private.may_all(p_permission text) returns boolean language sql stable set search_path = '' as $$
  select coalesce(private.scope_of(p_permission) = 'all', false)
$$;
comment on function private.may_all(text) is 'Whether the caller has a permission on all rows; never null, so that it may be negated.';

create function private.require_permission(p_permission text) returns text language plpgsql stable set search_path = '' as $$
declare
  v_scope text := private.scope_of(p_permission);
begin
  if v_scope is null and not plinth.is_trusted() then
    perform plinth.refuse('permission_required', 403, format('This needs the permission %s.', p_permission),
      jsonb_build_object('permission', p_permission), 'An administrator decides about roles.');
  end if;
  return coalesce(v_scope, 'all');
end $$;
comment on function private.require_permission(text) is 'The scope of a permission of the caller; raises permission_required (PT403).';

create function private.require_all(p_permission text) returns boolean language plpgsql stable set search_path = '' as $$
begin
  if private.require_permission(p_permission) <> 'all' then
    perform plinth.refuse('permission_required', 403, format('This needs the permission %s for all rows.', p_permission),
      jsonb_build_object('permission', p_permission), 'An administrator decides about roles.');
  end if;
  return true;
end $$;
comment on function private.require_all(text) is 'Raises permission_required (PT403) unless the caller has a permission on all rows.';

create table private.limits (
  name text primary key,
  value integer not null check (value between 1 and 1000000),
  purpose text not null
);
comment on table private.limits is 'How much one person may do; admins set it with public.set_limit().';
alter table private.limits enable row level security;
insert into private.limits values
  ('bookings', 100, 'Bookings of a client that are to come.'),
  ('projects', 50, 'Projects of a client that are not completed.'),
  ('messagesPerMinute', 30, 'Chat messages of one person in a minute; the staff four times as many.'),
  ('uploadsPerHour', 200, 'Files that one person uploads in an hour.');

-- security definer: the table is nobody's.
create function private.limit_of(p_name text) returns integer language sql stable security definer set search_path = '' as $$
  select value from private.limits where name = p_name
$$;
comment on function private.limit_of(text) is 'A limit.';

-- security definer: as private.limit_of().
create function public.set_limit(p_name text, p_value integer) returns void language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_all('manage_users');
  update private.limits set value = p_value where name = p_name;
  if not found then
    perform plinth.refuse('unknown_limit', 404, format('There is no limit %s.', p_name), p_hint => 'public.limits() lists them.');
  end if;
end $$;
comment on function public.set_limit(text, integer) is 'Sets a limit for everybody; admins only. Raises permission_required (PT403) or unknown_limit (PT404).';

-- security definer: as private.limit_of().
create function public.limits() returns table (name text, value integer, purpose text) language sql stable security definer set search_path = '' as $$
  select l.name, l.value, l.purpose from private.limits l order by l.name
$$;
comment on function public.limits() is 'The limits of everybody.';
revoke all on function public.set_limit(text, integer), public.limits() from public, anon;
grant execute on function public.set_limit(text, integer), public.limits() to authenticated, service_role;

create function private.clip(p_text text, p_length integer) returns text language sql immutable set search_path = '' as $$
  select left(btrim(p_text), p_length)
$$;
comment on function private.clip(text, integer) is 'Text that fits a column.';

-- security definer: whoever signs up has no rights on users yet, and auth's own role has none at all.
create function private.create_user() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.users (id, name, email, phone, address)
  values (new.id,
    coalesce(private.clip(coalesce(new.raw_user_meta_data ->> 'name', new.raw_user_meta_data ->> 'full_name'), 255), ''),
    new.email, private.clip(coalesce(new.raw_user_meta_data ->> 'phone', new.phone), 50), private.clip(new.raw_user_meta_data ->> 'address', 2000))
  on conflict (id) do nothing;
  perform private.add_job('welcome-user', jsonb_build_object('user', new.id));
  return new;
end $$;
comment on function private.create_user() is 'Trigger: a new account gets its row. What it says of its own role is not read.';
create trigger create_user after insert on auth.users for each row execute function private.create_user();

-- security definer: as private.create_user().
create function private.follow_account() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  update public.users set email = new.email where id = new.id and email is distinct from new.email;
  return new;
end $$;
comment on function private.follow_account() is 'Trigger: the address is that of the account, which is changed by proving the new one.';
create trigger follow_account after update of email on auth.users
  for each row when (old.email is distinct from new.email) execute function private.follow_account();

-- security definer: switches accounts off in auth, and counts admins whom the caller may not see.
create function private.guard_user() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_may boolean := plinth.is_trusted() or private.may_all('manage_users');
begin
  if (new.id, new."simpleId", new."createdAt") is distinct from (old.id, old."simpleId", old."createdAt") then
    perform plinth.refuse('column_is_fixed', 403, 'id, simpleId and createdAt never change.');
  end if;
  if new.email is distinct from old.email and not plinth.is_trusted() then
    perform plinth.refuse('column_is_fixed', 403, 'The address is that of the account.', '{"column": "email"}',
      'PUT /auth/v1/user changes it, when the new address is proven.');
  end if;
  if (new.role, new."isActive") is distinct from (old.role, old."isActive") then
    if not v_may then
      perform plinth.refuse('permission_required', 403, 'Role and isActive are changed by admins.', '{"permission": "manage_users"}');
    end if;
    if old.role = 'admin' and old."isActive" and not (new.role = 'admin' and new."isActive") then
      -- All admins are locked in one order: of two who leave at once the second sees that it would be the last.
      perform from public.users where role = 'admin' and "isActive" order by id for no key update;
      if not exists (select from public.users where role = 'admin' and "isActive" and id <> old.id) then
        perform plinth.refuse('last_admin', 409, 'This is the last admin.', p_hint => 'Make somebody else admin first.');
      end if;
    end if;
    if new."isActive" is distinct from old."isActive" then
      update auth.users set banned_until = case when not new."isActive" then 'infinity'::timestamptz end where id = new.id;
    end if;
  end if;
  return new;
end $$;
comment on function private.guard_user() is
  'Trigger, before update: what people may not change of themselves (role, isActive, simpleId, email), and the last admin stays.';
create trigger guard before update on public.users for each row execute function private.guard_user();

-- security definer: as private.guard_user().
create function private.keep_last_admin() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform from public.users where role = 'admin' and "isActive" order by id for no key update;
  if not exists (select from public.users where role = 'admin' and "isActive" and id <> old.id) then
    perform plinth.refuse('last_admin', 409, 'This is the last admin.', p_hint => 'Make somebody else admin first.');
  end if;
  return old;
end $$;
comment on function private.keep_last_admin() is 'Trigger, before delete: the last admin stays.';
create trigger keep_last_admin before delete on public.users
  for each row when (old.role = 'admin' and old."isActive") execute function private.keep_last_admin();

-- security definer: accounts are auth's.
create function private.remove_user(p_user uuid) returns boolean language plpgsql security definer set search_path = '' as $$
begin
  update public.bookings set "clientName" = '', "clientEmail" = null, "clientPhone" = null, location = null, notes = null, answers = '{}'
    where "customerId" = p_user;
  update public.projects set "clientName" = '', "clientEmail" = null, "clientPhone" = null, location = null where "customerId" = p_user;
  delete from auth.users where id = p_user;
  return found;
end $$;
comment on function private.remove_user(uuid) is 'Removes an account with its row. Bookings and projects stay, and say no more whose they were.';

alter table public.users enable row level security;
revoke all on public.users from anon, authenticated;
grant select on public.users to authenticated;
grant update (name, phone, "profileImage", address, role, "isActive", "favoriteServices") on public.users to authenticated;
create policy "people see themselves, admins everybody" on public.users for select to authenticated
  using (id = (select auth.uid()) or (select private.scope_of('view_users')) = 'all');
create policy "people describe themselves, admins everybody" on public.users for update to authenticated
  using (id = (select auth.uid()) and (select private.scope_of('view_users')) is not null or (select private.scope_of('manage_users')) = 'all')
  with check (id = (select auth.uid()) and (select private.scope_of('view_users')) is not null or (select private.scope_of('manage_users')) = 'all');

alter table public.role_permissions enable row level security;
revoke all on public.role_permissions from anon, authenticated, service_role;
grant select on public.role_permissions to anon, authenticated, service_role;
create policy "everybody reads the catalogue" on public.role_permissions for select using (true);

revoke all on all functions in schema private from public;
grant execute on function private.my_role(), private.scope_of(text), private.require_permission(text) to anon, authenticated, service_role;
grant execute on function private.next_simple_id() to service_role;
