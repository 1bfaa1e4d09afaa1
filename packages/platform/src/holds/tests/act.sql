-- Performs an operation of a history and writes down what came of it, in one transaction: a crash takes both or neither. The number
-- is drawn when the operation holds its locks, so numbers of one pool are in the order of its lock.
create sequence public.witness;
create table public.history (seq bigint primary key, op jsonb not null, outcome jsonb not null);

create function public.act(op jsonb, at timestamptz) returns void language plpgsql as $$
declare
  v_kind text := op ->> 'kind';
  v_thing uuid := op ->> 'thing';
  v_key text := op ->> 'key';
  v_keys text[] := array(select jsonb_array_elements_text(op -> 'keys'));
  v_quantity bigint := op ->> 'quantity';
  v_until timestamptz := op ->> 'until';
  v_outcome jsonb;
  v_detail text;
begin
  begin
    v_outcome := case op ->> 'do'
      when 'place' then to_jsonb(case when plinth.try_holds(v_kind, array(
          select row(c.thing, v_key, coalesce(c.quantity, 1), v_until, null, c.during)::plinth.claim
          from jsonb_to_recordset(op -> 'claims') c (thing uuid, quantity bigint, during tstzrange)), at) is null then 'ok' else 'short' end)
      when 'place one' then to_jsonb(case when plinth.try_hold(v_kind, v_thing, v_key, v_quantity, v_until, p_at => at) is null then 'ok' else 'short' end)
      when 'commit' then (
        select coalesce(jsonb_agg(jsonb_build_array(c.key, c.thing, c.quantity) order by c.key collate "C", c.thing), '[]')
        from plinth.commit_holds(v_kind, v_keys, at) c)
      when 'return' then (
        select coalesce(jsonb_agg(jsonb_build_array(c.key, c.thing, c.quantity) order by c.key collate "C", c.thing), '[]')
        from plinth.return_holds(v_kind, v_keys, at) c)
      when 'release' then to_jsonb(plinth.release_holds(v_kind, v_keys, at))
      when 'settle' then (
        select to_jsonb(case when s.answer is null then 'ok' when s.answer ? 'gone' then 'gone' else 'short' end)
        from plinth.try_settle(v_kind, v_key, v_quantity, at) s (answer))
      when 'return units' then (
        select '"ok"'::jsonb from plinth.return_units(v_kind, array[v_thing], array[v_quantity], at))
      when 'limit' then to_jsonb(case
        when (select p.shape = 'quota' from plinth.pools p where p.kind = v_kind and p.thing = v_thing) then
          (select 'ok' from plinth.set_limit(v_kind, v_thing, v_quantity, at))
        when plinth.try_on_hand(v_kind, array[v_thing], array[v_quantity], at) is null then 'ok' else 'short' end)
      when 'grant' then (
        select '"ok"'::jsonb from plinth.grant_lot(v_kind, v_thing, v_key, v_quantity, coalesce(v_until, 'infinity'), (op ->> 'rank')::smallint))
      when 'revoke' then coalesce(to_jsonb(plinth.revoke_lot(v_kind, v_thing, v_key, (op ->> 'revoked')::boolean, at)), '"none"')
      when 'join' then (select to_jsonb(j.state) from plinth.join_waitlist(v_kind, v_thing, v_key, v_quantity, null, at) j)
      when 'leave' then coalesce(to_jsonb(plinth.leave_waitlist(v_kind, v_thing, v_key, at)), '"none"')
      when 'accept' then (select '"ok"'::jsonb from plinth.accept_offer(v_kind, v_thing, v_key, v_until, at))
    end;
  exception when others then
    get stacked diagnostics v_detail = pg_exception_detail;
    if sqlstate not like 'PT%' then
      raise;
    end if;
    v_outcome := to_jsonb('error: ' || (v_detail::jsonb ->> 'code'));
  end;
  insert into public.history (seq, op, outcome) values (nextval('public.witness'), op, v_outcome);
end $$;
