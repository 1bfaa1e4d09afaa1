-- What people do, what comes in, and how well the platform does: reports for administrators, and the four figures with a target.

create function public.track_events(p_events jsonb) returns integer language plpgsql security definer set search_path = '' as $$
declare
  v_count integer;
begin
  if jsonb_typeof(p_events) is distinct from 'array' or jsonb_array_length(p_events) > 100 then
    perform plinth.refuse('events_invalid', 422, 'Events come as a list of at most 100.');
  end if;
  insert into public.analytics_events (client_event_id, user_id, event_name, event_category, event_data, session_id, variant, occurred_at)
  select coalesce(e.client_event_id, gen_random_uuid()), auth.uid(), e.event_name, coalesce(e.event_category, 'engagement'), coalesce(e.event_data, '{}'),
    e.session_id, e.variant, least(greatest(coalesce(e.occurred_at, plinth.now()), plinth.now() - interval '7 days'), plinth.now())
  from jsonb_to_recordset(p_events) e (client_event_id uuid, event_name text, event_category public.analytics_category, event_data jsonb,
    session_id text, variant text, occurred_at timestamptz)
  on conflict (client_event_id) do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end $$;
comment on function public.track_events(jsonb) is
  'Stores what an app reports: a list of {client_event_id, event_name, event_category, event_data, session_id, variant, occurred_at}. The '
  'same client_event_id is stored once; gives how many were new. Instants of the future are now, older than a week a week ago. Raises events_invalid.';

create function private.require_admin() returns void language plpgsql stable set search_path = '' as $$
begin
  if not (private.is_admin() or plinth.is_trusted()) then
    perform plinth.refuse('admin_required', 403, 'Only an administrator may do this.', p_hint => 'Sign in as an administrator.');
  end if;
end $$;
comment on function private.require_admin() is 'Raises admin_required unless an administrator or the service asks.';

create function public.funnel(p_steps text[], p_from timestamptz default '-infinity', p_until timestamptz default 'infinity')
returns table (step integer, event_name text, variant text, sessions bigint) language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  perform private.require_admin();
  return query
    with recursive reached as (
      select e.session_id, 1 as step, min(e.occurred_at) as at, max(e.variant) as variant
      from public.analytics_events e
      where e.event_name = p_steps[1] and e.occurred_at >= p_from and e.occurred_at < p_until group by e.session_id
      union all
      select r.session_id, r.step + 1, n.at, coalesce(r.variant, n.variant)
      from reached r cross join lateral (
        select e.occurred_at as at, e.variant from public.analytics_events e
        where e.session_id = r.session_id and e.event_name = p_steps[r.step + 1] and e.occurred_at >= r.at and e.occurred_at < p_until
        order by e.occurred_at limit 1) n
      where r.step < least(cardinality(p_steps), 20)
    )
    select r.step, p_steps[r.step], r.variant, count(*) from reached r group by 1, 3 order by 1, 3;
end $$;
comment on function public.funnel(text[], timestamptz, timestamptz) is
  'How many sessions reached each step after the one before, by the variant that they saw, for administrators: a funnel, and an A/B comparison. Raises admin_required.';

-- Reports --------------------------------------------------------------------------------------------------------

create function private.report_overview() returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'totalUsers', (select count(*) from public.profiles),
    'totalEvents', (select count(*) from public.events),
    'totalRegistrations', (select count(*) from public.registrations),
    'completedPayments', count(*) filter (where status = 'success'),
    'totalRevenue', coalesce(sum(amount - refunded_amount) filter (where status = 'success'), 0), 'currency', 'INR')
  from public.payment_transactions
$$;
comment on function private.report_overview() is 'How much there is of everything; revenue is what was paid less what went back.';

create function private.report_revenue(p_start date, p_end date) returns jsonb language sql stable security definer set search_path = '' as $$
  with days as (
    select (r.paid_at at time zone (select private.zone()))::date as date, count(*) as transactions, sum(t.amount - t.refunded_amount) as revenue
    from public.payment_transactions t join public.registrations r on r.id = t.registration_id
    where t.status = 'success' and r.paid_at is not null
      and (p_start is null or r.paid_at >= p_start::timestamp at time zone (select private.zone()))
      and (p_end is null or r.paid_at < (p_end + 1)::timestamp at time zone (select private.zone()))
    group by 1
  )
  select jsonb_build_object('totalRevenue', coalesce(sum(revenue), 0), 'transactionCount', coalesce(sum(transactions), 0), 'currency', 'INR',
    'revenueByDate', coalesce(jsonb_agg(jsonb_build_object('date', date, 'revenue', revenue, 'transactions', transactions) order by date), '[]'))
  from days
$$;
comment on function private.report_revenue(date, date) is 'What was paid by day, both ends included; the days are those of the organisation''s zone.';

