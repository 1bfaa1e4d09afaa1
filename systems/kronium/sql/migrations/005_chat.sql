-- Chat: a room for each client, messages in one order for everybody, and how far each person has read.

create table public.chat_rooms (
  id uuid primary key default gen_random_uuid(),
  "customerId" uuid not null default auth.uid() unique references public.users (id) on delete cascade,
  "customerName" varchar(255) not null default '',
  "customerEmail" varchar(255),
  "lastMessageAt" timestamptz,
  "createdAt" timestamptz not null default plinth.now(),
  "staffId" uuid references public.users (id) on delete set null,
  "lastSeq" bigint not null default 0,
  "lastMessage" varchar(200)
);
comment on table public.chat_rooms is 'A client''s conversation with the company: one each. staffId: who of the staff answers; null: anybody.';
create index chat_rooms_recent on public.chat_rooms ("lastMessageAt" desc nulls last, id);
create index chat_rooms_by_staff on public.chat_rooms ("staffId", "lastMessageAt" desc) where "staffId" is not null;

create table public.chat_messages (
  id uuid primary key default gen_random_uuid(),
  "chatRoomId" uuid not null references public.chat_rooms (id) on delete cascade,
  "senderId" uuid default auth.uid() references public.users (id) on delete set null,
  "senderName" varchar(255) not null default '',
  "senderType" varchar(20) not null default 'customer' check ("senderType" in ('customer', 'admin')),
  message text not null default '' check (length(message) <= 4000),
  "timestamp" timestamptz not null default plinth.now(),
  read boolean not null default false,
  seq bigint not null default 0,
  "clientId" uuid,
  attachments jsonb not null default '[]' check (jsonb_typeof(attachments) = 'array' and jsonb_array_length(attachments) <= 10),
  check (message <> '' or attachments <> '[]')
);
comment on table public.chat_messages is 'Messages. seq is their order in the room, without a gap; clientId makes a repeated send the same message.';
comment on column public.chat_messages.read is 'The other side has read it.';
create unique index chat_messages_order on public.chat_messages ("chatRoomId", seq);
create unique index chat_messages_client on public.chat_messages ("chatRoomId", "senderId", "clientId") where "clientId" is not null;
create index chat_messages_by_sender on public.chat_messages ("senderId", "timestamp");
create index chat_messages_unread on public.chat_messages ("chatRoomId", seq) where not read;
create index chat_messages_search on public.chat_messages using gin (to_tsvector('simple', message));

create table public.chat_reads (
  "chatRoomId" uuid not null references public.chat_rooms (id) on delete cascade,
  "userId" uuid not null default auth.uid() references public.users (id) on delete cascade,
  seq bigint not null default 0,
  at timestamptz not null default plinth.now(),
  primary key ("chatRoomId", "userId")
);
comment on table public.chat_reads is 'How far each person has read a room; it only goes up.';

-- security definer: triggers that write for the caller ask it.
create function private.in_room(p_room uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select from public.chat_rooms r where r.id = p_room and case private.scope_of('chat')
    when 'all' then true
    when 'assigned' then r."staffId" is null or r."staffId" = (select auth.uid()) or r."customerId" = (select auth.uid())
    when 'own' then r."customerId" = (select auth.uid())
    else false end)
$$;
comment on function private.in_room(uuid) is 'Whether the caller takes part in a room.';

-- security definer: reads users.
create function private.open_room() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_client public.users;
begin
  select * into v_client from public.users where id = new."customerId";
  new."customerName" := coalesce(v_client.name, '');
  new."customerEmail" := v_client.email;
  new."createdAt" := plinth.now();
  new."lastMessageAt" := null;
  new."lastMessage" := null;
  new."lastSeq" := 0;
  if not (plinth.is_trusted() or private.may_all('chat')) then
    new."staffId" := null;
  end if;
  return new;
