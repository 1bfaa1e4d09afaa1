-- What the platform knows of itself (R-F5): figures for its super admins, from sums that are kept as payments come.

create table private.payment_totals (
  business_id uuid not null references public.businesses (id) on delete cascade,
  month date not null,
  plan public.business_plan not null,
  payment_type public.payment_type not null,
  amount_minor bigint not null default 0,
  payments integer not null default 0,
  primary key (business_id, month, plan, payment_type)
);
comment on table private.payment_totals is 'Sums of confirmed payment_records by month, so that a figure costs what there are businesses, not payments.';
create index payment_totals_month on private.payment_totals (month);

create function private.add_to_totals() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  with changes as (
    select new.business_id, new.paid_on, new.plan, new.payment_type, new.payment_amount, new.currency, 1 as sign where new.status = 'confirmed'
    union all
    select old.business_id, old.paid_on, old.plan, old.payment_type, old.payment_amount, old.currency, -1 where old.status = 'confirmed'
  )
  insert into private.payment_totals as t (business_id, month, plan, payment_type, amount_minor, payments)
    select business_id, date_trunc('month', paid_on)::date, plan, payment_type,
      sum(sign * plinth.to_minor(payment_amount, currency)), sum(sign) from changes group by 1, 2, 3, 4
    on conflict (business_id, month, plan, payment_type) do update
      set amount_minor = t.amount_minor + excluded.amount_minor, payments = t.payments + excluded.payments;
  return null;
end $$;
comment on function private.add_to_totals() is 'Trigger: keeps payment_totals equal to the sums of payment_records.';
create trigger add_to_totals after insert or update on public.payment_records
  for each row execute function private.add_to_totals();

create function private.require_reader(p_business_id uuid, p_permission text) returns void
language plpgsql stable set search_path = '' as $$
begin
  if plinth.is_trusted() or private.is_super_admin() or plinth.key_may(p_permission, p_business_id::text)
    or p_business_id = any (private.my_memberships('owner'))
  then
    if p_business_id is not null and private.status_of(p_business_id) is null then
      perform plinth.refuse('unknown_business', 404, 'There is no such business.', p_hint => 'Check the business''s id.');
    end if;
    return;
  end if;
  if p_business_id is null then
    perform plinth.refuse('super_admin_required', 403, 'Only a super admin, or a key of the whole system, may read this.',
      p_hint => 'Sign in as a super admin.');
  end if;
  perform plinth.refuse('unknown_business', 404, 'There is no such business.', p_hint => 'Check the business''s id and who is signed in.');
end $$;
comment on function private.require_reader(uuid, text) is
  'Figures of the platform (business null) are for super admins and keys of the whole system; those of a business for its owner and its keys, too.';

create function private.major(p_minor numeric) returns numeric
language sql stable set search_path = '' as $$ select plinth.to_major(coalesce(p_minor, 0), private.platform_currency()) $$;
comment on function private.major(numeric) is 'An amount of the platform''s currency in major units.';

create function public.analytics_overview() returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_today date := (plinth.now() at time zone 'UTC')::date;
begin
  perform private.require_reader(null, 'analytics');
  return (
    select jsonb_build_object(
      'total_businesses', count(*),
      'active_businesses', count(*) filter (where status = 'active'),
      'total_revenue', private.major((select sum(amount_minor) from private.payment_totals)),
      'overdue_payments', count(*) filter (where payment_status = 'overdue'),
      'new_this_month', count(*) filter (where created_at >= date_trunc('month', plinth.now() at time zone 'UTC') at time zone 'UTC'),
      'active_rate', round(100.0 * count(*) filter (where status = 'active') / nullif(count(*), 0), 1),
      'due_within_30_days', count(*) filter (where status = 'active' and next_payment_date between v_today and v_today + 30),
      'currency', private.platform_currency())
    from public.businesses);
end $$;
comment on function public.analytics_overview() is 'How the platform is doing (R-F5, overview). active_rate in percent, null without businesses.';

