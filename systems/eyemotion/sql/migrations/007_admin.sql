-- What the operator sees and does: users, money by period as the ledger has it, what is withheld; grants, suspension, roles. Every
-- change is written into activity_logs in its own transaction.

create function private.log_activity(p_user uuid, p_action text, p_type text, p_id text, p_details jsonb, p_origin jsonb, p_at timestamptz)
returns void language sql set search_path = '' as $$
  insert into public.activity_logs (user_id, action, resource_type, resource_id, details, ip_address, user_agent, session_id, created_at)
  values ((select id from public.user_profiles where id = p_user), p_action, p_type, p_id, coalesce(p_details, '{}'),
    p_origin ->> 'ip', left(p_origin ->> 'agent', 500), p_origin ->> 'session', p_at)
$$;
comment on function private.log_activity(uuid, text, text, text, jsonb, jsonb, timestamptz) is 'Notes who did what, from where (E-X4).';

create function private.require_admin(p_admin uuid, p_super boolean default false) returns public.user_profiles language plpgsql stable set search_path = '' as $$
declare
  v_admin public.user_profiles;
begin
  select * into v_admin from public.user_profiles where id = p_admin and suspended_at is null
    and (role = 'super_admin' or role = 'admin' and not p_super);
  if not found then
    perform plinth.refuse('admin_required', 403, case when p_super then 'Only a super admin may do this.' else 'Only an admin may do this.' end,
      p_hint => 'Sign in as one.');
  end if;
  return v_admin;
end $$;
comment on function private.require_admin(uuid, boolean) is 'Raises admin_required (PT403).';

create function private.require_subject(p_admin uuid, p_user uuid) returns public.user_profiles language plpgsql set search_path = '' as $$
declare
  v_admin public.user_profiles := private.require_admin(p_admin);
  v_user public.user_profiles;
begin
  select * into v_user from public.user_profiles where id = p_user for no key update;
  if not found then
    perform plinth.refuse('user_not_found', 404, 'There is no such user.');
  elsif v_user.role <> 'user' and v_admin.role <> 'super_admin' then
    perform plinth.refuse('admin_required', 403, 'Only a super admin changes admins.', p_hint => 'Sign in as one.');
  end if;
  return v_user;
end $$;
comment on function private.require_subject(uuid, uuid) is 'Somebody whom the admin may change. Raises user_not_found (PT404), admin_required (PT403).';

create function private.give_credits(p_admin uuid, p_user uuid, p_key text, p_credits bigint, p_reason text, p_expires_at timestamptz, p_origin jsonb, p_at timestamptz)
returns jsonb language plpgsql set search_path = '' as $$
begin
  perform private.require_subject(p_admin, p_user);
  perform private.grant_credits(p_user, 'given ' || p_key, p_credits, coalesce(p_expires_at, 'infinity'));
  perform private.log_activity(p_admin, 'admin.credits', 'user', p_user::text, jsonb_build_object('credits', p_credits, 'reason', p_reason, 'key', p_key), p_origin, p_at);
  return private.credits_of(p_user, p_at);
end $$;
comment on function private.give_credits(uuid, uuid, text, bigint, text, timestamptz, jsonb, timestamptz) is
  'Gives a user credits with a reason, once per key. Raises user_not_found (PT404), admin_required (PT403).';

create function private.return_usage(p_admin uuid, p_usage uuid, p_reason text, p_origin jsonb, p_at timestamptz) returns bigint
language plpgsql set search_path = '' as $$
declare
  v_used public.credits_usage;
  v_returned bigint;
begin
  perform private.require_admin(p_admin);
  select * into v_used from public.credits_usage where id = p_usage;
  if v_used.user_id is null then
    perform plinth.refuse('usage_not_found', 404, 'There is no such usage of anybody''s credits.');
  end if;
  v_returned := private.return_burn(v_used.user_id, v_used.burn_key, p_reason, p_at);
  perform private.log_activity(p_admin, 'admin.return_credits', 'usage', p_usage::text, jsonb_build_object('credits', v_returned, 'reason', p_reason), p_origin, p_at);
  return v_returned;
end $$;
comment on function private.return_usage(uuid, uuid, text, jsonb, timestamptz) is
  'Gives what was burned back to its lots, with a reason, once. Raises usage_not_found (PT404), admin_required (PT403).';

