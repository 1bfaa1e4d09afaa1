-- Who may do what (C-O1). People see what is theirs, instructors what belongs to their events, administrators everything.
-- Whatever decides about money, seats and attendance is written by functions only.

-- security definer: profiles and registrations are protected by policies that ask these functions.
create function private.is_admin() returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select from public.profiles where id = (select auth.uid()) and is_admin)
$$;
comment on function private.is_admin() is 'Whether an administrator is signed in.';

create function private.is_instructor() returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select from public.profiles where id = (select auth.uid()) and (is_instructor or is_admin))
$$;
comment on function private.is_instructor() is 'Whether somebody is signed in who may hold events.';

create function private.teaches(p_event_id uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select private.is_admin() or exists (
    select from public.events e join public.profiles p on p.id = e.instructor_id
    where e.id = p_event_id and e.instructor_id = (select auth.uid()) and p.is_instructor)
$$;
comment on function private.teaches(uuid) is 'Whether the event''s instructor, or an administrator, is signed in.';

create function private.has_seat(p_event_id uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (
    select from public.registrations
    where event_id = p_event_id and user_id = (select auth.uid()) and payment_status in ('completed', 'free') and cancelled_at is null)
$$;
comment on function private.has_seat(uuid) is 'Whether somebody is signed in who has a seat in the event, paid or free.';

create function private.event_of_path(p_name text) returns uuid language sql immutable set search_path = '' as $$
  select case when split_part(p_name, '/', 1) ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
    then split_part(p_name, '/', 1)::uuid end
$$;
comment on function private.event_of_path(text) is 'The event whose file a path names: its first folder; null where that is no id.';

-- security definer: a file is readable when its row is, and to nobody who may only read rows of storage.
create function private.may_read_recording(p_name text) returns boolean language sql stable security definer set search_path = '' as $$
  select private.teaches(private.event_of_path(p_name)) or exists (
    select from public.session_recordings r
    where p_name in (r.video_url, r.thumbnail_url) and r.processing_status = 'ready'
      and r.event_id = private.event_of_path(p_name) and private.has_seat(r.event_id))
$$;
comment on function private.may_read_recording(text) is 'Whether who is signed in may see a recording''s file: a seat in its event, and it is ready.';

create function private.may_read_material(p_name text) returns boolean language sql stable security definer set search_path = '' as $$
  select private.teaches(private.event_of_path(p_name)) or exists (
    select from public.materials m
    where m.file_path = p_name and m.event_id = private.event_of_path(p_name) and private.has_seat(m.event_id))
$$;
comment on function private.may_read_material(text) is 'Whether who is signed in may see a material''s file.';

-- Rights: nothing that is not named below -----------------------------------------------------------------------

revoke all on public.profiles, public.events, public.event_meetings, public.materials, public.announcements, public.coupons,
  public.registrations, public.registration_transfers, public.feedback, public.referrals, public.referral_rewards,
  public.payment_transactions, public.payment_attempts, public.payment_flags, public.session_attendance, public.certificates,
  public.notifications_queue, public.in_app_notifications, public.notification_preferences, public.analytics_events,
  public.webhook_logs, public.admin_audit_logs, public.session_recordings, public.recording_progress, public.event_waitlist
  from anon, authenticated;
grant select on public.events to anon;
grant select on public.profiles, public.events, public.event_meetings, public.materials, public.announcements, public.coupons,
  public.registrations, public.registration_transfers, public.feedback, public.referrals, public.referral_rewards,
  public.payment_transactions, public.payment_attempts, public.payment_flags, public.session_attendance, public.certificates,
  public.notifications_queue, public.in_app_notifications, public.notification_preferences, public.analytics_events,
  public.webhook_logs, public.admin_audit_logs, public.session_recordings, public.recording_progress, public.event_waitlist
  to authenticated;

grant update (full_name, phone, timezone, billing_name, billing_state, gstin) on public.profiles to authenticated;
create policy "own profile, administrators all" on public.profiles for select to authenticated
  using (id = (select auth.uid()) or (select private.is_admin()));
create policy "own profile" on public.profiles for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));

