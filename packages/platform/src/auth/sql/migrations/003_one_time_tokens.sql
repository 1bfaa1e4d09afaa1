-- What proves an address (codes and links), what a PKCE flow remembers, and the messages of the development inbox.

create type auth.one_time_token_type as enum (
  'confirmation_token', 'reauthentication_token', 'recovery_token', 'email_change_token_new', 'email_change_token_current',
  'phone_change_token'
);
comment on type auth.one_time_token_type is 'What a code or link is for.';

create type auth.code_challenge_method as enum ('s256', 'plain');
comment on type auth.code_challenge_method is 'How a PKCE verifier becomes its challenge (RFC 7636).';

create table auth.flow_state (
  id uuid primary key,
  user_id uuid references auth.users (id) on delete cascade,
  auth_code text unique,
  code_challenge_method auth.code_challenge_method,
  code_challenge text,
  provider_type text not null,
  provider_access_token text,
  provider_refresh_token text,
  created_at timestamptz not null,
  updated_at timestamptz,
  authentication_method text not null,
  auth_code_issued_at timestamptz,
  redirect_to text,
  provider_state jsonb
);
comment on table auth.flow_state is 'One row per sign-in that is under way through a link or another provider.';
comment on column auth.flow_state.auth_code is 'SHA-256 of the code that the client exchanges for a session, hexadecimal.';
comment on column auth.flow_state.provider_state is 'What the provider''s answer is checked with: nonce, verifier, who links.';
create index flow_state_created_at_idx on auth.flow_state (created_at);

create table auth.one_time_tokens (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  token_type auth.one_time_token_type not null,
  token_hash text not null unique,
  relates_to text not null,
  code_mac text,
  failures smallint not null default 0,
  flow_state_id uuid references auth.flow_state (id) on delete set null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint one_time_tokens_user_id_token_type_key unique (user_id, token_type, relates_to)
);
comment on table auth.one_time_tokens is 'Codes and links that were sent and not used yet.';
comment on column auth.one_time_tokens.token_hash is 'SHA-256 of the link''s token, hexadecimal; the token itself is stored nowhere.';
comment on column auth.one_time_tokens.code_mac is 'HMAC-SHA-256 of the code under a key that is not in the database: six digits could be searched otherwise.';
comment on column auth.one_time_tokens.relates_to is 'The address that the message went to.';
comment on column auth.one_time_tokens.failures is 'Wrong codes that were tried; the code is dead after five, the link is not.';
create index one_time_tokens_relates_to_idx on auth.one_time_tokens (relates_to, token_type);

create table plinth.inbox (
  id bigint generated always as identity primary key,
  key text not null unique,
  kind text not null check (kind in ('mail', 'sms')),
  recipient text not null,
  subject text not null,
  body text not null,
  html text,
  sent_at timestamptz not null
);
comment on table plinth.inbox is 'Messages that no provider sends, for a developer to read; the newest 200.';

alter table auth.flow_state enable row level security;
alter table auth.one_time_tokens enable row level security;
alter table plinth.inbox enable row level security;
