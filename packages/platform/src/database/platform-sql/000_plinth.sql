-- What the SQL of every system builds on: refusals, who acts, the clock, money in minor units.
--
-- Depends on nothing but PostgreSQL and the roles anon, authenticated and service_role, so it also applies to a
-- Supabase project, ahead of a system's own migrations.

create schema if not exists plinth;
comment on schema plinth is 'The platform''s SQL. Not exposed by REST; each function is granted on its own.';

-- Refusals -----------------------------------------------------------------------------------------------------

create function plinth.refuse(p_code text, p_status integer, p_message text, p_facts jsonb default '{}', p_hint text default null)
returns void language plpgsql set search_path = '' as $$
begin
  if p_status is null or p_status not between 400 and 599 then
    raise exception 'plinth.refuse: % is not an HTTP error status.', coalesce(p_status::text, 'null')
      using errcode = 'invalid_parameter_value';
  end if;
  raise exception using
    errcode = 'PT' || p_status,
    message = p_message,
    detail = (coalesce(p_facts, '{}') || jsonb_build_object('code', p_code))::text,
    hint = coalesce(p_hint, '');
end $$;
comment on function plinth.refuse(text, integer, text, jsonb, text) is
  'Raises an error of SQLSTATE PTnnn, which REST answers as HTTP status nnn (400 to 599). Its detail is a JSON object: the '
  'facts, and `code`, the name of the error in the catalogue of the system.';

-- Who acts -----------------------------------------------------------------------------------------------------

-- security definer: tells the owner's own sessions from a request's by the owner's name. A request acts as anon,
-- authenticated or service_role by SET ROLE; `none` is a session that logged in directly.
create function plinth.is_trusted() returns boolean language sql stable security definer set search_path = '' as $$
  select case pg_catalog.current_setting('role')
    when 'service_role' then true
    when 'none' then pg_catalog.pg_has_role(session_user, current_user, 'USAGE')
    else pg_catalog.current_setting('role') = current_user
  end
$$;
comment on function plinth.is_trusted() is
  'Whether the service role or the owner of the database acts, whom the rules of tenants do not bind.';

-- Rows ---------------------------------------------------------------------------------------------------------

create function plinth.touch_row() returns trigger language plpgsql set search_path = '' as $$
begin
  new.updated_at := now();
  return new;
end $$;
comment on function plinth.touch_row() is 'Trigger, before update: sets updated_at to the time of the transaction.';

-- Time ---------------------------------------------------------------------------------------------------------

create function plinth.now() returns timestamptz language plpgsql stable set search_path = '' as $$
declare
  v_clock text := current_setting('plinth.clock', true);
begin
  if coalesce(v_clock, '') <> '' and exists (
    select from pg_catalog.pg_namespace where nspname = 'plinth' and pg_has_role(session_user, nspowner, 'USAGE')
  ) then
    return v_clock::timestamptz;
  end if;
  return now();
end $$;
comment on function plinth.now() is
  'The time of the transaction. A session that logged in as the owner of the schema may set another one with '
  'set_config(''plinth.clock'', …), for tests and rehearsals. The setting has no effect on any other login: '
  'requests log in as a role of their own, whatever role they take afterwards.';

-- Money --------------------------------------------------------------------------------------------------------

-- These three have no search_path of their own: with one, PostgreSQL could not inline them. They are called from
-- functions whose search_path is empty.

create function plinth.minor_digits(p_currency text) returns integer language sql immutable parallel safe as $$
  select case
    when p_currency in ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF') then 0
    when p_currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
    when p_currency in ('CLF', 'UYW') then 4
    else 2
  end
$$;
comment on function plinth.minor_digits(text) is 'Decimal places of a currency''s minor unit (ISO 4217); 2 for a code that is not listed.';

create function plinth.to_minor(p_amount numeric, p_currency text) returns bigint language sql immutable parallel safe as $$
  select round(p_amount * power(10::numeric, plinth.minor_digits(p_currency)))::bigint
$$;
comment on function plinth.to_minor(numeric, text) is 'Major to minor units, rounded half away from zero.';

create function plinth.to_major(p_minor numeric, p_currency text) returns numeric language sql immutable parallel safe as $$
  select round(p_minor / power(10::numeric, plinth.minor_digits(p_currency)), plinth.minor_digits(p_currency))
$$;
comment on function plinth.to_major(numeric, text) is 'Minor to major units, exact. Takes numeric: a sum may exceed a bigint.';

revoke all on function plinth.refuse(text, integer, text, jsonb, text), plinth.is_trusted(), plinth.touch_row(), plinth.now(),
  plinth.minor_digits(text), plinth.to_minor(numeric, text), plinth.to_major(numeric, text) from public;
grant usage on schema plinth to anon, authenticated, service_role;
grant execute on function plinth.refuse(text, integer, text, jsonb, text), plinth.is_trusted(), plinth.now(),
  plinth.minor_digits(text), plinth.to_minor(numeric, text), plinth.to_major(numeric, text)
  to anon, authenticated, service_role;
