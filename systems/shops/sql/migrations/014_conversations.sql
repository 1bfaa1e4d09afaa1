-- Conversations: what comes in by a channel, who answers it (an agent, a keyword, the AI port), and what leaves again.
--
-- An inbound message is one row per id of its provider. It gets one automatic reply at the most, and none while a person
-- has the conversation. Every reply that is to leave has a row in outbound_messages, which a job sends.

alter table public.conversations add foreign key (shop_id, integration_id)
  references public.social_integrations (shop_id, id) on delete set null (integration_id);
create index conversations_integration on public.conversations (shop_id, integration_id) where integration_id is not null;

create type public.outbound_state as enum ('waiting', 'sending', 'sent', 'failed', 'unknown');
comment on type public.outbound_state is
  'unknown: the connection ended before the platform answered, and it may have sent the message. An agent decides whether to write again.';

create table public.outbound_messages (
  message_id uuid primary key references public.messages (id) on delete cascade,
  shop_id uuid not null references public.shops (id) on delete cascade,
  state public.outbound_state not null default 'waiting',
  attempts integer not null default 0,
  error text,
  created_at timestamptz not null default now(),
  sent_at timestamptz
);
comment on table public.outbound_messages is 'Where a reply stands that leaves by the channel its conversation came by. Written by SQL alone.';
create index outbound_messages_shop on public.outbound_messages (shop_id, created_at desc);
create index outbound_messages_open on public.outbound_messages (created_at) where state in ('waiting', 'sending');

create table public.conversation_notes (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null,
  conversation_id uuid not null,
  author_id uuid default auth.uid(),
  text text not null check (length(text) between 1 and 10000),
  created_at timestamptz not null default now(),
  foreign key (shop_id, conversation_id) references public.conversations (shop_id, id) on delete cascade
);
comment on table public.conversation_notes is 'What the team writes about a conversation; the customer never sees it.';
comment on column public.conversation_notes.author_id is 'Who wrote it. No reference: notes outlive accounts.';
create index conversation_notes_conversation on public.conversation_notes (shop_id, conversation_id, created_at);

create table public.conversation_reads (
  shop_id uuid not null,
  conversation_id uuid not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  last_seq bigint not null,
  read_at timestamptz not null default now(),
  primary key (shop_id, conversation_id, user_id),
  foreign key (shop_id, conversation_id) references public.conversations (shop_id, id) on delete cascade
);
comment on table public.conversation_reads is 'Up to which message each agent has read a conversation.';
create index conversation_reads_user on public.conversation_reads (user_id);

create table private.bot_answers (
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  rule_id uuid not null references public.keyword_replies (id) on delete cascade,
  answered_at timestamptz not null,
  primary key (conversation_id, rule_id)
);
comment on table private.bot_answers is 'When a rule answered a conversation last, for its cool-down.';
create index bot_answers_rule on private.bot_answers (rule_id);

create type private.ai_state as enum ('reserved', 'answered', 'given_up');
create table private.ai_replies (
  message_id uuid primary key references public.messages (id) on delete cascade,
  shop_id uuid not null references public.shops (id) on delete cascade,
  state private.ai_state not null default 'reserved',
  created_at timestamptz not null default now()
);
comment on table private.ai_replies is 'Messages that the AI port was asked to answer: a credit is reserved, used or given back.';
create index ai_replies_shop on private.ai_replies (shop_id);

alter table private.bot_answers enable row level security;
alter table private.ai_replies enable row level security;
alter table public.outbound_messages enable row level security;
alter table public.conversation_notes enable row level security;
alter table public.conversation_reads enable row level security;
revoke all on public.outbound_messages, public.conversation_notes, public.conversation_reads from anon, authenticated, service_role;
grant select on public.outbound_messages, public.conversation_reads to authenticated, service_role;
grant select, delete on public.conversation_notes to authenticated;
grant insert (id, shop_id, conversation_id, text) on public.conversation_notes to authenticated;
grant select, insert, update, delete on public.conversation_notes to service_role;
create policy "select by role" on public.outbound_messages for select to authenticated using (shop_id = any ((select private.my_shops())::uuid[]));
create policy "select by role" on public.conversation_notes for select to authenticated using (shop_id = any ((select private.my_shops())::uuid[]));
create policy "insert by role" on public.conversation_notes for insert to authenticated
  with check (shop_id = any ((select private.my_shops())::uuid[]) and author_id = (select auth.uid()));
