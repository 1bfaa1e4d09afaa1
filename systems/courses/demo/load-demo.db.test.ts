import { openOwnerSession, sql } from '@plinth/platform/database'
import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { expect, it } from 'vitest'
import { courses } from '../system.ts'
import { demoAdmin, demoEvents, demoTeacher, loadDemo } from './load-demo.ts'

const system = useSystem(courses)

async function load() {
  const { tryNext } = await loadDemo({
    openSession: () => openOwnerSession({ addresses: system.addresses, via: 'demo' }),
    url: 'http://localhost:54321/courses',
    serviceRoleKey: 'service-key',
    createUser: async (email) => {
      const person = actor(email)
      await system.signUp({ ...person, claims: { ...person.claims, email } })
      return person.userId
    },
    onProgress: () => undefined,
  })
  return tryNext
}

it('makes a full course with a waitlist, one to pay, and one that is over; and nothing more when it runs again', async () => {
  const count = async () => {
    const { rows } = await system.database.asOwner(sql`
      select e.id, e.status, (select count(*)::int from public.registrations r where r.event_id = e.id) as registered,
        (select count(*)::int from public.event_waitlist w where w.event_id = e.id and w.status = 'waiting') as waiting,
        (select coalesce(sum(r.attended_minutes), 0)::int from public.registrations r where r.event_id = e.id) as minutes
      from public.events e order by e.id`)
    return rows
  }
  expect((await load()).join('\n')).toContain(`event_id=eq.${demoEvents.full}`)
  const made = await count()
  expect(made).toEqual([
    { id: demoEvents.full, status: 'upcoming', registered: 4, waiting: 2, minutes: 0 },
    { id: demoEvents.paid, status: 'upcoming', registered: 0, waiting: 0, minutes: 0 },
    { id: demoEvents.past, status: 'completed', registered: 3, waiting: 0, minutes: 330 },
  ])
  await load()
  expect(await count()).toEqual(made)
  const { rows } = await system.database.asOwner(sql`
    select p.full_name, p.is_admin, p.is_instructor from public.profiles p where p.is_admin or p.is_instructor order by 1`)
  expect(rows).toEqual([
    { full_name: 'Admin', is_admin: true, is_instructor: false },
    { full_name: 'Teacher', is_admin: false, is_instructor: true },
  ])
  expect([demoAdmin, demoTeacher].every((address) => address.endsWith('.example'))).toBe(true)
})
