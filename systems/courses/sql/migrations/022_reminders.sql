-- Reminders: a day and an hour before an event, once for each time that it is set to. An event that moved has other reminders.

create function private.plan_reminders() returns bigint language sql security definer set search_path = '' as $$
  with due as (
    select e.id, e.starts_at - k.before as since, k.kind, format('reminder-%s/%s/%s', k.kind, e.id, e.sequence) as key
    from public.events e
    cross join (values ('day', interval '24 hours', interval '1 hour'), ('hour', interval '1 hour', interval '0')) k (kind, before, until_before)
    where e.cancelled_at is null and e.starts_at > plinth.now() and e.starts_at - k.before <= plinth.now() and plinth.now() < e.starts_at - k.until_before
  ),
  wanted as (
    select r.user_id, c.channel, d.id, d.kind, format('%s/%s/%s', d.key, r.user_id, c.channel) as key
    from due d
    -- Who registered later than that has read the time a moment ago.
    join public.registrations r on r.event_id = d.id and r.payment_status in ('completed', 'free') and r.cancelled_at is null
      and r.user_id is not null and r.seated_at <= d.since
    left join public.notification_preferences p on p.user_id = r.user_id
    cross join unnest(array['email', 'in_app', 'sms']) c (channel)
    where c.channel <> 'sms' or (d.kind = 'hour' and p.sms_enabled)
  )
  select plinth.queue_messages((
    select jsonb_agg(jsonb_build_object('person', w.user_id, 'channel', w.channel, 'template', 'reminder', 'dedupe_key', w.key,
      'priority', case w.kind when 'hour' then 'urgent' else 'high' end, 'variables', private.event_facts(w.id) || jsonb_build_object('soon', w.kind = 'hour')))
    from wanted w where not exists (select from public.notifications_queue q where q.dedupe_key = w.key)))
$$;
comment on function private.plan_reminders() is 'Queues the reminders that are due, by SMS an hour before for who wants it; gives how many.';

create function private.expire_registrations() returns integer language plpgsql security definer set search_path = '' as $$
declare
  v_count integer;
begin
  -- Only those whose payment nobody has heard of; a payment that comes later is paid back.
  update public.registrations r set cancelled_at = plinth.now(), cancel_reason = 'It was not paid in time.', payment_status = 'failed', held_until = null
    where r.id in (
      select x.id from public.registrations x left join plinth.payment_orders o on o.id = x.order_id
      where x.seated_at is null and x.cancelled_at is null and x.held_until < plinth.now() - interval '24 hours'
        and coalesce(o.captured, 0) = 0 and coalesce(o.status, 'open') <> 'authorised'
      order by x.id limit 1000 for no key update of x skip locked);
  get diagnostics v_count = row_count;
  -- An offer that was accepted and then not paid is over as well.
  update public.event_waitlist w set status = 'expired', ended_as = 'expired', updated_at = plinth.now()
    where w.status = 'registered' and not exists (
      select from public.registrations r where r.event_id = w.event_id and r.user_id = w.user_id and r.cancelled_at is null
        and (r.seated_at is not null or r.held_until > plinth.now()))
      and w.updated_at < plinth.now() - interval '1 hour';
  return v_count;
end $$;
comment on function private.expire_registrations() is
  'Ends registrations whose seat was held in vain a day ago, so that their coupon and their place are free for another try; gives how many.';

revoke all on function private.plan_reminders(), private.expire_registrations() from public;
grant execute on function private.plan_reminders(), private.expire_registrations() to service_role;
