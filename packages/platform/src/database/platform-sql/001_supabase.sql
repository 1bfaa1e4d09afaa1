-- The schemas, rights and auth functions that a Supabase project has, so that a system's migrations apply unchanged
-- here and there. Not applied to a Supabase project.

create schema extensions;
create extension if not exists pgcrypto with schema extensions;
create extension if not exists btree_gist with schema extensions;
create extension if not exists pg_trgm with schema extensions;

create schema auth;
comment on schema auth is 'Users and sessions, as on Supabase.';

-- Policies ask these for every statement. Their bodies are bound to what they name when they are made, so they need no
-- search_path of their own, with which PostgreSQL could not inline them.

create function auth.jwt() returns jsonb language sql stable
return coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb;
comment on function auth.jwt() is 'All claims of the request''s token; {} outside a request.';

create function auth.uid() returns uuid language sql stable
return nullif(auth.jwt() ->> 'sub', '')::uuid;
comment on function auth.uid() is 'Id of the signed-in user, or null. In policies write (select auth.uid()).';

create function auth.role() returns text language sql stable
return auth.jwt() ->> 'role';
comment on function auth.role() is 'Role claim of the request''s token: anon, authenticated or service_role.';

create function auth.email() returns text language sql stable
return auth.jwt() ->> 'email';
comment on function auth.email() is 'E-mail address of the signed-in user, or null.';

-- New functions are executable by everyone in PostgreSQL; here each grants what it means to.
alter default privileges revoke execute on functions from public;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
alter default privileges in schema public grant execute on functions to service_role;

revoke create on schema public from public;
grant usage on schema public, auth, extensions to anon, authenticated, service_role;
grant execute on function auth.jwt(), auth.uid(), auth.role(), auth.email() to anon, authenticated, service_role;
alter default privileges in schema extensions grant execute on functions to anon, authenticated, service_role;