grant insert (id, title, description, category, instructor_id, starts_at, ends_at, timezone, price, gst_rate, max_participants,
  claim_hours, refund_hours, checkin_minutes, requires_code, min_attendance_minutes, is_published) on public.events to authenticated;
grant update (title, description, category, instructor_id, starts_at, ends_at, timezone, price, gst_rate, max_participants,
  claim_hours, refund_hours, checkin_minutes, requires_code, min_attendance_minutes, is_published), delete on public.events to authenticated;
create policy "published ones for everybody" on public.events for select to anon, authenticated
  using (is_published or (select private.is_admin()) or instructor_id = (select auth.uid()) or private.has_seat(id));
create policy "instructors make their own" on public.events for insert to authenticated
  with check ((select private.is_admin()) or ((select private.is_instructor()) and instructor_id = (select auth.uid())));
create policy "instructors change their own" on public.events for update to authenticated
  using (private.teaches(id))
  with check ((select private.is_admin()) or ((select private.is_instructor()) and instructor_id = (select auth.uid())));
create policy "administrators remove" on public.events for delete to authenticated using ((select private.is_admin()));

grant insert (event_id, meeting_url, passcode), update (meeting_url, passcode), delete on public.event_meetings to authenticated;
create policy "who has a seat" on public.event_meetings for select to authenticated
  using (private.has_seat(event_id) or private.teaches(event_id));
create policy "its instructor adds" on public.event_meetings for insert to authenticated with check (private.teaches(event_id));
create policy "its instructor changes" on public.event_meetings for update to authenticated
  using (private.teaches(event_id)) with check (private.teaches(event_id));
create policy "its instructor removes" on public.event_meetings for delete to authenticated using (private.teaches(event_id));

grant insert (id, event_id, title, file_path, url), update (title, file_path, url), delete on public.materials to authenticated;
create policy "who has a seat" on public.materials for select to authenticated
  using (private.has_seat(event_id) or private.teaches(event_id));
create policy "its instructor adds" on public.materials for insert to authenticated with check (private.teaches(event_id));
create policy "its instructor changes" on public.materials for update to authenticated
  using (private.teaches(event_id)) with check (private.teaches(event_id));
create policy "its instructor removes" on public.materials for delete to authenticated using (private.teaches(event_id));

create policy "who has a seat" on public.announcements for select to authenticated
  using (private.has_seat(event_id) or private.teaches(event_id));

grant insert (id, code, percent_off, amount_off, event_id, category, user_id, max_redemptions, starts_at, expires_at, is_active),
  update (max_redemptions, starts_at, expires_at, is_active) on public.coupons to authenticated;
create policy "own vouchers, administrators all" on public.coupons for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_admin()));
create policy "administrators add" on public.coupons for insert to authenticated with check ((select private.is_admin()));
create policy "administrators change" on public.coupons for update to authenticated
  using ((select private.is_admin())) with check ((select private.is_admin()));

create policy "own, its instructor" on public.registrations for select to authenticated
  using (user_id = (select auth.uid()) or private.teaches(event_id));
create policy "own, administrators" on public.registration_transfers for select to authenticated
  using (from_user = (select auth.uid()) or to_user = (select auth.uid()) or (select private.is_admin()));

grant insert (event_id, rating, comment), update (rating, comment), delete on public.feedback to authenticated;
create policy "own, its instructor" on public.feedback for select to authenticated
  using (user_id = (select auth.uid()) or private.teaches(event_id));
create policy "who had a seat, once it began" on public.feedback for insert to authenticated
  with check (user_id = (select auth.uid()) and private.has_seat(event_id)
    and exists (select from public.events e where e.id = event_id and e.starts_at <= plinth.now()));
create policy "own" on public.feedback for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy "own is removed" on public.feedback for delete to authenticated using (user_id = (select auth.uid()));

create policy "own, administrators" on public.referrals for select to authenticated
  using (referrer_id = (select auth.uid()) or (select private.is_admin()));
create policy "own, administrators" on public.referral_rewards for select to authenticated
  using (referrer_id = (select auth.uid()) or (select private.is_admin()));

