-- A course that is over, with so many people who attended all of it. $1: how many.
with event as (
  insert into public.events (title, starts_at, max_participants) values ('SQL in two hours', now() - interval '5 hours', 1000000) returning id),
people as (
  insert into auth.users (id, email)
  select gen_random_uuid(), 'learner-' || n || '@example.test' from generate_series(1, $1::int) n returning id)
insert into public.registrations (event_id, user_id, payment_status, seat_key, seated_at, attendee_name, attended_minutes)
select event.id, people.id, 'free', people.id::text, now() - interval '6 hours', 'Asha Müller', 120 from event, people
