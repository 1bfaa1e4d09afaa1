-- Membership: nobody becomes a member of a shop without their own consent.
--
--   invite_member()        pending    an Owner invites to every role, an Admin to the roles below Admin
--   accept_invitation()    accepted   the invited user; the only way into team_members for people
--   decline_invitation()   declined   the invited user
--   revoke_invitation()    revoked    whoever may invite to the role
--
-- An invitation by user id can be answered by that user. An invitation by e-mail has a token, which the inviter sends to
-- the address: the token proves that the address received it, and the account must have the address as its own.

create type public.invitation_state as enum ('pending', 'accepted', 'declined', 'revoked');

create table public.team_invitations (
  id uuid primary key default gen_random_uuid(),
  shop_id uuid not null references public.shops (id) on delete cascade,
  role public.team_role not null,
  user_id uuid,
  email text check (email ~ '^[^@\s]+@[^@\s]+$' and length(email) <= 320),
  token_hash bytea,
  invited_by uuid,
  state public.invitation_state not null default 'pending',
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  answered_at timestamptz,
  constraint team_invitations_one_recipient check (num_nonnulls(user_id, email) = 1),
  constraint team_invitations_token_by_email check ((email is null) = (token_hash is null))
);
comment on table public.team_invitations is 'Who was asked to work in a shop, as what, and what became of it.';
comment on column public.team_invitations.user_id is
  'The invited user. No reference: an invitation must not tell whether an account exists.';
comment on column public.team_invitations.email is 'The invited address, in lower case.';
comment on column public.team_invitations.token_hash is 'SHA-256 of the token that invite_member() answered once.';
comment on column public.team_invitations.invited_by is
  'Null for the service role. The invitation counts only as long as this user may invite to the role.';
create unique index team_invitations_pending_user on public.team_invitations (shop_id, user_id) where state = 'pending';
create unique index team_invitations_pending_email on public.team_invitations (shop_id, email) where state = 'pending';
create unique index team_invitations_token on public.team_invitations (token_hash);
create index team_invitations_user on public.team_invitations (user_id) where state = 'pending';

alter table public.team_invitations enable row level security;
revoke all on public.team_invitations from anon, authenticated, service_role;
grant select on public.team_invitations to authenticated;
grant select, insert, update, delete on public.team_invitations to service_role;
create policy "select by role" on public.team_invitations for select to authenticated
  using (shop_id = any ((select private.my_shops('Owner', 'Admin'))::uuid[]));
create policy "own invitations" on public.team_invitations for select to authenticated using (user_id = (select auth.uid()));

-- What clients call ----------------------------------------------------------------------------------------------

-- security definer: writes invitations, which are closed to everyone; the caller's role is checked here.
create function public.invite_member(p_shop_id uuid, p_role public.team_role, p_email text default null, p_user_id uuid default null)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_email text := lower(trim(p_email));
  v_token text;
  v_invitation public.team_invitations;
begin
  perform private.require_inviter(p_shop_id, p_role);
  if num_nonnulls(v_email, p_user_id) <> 1 or p_role is null or v_email !~ '^[^@\s]+@[^@\s]+$' or length(v_email) > 320 then
    perform plinth.refuse('invalid_invitation', 422, 'An invitation needs a role and either an e-mail address or a user id.');
  end if;
  if private.has_role(p_user_id, p_shop_id) then
    perform plinth.refuse('already_member', 409, 'This user is a member of the shop already.');
  end if;
  -- One at a time per shop, so that the limit holds and the second of two invitations to one person replaces the first.
  perform from public.shops where id = p_shop_id for no key update;
  update public.team_invitations set state = 'revoked', answered_at = now()
    where shop_id = p_shop_id and state = 'pending' and (user_id = p_user_id or email = v_email);
  if (select count(*) from public.team_invitations
      where shop_id = p_shop_id and state = 'pending' and expires_at > plinth.now()) >= 100 then
    perform plinth.refuse('too_many_invitations', 429, 'A shop may have 100 open invitations.',
      p_hint => 'Revoke some, or wait until they expire.');
  end if;
  v_token := case when v_email is not null then replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') end;
  insert into public.team_invitations (shop_id, role, user_id, email, token_hash, invited_by, expires_at)
    values (p_shop_id, p_role, p_user_id, v_email, sha256(convert_to(v_token, 'UTF8')), auth.uid(), plinth.now() + interval '7 days')
    returning * into v_invitation;
  return jsonb_build_object('id', v_invitation.id, 'expires_at', v_invitation.expires_at, 'token', v_token);
