import { sql } from '@plinth/platform/database'
import { actor } from '@plinth/testing'
import {
  type Answer,
  type RequestInput,
  type TestSystem,
  type UseSystemOptions,
  useSystem,
} from '@plinth/testing/system'
import { beforeAll } from 'vitest'
import { kronium } from '../system.ts'

export const [ada, ben, sam, root] = [actor('ada'), actor('ben'), actor('sam'), actor('root')]
type Person = typeof ada

/** A text that nothing may mangle. */
export const awkward = `O'Brien & Söhne <b>`

/** kronium with two customers, somebody of the staff and an admin. Its clock begins at the database's: rules go by that one. */
export function useKronium(options: UseSystemOptions = {}): TestSystem {
  const system = useSystem(kronium, { now: new Date().toISOString(), ...options })
  beforeAll(async () => {
    await system.signUp(ada, ben, sam, root)
    await system.database.asOwner(sql`
      update public.users set name = initcap(split_part(email, '@', 1)), role = case id
        when ${sam.userId} then 'staff' when ${root.userId} then 'admin' else 'customer' end`)
    await system.database.asOwner(sql`
      insert into public.opening_hours ("scheduleId", weekday, opens, closes)
      select id, d, 0, 1440 from public.schedules, generate_series(1, 7) d where "isDefault"`)
    await system.jobs.runDue()
  })
  return system
}

const hour = 3_600_000

/** A whole hour some days from now; the default schedule is open around the clock here. */
export const inDays = (days: number, hours = 10): string => {
  const at = new Date(Date.now() + days * 24 * hour)
  at.setUTCHours(hours, 0, 0, 0)
  return at.toISOString()
}

/** Sends a request; fails with the answer when its status is another one. */
export async function send(
  system: TestSystem,
  status: number,
  method: string,
  path: string,
  input: Omit<RequestInput, 'method'> = {},
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever came
): Promise<any> {
  const answer: Answer = await system.request(path, { method, ...input })
  if (answer.status !== status)
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body.data ?? answer.body
}

let services = 0

/** A service that the admin adds. */
export function addService(system: TestSystem, more: object = {}): Promise<{ id: string; title: string }> {
  services += 1
  const body = { title: `Service ${services}`, price: 40, duration: 60, ...more }
  return send(system, 201, 'POST', '/services', { as: root, body })
}

/** What became of a booking that somebody asks for: the row, or the code of its refusal. */
export async function book(
  system: TestSystem,
  as: Person,
  serviceId: string,
  date: string,
  more: object = {},
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever came
): Promise<any> {
  const { body } = await system.request('/bookings', {
    method: 'POST',
    as,
    body: { serviceId, date, ...more },
  })
  return body.data ?? body
}

/** The only column of the only row, as the owner. */
export async function value<T>(system: TestSystem, text: string, values: unknown[] = []): Promise<T> {
  const { rows } = await system.database.asOwner<Record<string, T>>({ text, values })
  return Object.values(rows[0] ?? {})[0] as T
}
