-- Buckets and objects under the names that Supabase gives them, so that policies and migrations apply here and there.

create schema storage;
comment on schema storage is 'Files: buckets, objects, and the functions that their policies use.';
grant usage on schema storage to anon, authenticated, service_role;

create type storage.buckettype as enum ('STANDARD', 'ANALYTICS', 'VECTOR');

create table storage.buckets (
  id text primary key check (length(id) between 1 and 100),
  name text not null unique,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  public boolean default false,
  avif_autodetection boolean default false,
  file_size_limit bigint check (file_size_limit > 0),
  allowed_mime_types text[],
  owner_id text,
  type storage.buckettype not null default 'STANDARD'
);
comment on table storage.buckets is 'Places for objects. Its policies say who may see, make, change and remove buckets.';
alter table storage.buckets enable row level security;
grant select, insert, update, delete on storage.buckets to anon, authenticated, service_role;

-- Names are compared by their bytes: one index finds an object, lists a folder in order, and skips over subfolders.
create table storage.objects (
  id uuid primary key default gen_random_uuid(),
  bucket_id text not null references storage.buckets (id),
  name text collate "C" not null check (octet_length(name) between 1 and 1024),
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  last_accessed_at timestamptz default now(),
  metadata jsonb,
  path_tokens text[] generated always as (string_to_array(name, '/')) stored,
  version text,
  owner_id text,
  user_metadata jsonb
);
comment on table storage.objects is 'Files. Its policies say who may read (select), upload (insert), overwrite (update) and remove (delete).';
create unique index bucketid_objname on storage.objects (bucket_id, name);
create index objects_by_owner on storage.objects (owner_id) where owner_id is not null;
create index objects_by_version on storage.objects (version);
alter table storage.objects enable row level security;
grant select, insert, update, delete on storage.objects to anon, authenticated, service_role;

create trigger touch_row before update on storage.buckets for each row execute function plinth.touch_row();
create trigger touch_row before update on storage.objects for each row execute function plinth.touch_row();

create function storage.foldername(name text) returns text[] language sql immutable parallel safe
set search_path = ''
as $$ select parts[1:array_length(parts, 1) - 1] from (select string_to_array(name, '/')) t(parts) $$;
comment on function storage.foldername(text) is 'The folders of an object''s name: {a,b} of a/b/c.png.';

create function storage.filename(name text) returns text language sql immutable parallel safe
set search_path = ''
as $$ select parts[array_length(parts, 1)] from (select string_to_array(name, '/')) t(parts) $$;
comment on function storage.filename(text) is 'The last part of an object''s name: c.png of a/b/c.png.';

create function storage.extension(name text) returns text language sql immutable parallel safe
set search_path = ''
as $$ select reverse(split_part(reverse(storage.filename(name)), '.', 1)) $$;
comment on function storage.extension(text) is 'What follows the last dot of an object''s name: png of a/b/c.png.';

create function storage.get_size_by_bucket() returns table (size bigint, bucket_id text) language sql stable
set search_path = ''
as $$
  select sum((o.metadata ->> 'size')::bigint)::bigint, o.bucket_id from storage.objects o group by o.bucket_id
$$;
comment on function storage.get_size_by_bucket() is 'Bytes of the objects that the caller may see, per bucket.';

grant execute on function storage.foldername(text), storage.filename(text), storage.extension(text),
  storage.get_size_by_bucket() to anon, authenticated, service_role;
