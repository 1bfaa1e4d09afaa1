-- Recordings of sessions, and who waits for a seat.

create type public.recording_status as enum ('uploading', 'processing', 'ready', 'failed');
create type public.waitlist_status as enum ('waiting', 'notified', 'registered', 'expired');

create table public.session_recordings (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null references public.events (id) on delete cascade,
  title text not null default '' check (length(title) <= 200),
  video_url text check (length(video_url) <= 1000),
  thumbnail_url text check (length(thumbnail_url) <= 1000),
  duration_minutes integer check (duration_minutes between 0 and 1440),
  file_size_mb numeric(10, 2) check (file_size_mb >= 0),
  processing_status public.recording_status not null default 'uploading',
  created_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now(),
  check (processing_status <> 'ready' or video_url is not null)
);
comment on table public.session_recordings is 'Recordings of events: for those who had a seat, once they are ready.';
comment on column public.session_recordings.video_url is 'Path in the bucket `recordings`, `<event id>/…`; storage signs addresses for it.';
create index session_recordings_event on public.session_recordings (event_id, created_at);
create index session_recordings_video on public.session_recordings (video_url);
create index session_recordings_thumbnail on public.session_recordings (thumbnail_url);
create trigger touch before update on public.session_recordings for each row execute function plinth.touch_row();

create table public.recording_progress (
  recording_id uuid not null references public.session_recordings (id) on delete cascade,
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  position_seconds integer not null check (position_seconds between 0 and 86400),
  updated_at timestamptz not null default plinth.now(),
  primary key (recording_id, user_id)
);
comment on table public.recording_progress is 'Where somebody stopped watching.';
create index recording_progress_user on public.recording_progress (user_id);
create trigger touch before update on public.recording_progress for each row execute function plinth.touch_row();

create table public.event_waitlist (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null references public.events (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  position integer check (position > 0),
  status public.waitlist_status not null default 'waiting',
  notified_at timestamptz,
  expires_at timestamptz,
  ended_as text check (ended_as in ('accepted', 'declined', 'expired', 'left')),
  joined_at timestamptz not null default plinth.now(),
  updated_at timestamptz not null default plinth.now(),
  unique (event_id, user_id),
  check ((position is not null) = (status = 'waiting')),
  check ((expires_at is not null) = (status = 'notified'))
);
comment on table public.event_waitlist is 'Who waits for a seat. It shows what the platform''s waitlist (plinth.waiters) does, and is written by nobody else.';
comment on column public.event_waitlist.position is 'Place among those who wait, from 1; null once they do not.';
comment on column public.event_waitlist.ended_as is 'Why it is registered or expired: accepted, declined, expired, left.';
create index event_waitlist_user on public.event_waitlist (user_id);
create index event_waitlist_line on public.event_waitlist (event_id, position) where status = 'waiting';

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('recordings', 'recordings', false, 10737418240, '{video/*,image/*}'),
  ('materials', 'materials', false, 104857600, null)
on conflict (id) do nothing;

alter table public.session_recordings enable row level security;
alter table public.recording_progress enable row level security;
alter table public.event_waitlist enable row level security;
