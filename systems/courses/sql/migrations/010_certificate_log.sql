-- What makes certificates hold: every statement that the issuer signed, and its leaf in the log (plinth.merkle_nodes). The rows
-- of public.certificates are derived from them, and verification reads the statements.

create table private.certificate_statements (
  issuer text not null,
  leaf bigint not null check (leaf >= 0),
  certificate_id uuid not null references public.certificates (id),
  kind text not null check (kind in ('issued', 'revoked')),
  version integer not null check (version > 0),
  credential_id uuid not null,
  hash bytea not null check (length(hash) = 32),
  statement text,
  stated_at timestamptz not null,
  primary key (issuer, leaf),
  unique (certificate_id, version, kind)
);
comment on table private.certificate_statements is
  'What the issuer signed about certificates, by leaf of its log: credentials and their revocations. Only an erasure changes a row.';
comment on column private.certificate_statements.issuer is 'did:key of who signed. A server that lost its key goes on as another issuer, with another log.';
comment on column private.certificate_statements.version is 'Counts the credentials of a certificate; a revocation has that of the credential it is about.';
comment on column private.certificate_statements.statement is 'The signed JWT; null when its person was erased. Its hash stays, so that the log does.';
-- What took a credential''s validity: revocations, and later versions.
create index certificate_statements_changes on private.certificate_statements (issuer, leaf) where kind = 'revoked' or version > 1;
alter table private.certificate_statements enable row level security;

create function private.keep_statement() returns trigger language plpgsql set search_path = '' as $$
begin
  if tg_op = 'UPDATE' and new.statement is null and (new.issuer, new.leaf, new.certificate_id, new.kind, new.version, new.credential_id, new.hash, new.stated_at)
    is not distinct from (old.issuer, old.leaf, old.certificate_id, old.kind, old.version, old.credential_id, old.hash, old.stated_at) then
    return new;
  end if;
  raise exception 'Statements about certificates are never changed.' using errcode = '42501';
end $$;
comment on function private.keep_statement() is 'Trigger: a signed statement stays as it is, until its person is erased.';
create trigger append_only before update or delete on private.certificate_statements for each row execute function private.keep_statement();

create table private.certificate_audits (
  only_one boolean primary key default true check (only_one),
  audited_at timestamptz not null,
  findings jsonb not null
);
comment on table private.certificate_audits is 'What the last comparison of certificates, statements and log found: `[]` when all is well.';
alter table private.certificate_audits enable row level security;

-- One certificate that holds for a registration; a new version is the same certificate.
create unique index certificates_one on public.certificates (registration_id) where revoked_at is null;
create index certificates_unprinted on public.certificates (issued_at) where pdf_url is null and revoked_at is null;

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values ('certificates', 'certificates', false, 2097152, '{application/pdf}');

create type private.certificate_due as (
  registration_id uuid, user_id uuid, event_id uuid, title text, description text, starts_at timestamptz, ends_at timestamptz,
  minutes integer, holder text);

create function private.certificate_facts(p_registration public.registrations) returns private.certificate_due
language sql stable set search_path = '' as $$
  select row(p_registration.id, p_registration.user_id, e.id, e.title, e.description, e.starts_at, e.ends_at,
    nullif(p_registration.attended_minutes, 0),
    coalesce(nullif(trim(p_registration.attendee_name), ''),
      (select nullif(trim(full_name), '') from public.profiles where id = p_registration.user_id), 'Participant'))::private.certificate_due
  from public.events e where e.id = p_registration.event_id
$$;
comment on function private.certificate_facts(public.registrations) is 'What a certificate of a registration says.';

create function private.certificate_obstacle(p_registration public.registrations, p_event public.events, p_at timestamptz) returns text
language sql immutable set search_path = '' as $$
  select case
    when p_registration.cancelled_at is not null or p_registration.payment_status not in ('completed', 'free') then 'not_paid'
    when p_event.cancelled_at is not null or p_event.ends_at > p_at then 'not_completed'
    when p_registration.attended_minutes < p_event.min_attendance_minutes then 'attendance'
    when p_registration.user_id is null then 'erased'
  end
$$;
comment on function private.certificate_obstacle(public.registrations, public.events, timestamptz) is
  'Why a registration gets no certificate: not_paid, not_completed, attendance or erased; null when it is due.';

create function private.certificates_due(p_at timestamptz, p_limit integer, p_registrations uuid[] default null) returns setof private.certificate_due
language sql set search_path = '' as $$
  select f.*
  from (
    select r as registration from public.registrations r join public.events e on e.id = r.event_id
    where (r.id = any (p_registrations) or p_registrations is null and e.ends_at > p_at - interval '30 days' and e.ends_at <= p_at)
      and r.payment_status in ('completed', 'free')
      and private.certificate_obstacle(r, e, p_at) is null
      and not exists (select from public.certificates c where c.registration_id = r.id)
    order by e.ends_at, r.id limit p_limit
    for share of r) due,
    lateral private.certificate_facts(due.registration) f