create policy "delete one's own" on public.conversation_notes for delete to authenticated
  using (shop_id = any ((select private.my_shops())::uuid[]) and (author_id = (select auth.uid()) or shop_id = any ((select private.my_shops('Owner', 'Admin'))::uuid[])));
create policy "one's own" on public.conversation_reads for select to authenticated
  using (user_id = (select auth.uid()) and shop_id = any ((select private.my_shops())::uuid[]));

-- Rows ---------------------------------------------------------------------------------------------------------------------

-- security definer: looks at memberships, whatever rows the caller may see.
create function private.check_assignee() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if not private.has_role(new.assigned_to, new.shop_id) then
    perform plinth.refuse('not_a_member', 422, 'A conversation is assigned to a member of its shop.');
  end if;
  return new;
end $$;
comment on function private.check_assignee() is 'Trigger: raises not_a_member (PT422).';
create trigger check_assignee before insert or update of assigned_to on public.conversations for each row
  when (new.assigned_to is not null) execute function private.check_assignee();

create function private.prepare_message() returns trigger language plpgsql set search_path = '' as $$
begin
  new.sent_by := case when new.sender = 'bot' then auth.uid() end;
  return new;
end $$;
comment on function private.prepare_message() is 'Trigger: a shop''s message names the agent who is signed in.';
create trigger prepare_message before insert on public.messages for each row execute function private.prepare_message();

-- security definer: whoever writes a message changes its conversation and queues its sending with it.
create function private.follow_message() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_leaves boolean;
begin
  update public.conversations c
    set last_message_at = greatest(c.last_message_at, new."timestamp"),
      state = case when new.sender = 'user' then 'open'::public.conversation_state when new.sent_by is not null then 'waiting' else c.state end,
      assigned_to = coalesce(c.assigned_to, case when private.has_role(new.sent_by, c.shop_id) then new.sent_by end),
      bot_paused_until = case when new.sent_by is not null
        then greatest(c.bot_paused_until, plinth.now() + s.bot_pause_minutes * interval '1 minute') else c.bot_paused_until end
    from public.shops s
    where c.shop_id = new.shop_id and c.id = new.conversation_id and s.id = c.shop_id
    returning c.integration_id is not null into v_leaves;
  if new.sender = 'bot' and v_leaves and new.external_id is null then
    insert into public.outbound_messages (message_id, shop_id) values (new.id, new.shop_id);
    -- A Supabase project has no such queue; there a function sends what waits.
    if to_regproc('plinth.add_job') is not null then
      perform plinth.add_job('send-message', jsonb_build_object('message', new.id), null, 'send ' || new.id);
    end if;
  end if;
  return null;
end $$;
comment on function private.follow_message() is
  'Trigger: a customer''s message opens the conversation; an agent''s keeps the bot out of it for the shop''s minutes; what the shop '
  'writes leaves by the conversation''s channel.';
create trigger follow_message after insert on public.messages for each row execute function private.follow_message();

-- What comes in ------------------------------------------------------------------------------------------------------------

