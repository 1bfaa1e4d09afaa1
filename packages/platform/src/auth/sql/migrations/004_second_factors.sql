-- Second factors under Supabase's names, and the log of what administrators did.

create type auth.factor_type as enum ('totp', 'webauthn', 'phone', 'recovery_code');
comment on type auth.factor_type is 'What a second factor is: an authenticator app, a passkey, a phone, a list of codes.';
create type auth.factor_status as enum ('unverified', 'verified');
comment on type auth.factor_status is 'Whether the user has shown once that they have the factor.';

create table auth.mfa_factors (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  friendly_name text,
  factor_type auth.factor_type not null,
  status auth.factor_status not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  secret text,
  phone text,
  last_challenged_at timestamptz,
  web_authn_credential jsonb,
  web_authn_aaguid uuid,
  last_step bigint
);
comment on table auth.mfa_factors is 'Second factors of users.';
comment on column auth.mfa_factors.secret is 'Of an authenticator app: sealed under a key that is not in the database (base64).';
comment on column auth.mfa_factors.last_step is 'Time step of the last code that was accepted: no code is taken twice (RFC 6238, 5.2).';
create index mfa_factors_user_id_idx on auth.mfa_factors (user_id, created_at);
create unique index mfa_factors_user_friendly_name_unique on auth.mfa_factors (user_id, friendly_name)
  where trim(friendly_name) <> '';

create table auth.mfa_challenges (
  id uuid primary key,
  factor_id uuid not null references auth.mfa_factors (id) on delete cascade,
  created_at timestamptz not null,
  verified_at timestamptz,
  ip_address inet not null,
  otp_code text,
  web_authn_session_data jsonb,
  failures smallint not null default 0
);
comment on table auth.mfa_challenges is 'Questions put to second factors; each is answered once.';
comment on column auth.mfa_challenges.otp_code is 'HMAC-SHA-256 of the code that was sent, hexadecimal.';
create index mfa_challenge_created_at_idx on auth.mfa_challenges (created_at desc);
create index mfa_challenges_factor_id_idx on auth.mfa_challenges (factor_id);

create table auth.mfa_recovery_codes (
  id uuid primary key,
  factor_id uuid not null references auth.mfa_factors (id) on delete cascade,
  code_mac text not null,
  used_at timestamptz,
  unique (factor_id, code_mac)
);
comment on table auth.mfa_recovery_codes is 'Codes that stand in for a lost second factor, each good once.';

create table auth.audit_log_entries (
  instance_id uuid,
  id uuid primary key,
  payload json,
  created_at timestamptz,
  ip_address varchar(64) not null default ''
);
comment on table auth.audit_log_entries is 'What administrators did to accounts: who, what, whom.';
create index audit_logs_instance_id_idx on auth.audit_log_entries (instance_id);

alter table auth.mfa_factors enable row level security;
alter table auth.mfa_challenges enable row level security;
alter table auth.mfa_recovery_codes enable row level security;
alter table auth.audit_log_entries enable row level security;
