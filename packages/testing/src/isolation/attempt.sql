-- Runs one statement as a caller, says what came of it, and takes everything back.
-- p_prepare runs before it as the administrator, with triggers and foreign keys off. p_probes name rows (each a select
-- of one text); the answer says which of them the statement changed or deleted. Called by an administrator in a
-- transaction of its own; search_path and session_user are those of a request.
create function pg_temp.attempt(
  p_role text, p_login text, p_claims jsonb, p_row jsonb, p_prepare text, p_statement text, p_probes text[],
  out state text, out count bigint, out message text, out touched boolean[]
) language plpgsql as $$
declare
  v_probe text;
  v_seen text[];
  v_now text;
begin
  begin
    if p_prepare is not null then
      set local session_replication_role = replica;
      execute p_prepare using p_row;
      set local session_replication_role = origin;
    end if;
    foreach v_probe in array p_probes loop
      execute v_probe into v_now;
      v_seen := v_seen || v_now;
    end loop;
    perform set_config('request.jwt.claims', p_claims::text, true);
    set local search_path = public, extensions;
    execute format('set local session authorization %I', p_login);
    execute format('set local role %I', p_role);
    execute p_statement using p_row;
    get diagnostics count = row_count;
    set constraints all immediate;
    set local session authorization default;
    touched := '{}';
    for i in 1 .. cardinality(p_probes) loop
      execute p_probes[i] into v_now;
      touched := touched || (v_now is distinct from v_seen[i]);
    end loop;
    raise exception using errcode = 'TAKEN';
  exception when others then
    if sqlstate <> 'TAKEN' then
      get stacked diagnostics state = returned_sqlstate, message = message_text;
    end if;
  end;
end $$;