-- security definer: for the service role, which acts for the platform that delivered the message.
create function private.receive_message(p_integration_id uuid, p_message jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_account public.social_integrations;
  v_conversation public.conversations;
  v_message_id uuid;
  v_is_new boolean;
begin
  select * into v_account from public.social_integrations where id = p_integration_id and is_active;
  if not found then
    return null;
  end if;
  insert into public.conversations as c (shop_id, platform, external_id, integration_id, customer_name, customer_contact)
    values (v_account.shop_id, v_account.platform, p_message ->> 'customer', v_account.id, p_message ->> 'customer_name', p_message ->> 'customer')
    on conflict (shop_id, platform, external_id) do update
      set integration_id = v_account.id, customer_name = coalesce(excluded.customer_name, c.customer_name)
    returning * into v_conversation;
  insert into public.messages (shop_id, conversation_id, sender, text, attachments, external_id, "timestamp")
    values (v_account.shop_id, v_conversation.id, 'user', p_message ->> 'text', coalesce(p_message -> 'attachments', '[]'),
      p_message ->> 'external_id', least((p_message ->> 'at')::timestamptz, plinth.now()))
    on conflict (shop_id, external_id) do nothing
    returning id into v_message_id;
  v_is_new := v_message_id is not null;
  if not v_is_new then
    -- Also the echo of a reply of ours: that has a sender of its own and gets no answer.
    select m.id into v_message_id from public.messages m where m.shop_id = v_account.shop_id and m.external_id = p_message ->> 'external_id';
  end if;
  return jsonb_build_object('message', v_message_id, 'shop', v_account.shop_id, 'is_new', v_is_new,
    'ai', (select s.ai_enabled and s.ai_credits_used < s.ai_credits_included from public.shops s where s.id = v_account.shop_id),
    'bot_may_answer', coalesce(v_conversation.bot_paused_until <= plinth.now(), true),
    'rules_stamp', (select format('%s %s', count(*), max(k.updated_at)) from public.keyword_replies k where k.shop_id = v_account.shop_id));
end $$;
comment on function private.receive_message(uuid, jsonb) is
  'Takes a message of a channel in, once per external_id: {external_id, customer, customer_name, text, attachments, at}. Answers '
  '{message, shop, is_new, ai, bot_may_answer, rules_stamp}, for one that was there already too, or null for an account that is switched '
  'off. rules_stamp is another one whenever the shop''s rules are.';

-- security definer: as above.
create function private.reply_rules(p_shop_id uuid) returns jsonb language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', k.id, 'keywords', to_jsonb(k.keywords), 'match_type', k.match_type,
    'chat', k.apply_to_chat, 'comments', k.apply_to_comments) order by k.priority desc, k.created_at, k.id), '[]')
  from (
    select * from public.keyword_replies r where r.shop_id = p_shop_id and r.enabled order by r.priority desc, r.created_at, r.id limit 1000
  ) k
$$;
comment on function private.reply_rules(uuid) is 'A shop''s rules in the order in which they are tried, 1,000 at the most.';

-- security definer: as above.
create function private.answer_message(p_message_id uuid, p_rule_ids uuid[]) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  v_question public.messages;
  v_rule public.keyword_replies;
  v_answer_id uuid;
begin
  v_question := private.lock_for_bot(p_message_id);
  if v_question.id is null then
    return null;
  end if;
  for v_rule in
    select k.* from unnest(p_rule_ids) with ordinality w (id, no)
    join public.keyword_replies k on k.id = w.id and k.shop_id = v_question.shop_id and k.enabled
    order by w.no
  loop
    insert into private.bot_answers as b (conversation_id, rule_id, answered_at) values (v_question.conversation_id, v_rule.id, plinth.now())
      on conflict (conversation_id, rule_id) do update set answered_at = excluded.answered_at
        where b.answered_at <= plinth.now() - v_rule.cooldown_seconds * interval '1 second';
    continue when not found;
    insert into public.messages (shop_id, conversation_id, sender, text, attachments, in_reply_to, "timestamp")
      values (v_question.shop_id, v_question.conversation_id, 'bot', v_rule.reply,
        case when v_rule.buttons = '[]' then '[]' else jsonb_build_array(jsonb_build_object('type', 'buttons', 'buttons', v_rule.buttons)) end,
        p_message_id, plinth.now())
      on conflict (shop_id, in_reply_to) where in_reply_to is not null do nothing
      returning id into v_answer_id;
    return v_answer_id;
  end loop;
  return null;
end $$;
comment on function private.answer_message(uuid, uuid[]) is
  'Answers a customer''s message by the first of the rules whose cool-down is over; null where none is, where a person has the '
  'conversation, and where the message has its automatic reply already (AT-41).';

create function private.lock_for_bot(p_message_id uuid) returns public.messages language plpgsql set search_path = '' as $$
declare
  v_question public.messages;
  v_conversation public.conversations;
