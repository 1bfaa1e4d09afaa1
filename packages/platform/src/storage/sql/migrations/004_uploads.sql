-- Resumable uploads that are under way.

create table plinth.storage_uploads (
  id uuid primary key default gen_random_uuid(),
  bucket_id text not null,
  name text collate "C" not null,
  caller jsonb not null,
  owner_id text,
  upsert boolean not null,
  is_sealed boolean not null,
  size_limit bigint not null,
  account uuid,
  length bigint,
  metadata jsonb not null default '{}',
  version text references plinth.storage_versions (version) on delete set null,
  content jsonb,
  created_at timestamptz not null default plinth.now(),
  expires_at timestamptz not null,
  finished_at timestamptz,
  writer uuid,
  writer_until timestamptz
);
comment on table plinth.storage_uploads is 'Resumable uploads: made by a POST, gone when they have expired.';
comment on column plinth.storage_uploads.caller is 'Role and claims of whoever began it; the object is written in their name.';
comment on column plinth.storage_uploads.account is 'Whose room is held under the upload''s id.';
comment on column plinth.storage_uploads.length is 'Bytes of the whole; null while the client has not said.';
comment on column plinth.storage_uploads.version is 'Set once the bytes are complete and claimed; what is left then is the object''s row.';
comment on column plinth.storage_uploads.content is 'What was found out of the complete bytes: size, hash, type.';
comment on column plinth.storage_uploads.writer is 'The request that writes to it, until writer_until unless it says again that it does.';
create index storage_uploads_by_expiry on plinth.storage_uploads (expires_at);
alter table plinth.storage_uploads enable row level security;
