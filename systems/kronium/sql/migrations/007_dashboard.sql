-- Numbers for the dashboard, files, and who may call what.


-- security definer: counts rows of everybody, for whoever has the permission.
create function public.dashboard_statistics(p_from timestamptz default null, p_until timestamptz default null) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_zone text := (select timezone from public.schedules where "isDefault");
  v_until timestamptz := coalesce(p_until, plinth.now());
  v_from timestamptz := coalesce(p_from, v_until - interval '30 days');
begin
  perform private.require_permission('view_dashboard');
  return jsonb_build_object(
    'from', to_json(v_from) #>> '{}', 'until', to_json(v_until) #>> '{}', 'timezone', v_zone,
    'users', (select jsonb_build_object('total', count(*), 'active', count(*) filter (where "isActive"),
      'new', count(*) filter (where "createdAt" >= v_from and "createdAt" < v_until)) from public.users),
    'services', (select jsonb_build_object('total', count(*), 'active', count(*) filter (where "isActive")) from public.services),
    'bookings', (select jsonb_build_object('total', count(*), 'upcoming', (select count(*) from public.bookings
          where status in ('pending', 'confirmed') and date >= plinth.now()),
        'byStatus', coalesce((select jsonb_object_agg(s.status, s.n) from (
          select status, count(*) as n from public.bookings where date >= v_from and date < v_until group by status) s), '{}'),
        'revenue', coalesce((select jsonb_object_agg(s.currency, s.sum) from (
          select currency, sum(price) as sum from public.bookings
          where date >= v_from and date < v_until and status = 'completed' group by currency) s), '{}'))
      from public.bookings where date >= v_from and date < v_until),
    'bookingsByDay', coalesce((select jsonb_agg(jsonb_build_object('day', d.day, 'bookings', d.n) order by d.day) from (
        select (date at time zone v_zone)::date as day, count(*) as n from public.bookings
        where date >= v_from and date < v_until and status <> 'cancelled' group by 1) d), '[]'),
    'topServices', coalesce((select jsonb_agg(jsonb_build_object('serviceName', t."serviceName", 'bookings', t.n) order by t.n desc, t."serviceName") from (
        select "serviceName", count(*) as n from public.bookings where date >= v_from and date < v_until and status <> 'cancelled'
        group by 1 order by 2 desc, 1 limit 10) t), '[]'),
    'projects', (select jsonb_build_object('total', count(*), 'open', count(*) filter (where status not in ('completed', 'cancelled')),
      'meanProgress', coalesce(round(avg(progress) filter (where status not in ('completed', 'cancelled')), 2), 0)) from public.projects),
    'chat', jsonb_build_object('rooms', (select count(*) from public.chat_rooms), 'messages', (select count(*) from public.chat_messages
      where "timestamp" >= v_from and "timestamp" < v_until), 'unread', (select count(*) from public.chat_messages where not read and "senderType" = 'customer')));
end $$;
comment on function public.dashboard_statistics(timestamptz, timestamptz) is
  'Counts and revenue of a time (default: the last 30 days); days are those of the default schedule''s zone. Raises permission_required (PT403).';

-- security definer: as public.dashboard_statistics().
create function public.dashboard_engagement(p_from timestamptz default null, p_until timestamptz default null) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_until timestamptz := coalesce(p_until, plinth.now());
  v_from timestamptz := coalesce(p_from, v_until - interval '30 days');
  v_clients bigint;
  v_booking bigint;
  v_again bigint;
begin
  perform private.require_permission('view_analytics');
  select count(*) into v_clients from public.users where role = 'customer' and "isActive";
  select count(*), count(*) filter (where n > 1) into v_booking, v_again from (
    select "customerId", count(*) as n from public.bookings
    where "customerId" is not null and "createdAt" >= v_from and "createdAt" < v_until and status <> 'cancelled' group by 1) b;
  return jsonb_build_object(
    'from', to_json(v_from) #>> '{}', 'until', to_json(v_until) #>> '{}', 'customers', v_clients,
    'bookingCustomers', v_booking, 'returningCustomers', v_again,
    'chattingCustomers', (select count(distinct m."senderId") from public.chat_messages m
      where m."senderType" = 'customer' and m."timestamp" >= v_from and m."timestamp" < v_until),
    'activeUsers', (select count(distinct "userId") from public.activity_events where at >= v_from and at < v_until),
    'cancellationRate', (select coalesce(round(count(*) filter (where status = 'cancelled')::numeric / nullif(count(*), 0), 4), 0)
      from public.bookings where "createdAt" >= v_from and "createdAt" < v_until),
    'noShowRate', (select coalesce(round(count(*) filter (where status = 'noShow')::numeric / nullif(count(*) filter (where status in ('completed', 'noShow')), 0), 4), 0)
      from public.bookings where date >= v_from and date < v_until));
end $$;
comment on function public.dashboard_engagement(timestamptz, timestamptz) is 'How clients take part in a time (default: the last 30 days). Raises permission_required (PT403).';

-- security definer: as public.dashboard_statistics().
create function public.dashboard_features(p_from timestamptz default null, p_until timestamptz default null) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_until timestamptz := coalesce(p_until, plinth.now());
  v_from timestamptz := coalesce(p_from, v_until - interval '30 days');
