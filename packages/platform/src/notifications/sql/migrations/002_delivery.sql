-- Delivering what the queues hold: claiming, handing over, recording, the rate of providers; and what is known of people.

create function plinth.claim_notifications(p_channel text, p_least int, p_most int, p_lease uuid, p_now timestamptz, p_until timestamptz)
returns table (id uuid, queue text, message text, person text, purpose text, topic text, priority smallint, trusted boolean,
  claims int, failures int, handed_over_at timestamptz, content jsonb)
language plpgsql
set search_path = ''
as $$
declare
  v_ids uuid[];
  v_map plinth.notification_maps;
begin
  with due as (
    select d.id from plinth.notification_deliveries d
    where d.state = 'waiting' and d.channel = p_channel and d.priority <= p_least and d.due_at <= p_now
    order by d.priority, d.due_at limit p_most for update skip locked
  ), taken as (
    update plinth.notification_deliveries d set lease = p_lease, due_at = p_until, claims = d.claims + 1
    from due where d.id = due.id returning d.id
  )
  select array_agg(taken.id) into v_ids from taken;
  for v_map in
    select m.* from plinth.notification_maps m
    where m.name in (select d.queue from plinth.notification_deliveries d where d.id = any (v_ids))
  loop
    return query execute format('
      select d.id, d.queue, d.message, d.person, d.purpose, d.topic, d.priority, d.trusted, d.claims, d.failures, d.handed_over_at,
        (select jsonb_object_agg(c.key, to_jsonb(t) -> c.value) from jsonb_each_text($2) c where t.%I is not null)
      from plinth.notification_deliveries d left join %s t on t.%I = d.message::%s
      where d.id = any ($1) and d.queue = $3 order by d.priority',
      v_map.columns ->> 'key', v_map.name, v_map.columns ->> 'key', v_map.types ->> 'key')
    using v_ids, v_map.columns, v_map.name;
  end loop;
end $$;
comment on function plinth.claim_notifications(text, int, int, uuid, timestamptz, timestamptz) is
  'Takes messages that are due and at least as urgent as p_least, the most urgent first, until p_until or until p_lease has recorded what became of them.';

create function plinth.hand_over_notifications(p_lease uuid, p_ids uuid[], p_now timestamptz) returns setof uuid language sql
set search_path = ''
as $$
  update plinth.notification_deliveries set handed_over_at = p_now
  where id = any (p_ids) and lease = p_lease and state = 'waiting' and not withdrawn and handed_over_at is null returning id
$$;
comment on function plinth.hand_over_notifications(uuid, uuid[], timestamptz) is
  'Called, and committed, before messages are handed over that may go out at most once; gives those that may.';

create function plinth.finish_notifications(p_lease uuid, p_outcomes jsonb, p_now timestamptz) returns setof uuid language plpgsql
set search_path = ''
as $$
declare
  v_map plinth.notification_maps;
  v_done jsonb;
  v_sets text;
