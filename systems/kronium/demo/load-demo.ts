import type { OwnerSession } from '@plinth/platform/database'
import type { Demo, DemoRun } from '@plinth/platform/system'

/** For trying things out on one's own machine; nobody should serve the demonstration to others. */
const demoPeople = [
  { email: 'admin@kronium.example', password: 'demo-admin-2026', name: 'Grace Admin', role: 'admin' },
  { email: 'staff@kronium.example', password: 'demo-staff-2026', name: 'Sam Staff', role: 'staff' },
  { email: 'client@kronium.example', password: 'demo-client-2026', name: `Ada O'Brien`, role: 'customer' },
  { email: 'other@kronium.example', password: 'demo-other-2026', name: 'Ben Söhne', role: 'customer' },
] as const

const id = (number: number) => `de400000-0000-4000-8000-${String(number).padStart(12, '0')}`

/** Of the demonstration: what is booked in the tour of docs/kronium.md. */
export const demoService = id(1)

const services = [
  [demoService, 'Boiler service', 'Heating', 120, 60, 'Inspection, cleaning and a report.'],
  [id(2), 'Bathroom survey', 'Bathrooms', 80, 90, 'Measuring, and an offer within a week.'],
  [id(3), 'Emergency call', 'Plumbing', 180, 45, 'Leaks and blockages, today where we can.'],
  [id(4), 'Kitchen planning', 'Kitchens', 150, 120, 'A plan with prices, drawn while you watch.'],
] as const

/** A week of a small company in Oslo: services, two people, bookings, a project, a conversation. Running it again changes nothing. */
export const loadDemo: Demo = async (run) => {
  const people: string[] = []
  for (const { email, password } of demoPeople) people.push(await run.createUser(email, password))
  const session = await run.openSession()
  try {
    await session.transaction({ reason: 'the demonstration of kronium' }, async () => {
      await nameThem(session, people)
      const { rowCount } = await session.query('select from public.services where id = $1', [demoService])
      if (!rowCount) await fill(session, people)
    })
  } finally {
    await session.close()
  }
  return { tryNext: tryNext(run) }
}

async function nameThem(session: OwnerSession, people: readonly string[]): Promise<void> {
  for (const [index, { name, role }] of demoPeople.entries())
    await session.query(
      'update public.users set name = $2, role = $3 where id = $1 and (name, role) is distinct from ($2, $3)',
      [people[index], name, role],
    )
}

async function fill(session: OwnerSession, people: readonly string[]): Promise<void> {
  const [, staff, client, other] = people
  await session.query(`update public.schedules set timezone = 'Europe/Oslo' where "isDefault"`)
  for (const [service, title, category, price, duration, description] of services)
    await session.query(
      `insert into public.services (id, title, category, price, duration, description, currency, "bufferAfter", "minimumNotice", "createsProject")
       values ($1, $2, $3::text, $4, $5, $6, 'NOK', 15, 60, $3::text = 'Kitchens')`,
      [service, title, category, price, duration, description],
    )
  await session.query(
    `insert into public.resources (id, name, "userId") values ($1, 'Sam', $3), ($2, 'Van 2', null)`,
    [id(11), id(12), staff],
  )
  await session.query(
    `insert into public.service_resources ("serviceId", "resourceId", rank)
     select s, r.id, r.rank from unnest($1::uuid[]) s, (values ($2::uuid, 0), ($3::uuid, 1)) r (id, rank)`,
    [services.map(([service]) => service), id(11), id(12)],
  )
  // Ten working days from tomorrow on, two bookings each, at 9 and 13 of the clock in Oslo.
  await session.query(
    `insert into public.bookings (id, "serviceId", "customerId", date, timezone, status, notes)
     select ('de400000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid, ($1::uuid[])[1 + n % 4], case when n % 3 = 0 then $3::uuid else $2::uuid end,
       (day + (case when n % 2 = 0 then interval '9 hours' else interval '13 hours' end)) at time zone 'Europe/Oslo', 'Europe/Oslo',
       case when n % 5 = 4 then 'pending' else 'confirmed' end, 'Please ring twice.'
     from (select d::timestamp as day, row_number() over (order by d, half) - 1 as n
       from generate_series((plinth.now() at time zone 'Europe/Oslo')::date + 1, (plinth.now() at time zone 'Europe/Oslo')::date + 21, interval '1 day') d,
         generate_series(1, 2) half
       where extract(isodow from d) < 6 order by d, half limit 20) days`,
    [services.map(([service]) => service), client, other],
  )
  await session.query(
    `insert into public.projects (id, title, description, "customerId", "staffId", status, progress, location)
     values ($1, 'New bathroom, Parkveien 3', 'Everything but the window.', $2, $3, 'inProgress', 40, 'Parkveien 3, Oslo')`,
    [id(21), client, staff],
  )
  await session.query(
    `insert into public.project_updates ("projectId", "authorId", "authorName", message)
     select $1, $2, 'Sam Staff', m from unnest(array['The old tiles are out.', 'The pipes are in; tiles come on Thursday.']) m`,
    [id(21), staff],
  )
  await session.query(`insert into public.chat_rooms (id, "customerId") values ($1, $2)`, [id(31), client])
  await session.query(
    `insert into public.chat_messages ("chatRoomId", "senderId", message) values
       ($1, $2, 'Hello, may I move the tiler to the afternoon?'), ($1, $3, 'Of course. 13:00?'), ($1, $2, 'Perfect.')`,
    [id(31), client, staff],
  )
}

const tryNext = ({ url }: DemoRun): readonly string[] => [
  '# kronium: the free slots of a boiler service, for somebody in New York',
  `curl '${url}/services/${demoService}/slots?zone=America/New_York'`,
  '# admin@kronium.example / demo-admin-2026, staff@… / demo-staff-2026, client@… / demo-client-2026: docs/kronium.md',
]
