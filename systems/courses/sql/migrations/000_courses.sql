-- Who teaches, what is taught, who takes a seat: what the migrations that the requirement names (001 to 006) refer to.
--
-- Applies to Plinth and, after the platform's 000_plinth, to a Supabase project. 007_policies says who may touch what.
-- Amounts are major units of their currency (INR by default) as the requirement has them; the ledger counts minor units.

create schema private;
comment on schema private is 'Functions and tables that clients do not call: behind policies, triggers and RPC. Not exposed by REST.';
-- Realtime resolves the functions of policies by name as the subscriber. Each function is granted on its own.
grant usage on schema private to anon, authenticated, service_role;

create type public.event_category as enum ('soft_skills', 'technical');
create type public.event_status as enum ('upcoming', 'active', 'completed');
create type public.registration_payment_status as enum ('pending', 'completed', 'failed', 'refunded', 'free');
create type public.referral_status as enum ('pending', 'completed', 'rewarded');

-- People ---------------------------------------------------------------------------------------------------------

create table public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  full_name text not null default '' check (length(full_name) <= 200),
  phone text check (length(phone) <= 40),
  timezone text not null default 'Asia/Kolkata',
  is_admin boolean not null default false,
  is_instructor boolean not null default false,
  referral_code text not null unique default upper(substr(replace(gen_random_uuid()::text, '-', ''), 1, 10)),
  billing_name text check (length(billing_name) <= 200),
  billing_state text check (length(billing_state) <= 60),
  gstin text check (gstin ~ '^[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][0-9A-Z]Z[0-9A-Z]$'),
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now()
);
comment on table public.profiles is 'What is known of a user beyond auth.users; made at sign-up.';
comment on column public.profiles.is_admin is 'Runs the platform. Nobody gives it to themselves: only the service and the owner write it.';
comment on column public.profiles.referral_code is 'What somebody passes on, so that a registration counts for them.';
comment on column public.profiles.gstin is 'Tax number of a buyer that is a business; it stands on the invoice.';

create function private.check_zone() returns trigger language plpgsql set search_path = '' as $$
begin
  -- PostgreSQL also takes POSIX offsets (XYZ+3), whose sign is the other way round. The second line raises 22023.
  if new.timezone !~ '^[A-Za-z]+$|/' then
    raise exception 'There is no time zone "%".', new.timezone using errcode = '22023', hint = 'Use an IANA name like Asia/Kolkata.';
  end if;
  perform pg_catalog.now() at time zone new.timezone;
  return new;
end $$;
comment on function private.check_zone() is 'Trigger: refuses a time zone that PostgreSQL does not know.';

create trigger check_zone before insert or update of timezone on public.profiles for each row execute function private.check_zone();
create trigger touch before update on public.profiles for each row execute function plinth.touch_row();

-- security definer: auth creates the user, and has no right on this table.
create function private.create_profile() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles (id, full_name)
  values (new.id, left(coalesce(new.raw_user_meta_data ->> 'full_name', new.raw_user_meta_data ->> 'name', ''), 200))
  on conflict do nothing;
  return new;
end $$;
comment on function private.create_profile() is 'Trigger: gives every new user a profile.';
create trigger create_profile after insert on auth.users for each row execute function private.create_profile();

-- Events ---------------------------------------------------------------------------------------------------------