create function private.suspend_user(p_admin uuid, p_user uuid, p_reason text, p_origin jsonb, p_at timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.require_subject(p_admin, p_user);
  if p_admin = p_user then
    perform plinth.refuse('not_yourself', 409, 'Nobody suspends or demotes themselves.', p_hint => 'Ask another admin.');
  end if;
  update public.user_profiles set suspended_at = case when p_reason is null then null else coalesce(suspended_at, p_at) end, suspension_reason = p_reason
    where id = p_user;
  if p_reason is not null then
    delete from auth.sessions where user_id = p_user;
  end if;
  perform private.log_activity(p_admin, case when p_reason is null then 'admin.reinstate' else 'admin.suspend' end, 'user', p_user::text,
    jsonb_build_object('reason', p_reason), p_origin, p_at);
end $$;
comment on function private.suspend_user(uuid, uuid, text, jsonb, timestamptz) is
  'Shuts an account out for a reason and ends its sessions; without a reason lets it in again. Raises user_not_found (PT404), admin_required (PT403), not_yourself (PT409).';

create function private.set_role(p_admin uuid, p_user uuid, p_role public.user_role, p_origin jsonb, p_at timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.require_admin(p_admin, true);
  perform private.require_subject(p_admin, p_user);
  if p_admin = p_user then
    perform plinth.refuse('not_yourself', 409, 'Nobody suspends or demotes themselves.', p_hint => 'Ask another admin.');
  end if;
  update public.user_profiles set role = p_role where id = p_user;
  perform private.log_activity(p_admin, 'admin.role', 'user', p_user::text, jsonb_build_object('role', p_role), p_origin, p_at);
end $$;
comment on function private.set_role(uuid, uuid, public.user_role, jsonb, timestamptz) is
  'Makes somebody an admin, or a user again. Raises user_not_found (PT404), admin_required (PT403), not_yourself (PT409).';

-- Money ------------------------------------------------------------------------------------------------------------

create function private.earned(p_account text, p_from timestamptz, p_until timestamptz) returns bigint language sql stable set search_path = '' as $$
  select coalesce(plinth.ledger_balance('', p_account, 'THB', p_from), 0) - coalesce(plinth.ledger_balance('', p_account, 'THB', p_until), 0)
$$;
comment on function private.earned(text, timestamptz, timestamptz) is
  'What an account of income or a liability grew by in a span of time, satang: two look-ups in the ledger, however much there is.';

create function private.financial_analytics(p_from timestamptz, p_until timestamptz) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'from', p_from, 'until', p_until, 'currency', 'thb',
    'revenue', m.subscriptions + m.credits, 'subscriptions', m.subscriptions, 'credits', m.credits, 'vat', m.vat,
    'fees', -private.earned('payment fees', p_from, p_until),
    'disputed', coalesce(plinth.ledger_balance('', 'disputed', 'THB', p_until), 0),
    'transactions', (select jsonb_build_object(
        'completed', count(*) filter (where status = 'completed' and transaction_type <> 'refund'),
        'failed', count(*) filter (where status = 'failed'), 'refunds', count(*) filter (where transaction_type = 'refund' and status = 'completed'))
      from public.payment_transactions where created_at >= p_from and created_at < p_until),
    'mrr', (select coalesce(sum(p.price), 0) from public.user_subscriptions s join public.subscription_plans p on p.id = s.plan_id
      where s.subscription is not null and s.status in ('active', 'past_due') and not s.cancel_at_period_end),
    'daily', (
      select coalesce(jsonb_agg(jsonb_build_object('day', to_char(d.day, 'YYYY-MM-DD'), 'revenue', d.revenue) order by d.day), '[]') from (
        select (p.posted_at at time zone 'Asia/Bangkok')::date as day, -sum(p.amount) as revenue
        from plinth.ledger_accounts a join plinth.ledger_postings p on p.account = a.id
        where a.tenant = '' and a.currency = 'THB' and a.name in ('subscriptions', 'credits') and p.posted_at > p_from and p.posted_at <= p_until
        group by 1
      ) d))
  from (select private.earned('subscriptions', p_from, p_until) as subscriptions, private.earned('credits', p_from, p_until) as credits,
    private.earned('vat', p_from, p_until) as vat) m
$$;
comment on function private.financial_analytics(timestamptz, timestamptz) is
  'Money of a span of time as the ledger has it: satang without VAT, less what was given back; by day in Bangkok.';

create function private.estimate_rows(p_table regclass) returns bigint language plpgsql stable set search_path = '' as $$
declare
  v_estimate bigint := (select reltuples from pg_catalog.pg_class where oid = p_table);
  v_count bigint;
begin
  if v_estimate >= 100000 then
    return v_estimate;
  end if;
  execute format('select count(*) from %s', p_table) into v_count;
  return v_count;
end $$;
comment on function private.estimate_rows(regclass) is 'Rows of a table: counted while there are few, as PostgreSQL estimates them from a hundred thousand on.';

create function private.dashboard(p_at timestamptz) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'users', jsonb_build_object('total', private.estimate_rows('public.user_profiles'),
      'new_30_days', (select count(*) from public.user_profiles where created_at > p_at - interval '30 days'),
      'suspended', (select count(*) from public.user_profiles where suspended_at is not null)),
    'subscriptions', (select coalesce(jsonb_object_agg(p.name, n.count), '{}') from public.subscription_plans p
      join lateral (select count(*) as count from public.user_subscriptions s where s.plan_id = p.id) n on true),
    'projects', private.estimate_rows('public.projects'), 'files', private.estimate_rows('public.project_files'),
    'storage_bytes', (select coalesce(sum(storage_used_bytes), 0) from public.user_subscriptions),
    'revenue_30_days', private.earned('subscriptions', p_at - interval '30 days', p_at) + private.earned('credits', p_at - interval '30 days', p_at),
    'currency', 'thb',
    'recent_transactions', (select coalesce(jsonb_agg(to_jsonb(t) - 'metadata' order by t.created_at desc), '[]') from (
      select * from public.payment_transactions order by created_at desc, id limit 10) t),
    'withheld', (select count(*) from private.withheld_orders where released_at is null))
