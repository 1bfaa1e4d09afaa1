-- Certificates, as the requirement has them. 010 and later add the log that makes them hold, their documents and who may read.

create table public.certificates (
  id uuid primary key default gen_random_uuid(),
  registration_id uuid not null references public.registrations (id),
  event_id uuid not null references public.events (id),
  user_id uuid references auth.users (id) on delete set null,
  certificate_number text not null unique,
  verification_token text not null unique check (verification_token ~ '^[0-9a-f]{32}$'),
  blockchain_hash text,
  pdf_url text,
  issued_at timestamptz not null default plinth.now(),
  revoked_at timestamptz,
  revoke_reason text check (length(revoke_reason) <= 2000),
  created_at timestamptz not null default plinth.now(),
  check ((revoked_at is null) = (revoke_reason is null))
);
comment on table public.certificates is 'Who completed which course, for anybody to verify.';
comment on column public.certificates.verification_token is '16 random bytes in hexadecimal: who has it may verify the certificate.';
comment on column public.certificates.blockchain_hash is 'Hash of the certificate''s leaf in the signed log.';
create index certificates_registration on public.certificates (registration_id);
create index certificates_event on public.certificates (event_id);
create index certificates_user on public.certificates (user_id, issued_at);

alter table public.certificates enable row level security;