create table public.events (
  id uuid primary key default gen_random_uuid(),
  title text not null check (length(trim(title)) between 1 and 200),
  description text not null default '' check (length(description) <= 20000),
  category public.event_category not null default 'technical',
  status public.event_status not null default 'upcoming',
  instructor_id uuid references auth.users (id) on delete set null,
  starts_at timestamptz not null,
  ends_at timestamptz not null default '-infinity',
  timezone text not null default 'Asia/Kolkata',
  price numeric(10, 2) not null default 0 check (price = 0 or price >= 1),
  currency text not null default 'INR' check (currency = 'INR'),
  gst_rate numeric(4, 2) not null default 18 check (gst_rate between 0 and 50),
  max_participants integer not null check (max_participants between 0 and 1000000),
  claim_hours integer not null default 24 check (claim_hours between 1 and 720),
  refund_hours integer not null default 24 check (refund_hours between 0 and 8760),
  checkin_minutes integer not null default 15 check (checkin_minutes between 0 and 1440),
  requires_code boolean not null default false,
  min_attendance_minutes integer not null default 0 check (min_attendance_minutes between 0 and 1440),
  is_published boolean not null default true,
  sequence integer not null default 0,
  cancelled_at timestamptz,
  cancel_reason text check (length(cancel_reason) <= 2000),
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now(),
  check (ends_at > starts_at and ends_at <= starts_at + interval '24 hours')
);
comment on table public.events is 'Live courses of two hours, each on one date.';
comment on column public.events.status is 'Set by update-event-status and by every change of the times; an event whose end has passed counts as completed.';
comment on column public.events.ends_at is 'Default: two hours after starts_at.';
comment on column public.events.timezone is 'IANA zone of the wall clock that people are told.';
comment on column public.events.price is 'What a seat costs, GST included, in major units of the currency. 0: free.';
comment on column public.events.currency is 'Reports add amounts up, so there is one currency.';
comment on column public.events.gst_rate is 'Percent of GST that the price includes.';
comment on column public.events.claim_hours is 'For how long a seat that became free is offered to who waits; never beyond the start.';
comment on column public.events.refund_hours is 'A seat that is given up so many hours before the start is paid back in full, later ones are not.';
comment on column public.events.checkin_minutes is 'From how many minutes before the start people may check in.';
comment on column public.events.requires_code is 'Whether a check-in has to show the code of the session, which changes every 30 seconds.';
comment on column public.events.min_attendance_minutes is 'Minutes of attendance that a certificate asks for.';
comment on column public.events.sequence is 'How often its time changed: of its entry in people''s calendars (RFC 5545 SEQUENCE).';
create index events_start on public.events (starts_at);
create index events_instructor on public.events (instructor_id);
create index events_open on public.events (ends_at) where status <> 'completed';

create function private.event_status_at(p_starts_at timestamptz, p_ends_at timestamptz, p_at timestamptz) returns public.event_status
language sql immutable set search_path = '' as $$
  select case when p_ends_at <= p_at then 'completed' when p_starts_at <= p_at then 'active' else 'upcoming' end::public.event_status
$$;
comment on function private.event_status_at(timestamptz, timestamptz, timestamptz) is 'The status that an event''s times give at an instant.';

create function private.prepare_event() returns trigger language plpgsql set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    new.ends_at := coalesce(nullif(new.ends_at, '-infinity'), new.starts_at + interval '2 hours');
  elsif new.starts_at is distinct from old.starts_at and new.ends_at is not distinct from old.ends_at then
    new.ends_at := new.starts_at + (old.ends_at - old.starts_at);
  end if;
  new.status := private.event_status_at(new.starts_at, new.ends_at, plinth.now());
  if tg_op = 'UPDATE' and (new.starts_at, new.ends_at, new.cancelled_at) is distinct from (old.starts_at, old.ends_at, old.cancelled_at) then
    new.sequence := old.sequence + 1;
  end if;
  return new;
end $$;
comment on function private.prepare_event() is 'Trigger: an event that moves keeps its length, its status follows its times, its calendar entry counts up.';
create trigger prepare before insert or update of starts_at, ends_at, cancelled_at, status on public.events
  for each row execute function private.prepare_event();
create trigger check_zone before insert or update of timezone on public.events for each row execute function private.check_zone();
create trigger touch before update on public.events for each row execute function plinth.touch_row();

create table public.event_meetings (
  event_id uuid primary key references public.events (id) on delete cascade,
  meeting_url text not null check (meeting_url ~ '^https://' and length(meeting_url) <= 2000),
  passcode text check (length(passcode) <= 100),
  updated_at timestamptz not null default plinth.now()
);
comment on table public.event_meetings is 'Where an event takes place: for those who have a seat, and nobody else.';
create trigger touch before update on public.event_meetings for each row execute function plinth.touch_row();

