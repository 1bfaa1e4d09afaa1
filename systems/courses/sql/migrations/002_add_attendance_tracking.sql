-- Who was there, and for how long.

create table public.session_attendance (
  id uuid primary key default gen_random_uuid(),
  registration_id uuid not null references public.registrations (id),
  event_id uuid not null references public.events (id),
  user_id uuid references auth.users (id) on delete set null,
  check_in_time timestamptz not null default plinth.now(),
  check_out_time timestamptz,
  duration_minutes integer check (duration_minutes >= 0),
  method text not null default 'self' check (method in ('self', 'code', 'qr', 'override')),
  closed_by text check (closed_by in ('self', 'automatic', 'override')),
  ip_address inet,
  user_agent text check (length(user_agent) <= 1000),
  created_at timestamptz not null default plinth.now(),
  check (check_out_time >= check_in_time),
  check ((check_out_time is null) = (duration_minutes is null) and (check_out_time is null) = (closed_by is null))
);
comment on table public.session_attendance is 'One row for each time that somebody joined a session.';
comment on column public.session_attendance.duration_minutes is 'Whole minutes of this stay that lie within the session.';
comment on column public.session_attendance.method is 'override: entered by the instructor or an administrator; admin_audit_logs says why.';
comment on column public.session_attendance.closed_by is 'automatic: nobody checked out, and the session ended.';
-- One open session for a registration.
create unique index session_attendance_open on public.session_attendance (registration_id) where check_out_time is null;
create index session_attendance_registration on public.session_attendance (registration_id, check_in_time);
create index session_attendance_event on public.session_attendance (event_id, check_in_time);
create index session_attendance_user on public.session_attendance (user_id, check_in_time);

create table private.session_secrets (
  event_id uuid primary key references public.events (id) on delete cascade,
  secret bytea not null default convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')
);
comment on table private.session_secrets is 'What the changing code of a session is computed from.';

alter table public.session_attendance enable row level security;
alter table private.session_secrets enable row level security;
