-- Who may do what: members by their role in a shop, the service role everything, strangers nothing.

-- security definer: reads the memberships that its own policies protect. Asked once per statement, because
-- policies write (select private.my_shops(…)); an array, because `= any (array)` can use an index and `in (select …)`
-- under row security cannot.
create function private.my_shops(variadic p_roles public.team_role[] default '{}') returns uuid[]
language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(found.shop_id), '{}')
  from (
    select id as shop_id from public.shops
    where owner_id = (select auth.uid()) and (p_roles = '{}' or 'Owner' = any (p_roles))
    union
    select shop_id from public.team_members
    where user_id = (select auth.uid()) and (p_roles = '{}' or role = any (p_roles))
  ) found
$$;
comment on function private.my_shops(public.team_role[]) is
  'Shops where the signed-in user has one of the roles, any role by default. An owner by shops.owner_id is an Owner.';

create function private.is_platform_admin() returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from public.profiles where id = (select auth.uid()) and is_admin)
$$;
comment on function private.is_platform_admin() is 'Whether the signed-in user administers the platform.';

create function private.require_role(p_shop_id uuid, variadic p_roles public.team_role[]) returns void
language plpgsql stable set search_path = '' as $$
begin
  if plinth.is_trusted() then
    if exists (select from public.shops where id = p_shop_id) then
      return;
    end if;
  elsif p_shop_id = any (private.my_shops(variadic p_roles)) then
    return;
  elsif p_shop_id = any (private.my_shops()) then
    perform plinth.refuse('forbidden', 403, 'Your role in this shop does not allow this.',
      p_hint => format('One of these roles may: %s.', array_to_string(p_roles, ', ')));
  end if;
  perform plinth.refuse('unknown_shop', 404, 'There is no such shop.', p_hint => 'Check the shop''s id and who is signed in.');
end $$;
comment on function private.require_role(uuid, public.team_role[]) is
  'Raises unknown_shop (PT404) for strangers and forbidden (PT403) for members without one of the roles.';

revoke all on all functions in schema private from public;
grant execute on function private.my_shops(public.team_role[]), private.is_platform_admin() to anon, authenticated, service_role;

-- Nobody reads or writes anything without an account, and nobody truncates: that would pass all policies.
do $$
declare t text;
begin
  for t in select tablename from pg_tables where schemaname = 'public' loop
    execute format('alter table public.%I enable row level security', t);
    execute format('revoke all on public.%I from anon, authenticated, service_role', t);
    execute format('grant select, insert, update, delete on public.%I to authenticated, service_role', t);
  end loop;
end $$;

-- The matrix: for each table and verb the roles that may; a verb that is not named is the service role's alone.
do $$
declare
  rule record;
  mine text;
begin
  for rule in
    select m.tab, v.verb, v.roles
    from (values
      --                      select      insert                           update                           delete
      ('items',               'any',      'Owner,Admin,Order Manager',     'Owner,Admin,Order Manager',     'Owner,Admin'),
      ('stock_history',       'any',      null,                            null,                            null),
      ('forms',               'any',      'Owner,Admin',                   'Owner,Admin',                   'Owner,Admin'),
      ('form_submissions',    'any',      'Owner,Admin,Order Manager',     'Owner,Admin,Order Manager',     'Owner,Admin'),
      ('payment_methods',     'any',      'Owner,Admin',                   'Owner,Admin',                   'Owner,Admin'),
      ('conversations',       'any',      'any',                           'any',                           'Owner,Admin'),
      ('messages',            'any',      'any',                           null,                            'Owner,Admin'),
      ('keyword_replies',     'any',      'Owner,Admin,Support Agent',     'Owner,Admin,Support Agent',     'Owner,Admin,Support Agent'),
      ('saved_replies',       'any',      'Owner,Admin,Support Agent',     'Owner,Admin,Support Agent',     'Owner,Admin,Support Agent'),
      ('order_lines',         'any',      null,                            null,                            null),
      ('order_returns',       'any',      null,                            null,                            null),
      ('order_stock',         'any',      null,                            null,                            null),
      ('low_stock_alerts',    'any',      null,                            null,                            null),
      ('stock_history_archive', 'Owner,Admin', null,                       null,                            null),
      ('daily_sales_metrics', 'any',      null,                            null,                            null),
      ('product_analytics',   'any',      null,                            null,                            null),
      ('backup_logs',         'Owner,Admin', null,                         null,                            null),
      ('recovery_snapshots',  'Owner,Admin', null,                         null,                            null),
      ('sync_status',         'Owner,Admin', null,                         null,                            null),
      ('social_integrations', 'Owner,Admin', null,                         'Owner,Admin',                   'Owner,Admin')
    ) m (tab, "select", "insert", "update", "delete")
    cross join lateral (values ('select', m."select"), ('insert', m."insert"), ('update', m."update"), ('delete', m."delete"))
      v (verb, roles)
  loop
    if rule.roles is null then
      execute format('revoke %s on public.%I from authenticated', rule.verb, rule.tab);
      continue;
    end if;
    mine := case rule.roles when 'any' then 'shop_id = any ((select private.my_shops())::uuid[])'
      else format('shop_id = any ((select private.my_shops(variadic %L::public.team_role[]))::uuid[])', '{' || rule.roles || '}') end;
    execute format('create policy %I on public.%I for %s to authenticated %s', rule.verb || ' by role', rule.tab, rule.verb,
      case rule.verb when 'insert' then format('with check (%s)', mine)
                     when 'update' then format('using (%s) with check (%s)', mine, mine)
                     else format('using (%s)', mine) end);
  end loop;
