-- Numbers of documents, without gaps: one series per tenant, kind and fiscal year.
--
-- A number is taken and its document written in one transaction, under the lock of the series' row: a transaction that is
-- undone gives its number back, and the next one gets it. Ids that need no order are uuids.

create table plinth.document_series (
  tenant text not null default '',
  kind text not null check (kind <> ''),
  year int not null,
  issued bigint not null default 0 check (issued >= 0),
  primary key (tenant, kind, year)
) with (fillfactor = 50);
comment on table plinth.document_series is 'How many documents each series has; its row is the lock of the series.';

create table plinth.documents (
  tenant text not null default '',
  kind text not null,
  year int not null,
  number bigint not null,
  label text not null,
  key text not null,
  issued_at timestamptz not null default plinth.now(),
  content jsonb not null,
  primary key (tenant, kind, year, number),
  unique (tenant, kind, key),
  foreign key (tenant, kind, year) references plinth.document_series
);
comment on table plinth.documents is 'Receipts, invoices and credit notes, as data. Rows are never changed.';
comment on column plinth.documents.label is 'The number as it is printed: INV-2026-000042.';
comment on column plinth.documents.key is 'Names the cause: the same cause issues one document.';
comment on column plinth.documents.content is 'Lines and taxes as they were given; nothing is computed here.';

alter table plinth.document_series enable row level security;
alter table plinth.documents enable row level security;

create trigger append_only before update or delete on plinth.documents for each row execute function plinth.refuse_change();
create trigger keep before truncate on plinth.documents for each statement execute function plinth.refuse_change();

create function plinth.issue_document(
  p_tenant text, p_kind text, p_key text, p_content jsonb, p_zone text default 'UTC', p_prefix text default null
) returns text language plpgsql set search_path = '' as $$
declare
  v_year int := extract(year from plinth.now() at time zone p_zone);
  v_label text;
  v_number bigint;
begin
  insert into plinth.document_series (tenant, kind, year) values (p_tenant, p_kind, v_year) on conflict do nothing;
  perform from plinth.document_series where tenant = p_tenant and kind = p_kind and year = v_year for no key update;
  select label into v_label from plinth.documents where tenant = p_tenant and kind = p_kind and key = p_key;
  if found then
    return v_label;
  end if;
  update plinth.document_series set issued = issued + 1
    where tenant = p_tenant and kind = p_kind and year = v_year returning issued into v_number;
  v_label := format('%s-%s-%s', coalesce(p_prefix, upper(p_kind)), v_year, lpad(v_number::text, greatest(6, length(v_number::text)), '0'));
  insert into plinth.documents (tenant, kind, year, number, label, key, content)
  values (p_tenant, p_kind, v_year, v_number, v_label, p_key, p_content);
  return v_label;
end $$;
comment on function plinth.issue_document(text, text, text, jsonb, text, text) is
  'Issues a document under the next number of its series, once per key, and returns the number as it is printed. The year is '
  'that of the tenant''s zone.';

revoke all on function plinth.issue_document(text, text, text, jsonb, text, text) from public, anon, authenticated, service_role;
