import { openOwnerSession, sql } from '@plinth/platform/database'
import { actor } from '@plinth/testing'
import { expect, it } from 'vitest'
import { useKronium, value } from '../tests/kronium-fixture.ts'
import { demoService, loadDemo } from './load-demo.ts'

const system = useKronium()

it('the demonstration fills every table that one looks at, and running it again changes nothing', async () => {
  const load = () =>
    loadDemo({
      openSession: () => openOwnerSession({ addresses: system.database.addresses, via: 'demo' }),
      url: 'http://localhost:54321/kronium',
      serviceRoleKey: 'service-key',
      createUser: async (email) => {
        const person = actor(`demo ${email}`)
        await system.database.asOwner(
          sql`insert into auth.users (id, email) values (${person.userId}, ${email}) on conflict do nothing`,
        )
        return person.userId
      },
      onProgress: () => undefined,
    })
  const count = () =>
    value<string>(
      system,
      `select concat_ws(' ', (select count(*) from public.services), (select count(*) from public.bookings), (select count(*) from public.projects where progress > 0),
        (select jsonb_array_length(updates) from public.projects where progress > 0), (select count(*) from public.chat_messages),
        (select string_agg(role, ',' order by role) from public.users where email like '%kronium.example'))`,
    )
  const { tryNext } = await load()
  expect(await count()).toBe('4 20 1 2 3 admin,customer,customer,staff')
  expect(tryNext.join('\n')).toContain(demoService)
  await load()
  expect(await count()).toBe('4 20 1 2 3 admin,customer,customer,staff')
  const slots = await system.request(`/services/${demoService}/slots?zone=America/New_York`)
  expect(slots.body.data).toMatchObject({ timezone: 'Europe/Oslo', zone: 'America/New_York' })
})