create function private.report_events(p_start date, p_end date) returns jsonb language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('eventId', e.id, 'title', e.title, 'category', e.category, 'status', e.status, 'startsAt', e.starts_at,
      'capacity', e.max_participants, 'registrations', coalesce(r.registrations, 0), 'seated', coalesce(r.seated, 0), 'attended', coalesce(r.attended, 0),
      'revenue', coalesce(r.revenue, 0), 'averageRating', f.average, 'feedbackCount', coalesce(f.count, 0)) order by e.starts_at desc, e.id), '[]')
  from public.events e
  left join lateral (
    select count(*) as registrations, count(*) filter (where r.payment_status in ('completed', 'free') and r.cancelled_at is null) as seated,
      count(*) filter (where r.attended_minutes > 0) as attended,
      (select sum(t.amount - t.refunded_amount) from public.payment_transactions t where t.event_id = e.id and t.status = 'success') as revenue
    from public.registrations r where r.event_id = e.id
  ) r on true
  left join lateral (select round(avg(rating), 2) as average, count(*) as count from public.feedback f where f.event_id = e.id) f on true
  where (p_start is null or e.starts_at >= p_start::timestamp at time zone (select private.zone()))
    and (p_end is null or e.starts_at < (p_end + 1)::timestamp at time zone (select private.zone()))
$$;
comment on function private.report_events(date, date) is 'How each event does: registrations, seats, attendance, revenue, ratings; of those that start within the days.';

create function private.report_referrals(p_start date, p_end date) returns jsonb language sql stable security definer set search_path = '' as $$
  with counted as (
    select * from public.referrals f
    where (p_start is null or f.created_at >= p_start::timestamp at time zone (select private.zone()))
      and (p_end is null or f.created_at < (p_end + 1)::timestamp at time zone (select private.zone()))
  ),
  top as (
    select c.referrer_id, max(p.full_name) as name, count(*) as referrals, count(*) filter (where c.status <> 'pending' and c.voided_at is null) as completed
    from counted c left join public.profiles p on p.id = c.referrer_id
    where c.referrer_id is not null group by c.referrer_id order by completed desc, referrals desc, c.referrer_id limit 10
  )
  select jsonb_build_object('totalReferrals', count(*), 'completedReferrals', count(*) filter (where status <> 'pending' and voided_at is null),
    'rewardedReferrals', count(*) filter (where status = 'rewarded'), 'voidReferrals', count(*) filter (where voided_at is not null),
    'conversionRate', coalesce(round(100.0 * count(*) filter (where status <> 'pending' and voided_at is null) / nullif(count(*), 0), 2), 0),
    'topReferrers', (select coalesce(jsonb_agg(jsonb_build_object('userId', referrer_id, 'name', name, 'referrals', referrals, 'completed', completed)
      order by completed desc, referrals desc, referrer_id), '[]') from top))
  from counted
$$;
comment on function private.report_referrals(date, date) is 'Referrals, who brings most, and how many lead to a payment (percent).';

create function private.course_figures() returns table (payment_success numeric, webhook_seconds numeric, delivery numeric, certificates numeric)
language sql stable security definer set search_path = '' as $$
  select
    (select round(100.0 * count(*) filter (where status <> 'failed') / nullif(count(*), 0), 3) from public.payment_transactions
      where status <> 'initiated' and created_at > plinth.now() - interval '1 day'),
    (select round(percentile_cont(0.95) within group (order by extract(epoch from coalesce(processed_at, plinth.now()) - received_at))::numeric, 3)
      from public.webhook_logs where source in ('razorpay', 'stripe') and received_at > plinth.now() - interval '1 hour'),
    (select round(100.0 * count(*) filter (where state = 'sent') / nullif(count(*), 0), 3) from plinth.notification_deliveries
      where state in ('sent', 'failed') and created_at > plinth.now() - interval '1 day'),
    (select round(100.0 * count(*) filter (where exists (select from public.certificates c where c.registration_id = r.id)) / nullif(count(*), 0), 3)
      from public.registrations r join public.events e on e.id = r.event_id
      where e.ends_at between plinth.now() - interval '7 days' and plinth.now() - interval '2 hours' and e.cancelled_at is null
        and r.payment_status in ('completed', 'free') and r.cancelled_at is null and r.attended_minutes >= e.min_attendance_minutes)
$$;
comment on function private.course_figures() is
  'The four figures with a target: payments that succeed, of a day (percent, C-M1); seconds from a webhook to its registration, p95 of an hour '
  '(C-M2); messages that are delivered, of a day (percent, C-M3); certificates of who earned one, of a week (percent, C-M4). Null: nothing happened.';

revoke all on function public.track_events(jsonb), private.require_admin(), public.funnel(text[], timestamptz, timestamptz), private.report_overview(),
  private.report_revenue(date, date), private.report_events(date, date), private.report_referrals(date, date), private.course_figures() from public;
grant execute on function public.track_events(jsonb) to anon, authenticated, service_role;
grant execute on function public.funnel(text[], timestamptz, timestamptz) to authenticated, service_role;
grant execute on function private.report_overview(), private.report_revenue(date, date), private.report_events(date, date),
  private.report_referrals(date, date) to service_role;