create function public.analytics_business(p_business_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_reader(p_business_id, 'analytics');
  return (
    select jsonb_build_object(
      'business', to_jsonb(b) - 'credit_minor' || jsonb_build_object('credit', private.major(b.credit_minor)),
      'total_paid', private.major((select sum(amount_minor) from private.payment_totals where business_id = p_business_id)),
      'payment_count', (select coalesce(sum(payments), 0) from private.payment_totals where business_id = p_business_id),
      'last_payment', (select to_jsonb(p) from public.payment_records p
        where business_id = p_business_id and status = 'confirmed' order by paid_on desc, seq desc limit 1),
      'backup_count', (select count(*) from public.backup_records where business_id = p_business_id and status = 'completed'),
      'last_backup', last_backup.completed_at,
      'days_since_last_backup', floor(extract(epoch from plinth.now() - last_backup.completed_at) / 86400),
      'currency', private.platform_currency())
    from public.businesses b
    left join lateral (select completed_at from public.backup_records
      where business_id = b.id and status = 'completed' order by started_at desc limit 1) last_backup on true
    where b.id = p_business_id);
end $$;
comment on function public.analytics_business(uuid) is 'One business beside the platform (R-F5, business).';

create function public.analytics_revenue() returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_this date := date_trunc('month', plinth.now() at time zone 'UTC')::date;
begin
  perform private.require_reader(null, 'analytics');
  return jsonb_build_object(
    'revenue_by_plan', (
      select jsonb_object_agg(p.plan, private.major(t.amount))
      from unnest(enum_range(null::public.business_plan)) p (plan)
      left join (select plan, sum(amount_minor) as amount from private.payment_totals group by plan) t using (plan)),
    'revenue_by_type', (
      select jsonb_object_agg(p.payment_type, private.major(t.amount))
      from unnest(enum_range(null::public.payment_type)) p (payment_type)
      left join (select payment_type, sum(amount_minor) as amount from private.payment_totals group by payment_type) t using (payment_type)),
    'monthly_trend', (
      select jsonb_agg(jsonb_build_object('month', to_char(m.month, 'YYYY-MM'), 'revenue', private.major(t.amount), 'payments', coalesce(t.payments, 0)) order by m.month)
      from (select (v_this - make_interval(months => n))::date as month from generate_series(0, 11) n) m
      left join (select month, sum(amount_minor) as amount, sum(payments) as payments from private.payment_totals
        where month > v_this - interval '12 months' group by month) t using (month)),
    'total_revenue', private.major((select sum(amount_minor) from private.payment_totals)),
    'currency', private.platform_currency());
end $$;
comment on function public.analytics_revenue() is 'What businesses paid (R-F5, revenue): by plan, by kind, and in each of the last twelve months.';

create function public.analytics_growth() returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_now timestamptz := plinth.now();
begin
  perform private.require_reader(null, 'analytics');
  return (
    select jsonb_build_object(
      'total_businesses', count(*),
      'active_businesses', count(*) filter (where status = 'active'),
      'new_this_month', count(*) filter (where created_at > v_now - interval '30 days'),
      'new_last_three_months', count(*) filter (where created_at > v_now - interval '90 days'),
      -- Of those that had begun 90 days ago, how many are still switched on.
      'retention_rate', round(100.0 * count(*) filter (where created_at <= v_now - interval '90 days' and status = 'active')
        / nullif(count(*) filter (where created_at <= v_now - interval '90 days' and last_payment_date is not null), 0), 1),
      -- Whole periods of the same length: the last 30 days beside the 30 before them.
      'growth_rate', round(100.0 * (count(*) filter (where created_at > v_now - interval '30 days')
          - count(*) filter (where created_at > v_now - interval '60 days' and created_at <= v_now - interval '30 days'))
        / nullif(count(*) filter (where created_at > v_now - interval '60 days' and created_at <= v_now - interval '30 days'), 0), 1))
    from public.businesses);
end $$;
comment on function public.analytics_growth() is
  'How the platform grows (R-F5, growth). Rates in percent; null where there is nothing to compare with.';

create function public.backup_status(p_business_id uuid default null) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_reader(p_business_id, 'backup_status');
  return (
    select jsonb_build_object(
      'last_slot', (select max(s.last_slot) from plinth.backup_status(p_business_id::text) s),
      'last_completed_at', max(completed_at) filter (where status = 'completed'),
      'completed', count(*) filter (where status = 'completed'),
      'failed', count(*) filter (where status = 'failed'),
      'success_rate', round(100.0 * count(*) filter (where status = 'completed') / nullif(count(*) filter (where status <> 'pending'), 0), 2),
      'storage_bytes', coalesce(sum(data_size) filter (where status = 'completed'), 0),
      'recent_failures', (select coalesce(jsonb_agg(f), '[]') from (
        select id, business_id, started_at, error_message from public.backup_records
        where status = 'failed' and (p_business_id is null or business_id = p_business_id) order by started_at desc limit 10) f))
    from public.backup_records
    where started_at > plinth.now() - interval '7 days' and (p_business_id is null or business_id = p_business_id));
end $$;
comment on function public.backup_status(uuid) is 'How backups went in the last seven days, of one business or of all (R-O4, R-O5, R-O10).';

revoke all on function private.add_to_totals(), private.require_reader(uuid, text), private.major(numeric), private.platform_currency(),
  public.analytics_overview(), public.analytics_business(uuid), public.analytics_revenue(), public.analytics_growth(),
  public.backup_status(uuid) from public;
grant execute on function public.analytics_overview(), public.analytics_business(uuid), public.analytics_revenue(),
  public.analytics_growth(), public.backup_status(uuid) to authenticated, service_role;
