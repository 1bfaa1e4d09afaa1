import type { Demo, DemoRun } from '@plinth/platform/system'

/** For trying things out on one's own machine; nobody should serve the demonstration to others. */
const demoPassword = 'demo-courses-2026'
export const demoAdmin = 'admin@courses.example'
export const demoTeacher = 'teacher@courses.example'
const names = ['Asha', 'Bina', 'Chand', 'Devi', 'Esha', 'Farid']
const demoLearners = names.map((name) => `${name.toLowerCase()}@courses.example`)

const id = (number: number) => `de300000-0000-4000-8000-0000000020${number}`
/** A free course with four seats, all taken, and two people who wait; one that costs 999 INR; one of yesterday. */
export const demoEvents = { full: id(26), paid: id(27), past: id(28) }

type Session = Awaited<ReturnType<DemoRun['openSession']>>

/** Makes people, three courses, a waitlist, and an afternoon that is over. Running it again changes nothing. */
export const loadDemo: Demo = async (run) => {
  const [admin, teacher, ...learners] = await createPeople(run)
  const session = await run.openSession()
  try {
    await session.transaction({ reason: 'the demonstration' }, async () => {
      const { rows } = await session.query('select from public.events where id = $1', [demoEvents.full])
      if (rows.length > 0) return
      await appoint(session, admin!, teacher!)
      await makeCourses(session, teacher!)
      await fillSeats(session, learners)
      await holdYesterday(session, learners.slice(0, 3))
    })
  } finally {
    await session.close()
  }
  return { tryNext: tryNext(run) }
}

async function createPeople({ createUser, onProgress }: DemoRun): Promise<string[]> {
  const addresses = [demoAdmin, demoTeacher, ...demoLearners]
  const made: string[] = []
  for (const address of addresses) {
    made.push(await createUser(address, demoPassword))
    onProgress({ phase: 'people', done: made.length, total: addresses.length })
  }
  return made
}

async function appoint({ query }: Session, admin: string, teacher: string): Promise<void> {
  await query('update public.profiles set is_admin = true where id = $1', [admin])
  await query('update public.profiles set is_instructor = true where id = $1', [teacher])
  await query(
    `update public.profiles p set full_name = initcap(split_part(u.email, '@', 1)) from auth.users u
     where u.id = p.id and u.email like '%@courses.example'`,
  )
}

async function makeCourses({ query }: Session, teacher: string): Promise<void> {
  await query(
    `insert into public.events (id, title, description, category, instructor_id, starts_at, price, max_participants, min_attendance_minutes)
     select v.id::uuid, v.title, v.description, v.category::public.event_category, $1,
       date_trunc('hour', now()) + v.starts::interval, v.price, v.seats, v.minutes
     from (values
       ($2, 'Speaking in public', 'Two hours, three short talks each.', 'soft_skills', '2 days', 0, 4, 0),
       ($3, 'TypeScript in two hours', 'From types to a small program.', 'technical', '7 days', 999, 30, 90),
       ($4, 'Git without fear', 'Branches, mistakes, and the way back.', 'technical', '1 hour', 0, 30, 90)
     ) v (id, title, description, category, starts, price, seats, minutes)`,
    [teacher, demoEvents.full, demoEvents.paid, demoEvents.past],
  )
  await query(
    `insert into public.event_meetings (event_id, meeting_url) select id, 'https://meet.example.com/' || left(id::text, 8) from public.events
     where id = any ($1::uuid[])`,
    [Object.values(demoEvents)],
  )
  await query(`insert into public.coupons (code, percent_off, max_redemptions) values ('WELCOME10', 10, 100)`)
}

/** As each of them: the function seats who is signed in. */
async function fillSeats(session: Session, learners: readonly string[]): Promise<void> {
  for (const [index, learner] of learners.entries()) {
    await session.query(`select set_config('request.jwt.claims', $1, true)`, [
      JSON.stringify({ sub: learner, role: 'authenticated' }),
    ])
    const call = index < 4 ? 'register_for_event' : 'join_waitlist'
    await session.query(`select public.${call}($1)`, [demoEvents.full])
    if (index < 3) await session.query('select public.register_for_event($1)', [demoEvents.past])
  }
  await session.query(`select set_config('request.jwt.claims', '', true)`)
}

/** The course that three people were in moves to yesterday, with their stays and what they thought of it. */
async function holdYesterday({ query }: Session, learners: readonly string[]): Promise<void> {
  await query(
    `update public.events set starts_at = date_trunc('hour', now()) - interval '1 day' where id = $1`,
    [demoEvents.past],
  )
  await query(
    `insert into public.session_attendance (registration_id, event_id, user_id, check_in_time, check_out_time, duration_minutes, closed_by)
     select r.id, e.id, r.user_id, e.starts_at, e.starts_at + interval '110 minutes', 110, 'self'
     from public.registrations r join public.events e on e.id = r.event_id where r.event_id = $1`,
    [demoEvents.past],
  )
  await query(
    `insert into public.feedback (event_id, user_id, rating, comment)
     select $1, u.id, 4 + u.n % 2, 'I came back from a mistake.' from unnest($2::uuid[]) with ordinality u (id, n)`,
    [demoEvents.past, learners],
  )
}

function tryNext({ url, serviceRoleKey }: DemoRun): readonly string[] {
  return [
    '# the demo course “Speaking in public”: its four seats are taken, two people wait',
    `curl '${url}/rest/v1/event_waitlist?event_id=eq.${demoEvents.full}&select=position,status&order=position' -H 'apikey: ${serviceRoleKey}'`,
    `# ${demoAdmin}, ${demoTeacher} and ${demoLearners[0]} sign in with the password ${demoPassword}: see docs/courses.md`,
  ]
}