end $$;

-- The ledger's tables are written by SQL alone: the service role reads them too, and nobody takes anything back.
revoke insert, update, delete on public.stock_history, public.order_lines, public.order_returns, public.order_stock, public.low_stock_alerts,
  public.stock_history_archive from service_role;

-- What the AI wrote is counted and paid for.
revoke insert on public.messages from authenticated;
grant insert (id, shop_id, conversation_id, sender, text, attachments, "timestamp") on public.messages to authenticated;

-- Of an integration its members may switch it off or remove it; what it is connected to comes from the platform.
revoke update on public.social_integrations from authenticated;
grant update (is_active) on public.social_integrations to authenticated;
grant usage on schema private to service_role;
grant select, insert, update, delete on private.social_tokens to service_role;

create policy "own profile" on public.profiles for select to authenticated using (id = (select auth.uid()));
create policy "change own profile" on public.profiles for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));
create policy "create own profile" on public.profiles for insert to authenticated with check (id = (select auth.uid()));
revoke insert, update, delete on public.profiles from authenticated;
grant insert (id, email, full_name, avatar_url, phone) on public.profiles to authenticated;
grant update (email, full_name, avatar_url, phone) on public.profiles to authenticated;

-- owner_id is asked directly too: my_shops() sees the statement's snapshot, in which a shop that is being
-- created (insert … returning) does not exist yet.
create policy "members read" on public.shops for select to authenticated
  using (owner_id = (select auth.uid()) or id = any ((select private.my_shops())::uuid[]));
create policy "open a shop" on public.shops for insert to authenticated with check (owner_id = (select auth.uid()));
create policy "run a shop" on public.shops for update to authenticated
  using (id = any ((select private.my_shops('Owner', 'Admin'))::uuid[]))
  with check (id = any ((select private.my_shops('Owner', 'Admin'))::uuid[]));
create policy "close a shop" on public.shops for delete to authenticated using (owner_id = (select auth.uid()));
-- What a shop pays for is the platform's to write (set_subscription), and ownership changes hands by leave_shop().
revoke insert, update on public.shops from authenticated;
grant insert (id, owner_id, name, description, logo_url, phone, email, address, currency, timezone, low_stock_threshold,
  order_hold_minutes, restock_returns, notify_customers, bot_pause_minutes, ai_enabled, ai_instructions) on public.shops to authenticated;
grant update (name, description, logo_url, phone, email, address, currency, timezone, low_stock_threshold,
  order_hold_minutes, restock_returns, notify_customers, bot_pause_minutes, ai_enabled, ai_instructions) on public.shops to authenticated;

-- An Admin manages those below; only an Owner makes or unmakes Owners and Admins. Members come in by invitation only
-- (007_team), so clients insert nothing and change nothing but a role.
create policy "members read" on public.team_members for select to authenticated
  using (shop_id = any ((select private.my_shops())::uuid[]));
do $$
declare
  verb text;
  mine text := '(shop_id = any ((select private.my_shops(''Owner''))::uuid[])'
    ' or role in (''Order Manager'', ''Support Agent'') and shop_id = any ((select private.my_shops(''Admin''))::uuid[]))';
begin
  foreach verb in array array['update', 'delete'] loop
    execute format('create policy %I on public.team_members for %s to authenticated using %s', verb || ' by role', verb, mine);
  end loop;
end $$;
revoke insert, update on public.team_members from authenticated;
grant update (role) on public.team_members to authenticated;

create policy "platform admins read" on public.platform_metrics for select to authenticated
  using ((select private.is_platform_admin()));
revoke insert, update, delete on public.platform_metrics from authenticated;