begin
  perform private.require_permission('view_analytics');
  return jsonb_build_object(
    'from', to_json(v_from) #>> '{}', 'until', to_json(v_until) #>> '{}', 'enabled', private.notes_activity(),
    'features', coalesce((select jsonb_agg(jsonb_build_object('name', f.name, 'uses', f.n, 'people', f.people) order by f.n desc, f.name) from (
      select name, count(*) as n, count(distinct "userId") as people from public.activity_events
      where kind = 'feature' and at >= v_from and at < v_until group by 1 order by 2 desc, 1 limit 50) f), '[]'),
    'errors', coalesce((select jsonb_agg(jsonb_build_object('name', f.name, 'times', f.n, 'people', f.people) order by f.n desc, f.name) from (
      select name, count(*) as n, count(distinct "userId") as people from public.activity_events
      where kind = 'error' and at >= v_from and at < v_until group by 1 order by 2 desc, 1 limit 50) f), '[]'));
end $$;
comment on function public.dashboard_features(timestamptz, timestamptz) is 'Uses of features and errors of apps in a time, while enableAnalytics is on. Raises permission_required (PT403).';

revoke all on function public.dashboard_statistics(timestamptz, timestamptz), public.dashboard_engagement(timestamptz, timestamptz),
  public.dashboard_features(timestamptz, timestamptz) from public, anon;
grant execute on function public.dashboard_statistics(timestamptz, timestamptz), public.dashboard_engagement(timestamptz, timestamptz),
  public.dashboard_features(timestamptz, timestamptz) to authenticated, service_role;

-- Files ----------------------------------------------------------------------------------------------------------

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('public', 'public', true, 10485760, '{image/*,video/*}'),
  ('media', 'media', false, 10485760, '{image/*,video/*,application/pdf,text/plain}');

-- security definer: counts files past the policies that ask it.
create function private.may_upload() returns boolean language sql stable security definer set search_path = '' as $$
  select (select count(*) from (select from storage.objects o where o.owner_id = (select auth.uid())::text
    and o.created_at > plinth.now() - interval '1 hour' limit private.limit_of('uploadsPerHour')) sent) < private.limit_of('uploadsPerHour')
$$;
comment on function private.may_upload() is 'Whether the caller has uploads left in this hour.';

create policy "people keep their picture" on storage.objects for all to authenticated
  using (bucket_id = 'public' and (storage.foldername(name))[1] = 'profile_images' and (storage.foldername(name))[2] = (select auth.uid())::text)
  with check (bucket_id = 'public' and (storage.foldername(name))[1] = 'profile_images' and (storage.foldername(name))[2] = (select auth.uid())::text
    and (select private.scope_of('view_users')) is not null and (select private.may_upload()));
create policy "admins keep the pictures of services" on storage.objects for all to authenticated
  using (bucket_id = 'public' and (storage.foldername(name))[1] in ('service_images', 'service_videos') and (select private.scope_of('manage_services')) = 'all')
  with check (bucket_id = 'public' and (storage.foldername(name))[1] in ('service_images', 'service_videos') and (select private.scope_of('manage_services')) = 'all');
create policy "see media of one's projects" on storage.objects for select to authenticated
  using (bucket_id = 'media' and (storage.foldername(name))[1] = 'project_media'
    and exists (select from public.projects p where p.id::text = (storage.foldername(objects.name))[2]));
create policy "the staff adds media" on storage.objects for insert to authenticated
  with check (bucket_id = 'media' and (storage.foldername(name))[1] = 'project_media' and (select private.may_upload()) and (select private.scope_of('manage_projects')) is not null
    and exists (select from public.projects p where p.id::text = (storage.foldername(objects.name))[2]
      and (p."staffId" = (select auth.uid()) or (select private.scope_of('manage_projects')) = 'all')));
create policy "admins remove media" on storage.objects for delete to authenticated
  using (bucket_id = 'media' and (select private.scope_of('manage_projects')) = 'all');
create policy "see attachments of one's rooms" on storage.objects for select to authenticated
  using (bucket_id = 'media' and (storage.foldername(name))[1] = 'chat_attachments'
    and exists (select from public.chat_rooms r where r.id::text = (storage.foldername(objects.name))[2]));
create policy "attach to one's rooms" on storage.objects for insert to authenticated
  with check (bucket_id = 'media' and (storage.foldername(name))[1] = 'chat_attachments' and (select private.may_upload()) and (storage.foldername(name))[3] = (select auth.uid())::text
    and exists (select from public.chat_rooms r where r.id::text = (storage.foldername(objects.name))[2]));

-- Private functions are for triggers, policies and the platform; each is granted on its own.
revoke all on all functions in schema private from public, anon, authenticated;
grant execute on function private.my_role(), private.scope_of(text), private.notes_activity(), private.may_upload() to anon, authenticated, service_role;
grant execute on function private.require_permission(text), private.require_all(text), private.may_all(text), private.my_resources(), private.manages(uuid), private.works_on(public.projects) to authenticated, service_role;
grant execute on function private.next_simple_id(), private.remove_user(uuid), private.feed_of(text), private.note_busy(uuid, jsonb), private.expire_unpaid(), private.pay_deposit(uuid), private.due_reminders(timestamptz, integer),
  private.availability_of(uuid, timestamptz, timestamptz, uuid) to service_role;
grant select on private.booking_events to service_role;
