-- Who may do what (R-O1): super admins see every business, its users only theirs and only what their role needs, and only
-- while the business is switched on and has the feature. Strangers see nothing.

-- security definer: the tables of people are protected by policies that ask these functions.
create function private.is_super_admin() returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from public.super_admins where user_id = (select auth.uid()) and is_active)
$$;
comment on function private.is_super_admin() is 'Whether an active super admin is signed in.';

create function private.super_admin_id() returns uuid
language sql stable security definer set search_path = '' as $$
  select id from public.super_admins where user_id = (select auth.uid()) and is_active
$$;
comment on function private.super_admin_id() is 'The row of the super admin who is signed in.';

create function private.require_super_admin() returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_admin uuid := private.super_admin_id();
begin
  if v_admin is null then
    perform plinth.refuse('super_admin_required', 403, 'Only a super admin may do this.',
      p_hint => 'Sign in as a super admin. A service key acts for nobody and is not one.');
  end if;
  return v_admin;
end $$;
comment on function private.require_super_admin() is 'The super admin who is signed in; raises super_admin_required (PT403).';

create function private.my_memberships(variadic p_roles public.member_role[] default '{}') returns uuid[]
language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(found.business_id), '{}')
  from (
    select id as business_id from public.businesses
    where owner_id = (select auth.uid()) and (p_roles = '{}' or 'owner' = any (p_roles))
    union
    select business_id from public.business_members
    where user_id = (select auth.uid()) and is_active and (p_roles = '{}' or role = any (p_roles))
  ) found
$$;
comment on function private.my_memberships(public.member_role[]) is
  'Businesses in which the signed-in user has one of the roles, any by default, whether they are switched on or not.';

create function private.has_feature(p_business_id uuid, p_feature text) returns boolean
language sql stable security definer set search_path = '' as $$
  select coalesce((select is_enabled from public.business_features where business_id = p_business_id and feature_name = p_feature), true)
$$;
comment on function private.has_feature(uuid, text) is 'Whether a business may use a feature. One that nobody switched off is on.';

create function private.my_businesses(p_feature text, variadic p_roles public.member_role[] default '{}') returns uuid[]
language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(b.id), '{}')
  from public.businesses b
  where b.id = any (private.my_memberships(variadic p_roles)) and b.status = 'active'
    and (p_feature is null or private.has_feature(b.id, p_feature))
$$;
comment on function private.my_businesses(text, public.member_role[]) is
  'Businesses that are switched on and have the feature, in which the signed-in user has one of the roles. Asked once per '
  'statement, because policies write (select private.my_businesses(…)).';

-- security definer: tells members of a business that is switched off why they are refused.
create function private.status_of(p_business_id uuid) returns public.business_status
language sql stable security definer set search_path = '' as $$
  select status from public.businesses where id = p_business_id
$$;
comment on function private.status_of(uuid) is 'Whether a business is switched on; null when there is none.';

-- security definer: auth.users is not for clients.
create function private.my_proven_email() returns text
language sql stable security definer set search_path = '' as $$
  select lower(email) from auth.users where id = (select auth.uid()) and email_confirmed_at is not null
$$;
comment on function private.my_proven_email() is 'The address that the signed-in user has proven; null without one.';

create function private.require_member(p_business_id uuid, p_feature text, variadic p_roles public.member_role[]) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_status public.business_status;
begin
  if plinth.is_trusted() or private.is_super_admin() then
    if private.status_of(p_business_id) is not null then
      return;
    end if;
  elsif p_business_id = any (private.my_businesses(p_feature, variadic p_roles)) then
    return;
  elsif p_business_id = any (private.my_memberships()) then
    v_status := private.status_of(p_business_id);
    if v_status <> 'active' then
      perform plinth.refuse('business_switched_off', 403, 'This business is not switched on.',
        jsonb_build_object('status', v_status), 'Its data is untouched. It is switched on when its payment was verified.');
    elsif not private.has_feature(p_business_id, p_feature) then
      perform plinth.refuse('feature_disabled', 403, 'This business does not have this feature.', jsonb_build_object('feature_name', p_feature));
    end if;
    perform plinth.refuse('forbidden', 403, 'Your role in this business does not allow this.',
      p_hint => format('One of these roles may: %s.', array_to_string(p_roles, ', ')));
  end if;
  perform plinth.refuse('unknown_business', 404, 'There is no such business.', p_hint => 'Check the business''s id and who is signed in.');