begin
  with outcome as (
    select * from jsonb_to_recordset(p_outcomes)
      as o (id uuid, state text, due_at timestamptz, failed boolean, untaken boolean, problem text, provider text, provider_id text)
  ), done as (
    update plinth.notification_deliveries d set
      state = case when o.state = 'waiting' and d.withdrawn then 'cancelled' else o.state end,
      lease = null,
      due_at = coalesce(o.due_at, d.due_at),
      failures = d.failures + case when o.failed then 1 else 0 end,
      handed_over_at = case when o.untaken then null else d.handed_over_at end,
      problem = o.problem,
      provider = coalesce(o.provider, d.provider),
      provider_id = coalesce(o.provider_id, d.provider_id),
      sent_at = case when o.state = 'sent' then p_now end
    from outcome o where d.id = o.id and d.lease = p_lease and d.state = 'waiting'
    returning d.id, d.queue, d.message, d.state, d.failures, d.sent_at, d.problem
  )
  select jsonb_agg(to_jsonb(done)) into v_done from done;
  for v_map in select m.* from plinth.notification_maps m
    where m.name in (select r ->> 'queue' from jsonb_array_elements(v_done) r)
  loop
    select string_agg(format('%I = o.%I::%s', v_map.columns ->> role, role, v_map.types ->> role), ', ') into v_sets
    from unnest(array['status', 'attempts', 'sent_at', 'error']) role where v_map.columns ? role;
    execute format('
      update %s t set %s from (
        select r ->> ''message'' as message, $2 ->> (r ->> ''state'') as status, r ->> ''failures'' as attempts,
          r ->> ''sent_at'' as sent_at, r ->> ''problem'' as error
        from jsonb_array_elements($1) r where r ->> ''queue'' = $3) o
      where t.%I = o.message::%s', v_map.name, v_sets, v_map.columns ->> 'key', v_map.types ->> 'key')
    using v_done, v_map.states, v_map.name;
  end loop;
  return query select (r ->> 'id')::uuid from jsonb_array_elements(v_done) r;
end $$;
comment on function plinth.finish_notifications(uuid, jsonb, timestamptz) is
  'Records what became of messages, here and in their queues, unless their lease went to somebody else; gives those recorded.';

create function plinth.deliver_in_app(p_lease uuid, p_outcomes jsonb, p_messages jsonb, p_now timestamptz) returns setof uuid
language plpgsql
set search_path = ''
as $$
declare
  v_map plinth.notification_maps;
  v_done uuid[];
  v_rows jsonb;
  v_columns text;
begin
  select array_agg(f) into v_done from plinth.finish_notifications(p_lease, p_outcomes, p_now) f;
  select * into v_map from plinth.notification_maps where kind = 'in_app';
  select jsonb_agg(plinth.by_column(v_map, m - 'id'
    || case when v_map.types ->> 'key' = 'uuid' then jsonb_build_object('key', m -> 'id') else '{}' end)) into v_rows
  from jsonb_array_elements(p_messages) m where (m ->> 'id')::uuid = any (v_done);
  select string_agg(quote_ident(name), ', ') into v_columns
  from (select distinct jsonb_object_keys(r) as name from jsonb_array_elements(v_rows) r) names;
  if v_columns is not null then
    execute format('insert into %s (%s) select %s from jsonb_populate_recordset(null::%s, $1) on conflict do nothing',
      v_map.name, v_columns, v_columns, v_map.name) using v_rows;
  end if;
  return query select unnest(v_done);
end $$;
comment on function plinth.deliver_in_app(uuid, jsonb, jsonb, timestamptz) is
  'Writes in-app messages and records them as sent, in one transaction: each is there once, whatever dies.';

create function plinth.take_sends(p_provider text, p_wanted int, p_per_second double precision, p_now timestamptz)
returns table (granted int, again_at timestamptz) language plpgsql
set search_path = ''
as $$
declare
  v_rate plinth.notification_rates;
  v_most double precision := greatest(1, p_per_second);
begin
  insert into plinth.notification_rates (provider, tokens, refilled_at) values (p_provider, v_most, p_now) on conflict do nothing;
  select * into v_rate from plinth.notification_rates where provider = p_provider for update;
  -- Nobody asks for a pause of more than an hour: a later end comes from a clock that has been set back since.
  if v_rate.paused_until > p_now and v_rate.paused_until <= p_now + interval '1 hour' then
    return query select 0, v_rate.paused_until;
    return;
  end if;
  if p_per_second is null then
    return query select p_wanted, null::timestamptz;
    return;
  end if;
  -- Clocks of nodes differ a little; one that was set back by more counts from now.
  if v_rate.refilled_at > p_now + interval '5 seconds' then
    v_rate.refilled_at := p_now;
  end if;
  v_rate.tokens := least(v_most, v_rate.tokens + p_per_second * greatest(0, extract(epoch from p_now - v_rate.refilled_at)));
  granted := least(p_wanted, floor(v_rate.tokens)::int);
  again_at := case when granted < p_wanted
    then p_now + make_interval(secs => (1 - (v_rate.tokens - granted)) / p_per_second) end;
  update plinth.notification_rates set tokens = v_rate.tokens - granted, refilled_at = greatest(p_now, v_rate.refilled_at)
  where provider = p_provider;
  return next;
end $$;
comment on function plinth.take_sends(text, int, double precision, timestamptz) is
  'How many messages may be handed to a provider now, at a rate of all nodes together (null: any), and when there are more.';

create function plinth.next_notification(p_channel text, p_least int default 3) returns timestamptz language sql stable
set search_path = ''
as $$
  select min(due_at) from generate_series(0, p_least) p cross join lateral (
    select due_at from plinth.notification_deliveries
    where state = 'waiting' and channel = p_channel and priority = p::smallint order by due_at limit 1) first
$$;
comment on function plinth.next_notification(text, int) is 'When the next message of a channel is due that is at least as urgent; null when none waits.';

create function plinth.notification_preferences_of(p_persons text[]) returns table (person text, preferences jsonb) language plpgsql stable
set search_path = ''
as $$
declare
  v_map plinth.notification_maps;
begin
  select * into v_map from plinth.notification_maps where kind = 'preferences';
  if not found then return; end if;
  return query execute format('
    select t.%1$I::text, jsonb_agg((select jsonb_object_agg(c.key, to_jsonb(t) -> c.value) from jsonb_each_text($2) c))
    from %2$s t where t.%1$I = any ($1::%3$s[]) group by 1',
    v_map.columns ->> 'person', v_map.name, v_map.types ->> 'person')
  using p_persons, v_map.columns;
end $$;
comment on function plinth.notification_preferences_of(text[]) is 'The rows of preferences that people have, by role.';

create function plinth.refuse_marketing(p_person text, p_topic text) returns boolean language plpgsql
set search_path = ''
as $$
declare
  v_map plinth.notification_maps;
  v_count int;
begin
  select * into v_map from plinth.notification_maps where kind = 'preferences';
  if not v_map.columns ? 'marketing' then return false; end if;
  if v_map.columns ? 'topic' then
    execute format('insert into %s (%I, %I, %I) values ($1::%s, $2, false) on conflict (%2$I, %3$I) do update set %4$I = false',
      v_map.name, v_map.columns ->> 'person', v_map.columns ->> 'topic', v_map.columns ->> 'marketing', v_map.types ->> 'person')
    using p_person, coalesce(p_topic, '');
    return true;
  end if;
  execute format('update %s set %I = false where %I = $1::%s', v_map.name, v_map.columns ->> 'marketing',
    v_map.columns ->> 'person', v_map.types ->> 'person') using p_person;
  get diagnostics v_count = row_count;
  if v_count = 0 then
    execute format('insert into %s (%I, %I) values ($1::%s, false)', v_map.name, v_map.columns ->> 'person',
      v_map.columns ->> 'marketing', v_map.types ->> 'person') using p_person;
  end if;
  return true;
end $$;
comment on function plinth.refuse_marketing(text, text) is 'Writes into somebody''s preferences that they want no marketing (of a topic); false where no table says so.';

create function plinth.fold_notification_facts(p_delivery uuid) returns void language sql
set search_path = ''
as $$
  update plinth.notification_deliveries d set
    delivered_at = f.delivered_at, opened_at = f.opened_at, bounced_at = f.bounced_at, complained_at = f.complained_at
  from (
    select min(happened_at) filter (where kind in ('delivered', 'opened')) as delivered_at,
      min(happened_at) filter (where kind = 'opened') as opened_at,
      min(happened_at) filter (where kind in ('bounced', 'failed')) as bounced_at,
      min(happened_at) filter (where kind = 'complained') as complained_at
    from plinth.notification_facts where delivery = p_delivery
  ) f where d.id = p_delivery
$$;
comment on function plinth.fold_notification_facts(uuid) is 'Times of a delivery from all facts about it: the same in whatever order they came.';

-- People --------------------------------------------------------------------------------------------------------

create function plinth.erase_notifications(p_person text) returns void language plpgsql
set search_path = ''
as $$
declare
  v_map plinth.notification_maps;
begin
  for v_map in select m.* from plinth.notification_maps m where m.kind = 'queue' loop
    execute format('update %s t set %I = ($1 ->> ''cancelled'')::%s where %I::text = $2 and %I::text = $1 ->> ''waiting''',
      v_map.name, v_map.columns ->> 'status', v_map.types ->> 'status', v_map.columns ->> 'person', v_map.columns ->> 'status')
    using v_map.states, p_person;
  end loop;
  delete from plinth.notification_facts f using plinth.notification_deliveries d where d.person = p_person and f.delivery = d.id;
  delete from plinth.notifications where person = p_person;
  update plinth.notification_deliveries set person = null, topic = null, problem = null where person = p_person;
  delete from public.push_subscriptions where user_id::text = p_person;
  for v_map in select m.* from plinth.notification_maps m
    where m.kind <> 'queue' and m.own loop
    execute format('delete from %s where %I::text = $1', v_map.name, v_map.columns ->> 'person') using p_person;
  end loop;
end $$;
comment on function plinth.erase_notifications(text) is
  'Withdraws what waits for a person, and removes their messages, preferences and devices from the platform''s own tables.';