end $$;
comment on function private.open_room() is 'Trigger, before insert: a room has the name of its client.';
create trigger open_room before insert on public.chat_rooms for each row execute function private.open_room();

-- security definer: numbers come from the room, which its client may not write.
create function private.send() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_trusted boolean := plinth.is_trusted();
  v_room public.chat_rooms;
  v_sender public.users;
  v_limit integer;
begin
  if not v_trusted and not private.in_room(new."chatRoomId") then
    perform plinth.refuse('unknown_room', 404, 'There is no such room.');
  end if;
  -- The lock of the room: numbers are in the order of the commits, so who follows a room misses none.
  select * into v_room from public.chat_rooms where id = new."chatRoomId" for no key update;
  if not found then
    perform plinth.refuse('unknown_room', 404, 'There is no such room.');
  end if;
  if not v_trusted then
    new."senderId" := (select auth.uid());
    v_limit := private.limit_of('messagesPerMinute') * case when new."senderId" = v_room."customerId" then 1 else 4 end;
    if (select count(*) from (select from public.chat_messages m where m."senderId" = new."senderId"
        and m."timestamp" > plinth.now() - interval '1 minute' limit v_limit) sent) >= v_limit then
      perform plinth.refuse('chat_too_fast', 429, format('At most %s messages in a minute.', v_limit), jsonb_build_object('limit', v_limit), 'Wait a moment.');
    end if;
  end if;
  select * into v_sender from public.users where id = new."senderId";
  new."senderType" := case when new."senderId" = v_room."customerId" then 'customer' else 'admin' end;
  new."senderName" := coalesce(v_sender.name, new."senderName", '');
  new."timestamp" := greatest(plinth.now(), v_room."lastMessageAt");
  new.read := false;
  new.seq := v_room."lastSeq" + 1;
  update public.chat_rooms set "lastSeq" = new.seq, "lastMessageAt" = new."timestamp", "lastMessage" = left(new.message, 200) where id = v_room.id;
  return new;
end $$;
comment on function private.send() is
  'Trigger, before insert: a message gets its sender and its number. Raises unknown_room (PT404), chat_too_fast (PT429).';
create trigger send before insert on public.chat_messages for each row execute function private.send();

create function public.send_message(p_room uuid, p_message text, p_client_id uuid default null, p_attachments jsonb default '[]')
returns public.chat_messages language plpgsql set search_path = '' as $$
declare
  v_message public.chat_messages;
begin
  -- One who sends again waits here for the first attempt, and then finds its message.
  perform pg_advisory_xact_lock(hashtextextended(p_room::text || coalesce(p_client_id, gen_random_uuid())::text, 4005));
  if p_client_id is not null then
    select * into v_message from public.chat_messages m
      where m."chatRoomId" = p_room and m."senderId" = (select auth.uid()) and m."clientId" = p_client_id;
    if found then
      return v_message;
    end if;
  end if;
  insert into public.chat_messages ("chatRoomId", message, "clientId", attachments)
    values (p_room, p_message, p_client_id, p_attachments) returning * into v_message;
  return v_message;
end $$;
comment on function public.send_message(uuid, text, uuid, jsonb) is
  'Sends a message, once for each p_client_id of the sender: who repeats a send gets the message that there is.';

create function public.open_my_room() returns public.chat_rooms language plpgsql set search_path = '' as $$
declare
  v_room public.chat_rooms;
begin
  insert into public.chat_rooms ("customerId") values ((select auth.uid())) on conflict ("customerId") do nothing returning * into v_room;
  if not found then
    select * into v_room from public.chat_rooms where "customerId" = (select auth.uid());
  end if;
  return v_room;
end $$;
comment on function public.open_my_room() is 'The caller''s room with the company, made when there is none.';

-- security definer: marks messages of others as read.
create function public.mark_read(p_room uuid, p_seq bigint) returns bigint language plpgsql security definer set search_path = '' as $$
declare
  v_room public.chat_rooms;
  v_seq bigint;