create table public.materials (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null references public.events (id) on delete cascade,
  title text not null check (length(trim(title)) between 1 and 200),
  file_path text check (length(file_path) <= 1000),
  url text check (url ~ '^https://' and length(url) <= 2000),
  created_at timestamptz not null default plinth.now(),
  check (num_nonnulls(file_path, url) = 1)
);
comment on table public.materials is 'What goes along with an event: a file of the bucket `materials`, or a link.';
create index materials_event on public.materials (event_id, created_at);

create table public.announcements (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null references public.events (id) on delete cascade,
  author_id uuid references auth.users (id) on delete set null,
  subject text not null check (length(trim(subject)) between 1 and 200),
  message text not null check (length(trim(message)) between 1 and 10000),
  created_at timestamptz not null default plinth.now()
);
comment on table public.announcements is 'What an instructor tells everybody who has a seat.';
create index announcements_event on public.announcements (event_id, created_at);
create index announcements_author on public.announcements (author_id);

-- Coupons --------------------------------------------------------------------------------------------------------

create table public.coupons (
  id uuid primary key default gen_random_uuid(),
  code text not null unique check (code = upper(code) and code ~ '^[A-Z0-9_-]{3,40}$'),
  percent_off numeric(5, 2) check (percent_off > 0 and percent_off <= 100),
  amount_off numeric(10, 2) check (amount_off > 0),
  event_id uuid references public.events (id) on delete cascade,
  category public.event_category,
  user_id uuid references auth.users (id) on delete cascade,
  max_redemptions integer check (max_redemptions >= 0),
  starts_at timestamptz not null default '-infinity',
  expires_at timestamptz not null default 'infinity',
  is_active boolean not null default true,
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now(),
  check (num_nonnulls(percent_off, amount_off) = 1)
);
comment on table public.coupons is 'What makes a seat cheaper. A coupon with max_redemptions is held while somebody pays, and counts when they have.';
comment on column public.coupons.user_id is 'A voucher of one person; null: for everybody.';
create index coupons_event on public.coupons (event_id);
create index coupons_user on public.coupons (user_id);
create trigger touch before update on public.coupons for each row execute function plinth.touch_row();

-- Registrations --------------------------------------------------------------------------------------------------

create table public.registrations (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null references public.events (id),
  user_id uuid references auth.users (id) on delete set null,
  payment_status public.registration_payment_status not null default 'pending',
  amount numeric(10, 2) not null default 0 check (amount >= 0),
  discount numeric(10, 2) not null default 0 check (discount >= 0),
  currency text not null default 'INR' check (currency ~ '^[A-Z]{3}$'),
  coupon_id uuid references public.coupons (id),
  order_id uuid,
  seat_key text not null,
  held_since timestamptz,
  held_until timestamptz,
  seated_at timestamptz,
  paid_at timestamptz,
  cancelled_at timestamptz,
  cancel_reason text check (length(cancel_reason) <= 2000),
  attendee_name text not null default '' check (length(attendee_name) <= 200),
  checkin_token text not null unique default encode(substr(sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 1, 16), 'hex'),
  device_id text check (length(device_id) <= 200),
  attended_minutes integer not null default 0 check (attended_minutes >= 0),
  invoice_number text,
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now(),
  -- Nobody has paid, or need not, without a seat.
  check (payment_status not in ('completed', 'free') or seated_at is not null)
);
comment on table public.registrations is 'Who takes part in which event, and what became of the payment. Written by functions only.';
comment on column public.registrations.amount is 'What is to be paid, GST included and discount subtracted, in major units.';
comment on column public.registrations.seat_key is 'The key of its hold on a seat of the event (plinth.holds).';
comment on column public.registrations.held_until is 'While it is not paid: until when the seat is kept. It is kept anew by each attempt to pay, for an hour since held_since.';
comment on column public.registrations.seated_at is 'Since when its seat was its own; it has it until cancelled_at.';
comment on column public.registrations.checkin_token is 'What its QR code holds, for the instructor to scan.';
comment on column public.registrations.attended_minutes is 'Minutes of the union of its attendance within the session; derived from session_attendance.';
-- One at a time; who gave a seat up may register again.
create unique index registrations_one on public.registrations (event_id, user_id) where cancelled_at is null;
create index registrations_user on public.registrations (user_id, created_at);
create index registrations_event on public.registrations (event_id, payment_status);
-- A person uses a coupon once, whatever they register for at the same instant.
create unique index registrations_coupon on public.registrations (coupon_id, user_id) where coupon_id is not null and cancelled_at is null;
create index registrations_order on public.registrations (order_id) where order_id is not null;
create index registrations_changed on public.registrations (created_at);
create index registrations_paid on public.registrations (paid_at) where paid_at is not null;
create trigger touch before update on public.registrations for each row execute function plinth.touch_row();