end $$;
comment on function private.require_member(uuid, text, public.member_role[]) is
  'Raises unknown_business (PT404) for strangers, and for members business_switched_off, feature_disabled or forbidden (PT403).';

revoke all on all functions in schema private from public;
grant execute on function private.is_super_admin(), private.super_admin_id(), private.my_memberships(public.member_role[]),
  private.my_businesses(text, public.member_role[]), private.has_feature(uuid, text), private.status_of(uuid),
  private.my_proven_email() to anon, authenticated, service_role;

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

-- The matrix: for each table and verb the roles of a business that may, beside the super admins. A verb that is not named
-- is for functions alone.
do $$
declare
  rule record;
  mine text;
begin
  for rule in
    select m.tab, m.feature, v.verb, v.roles
    from (values
      --                   feature      select           insert           update           delete
      ('products',        'inventory', 'any',           'owner,manager', 'owner,manager', 'owner,manager'),
      ('product_costs',   'inventory', 'owner,manager', 'owner,manager', 'owner,manager', 'owner,manager'),
      ('stock_movements', 'inventory', 'owner,manager', null,            null,            null),
      ('customers',       'customers', 'any',           'any',           'owner,manager', 'owner,manager'),
      ('sales',           'sales',     'any',           null,            null,            null),
      ('sale_lines',      'sales',     'any',           null,            null,            null),
      ('payments',        'payments',  'any',           null,            null,            null),
      ('daily_closes',    'sales',     'owner,manager', null,            null,            null),
      ('workers',         'workers',   'owner,manager', 'owner,manager', 'owner,manager', 'owner'),
      ('wage_entries',    'workers',   'owner,manager', null,            null,            null)
    ) m (tab, feature, "select", "insert", "update", "delete")
    cross join lateral (values ('select', m."select"), ('insert', m."insert"), ('update', m."update"), ('delete', m."delete"))
      v (verb, roles)
  loop
    if rule.roles is null then
      execute format('revoke %s on public.%I from authenticated', rule.verb, rule.tab);
      continue;
    end if;
    mine := case rule.roles when 'any' then format('business_id = any ((select private.my_businesses(%L))::uuid[])', rule.feature)
      else format('business_id = any ((select private.my_businesses(%L, variadic %L::public.member_role[]))::uuid[])',
        rule.feature, '{' || rule.roles || '}') end || ' or (select private.is_super_admin())';
    execute format('create policy %I on public.%I for %s to authenticated %s', rule.verb || ' by role', rule.tab, rule.verb,
      case rule.verb when 'insert' then format('with check (%s)', mine)
                     when 'update' then format('using (%s) with check (%s)', mine, mine)
                     else format('using (%s)', mine) end);
  end loop;
end $$;

-- Facts are written by functions alone, for the service role too.
revoke insert, update, delete on public.stock_movements, public.sales, public.sale_lines, public.payments, public.daily_closes,
  public.wage_entries, public.payment_records from service_role;

-- Stock is moved by adjust_stock(), count_stock() and sales.
revoke insert, update on public.products from authenticated, service_role;
grant insert (id, business_id, name, sku, category, unit, price, reorder_level, is_active) on public.products to authenticated, service_role;
grant update (name, sku, category, unit, price, reorder_level, is_active) on public.products to authenticated, service_role;
-- Which account is whose worker is settled by an invitation that was accepted.
revoke insert, update on public.workers from authenticated;
grant insert (id, business_id, name, phone, job_title, wage_amount, wage_period, started_on, ended_on, is_active) on public.workers to authenticated;
grant update (name, phone, job_title, wage_amount, wage_period, started_on, ended_on, is_active) on public.workers to authenticated;
-- A worker writes down a new customer, and gives no credit.
revoke insert on public.customers from authenticated;
grant insert (id, business_id, name, phone, email, address, notes) on public.customers to authenticated;