$$;
comment on function private.certificates_due(timestamptz, integer, uuid[]) is
  'Registrations that have earned a certificate and have none: of events that ended in the last 30 days, or among the given ones.';

create function private.record_certificates(p_issuer text, p_rows jsonb) returns void language plpgsql set search_path = '' as $$
begin
  insert into public.certificates (id, registration_id, event_id, user_id, certificate_number, verification_token, blockchain_hash, issued_at)
  select certificate_id, registration_id, event_id, user_id, number, token, hash, issued_at
  from jsonb_to_recordset(p_rows) r (certificate_id uuid, registration_id uuid, event_id uuid, user_id uuid, number text, token text, hash text,
    issued_at timestamptz)
  on conflict (id) do update set blockchain_hash = excluded.blockchain_hash, issued_at = excluded.issued_at,
    revoked_at = null, revoke_reason = null, pdf_url = null;
  insert into private.certificate_statements (issuer, leaf, certificate_id, kind, version, credential_id, hash, statement, stated_at)
  select p_issuer, leaf, certificate_id, 'issued', version, credential_id, decode(hash, 'hex'), statement, issued_at
  from jsonb_to_recordset(p_rows) r (leaf bigint, certificate_id uuid, version integer, credential_id uuid, hash text, statement text, issued_at timestamptz);
  perform plinth.queue_messages(jsonb_agg(jsonb_build_object('person', r.user_id, 'channel', c.channel, 'template', 'certificate-issued',
      'variables', jsonb_build_object('course', r.title, 'number', r.number, 'address', r.address),
      'dedupe_key', 'certificate/' || r.credential_id || '/' || c.channel)))
  from jsonb_to_recordset(p_rows) r (credential_id uuid, user_id uuid, title text, number text, address text)
  cross join unnest(array['email', 'in_app']) c (channel)
  where r.user_id is not null;
end $$;
comment on function private.record_certificates(text, jsonb) is
  'Writes down certificates that were just signed, or new versions of them, with their leaves, and tells their holders.';

create function private.record_revocation(p_issuer text, p_certificate_id uuid, p_leaf bigint, p_statement text, p_hash text, p_reason text, p_at timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  insert into private.certificate_statements (issuer, leaf, certificate_id, kind, version, credential_id, hash, statement, stated_at)
  select p_issuer, p_leaf, p_certificate_id, 'revoked', s.version, s.credential_id, decode(p_hash, 'hex'), p_statement, p_at
  from private.certificate_statements s where s.certificate_id = p_certificate_id order by s.version desc limit 1;
  update public.certificates set revoked_at = p_at, revoke_reason = p_reason where id = p_certificate_id;
end $$;
comment on function private.record_revocation(text, uuid, bigint, text, text, text, timestamptz) is 'Writes down that a certificate was just revoked.';

create function private.certificate_changes(p_issuer text, p_from bigint, p_until bigint) returns table (leaf bigint, replaced boolean)
language sql stable set search_path = '' as $$
  select s.leaf, bool_or(c.kind = 'issued')
  from private.certificate_statements c
  join private.certificate_statements s on s.certificate_id = c.certificate_id and s.kind = 'issued'
    and (s.version < c.version or s.version = c.version and c.kind = 'revoked')
  where (c.kind = 'revoked' or c.version > 1) and s.issuer = p_issuer and s.leaf >= p_from and s.leaf < p_until
  group by s.leaf
$$;
comment on function private.certificate_changes(text, bigint, bigint) is 'Credentials among these leaves of an issuer that hold no more, and whether a later version took their place.';

create function private.contradictory_certificates() returns table (certificate_id uuid, problem text)
language sql stable set search_path = '' as $$
  select c.id, case
    when s.leaf is null then 'no statement'
    when c.blockchain_hash is distinct from encode(i.hash, 'hex') then 'blockchain_hash'
    when c.issued_at is distinct from i.stated_at then 'issued_at'
    else 'revoked_at' end
  from public.certificates c
  left join lateral (select leaf, kind, stated_at from private.certificate_statements where certificate_id = c.id
    order by version desc, kind desc limit 1) s on true
  left join lateral (select hash, stated_at from private.certificate_statements where certificate_id = c.id and kind = 'issued'
    order by version desc limit 1) i on true
  where s.leaf is null or c.blockchain_hash is distinct from encode(i.hash, 'hex') or c.issued_at is distinct from i.stated_at
    or c.revoked_at is distinct from (case when s.kind = 'revoked' then s.stated_at end)
  order by c.id limit 100
$$;
comment on function private.contradictory_certificates() is 'Certificates whose row says something else than what the issuer signed; at most 100.';

revoke all on function private.keep_statement(), private.certificate_facts(public.registrations),
  private.certificate_obstacle(public.registrations, public.events, timestamptz), private.certificates_due(timestamptz, integer, uuid[]),
  private.record_certificates(text, jsonb), private.record_revocation(text, uuid, bigint, text, text, text, timestamptz),
  private.certificate_changes(text, bigint, bigint), private.contradictory_certificates() from public, anon, authenticated, service_role;