create table public.registration_transfers (
  id uuid primary key default gen_random_uuid(),
  registration_id uuid not null references public.registrations (id) on delete cascade,
  from_user uuid references auth.users (id) on delete set null,
  to_email text not null check (to_email = lower(trim(to_email)) and to_email like '%_@_%' and length(to_email) <= 320),
  to_user uuid references auth.users (id) on delete set null,
  created_at timestamptz not null default plinth.now(),
  accepted_at timestamptz,
  withdrawn_at timestamptz
);
comment on table public.registration_transfers is 'Seats that are passed on: offered to an address, taken by whoever proves it.';
create unique index registration_transfers_open on public.registration_transfers (registration_id) where accepted_at is null and withdrawn_at is null;
create index registration_transfers_email on public.registration_transfers (to_email) where accepted_at is null and withdrawn_at is null;
create index registration_transfers_from on public.registration_transfers (from_user);
create index registration_transfers_to on public.registration_transfers (to_user);

create table public.feedback (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null references public.events (id) on delete cascade,
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  rating integer not null check (rating between 1 and 5),
  comment text check (length(comment) <= 5000),
  created_at timestamptz not null default plinth.now(),
  unique (event_id, user_id)
);
comment on table public.feedback is 'What people who had a seat thought of an event, once it began.';
create index feedback_user on public.feedback (user_id);

-- Referrals ------------------------------------------------------------------------------------------------------

create table public.referrals (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null references public.events (id) on delete cascade,
  referrer_id uuid references auth.users (id) on delete set null,
  referred_id uuid references auth.users (id) on delete set null,
  registration_id uuid not null references public.registrations (id) on delete cascade,
  status public.referral_status not null default 'pending',
  completed_at timestamptz,
  rewarded_at timestamptz,
  voided_at timestamptz,
  void_reason text check (void_reason in ('same_device', 'refunded')),
  created_at timestamptz not null default plinth.now(),
  check (referrer_id is distinct from referred_id or referrer_id is null),
  check ((voided_at is null) = (void_reason is null)),
  -- Somebody is referred to an event once.
  unique (event_id, referred_id)
);
comment on table public.referrals is 'Who brought whom to which event. A void one counts for nothing.';
create index referrals_referrer on public.referrals (referrer_id, event_id);
create index referrals_referred on public.referrals (referred_id);
create index referrals_registration on public.referrals (registration_id);
create index referrals_open on public.referrals (created_at) where status <> 'rewarded' and voided_at is null;

create table public.referral_rewards (
  id uuid primary key default gen_random_uuid(),
  referrer_id uuid references auth.users (id) on delete set null,
  event_id uuid not null references public.events (id) on delete cascade,
  kind text not null check (kind in ('free_access', 'voucher')),
  registration_id uuid references public.registrations (id) on delete set null,
  coupon_id uuid references public.coupons (id) on delete set null,
  granted_at timestamptz not null default plinth.now(),
  clawed_back_at timestamptz,
  -- One reward for a person and an event.
  unique (referrer_id, event_id)
);
comment on table public.referral_rewards is 'What two completed referrals gave: free access to the event, or a voucher for another technical one.';
create index referral_rewards_event on public.referral_rewards (event_id);
create index referral_rewards_registration on public.referral_rewards (registration_id);
create index referral_rewards_coupon on public.referral_rewards (coupon_id);

do $$
declare
  v_table text;
begin
  foreach v_table in array array['profiles', 'events', 'event_meetings', 'materials', 'announcements', 'coupons', 'registrations',
    'registration_transfers', 'feedback', 'referrals', 'referral_rewards'] loop
    execute format('alter table public.%I enable row level security', v_table);
  end loop;
end $$;
