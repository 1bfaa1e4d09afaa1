import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { type Caller, type Statement, sql } from '@plinth/platform/database'
import { type RazorpaySimulator, startRazorpay } from '@plinth/simulators'
import { actor } from '@plinth/testing'
import { type Answer, type OpenTestSystem, openTestSystem, type TestSystem } from '@plinth/testing/system'
import { afterAll, beforeAll } from 'vitest'
import { courses } from '../system.ts'

export type Person = Caller & { readonly userId: string }

export const [admin, teacher] = [actor('course admin'), actor('course teacher')]
export const webhookSecret = 'the secret of the courses’ webhooks'
/** SQL goes by the time of the machine, and so does the clock: seats are held and events begin by the same hours. */
export const realTime = { now: new Date().toISOString() }
export const webhookPath = '/functions/v1/razorpay-webhook'

export interface School {
  readonly system: OpenTestSystem
  readonly razorpay: RazorpaySimulator
}

/** The system on a port, with a Razorpay account that reports to its webhook. Filled before the first test runs. */
export function useSchool(): School {
  let made: (School & { close(): Promise<void> }) | undefined
  beforeAll(async () => {
    made = await openSchool()
    await staff(made.system)
  })
  afterAll(() => made?.close())
  return {
    get system() {
      return made!.system
    },
    get razorpay() {
      return made!.razorpay
    },
  }
}

async function openSchool() {
  let system: OpenTestSystem | undefined
  const server = serve({
    fetch: (request, env) => system!.fetch(request, env),
    port: 0,
    hostname: '127.0.0.1',
  })
  await new Promise((resolve) => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/courses${webhookPath}`
  const start = new Date()
  const razorpay = await startRazorpay({
    clock: { now: () => system?.clock.now() ?? start },
    webhooks: [{ url, secret: webhookSecret }],
  })
  system = await openTestSystem(courses, {
    ...realTime,
    environment: {
      PLINTH_COURSES_PAYMENTS_RAZORPAY_KEY_ID: razorpay.keyId,
      PLINTH_COURSES_PAYMENTS_RAZORPAY_KEY_SECRET: razorpay.keySecret,
      PLINTH_COURSES_PAYMENTS_RAZORPAY_WEBHOOK_SECRET: webhookSecret,
      PLINTH_COURSES_PAYMENTS_RAZORPAY_BASE_URL: razorpay.url,
    },
  })
  return {
    system,
    razorpay,
    close: async () => {
      await razorpay.stop()
      await new Promise((resolve) => server.close(resolve))
      await system?.close()
    },
  }
}

/** An administrator and an instructor. */
export async function staff(system: TestSystem): Promise<void> {
  await system.signUp(admin, teacher)
  await system.database.asOwner(sql`
    update public.profiles set is_admin = id = ${admin.userId}, is_instructor = id = ${teacher.userId}
    where id in (${admin.userId}, ${teacher.userId})`)
}

/** Calls an SQL function over REST, as its clients do. */
export const rpc = (system: TestSystem, name: string, args: object, as: Person): Promise<Answer> =>
  system.request(`/rest/v1/rpc/${name}`, { method: 'POST', as, body: args })

export const rowsOf = async <Row extends object>(system: TestSystem, statement: Statement): Promise<Row[]> =>
  (await system.database.asOwner<Row & Record<string, unknown>>(statement)).rows

/** The column `answer` of the only row, as the owner of the database. */
export const oneOf = async <Value>(system: TestSystem, statement: Statement): Promise<Value> =>
  (await rowsOf<{ answer: Value }>(system, statement))[0]!.answer

/** What a new event is, beside the defaults: starts in three days, costs nothing. */
export interface EventGiven {
  readonly starts?: string
  readonly price?: number
  readonly seats?: number
  readonly category?: 'technical' | 'soft_skills'
  readonly more?: object
}

/** An event of the teacher’s; gives its id. The clock of tests of time is the owner’s, so its hours are counted from there. */
export async function makeEvent(
  system: TestSystem,
  { starts = '3 days', price = 0, seats = 10, category = 'technical', more = {} }: EventGiven = {},
): Promise<string> {
  const event = {
    title: 'TypeScript',
    category,
    price,
    max_participants: seats,
    instructor_id: teacher.userId,
    timezone: 'Asia/Kolkata',
    ...more,
  }
  const [made] = await rowsOf<{ id: string }>(
    system,
    sql`insert into public.events (title, category, price, max_participants, instructor_id, timezone, starts_at, requires_code,
          min_attendance_minutes, checkin_minutes)
        select title, category, price, max_participants, instructor_id, timezone, date_trunc('minute', now()) + ${starts}::interval,
          coalesce(requires_code, false), coalesce(min_attendance_minutes, 0), coalesce(checkin_minutes, 15)
        from jsonb_populate_record(null::public.events, ${JSON.stringify(event)}) returning id`,
  )
  return made!.id
}

/** People with accounts. */
export async function people(system: TestSystem, prefix: string, count: number): Promise<Person[]> {
  const made = Array.from({ length: count }, (_, index) => actor(`${prefix} ${index}`))
  await system.signUp(...made)
  return made
}

/** Registers over REST; gives the registration. */
export async function register(system: TestSystem, eventId: string, as: Person, more: object = {}) {
  const { status, body } = await rpc(system, 'register_for_event', { p_event_id: eventId, ...more }, as)
  return { status, code: codeOf(body), ...body } as {
    readonly status: number
    readonly code: string | null
    readonly registration_id: string
    readonly payment_status: string
    readonly amount: number
    readonly held_until: string | null
    readonly seated: boolean
  }
}

/** The code of a refusal: PostgREST puts the facts of `plinth.refuse` into `details`. */
export function codeOf(body: { readonly code?: string; readonly details?: unknown } | null): string | null {
  const details = body?.details
  const facts = typeof details === 'string' && details.startsWith('{') ? JSON.parse(details) : details
  return (facts as { code?: string } | undefined)?.code ?? body?.code ?? null
}