create policy "own, administrators" on public.payment_transactions for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_admin()));
create policy "administrators" on public.payment_attempts for select to authenticated using ((select private.is_admin()));
create policy "administrators" on public.payment_flags for select to authenticated using ((select private.is_admin()));

create policy "own, its instructor" on public.session_attendance for select to authenticated
  using (user_id = (select auth.uid()) or private.teaches(event_id));
create policy "own, administrators" on public.certificates for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_admin()));

create policy "own, administrators" on public.notifications_queue for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_admin()));
grant update (read_at), delete on public.in_app_notifications to authenticated;
create policy "own" on public.in_app_notifications for select to authenticated using (user_id = (select auth.uid()));
create policy "own are read" on public.in_app_notifications for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy "own are removed" on public.in_app_notifications for delete to authenticated using (user_id = (select auth.uid()));
grant insert, update, delete on public.notification_preferences to authenticated;
create policy "own" on public.notification_preferences to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

create policy "administrators" on public.analytics_events for select to authenticated using ((select private.is_admin()));
create policy "administrators" on public.webhook_logs for select to authenticated using ((select private.is_admin()));
create policy "administrators" on public.admin_audit_logs for select to authenticated using ((select private.is_admin()));

grant insert (id, event_id, title, video_url, thumbnail_url, duration_minutes, file_size_mb, processing_status),
  update (title, video_url, thumbnail_url, duration_minutes, file_size_mb, processing_status), delete on public.session_recordings to authenticated;
create policy "who had a seat, once it is ready" on public.session_recordings for select to authenticated
  using ((processing_status = 'ready' and private.has_seat(event_id)) or private.teaches(event_id));
create policy "administrators add" on public.session_recordings for insert to authenticated with check ((select private.is_admin()));
create policy "administrators change" on public.session_recordings for update to authenticated
  using ((select private.is_admin())) with check ((select private.is_admin()));
create policy "administrators remove" on public.session_recordings for delete to authenticated using ((select private.is_admin()));
grant insert (recording_id, user_id, position_seconds), update (position_seconds, recording_id, user_id), delete on public.recording_progress to authenticated;
create policy "own, of what one may watch" on public.recording_progress to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()) and exists (select from public.session_recordings r where r.id = recording_id));

create policy "own, its instructor" on public.event_waitlist for select to authenticated
  using (user_id = (select auth.uid()) or private.teaches(event_id));

-- Files ----------------------------------------------------------------------------------------------------------

create policy "recordings: who had a seat" on storage.objects for select to authenticated
  using (bucket_id = 'recordings' and private.may_read_recording(name));
create policy "recordings: administrators upload" on storage.objects for insert to authenticated
  with check (bucket_id = 'recordings' and private.event_of_path(name) is not null and (select private.is_admin()));
create policy "recordings: administrators replace" on storage.objects for update to authenticated
  using (bucket_id = 'recordings' and (select private.is_admin()))
  with check (bucket_id = 'recordings' and private.event_of_path(name) is not null and (select private.is_admin()));
create policy "recordings: administrators remove" on storage.objects for delete to authenticated
  using (bucket_id = 'recordings' and (select private.is_admin()));
create policy "materials: who has a seat" on storage.objects for select to authenticated
  using (bucket_id = 'materials' and private.may_read_material(name));
create policy "materials: its instructor uploads" on storage.objects for insert to authenticated
  with check (bucket_id = 'materials' and private.teaches(private.event_of_path(name)));
create policy "materials: its instructor replaces" on storage.objects for update to authenticated
  using (bucket_id = 'materials' and private.teaches(private.event_of_path(name)))
  with check (bucket_id = 'materials' and private.teaches(private.event_of_path(name)));
create policy "materials: its instructor removes" on storage.objects for delete to authenticated
  using (bucket_id = 'materials' and private.teaches(private.event_of_path(name)));

revoke all on all functions in schema private from public;
grant execute on function private.event_status_at(timestamptz, timestamptz, timestamptz), private.is_admin(), private.is_instructor(), private.teaches(uuid), private.has_seat(uuid), private.event_of_path(text),
  private.may_read_recording(text), private.may_read_material(text) to anon, authenticated, service_role;