$$;
comment on function private.dashboard(timestamptz) is 'What an admin sees first. Costs the users, and of transactions the latest ten.';
create index user_profiles_suspended on public.user_profiles (suspended_at) where suspended_at is not null;

create function private.list_users(p_page integer, p_limit integer, p_search text, p_role public.user_role, p_plan text, p_suspended boolean)
returns jsonb language sql stable set search_path = '' as $$
  with found as (
    select p.id, u.email, p.full_name, p.company_name, p.role, p.country, p.suspended_at, p.created_at, u.last_sign_in_at,
      l.name as plan, s.status, s.credits_used, s.storage_used_bytes
    from public.user_profiles p join auth.users u on u.id = p.id
    join public.user_subscriptions s on s.user_id = p.id join public.subscription_plans l on l.id = s.plan_id
    where (p_search is null or strpos(lower(concat_ws(' ', u.email, p.full_name, p.company_name)), lower(p_search)) > 0)
      and (p_role is null or p.role = p_role) and (p_plan is null or l.name = p_plan)
      and (p_suspended is null or (p.suspended_at is not null) = p_suspended)
  ),
  page as (select * from found order by created_at desc, id limit p_limit offset (p_page - 1) * p_limit)
  select jsonb_build_object('users', coalesce((select jsonb_agg(to_jsonb(page) order by created_at desc, id) from page), '[]'),
    'page', p_page, 'limit', p_limit, 'total', (select count(*) from found))
$$;
comment on function private.list_users(integer, integer, text, public.user_role, text, boolean) is
  'A page of the users, the newest first, of those that a filter lets through. The search is literal.';

create function private.user_activity(p_from timestamptz, p_until timestamptz) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object('active_users', count(distinct user_id), 'actions', count(*),
    'by_action', coalesce((select jsonb_object_agg(action, n) from (
      select action, count(*) as n from public.activity_logs where created_at >= p_from and created_at < p_until group by 1 order by 2 desc limit 50) a), '{}'))
  from public.activity_logs where created_at >= p_from and created_at < p_until
$$;
comment on function private.user_activity(timestamptz, timestamptz) is 'How many people did how much in a span of time (E-M1).';

-- Initialisation (E-S2…5) ------------------------------------------------------------------------------------------

create function private.require_init(p_force boolean) returns void language plpgsql stable set search_path = '' as $$
begin
  if not p_force and plinth.kv_get('system:initialized') is not null then
    perform plinth.refuse('already_initialized', 409, 'The system is initialised.', plinth.kv_get('system:initialized'), 'Send {"force": true} to do it again; nothing is lost by it.');
  end if;