end $$;
comment on function public.invite_member(uuid, public.team_role, text, uuid) is
  'Invites somebody by e-mail or by user id to a role in a shop, for seven days; a pending invitation of the same person is '
  'replaced. Answers {id, expires_at, token}; the token is null for a user id, and is shown this once. Answers the same '
  'whether or not there is such an account.';

-- security definer: an invited user is no member yet, and sees neither the shop nor invitations by e-mail.
create function public.get_invitations(p_token text default null)
returns table (id uuid, shop_id uuid, shop_name text, role public.team_role, expires_at timestamptz)
language sql stable security definer set search_path = '' as $$
  select i.id, i.shop_id, s.name, i.role, i.expires_at
  from public.team_invitations i
  join public.shops s on s.id = i.shop_id
  where i.state = 'pending' and i.expires_at > plinth.now()
    and (i.user_id = (select auth.uid()) or i.token_hash = sha256(convert_to(p_token, 'UTF8')))
  order by i.created_at
$$;
comment on function public.get_invitations(text) is
  'The open invitations of the signed-in user, and the one of a token: what to show before somebody accepts.';

-- security definer: writes team_members, which nobody else may insert into; the recipient is checked here.
create function public.accept_invitation(p_invitation_id uuid, p_token text default null) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  v_invitation public.team_invitations := private.open_invitation(p_invitation_id, p_token);
begin
  if v_invitation.invited_by is not null and not private.may_invite(v_invitation.invited_by, v_invitation.shop_id, v_invitation.role) then
    perform private.refuse_invitation();
  end if;
  if private.has_role(auth.uid(), v_invitation.shop_id) then
    perform plinth.refuse('already_member', 409, 'This user is a member of the shop already.');
  end if;
  insert into public.team_members (shop_id, user_id, role) values (v_invitation.shop_id, auth.uid(), v_invitation.role);
  update public.team_invitations set state = 'accepted', answered_at = now() where id = p_invitation_id;
  return v_invitation.shop_id;
end $$;
comment on function public.accept_invitation(uuid, text) is 'Makes the signed-in user a member; answers the shop''s id.';

-- security definer: as above.
create function public.decline_invitation(p_invitation_id uuid, p_token text default null) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.open_invitation(p_invitation_id, p_token);
  update public.team_invitations set state = 'declined', answered_at = now() where id = p_invitation_id;
end $$;
comment on function public.decline_invitation(uuid, text) is 'Declines an invitation of the signed-in user.';