begin
  select r.* into v_room from public.chat_rooms r where r.id = p_room and private.in_room(p_room);
  if not found then
    perform plinth.refuse('unknown_room', 404, 'There is no such room.');
  end if;
  insert into public.chat_reads as c ("chatRoomId", "userId", seq, at)
    values (p_room, (select auth.uid()), least(greatest(p_seq, 0), v_room."lastSeq"), plinth.now())
    on conflict ("chatRoomId", "userId") do update set seq = greatest(c.seq, excluded.seq), at = case when excluded.seq > c.seq then excluded.at else c.at end
    returning seq into v_seq;
  update public.chat_messages set read = true
    where "chatRoomId" = p_room and not read and seq <= v_seq
      and ("senderType" = 'customer') = ((select auth.uid()) <> v_room."customerId");
  return v_seq;
end $$;
comment on function public.mark_read(uuid, bigint) is 'Notes that the caller has read a room as far as a message, never less far; gives how far. Raises unknown_room (PT404).';

create function public.search_chat(p_query text, p_room uuid default null, p_limit integer default 20)
returns setof public.chat_messages language sql stable set search_path = '' as $$
  select m.* from public.chat_messages m
  where to_tsvector('simple', m.message) @@ websearch_to_tsquery('simple', p_query) and (p_room is null or m."chatRoomId" = p_room)
  order by m."timestamp" desc, m.seq desc limit least(greatest(p_limit, 1), 100)
$$;
comment on function public.search_chat(text, uuid, integer) is 'Messages of the caller''s rooms that hold all words, the newest first.';

-- Rights ---------------------------------------------------------------------------------------------------------

do $$
declare
  t text;
begin
  foreach t in array array['chat_rooms', 'chat_messages', 'chat_reads'] loop
    execute format('alter table public.%I enable row level security', t);
    execute format('revoke all on public.%I from anon, authenticated', t);
    execute format('grant select on public.%I to authenticated', t);
  end loop;
end $$;
grant insert (id, "customerId", "staffId"), update ("staffId") on public.chat_rooms to authenticated;
grant insert (id, "chatRoomId", "senderId", "senderName", "senderType", message, "timestamp", "clientId", attachments) on public.chat_messages to authenticated;
create policy "take part" on public.chat_rooms for select to authenticated using (
  "customerId" = (select auth.uid()) and (select private.scope_of('chat')) is not null
  or (select private.scope_of('chat')) = 'all'
  or (select private.scope_of('chat')) = 'assigned' and ("staffId" is null or "staffId" = (select auth.uid())));
create policy "open a room" on public.chat_rooms for insert to authenticated with check (
  "customerId" = (select auth.uid()) and (select private.scope_of('chat')) is not null or (select private.scope_of('chat')) in ('assigned', 'all'));
create policy "take rooms over" on public.chat_rooms for update to authenticated
  using ((select private.scope_of('chat')) = 'all' or (select private.scope_of('chat')) = 'assigned' and ("staffId" is null or "staffId" = (select auth.uid())))
  with check ((select private.scope_of('chat')) in ('assigned', 'all'));
create policy "read" on public.chat_messages for select to authenticated using (exists (select from public.chat_rooms r where r.id = "chatRoomId"));
create policy "write" on public.chat_messages for insert to authenticated with check (
  "senderId" = (select auth.uid()) and exists (select from public.chat_rooms r where r.id = "chatRoomId"));
create policy "see who has read" on public.chat_reads for select to authenticated using (exists (select from public.chat_rooms r where r.id = "chatRoomId"));
revoke all on function public.send_message(uuid, text, uuid, jsonb), public.open_my_room(), public.mark_read(uuid, bigint),
  public.search_chat(text, uuid, integer) from public, anon;
grant execute on function public.send_message(uuid, text, uuid, jsonb), public.open_my_room(), public.mark_read(uuid, bigint),
  public.search_chat(text, uuid, integer) to authenticated, service_role;