end $$;
comment on function private.require_init(boolean) is 'Raises already_initialized (PT409) after init/complete, unless forced.';

create function private.init_database(p_at timestamptz) returns jsonb language plpgsql set search_path = '' as $$
begin
  perform private.keep_activity_logs(p_at);
  perform private.roll_accounts(p_at);
  return jsonb_build_object(
    'tables', (select jsonb_agg(c.relname order by c.relname) from pg_catalog.pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition),
    'row_security', (select bool_and(c.relrowsecurity) from pg_catalog.pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition));
end $$;
comment on function private.init_database(timestamptz) is 'Makes what the database needs for now: partitions, free months. Says which tables there are; migrations have made them at start.';

create function private.complete_init(p_at timestamptz) returns jsonb language plpgsql set search_path = '' as $$
begin
  if plinth.kv_get('features') is null then
    perform plinth.kv_set('features', '{"authEnabled": true, "paymentsEnabled": true, "storageEnabled": true, "analyticsEnabled": true, "backupEnabled": true}');
  end if;
  perform plinth.kv_set('system:initialized', jsonb_build_object('at', p_at, 'version', '1.0.0'));
  return plinth.kv_get('system:initialized');
end $$;
comment on function private.complete_init(timestamptz) is 'Notes that the system is initialised, and writes the five flags (E-N2) where there are none.';

-- The flags are an entry of the key-value store.
select plinth.adopt_kv_flags('features');

-- Deletion of an account (E-X1) --------------------------------------------------------------------------------------

create function private.forget_account(p_user uuid) returns void language plpgsql set search_path = '' as $$
begin
  update public.activity_logs set ip_address = null, user_agent = null, session_id = null, details = '{}' where user_id = p_user;
  update public.credits_usage set details = jsonb_build_object('lots', coalesce(details -> 'lots', '[]')), resource_id = null where user_id = p_user;
  update public.payment_transactions set invoice_url = null, receipt_url = null, metadata = '{}' where user_id = p_user;
  update public.file_comments set author_name = 'Somebody' where author_id = p_user;
  delete from auth.users where id = p_user;
  perform plinth.drop_pool('credits', p_user, true);
  perform plinth.drop_pool('bytes', p_user, true);
end $$;
comment on function private.forget_account(uuid) is
  'Removes an account with its projects. What was paid and burned stays without whose it was; facts and ledger are the platform''s.';

revoke all on function private.log_activity(uuid, text, text, text, jsonb, jsonb, timestamptz), private.require_admin(uuid, boolean),
  private.require_subject(uuid, uuid), private.give_credits(uuid, uuid, text, bigint, text, timestamptz, jsonb, timestamptz),
  private.return_usage(uuid, uuid, text, jsonb, timestamptz), private.suspend_user(uuid, uuid, text, jsonb, timestamptz), private.set_role(uuid, uuid, public.user_role, jsonb, timestamptz),
  private.earned(text, timestamptz, timestamptz), private.financial_analytics(timestamptz, timestamptz), private.estimate_rows(regclass),
  private.dashboard(timestamptz), private.list_users(integer, integer, text, public.user_role, text, boolean),
  private.user_activity(timestamptz, timestamptz), private.require_init(boolean), private.init_database(timestamptz),
  private.complete_init(timestamptz), private.forget_account(uuid) from public;

-- Entry points of routes and jobs, which act as the service role: it may call nothing of the platform's schema, and these run as the
-- owner, with a fixed search_path. Nobody else may call them.
do $$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid from pg_catalog.pg_proc p where p.pronamespace = 'private'::regnamespace and p.proname in (
      'spendable_credits', 'burn_credits', 'use_credits', 'return_usage', 'credits_of', 'roll_accounts', 'begin_free_period', 'request_upload', 'confirm_upload',
      'abandon_uploads', 'require_project', 'require_file', 'require_flag', 'waiting_subscription', 'add_member', 'add_team_member', 'approve_file', 'open_review', 'comment_as_guest',
      'project_document', 'account_document', 'usage_of', 'note_export', 'release_order', 'log_activity', 'require_admin', 'give_credits', 'suspend_user', 'set_role',
      'financial_analytics', 'dashboard', 'list_users', 'user_activity', 'require_init', 'init_database', 'complete_init', 'forget_account')
  loop
    execute format('alter function %s security definer', v_function);
    execute format('grant execute on function %s to service_role', v_function);
  end loop;
end $$;