begin
  select * into v_question from public.messages where id = p_message_id and sender = 'user';
  select * into v_conversation from public.conversations
    where shop_id = v_question.shop_id and id = v_question.conversation_id for no key update;
  if not found or v_conversation.bot_paused_until > plinth.now()
    or exists (select from public.messages where shop_id = v_question.shop_id and in_reply_to = p_message_id) then
    return null;
  end if;
  -- Two bots that answer each other end here: after twenty automatic replies within ten minutes a person has to look.
  if (select count(*) from public.messages m
      where m.shop_id = v_question.shop_id and m.conversation_id = v_question.conversation_id and m.in_reply_to is not null
        and m."timestamp" > plinth.now() - interval '10 minutes') >= 20 then
    update public.conversations set bot_paused_until = plinth.now() + interval '1 day' where id = v_conversation.id;
    return null;
  end if;
  return v_question;
end $$;
comment on function private.lock_for_bot(uuid) is
  'A customer''s message that may get an automatic reply, its conversation locked; null where it may not.';

-- The AI port -----------------------------------------------------------------------------------------------------------------

-- security definer: as above.
create function private.reserve_ai_reply(p_message_id uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_question public.messages := private.lock_for_bot(p_message_id);
  v_known private.ai_state;
begin
  select state into v_known from private.ai_replies where message_id = p_message_id for update;
  if v_question.id is null or v_known in ('answered') then
    return null;
  end if;
  if v_known is distinct from 'reserved' then
    update public.shops set ai_credits_used = ai_credits_used + 1
      where id = v_question.shop_id and ai_enabled and ai_credits_used < ai_credits_included;
    if not found then
      return null;
    end if;
    insert into private.ai_replies (message_id, shop_id) values (p_message_id, v_question.shop_id)
      on conflict (message_id) do update set state = 'reserved';
  end if;
  return (
    select jsonb_build_object('shop', s.name, 'instructions', s.ai_instructions,
      'history', (
        select jsonb_agg(jsonb_build_object('sender', h.sender, 'text', left(h.text, 2000)) order by h.seq)
        from (
          select m.sender, m.text, m.seq from public.messages m
          where m.shop_id = v_question.shop_id and m.conversation_id = v_question.conversation_id and m.seq <= v_question.seq and m.text <> ''
          order by m.seq desc limit 12
        ) h))
    from public.shops s where s.id = v_question.shop_id);
end $$;
comment on function private.reserve_ai_reply(uuid) is
  'Reserves one of the shop''s AI credits for a message and answers what the model is told, {shop, instructions, history}; null where the '
  'AI may not answer. A second call for the same message reserves nothing more.';

-- security definer: as above.
create function private.finish_ai_reply(p_message_id uuid, p_text text) returns uuid language plpgsql security definer set search_path = '' as $$
declare
  v_question public.messages := private.lock_for_bot(p_message_id);
  v_answer_id uuid;
begin
  perform from private.ai_replies where message_id = p_message_id and state = 'reserved' for update;
  if not found then
    return null;
  end if;
  if v_question.id is not null and p_text is not null then
    insert into public.messages (shop_id, conversation_id, sender, text, in_reply_to, is_ai, "timestamp")
      values (v_question.shop_id, v_question.conversation_id, 'bot', p_text, p_message_id, true, plinth.now())
      on conflict (shop_id, in_reply_to) where in_reply_to is not null do nothing
      returning id into v_answer_id;
  end if;
  update private.ai_replies set state = case when v_answer_id is null then 'given_up'::private.ai_state else 'answered' end
    where message_id = p_message_id;
  if v_answer_id is null then
    update public.shops set ai_credits_used = ai_credits_used - 1
      where id = (select r.shop_id from private.ai_replies r where r.message_id = p_message_id) and ai_credits_used > 0;
  end if;
  return v_answer_id;
end $$;
comment on function private.finish_ai_reply(uuid, text) is
  'Writes what the model answered. The credit is given back where there is no answer (p_text null) or a person has taken over meanwhile.';

-- What goes out ---------------------------------------------------------------------------------------------------------------

-- security definer: as above.
create function private.claim_outbound(p_message_id uuid, p_may_repeat boolean) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_claimed public.outbound_messages;
begin
  -- A claim that nobody finished is of a worker that died while the platform was asked.
  update public.outbound_messages
    set state = 'unknown', error = 'The connection ended before the platform answered.'
    where message_id = p_message_id and state = 'sending' and not p_may_repeat;
  update public.outbound_messages set state = 'sending', attempts = attempts + 1
    where message_id = p_message_id and state in ('waiting', 'sending') returning * into v_claimed;
  if not found then
    return null;
  end if;
  return (
    select jsonb_build_object('id', m.id, 'text', m.text, 'attachments', m.attachments, 'customer', c.external_id, 'integration', c.integration_id,
      'platform', c.platform, 'account', i.account_id, 'attempts', v_claimed.attempts,
      'comment', (select a.value ->> 'id' from public.messages q cross join lateral jsonb_array_elements(q.attachments) a
        where q.shop_id = m.shop_id and q.id = m.in_reply_to and a.value ->> 'type' = 'comment' limit 1))
    from public.messages m
    join public.conversations c on c.shop_id = m.shop_id and c.id = m.conversation_id
    left join public.social_integrations i on i.id = c.integration_id and i.is_active
    where m.id = p_message_id);
end $$;
comment on function private.claim_outbound(uuid, boolean) is
  'Claims a reply for sending and answers it; null where it is not to be sent. p_may_repeat: the platform recognises a repetition, so a '
  'claim that was cut off may be sent again.';

-- security definer: as above.
create function private.outbound_platform(p_message_id uuid) returns text language sql stable security definer set search_path = '' as $$
  select c.platform::text from public.messages m join public.conversations c on c.shop_id = m.shop_id and c.id = m.conversation_id
  where m.id = p_message_id
$$;
comment on function private.outbound_platform(uuid) is 'The platform that a reply leaves by.';

-- security definer: as above.
create function private.finish_outbound(p_message_id uuid, p_state public.outbound_state, p_external_id text, p_error text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  update public.outbound_messages
    set state = p_state, error = left(p_error, 500), sent_at = case when p_state = 'sent' then plinth.now() end
    where message_id = p_message_id and state = 'sending';
  if p_external_id is not null then
    -- The platform's echo of it finds its id taken. An echo that came first is no answer of the customer's: it goes.
    delete from public.messages e using public.messages m
      where m.id = p_message_id and e.shop_id = m.shop_id and e.external_id = p_external_id and e.id <> m.id;
    update public.messages set external_id = p_external_id where id = p_message_id;
  end if;
end $$;
comment on function private.finish_outbound(uuid, public.outbound_state, text, text) is 'Records what became of a reply, and its id at the platform.';

-- What agents call --------------------------------------------------------------------------------------------------------------

-- security definer: counts past the caller's row rights; the tenant is checked here.
create function public.get_inbox(p_shop_id uuid, p_state public.conversation_state default null, p_assigned_to uuid default null,
  p_limit integer default 50, p_before timestamptz default null)
returns table (id uuid, customer_name text, platform public.social_platform, state public.conversation_state, assigned_to uuid,
  bot_paused_until timestamptz, last_message_at timestamptz, last_message text, unread integer)
language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin', 'Order Manager', 'Support Agent');
  return query
    select c.id, c.customer_name, c.platform, c.state, c.assigned_to, c.bot_paused_until, c.last_message_at,
      (select left(m.text, 200) from public.messages m where m.shop_id = c.shop_id and m.conversation_id = c.id order by m.seq desc limit 1),
      (select count(*)::integer from (
        select from public.messages m
        where m.shop_id = c.shop_id and m.conversation_id = c.id and m.sender = 'user' and m.seq > coalesce(r.last_seq, 0)
        limit 100) u)
    from public.conversations c
    left join public.conversation_reads r on r.shop_id = c.shop_id and r.conversation_id = c.id and r.user_id = auth.uid()
    where c.shop_id = p_shop_id and (p_state is null or c.state = p_state) and (p_assigned_to is null or c.assigned_to = p_assigned_to)
      and (p_before is null or c.last_message_at < p_before)
    order by c.last_message_at desc nulls last, c.id
    limit least(greatest(p_limit, 0), 200);
end $$;
comment on function public.get_inbox(uuid, public.conversation_state, uuid, integer, timestamptz) is
  'A shop''s conversations, the latest first, with what the signed-in agent has not read yet (100 at most). p_before continues a list.';

-- security definer: reads are written by SQL alone; the tenant is checked here.
create function public.mark_conversation_read(p_conversation_id uuid) returns void language plpgsql security definer set search_path = '' as $$
declare
  v_shop_id uuid;
  v_seq bigint;
begin
  select c.shop_id, coalesce(max(m.seq), 0) into v_shop_id, v_seq
    from public.conversations c left join public.messages m on m.shop_id = c.shop_id and m.conversation_id = c.id
    where c.id = p_conversation_id and c.shop_id = any (private.my_shops())
    group by c.shop_id;
  if not found then
    perform plinth.refuse('unknown_conversation', 404, 'There is no such conversation.');
  end if;
  insert into public.conversation_reads as r (shop_id, conversation_id, user_id, last_seq) values (v_shop_id, p_conversation_id, auth.uid(), v_seq)
    on conflict (shop_id, conversation_id, user_id) do update set last_seq = greatest(r.last_seq, excluded.last_seq), read_at = now();
end $$;
comment on function public.mark_conversation_read(uuid) is 'The signed-in agent has read a conversation up to its present end.';

-- security definer: reads an agent's name and the customer's last order; the tenant is checked here.
create function public.render_saved_reply(p_reply_id uuid, p_conversation_id uuid) returns text
language plpgsql stable security definer set search_path = '' as $$
declare
  v_text text;
  v_value record;
begin
  select r.content into v_text
    from public.saved_replies r join public.conversations c on c.shop_id = r.shop_id
    where r.id = p_reply_id and c.id = p_conversation_id and (plinth.is_trusted() or r.shop_id = any (private.my_shops()));
  if not found then
    perform plinth.refuse('unknown_conversation', 404, 'There is no such conversation.', p_hint => 'The reply and the conversation are of one shop.');
  end if;
  -- Every value goes in once: what a customer calls themselves is no variable.
  with value as (
    select v.name, v.value
    from public.conversations c
    join public.shops s on s.id = c.shop_id
    left join public.profiles p on p.id = auth.uid()
    left join lateral (
      select f.submission_id, f.status::text as status from public.form_submissions f
      where f.shop_id = c.shop_id and f.conversation_id = c.id order by f.submitted_at desc limit 1
    ) o on true
    cross join lateral (values ('customer_name', c.customer_name), ('shop_name', s.name), ('agent_name', p.full_name),
      ('order', o.submission_id), ('order_status', o.status)) v (name, value)
    where c.id = p_conversation_id
  ),
  piece as (
    select s.no, s.text, (regexp_match(s.text, '^\s*([a-z_]+)\s*\}\}'))[1] as name
    from regexp_split_to_table(v_text, '\{\{') with ordinality s (text, no)
  )
  select string_agg(case
      when p.no = 1 then p.text
      when v.name is null then '{{' || p.text
      else coalesce(v.value, '') || regexp_replace(p.text, '^\s*[a-z_]+\s*\}\}', '') end, '' order by p.no)
    into v_text
    from piece p left join value v on v.name = p.name;
  return v_text;
end $$;
comment on function public.render_saved_reply(uuid, uuid) is
  'A saved reply for a conversation, its variables filled in; a variable without a value is empty, an unknown one stays as it is.';

revoke all on all functions in schema private from public;
grant execute on function private.receive_message(uuid, jsonb), private.reply_rules(uuid), private.answer_message(uuid, uuid[]),
  private.reserve_ai_reply(uuid), private.finish_ai_reply(uuid, text), private.claim_outbound(uuid, boolean), private.outbound_platform(uuid),
  private.finish_outbound(uuid, public.outbound_state, text, text) to service_role;
revoke all on function public.get_inbox(uuid, public.conversation_state, uuid, integer, timestamptz), public.mark_conversation_read(uuid),
  public.render_saved_reply(uuid, uuid) from public, anon;
grant execute on function public.get_inbox(uuid, public.conversation_state, uuid, integer, timestamptz), public.mark_conversation_read(uuid),
  public.render_saved_reply(uuid, uuid) to authenticated, service_role;