-- security definer: writes invitations, which are closed to everyone; the caller's role is checked here.
create function public.revoke_invitation(p_invitation_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_invitation public.team_invitations;
begin
  select * into v_invitation from public.team_invitations where id = p_invitation_id for no key update;
  if not found or not (plinth.is_trusted() or v_invitation.shop_id = any (private.my_shops())) then
    perform private.refuse_invitation();
  end if;
  perform private.require_inviter(v_invitation.shop_id, v_invitation.role);
  if v_invitation.state <> 'pending' then
    perform plinth.refuse('invitation_closed', 409, format('This invitation was %s.', v_invitation.state));
  end if;
  update public.team_invitations set state = 'revoked', answered_at = now() where id = p_invitation_id;
end $$;
comment on function public.revoke_invitation(uuid) is 'Takes a pending invitation back.';

-- security definer: members do not write shops.owner_id or delete their own row; what is done is checked here.
create function public.leave_shop(p_shop_id uuid) returns void language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid := auth.uid();
  v_owner uuid;
  v_successor uuid;
begin
  if v_user is null or not private.has_role(v_user, p_shop_id) then
    perform plinth.refuse('unknown_shop', 404, 'There is no such shop.', p_hint => 'Check the shop''s id and who is signed in.');
  end if;
  select owner_id into v_owner from public.shops where id = p_shop_id for no key update;
  if v_owner = v_user then
    select user_id into v_successor from public.team_members
      where shop_id = p_shop_id and role = 'Owner' and user_id <> v_user order by created_at, id limit 1;
    if v_successor is null then
      perform private.refuse_last_owner();
    end if;
    update public.shops set owner_id = v_successor where id = p_shop_id;
  end if;
  delete from public.team_members where shop_id = p_shop_id and user_id = v_user;
end $$;
comment on function public.leave_shop(uuid) is
  'Ends the signed-in user''s membership. The owner hands the shop to the member who is an Owner for the longest time.';

-- Behind them ----------------------------------------------------------------------------------------------------

create function private.has_role(p_user_id uuid, p_shop_id uuid, variadic p_roles public.team_role[] default '{}') returns boolean
language sql stable set search_path = '' as $$
  select exists (select from public.shops
      where id = p_shop_id and owner_id = p_user_id and (p_roles = '{}' or 'Owner' = any (p_roles)))
    or exists (select from public.team_members
      where shop_id = p_shop_id and user_id = p_user_id and (p_roles = '{}' or role = any (p_roles)))
$$;
comment on function private.has_role(uuid, uuid, public.team_role[]) is
  'Whether a user has one of the roles in a shop, any role by default. private.my_shops() asks the same for whoever is signed in.';

create function private.may_invite(p_user_id uuid, p_shop_id uuid, p_role public.team_role) returns boolean
language sql stable set search_path = '' as $$
  select private.has_role(p_user_id, p_shop_id, 'Owner')
    or p_role in ('Order Manager', 'Support Agent') and private.has_role(p_user_id, p_shop_id, 'Admin')
$$;
comment on function private.may_invite(uuid, uuid, public.team_role) is 'Whether a user may give a role in a shop.';

create function private.require_inviter(p_shop_id uuid, p_role public.team_role) returns void
language plpgsql stable set search_path = '' as $$
begin
  perform private.require_role(p_shop_id, 'Owner', 'Admin');
  if not plinth.is_trusted() and private.may_invite(auth.uid(), p_shop_id, p_role) is not true then
    perform plinth.refuse('forbidden', 403, 'Your role in this shop does not allow this.', p_hint => 'Only an Owner makes Owners and Admins.');
  end if;
end $$;
comment on function private.require_inviter(uuid, public.team_role) is 'Raises unknown_shop or forbidden for whoever may not give the role.';

create function private.open_invitation(p_invitation_id uuid, p_token text) returns public.team_invitations
language plpgsql set search_path = '' as $$
declare
  v_invitation public.team_invitations;
begin
  select i.* into v_invitation
    from public.team_invitations i
    where i.id = p_invitation_id and auth.uid() is not null
      and (i.user_id = auth.uid()
        or i.token_hash = sha256(convert_to(p_token, 'UTF8'))
          and exists (select from auth.users u where u.id = auth.uid() and lower(u.email) = i.email))
    for no key update;
  if not found then
    perform private.refuse_invitation();
  elsif v_invitation.state <> 'pending' then
    perform plinth.refuse('invitation_closed', 409, format('This invitation was %s.', v_invitation.state));
  elsif v_invitation.expires_at <= plinth.now() then
    perform plinth.refuse('invitation_expired', 410, 'This invitation has expired.', p_hint => 'Ask for a new one.');
  end if;
  return v_invitation;
end $$;
comment on function private.open_invitation(uuid, text) is
  'A pending invitation of the signed-in user, locked. Raises unknown_invitation (the same for one of somebody else), '
  'invitation_closed or invitation_expired.';

create function private.refuse_invitation() returns void language plpgsql set search_path = '' as $$
begin
  perform plinth.refuse('unknown_invitation', 404, 'There is no such invitation.',
    p_hint => 'Sign in with the address that was invited, and pass the token of its message.');
end $$;
comment on function private.refuse_invitation() is 'Raises unknown_invitation (PT404).';

create function private.refuse_last_owner() returns void language plpgsql set search_path = '' as $$
begin
  perform plinth.refuse('last_owner', 409, 'A shop keeps at least one owner.', p_hint => 'Make somebody else an Owner first, or close the shop.');
end $$;
comment on function private.refuse_last_owner() is 'Raises last_owner (PT409).';

-- security definer: counts owners whatever the caller may see.
create function private.guard_last_owner() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'UPDATE' and new.role = 'Owner' then
    return new;
  end if;
  -- A shop with owner_id has an owner. A closed shop and a deleted account take their rows along.
  perform from public.shops where id = old.shop_id and owner_id is null for no key update;
  if found
    and exists (select from auth.users where id = old.user_id)
    and not exists (select from public.team_members where shop_id = old.shop_id and role = 'Owner' and id <> old.id) then
    perform private.refuse_last_owner();
  end if;
  return case tg_op when 'DELETE' then old else new end;
end $$;
comment on function private.guard_last_owner() is 'Trigger: the last owner of a shop stays one.';
create trigger guard_last_owner before update of role or delete on public.team_members
  for each row when (old.role = 'Owner') execute function private.guard_last_owner();

revoke all on all functions in schema private from public;
revoke all on function public.invite_member(uuid, public.team_role, text, uuid), public.get_invitations(text),
  public.accept_invitation(uuid, text), public.decline_invitation(uuid, text), public.revoke_invitation(uuid), public.leave_shop(uuid)
  from public, anon;
grant execute on function public.invite_member(uuid, public.team_role, text, uuid), public.get_invitations(text),
  public.accept_invitation(uuid, text), public.decline_invitation(uuid, text), public.revoke_invitation(uuid), public.leave_shop(uuid)
  to authenticated, service_role;