-- What only the platform's people see and write: everything by super admins, and nothing by the service without a reason.
do $$
declare t text;
begin
  foreach t in array array['super_admins', 'business_features', 'system_settings', 'businesses', 'business_members',
    'api_keys', 'api_usage_logs', 'backup_records', 'restore_requests', 'realtime_events', 'payment_records', 'business_invitations']
  loop
    execute format('create policy "super admins read" on public.%I for select to authenticated using ((select private.is_super_admin()))', t);
  end loop;
  foreach t in array array['super_admins', 'business_features', 'system_settings', 'api_keys'] loop
    execute format('create policy "super admins insert" on public.%I for insert to authenticated with check ((select private.is_super_admin()))', t);
    execute format('create policy "super admins update" on public.%I for update to authenticated using ((select private.is_super_admin())) with check ((select private.is_super_admin()))', t);
    execute format('create policy "super admins delete" on public.%I for delete to authenticated using ((select private.is_super_admin()))', t);
  end loop;
end $$;
revoke insert, update, delete on public.api_usage_logs, public.backup_records, public.restore_requests, public.realtime_events,
  public.payment_records, public.business_invitations from authenticated;
-- A setting that was in force stays what it was: a change is a new row from a later day on.
revoke update, delete on public.system_settings from authenticated;

-- A business sees itself, what it may use, what it paid, its people and its own backups; it does not judge them.
create policy "members read" on public.businesses for select to authenticated
  using (owner_id = (select auth.uid()) or id = any ((select private.my_memberships())::uuid[]));
create policy "members read" on public.business_features for select to authenticated
  using (business_id = any ((select private.my_memberships())::uuid[]));
create policy "owners read" on public.payment_records for select to authenticated
  using (business_id = any ((select private.my_memberships('owner'))::uuid[]));
create policy "owners read" on public.backup_records for select to authenticated
  using (business_id = any ((select private.my_memberships('owner'))::uuid[]));
create policy "owners read" on public.restore_requests for select to authenticated
  using (business_id = any ((select private.my_memberships('owner'))::uuid[]));
create policy "colleagues read" on public.business_members for select to authenticated
  using (user_id = (select auth.uid()) or business_id = any ((select private.my_memberships('owner', 'manager'))::uuid[]));
create policy "owners switch" on public.business_members for update to authenticated
  using (business_id = any ((select private.my_businesses(null, 'owner'))::uuid[]) and role <> 'owner')
  with check (business_id = any ((select private.my_businesses(null, 'owner'))::uuid[]) and role <> 'owner');
create policy "owners remove" on public.business_members for delete to authenticated
  using (business_id = any ((select private.my_businesses(null, 'owner'))::uuid[]) and role <> 'owner');
create policy "leave" on public.business_members for delete to authenticated using (user_id = (select auth.uid()));
revoke insert, update on public.business_members from authenticated;
grant update (role, is_active) on public.business_members to authenticated;
create policy "owners read" on public.business_invitations for select to authenticated
  using (business_id = any ((select private.my_memberships('owner'))::uuid[]));
create policy "those invited read" on public.business_invitations for select to authenticated
  using (email = (select private.my_proven_email()));

-- Anybody with an account may register a business of their own; it waits for its first payment. Its plan and what it paid are
-- the platform's to write.
create policy "register" on public.businesses for insert to authenticated with check (owner_id = (select auth.uid()));
create policy "super admins register" on public.businesses for insert to authenticated with check ((select private.is_super_admin()));
create policy "owners describe" on public.businesses for update to authenticated
  using (id = any ((select private.my_businesses(null, 'owner'))::uuid[])) with check (id = any ((select private.my_businesses(null, 'owner'))::uuid[]));
create policy "super admins describe" on public.businesses for update to authenticated
  using ((select private.is_super_admin())) with check ((select private.is_super_admin()));
revoke insert, update, delete on public.businesses from authenticated;
grant insert (id, business_name, owner_id, owner_name, email, phone, address, plan, currency, timezone, receipt_footer) on public.businesses to authenticated;
grant update (business_name, owner_name, email, phone, address, timezone, receipt_footer) on public.businesses to authenticated;

-- The channel of the super admins is private: what is said there names businesses and amounts.
create policy "super admins listen" on realtime.messages for select to authenticated
  using ((select realtime.topic()) = 'super-admin-dashboard' and (select private.is_super_admin()));
