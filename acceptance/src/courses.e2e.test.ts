import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type RazorpaySimulator, startRazorpay } from '@plinth/simulators'
import type { SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, connectAsService, must, signUp } from './clients.ts'
import { createDataDir, type Plinth, startPlinth } from './start-plinth.ts'

/** A term: so many people for half as many seats. */
const people = process.env.PLINTH_TEST_LONG === '1' ? 200 : 20
const seats = people / 2
const secret = 'the secret of the term’s webhooks'

let data: Awaited<ReturnType<typeof createDataDir>>
let razorpay: RazorpaySimulator
let plinth: Plinth
let environment: Record<string, string>
let service: SupabaseClient

beforeAll(async () => {
  data = await createDataDir()
  razorpay = await startRazorpay({})
  environment = {
    PLINTH_COURSES_PAYMENTS_RAZORPAY_KEY_ID: razorpay.keyId,
    PLINTH_COURSES_PAYMENTS_RAZORPAY_KEY_SECRET: razorpay.keySecret,
    PLINTH_COURSES_PAYMENTS_RAZORPAY_WEBHOOK_SECRET: secret,
    PLINTH_COURSES_PAYMENTS_RAZORPAY_BASE_URL: razorpay.url,
  }
  plinth = await startPlinth({ dataDir: data.dataDir, arguments: ['courses', '--demo'], environment })
  razorpay.tell(`${plinth.systems.courses!.api_url}/functions/v1/razorpay-webhook`, secret)
  service = connectAsService(plinth.systems.courses!)
}, 300_000)
afterAll(async () => {
  await razorpay?.stop()
  await plinth?.stop()
  await data?.remove()
})

interface Learner {
  readonly client: SupabaseClient
  readonly userId: string
  registration: string
}

const call = async (client: SupabaseClient, name: string, body: object, method: 'POST' | 'GET' = 'POST') =>
  must(await client.functions.invoke(name, method === 'GET' ? { method } : { body }))

/** Waits until a question is answered with yes. */
async function until(question: () => Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await question())) {
    if (Date.now() > end) throw new Error(`It did not happen: ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

describe('docs/courses.md', () => {
  it('prints what it says that it prints', async () => {
    const page = await readFile(new URL('../../docs/courses.md', import.meta.url), 'utf8')
    const [, snippet, printed] = /^```js\n(.*?)^```.*?^```\n(.*?)^```/ms.exec(page) ?? []
    const { api_url, anon_key } = plinth.systems.courses!
    const running = spawn(process.execPath, ['--input-type=module'], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      env: { ...process.env, API_URL: api_url, ANON_KEY: anon_key },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    running.stdin.end(snippet)
    let output = ''
    running.stdout.on('data', (text) => {
      output += text
    })
    try {
      await expect.poll(() => output, { timeout: 30_000 }).toBe(printed)
    } finally {
      running.kill()
    }
  })
})

describe(`a term: ${people} people for ${seats} seats`, () => {
  let teacher: Awaited<ReturnType<typeof signUp>>
  let admin: Awaited<ReturnType<typeof signUp>>
  let learners: Learner[]
  let event: string

  const count = async (status: string[]) =>
    (
      await service
        .from('registrations')
        .select('id', { count: 'exact', head: true })
        .eq('event_id', event)
        .in('payment_status', status)
        .is('cancelled_at', null)
    ).count
  const overview = async () =>
    (await call(admin.client, 'analytics-report?type=overview', {}, 'GET')).data as Record<string, number>

  beforeAll(async () => {
    teacher = await signUp(plinth.systems.courses!, 'teacher')
    admin = await signUp(plinth.systems.courses!, 'admin')
    must(await service.from('profiles').update({ is_instructor: true }).eq('id', teacher.userId).select())
    must(await service.from('profiles').update({ is_admin: true }).eq('id', admin.userId).select())
    learners = []
    for (let index = 0; index < people; index += 1) {
      const { client, userId } = await signUp(plinth.systems.courses!, `learner-${index}`)
      learners.push({ client, userId, registration: '' })
    }
    event = must(
      await teacher.client
        .from('events')
        .insert({
          title: 'TypeScript in two hours',
          instructor_id: teacher.userId,
          starts_at: new Date(Date.now() + 3 * 86_400_000).toISOString(),
          price: 1180,
          max_participants: seats,
        })
        .select('id')
        .single(),
    ).id
  }, 300_000)

  it('seats as many as there are seats, whoever comes at once; the others wait in their order; a report follows (C-O6)', async () => {
    const before = (await overview()).totalRegistrations!
    const asked = await Promise.all(
      learners.map(({ client }) => client.rpc('register_for_event', { p_event_id: event })),
    )
    for (const [index, { data: made, error }] of asked.entries())
      if (error === null) learners[index]!.registration = made.registration_id
    const [inside, outside] = [
      learners.filter(({ registration }) => registration !== ''),
      learners.filter(({ registration }) => registration === ''),
    ]
    expect([inside.length, outside.length]).toEqual([seats, people - seats])
    for (const { client } of outside) must(await client.rpc('join_waitlist', { p_event_id: event }))
    const line = must(
      await teacher.client
        .from('event_waitlist')
        .select('user_id, position')
        .eq('event_id', event)
        .order('position'),
    )
    expect(line).toEqual(outside.map(({ userId }, index) => ({ user_id: userId, position: index + 1 })))
    // C-O6: the stored report ends with the change.
    await until(async () => (await overview()).totalRegistrations === before + seats, 'the report follows')
  }, 120_000)

  it('counts every payment once: in any order, told three times, across a kill of the server', async () => {
    const paying = learners.filter(({ registration }) => registration !== '')
    razorpay.webhooks.setRules({ times: 3, shuffle: true })
    const pay = async ({ client, registration }: Learner, confirms: boolean) => {
      const { orderId } = await call(client, 'create-payment-order', { registrationId: registration })
      const paid = razorpay.pay({ order_id: orderId, outcome: 'succeeds' })
      if (!paid.ok) throw new Error('the payment failed')
      if (confirms) await client.functions.invoke('confirm-payment', { body: paid.response })
    }
    const half = Math.ceil(paying.length / 2)
    await Promise.all(paying.slice(0, half).map((learner, index) => pay(learner, index % 2 === 0)))
    await plinth.kill()
    const port = Number(new URL(plinth.systems.courses!.api_url).port)
    plinth = await startPlinth({ dataDir: data.dataDir, arguments: ['courses'], environment, port })
    for (const learner of paying.slice(half)) await pay(learner, false)
    await razorpay.webhooks.settled()
    razorpay.webhooks.setRules({})
    await until(async () => (await count(['completed'])) === seats, 'everybody who paid has a seat')
    const { data: transactions } = await service
      .from('payment_transactions')
      .select('status, amount')
      .eq('event_id', event)
    expect(transactions).toEqual(Array.from({ length: seats }, () => ({ status: 'success', amount: 1180 })))
    const invoices = must(await service.from('registrations').select('invoice_number').eq('event_id', event))
    expect(new Set(invoices.map(({ invoice_number }) => invoice_number)).size).toBe(seats)
  }, 300_000)

  it('gives a seat that was given up to the first who waits, and the money back', async () => {
    const leaving = learners.find(({ registration }) => registration !== '')!
    must(await leaving.client.rpc('cancel_registration', { p_registration_id: leaving.registration }))
    const [first] = must(
      await teacher.client
        .from('event_waitlist')
        .select('user_id, status')
        .eq('event_id', event)
        .eq('status', 'notified'),
    )
    const next = learners.find(({ userId }) => userId === first!.user_id)!
    expect(next).toBe(learners.filter(({ registration }) => registration === '')[0])
    next.registration = must(
      await next.client.rpc('register_for_event', { p_event_id: event }),
    ).registration_id
    const { orderId } = await call(next.client, 'create-payment-order', { registrationId: next.registration })
    razorpay.pay({ order_id: orderId, outcome: 'succeeds' })
    await until(async () => (await count(['completed'])) === seats, 'the next one has the seat')
    await until(
      async () =>
        must(
          await leaving.client
            .from('registrations')
            .select('payment_status')
            .eq('id', leaving.registration)
            .single(),
        ).payment_status === 'refunded',
      'the money went back',
    )
    leaving.registration = ''
  }, 120_000)

  it('counts who was there, tells of it, and lets nobody else in', async () => {
    const [one, two] = learners.filter(({ registration }) => registration !== '') as [Learner, Learner]
    const stranger = learners.find(({ registration }) => registration === '')!
    must(
      await teacher.client
        .from('event_meetings')
        .insert({ event_id: event, meeting_url: 'https://meet.example.com/x' })
        .select(),
    )
    expect(must(await stranger.client.from('event_meetings').select('meeting_url'))).toEqual([])
    expect(must(await one.client.from('event_meetings').select('meeting_url'))).toHaveLength(1)
    const local = new Date(Date.now() - 30 * 60_000).toISOString().slice(0, 19)
    must(await teacher.client.rpc('schedule_event', { p_event_id: event, p_local: local, p_timezone: 'UTC' }))
    const body = { registrationId: one.registration, eventId: event }
    const { attendance } = await call(one.client, 'session-management?action=checkin', body)
    expect(
      (await stranger.client.functions.invoke('session-management?action=checkin', { body })).error,
    ).not.toBeNull()
    await call(one.client, 'session-management?action=checkout', { attendanceId: attendance.id })
    const { history } = await call(one.client, 'session-management?action=history', {}, 'GET')
    expect(history).toMatchObject([{ id: attendance.id, event: { title: 'TypeScript in two hours' } }])
    must(
      await teacher.client.rpc('set_attendance', {
        p_registration_id: two.registration,
        p_from: `${local}Z`,
        p_until: new Date(Date.parse(`${local}Z`) + 28 * 60_000).toISOString(),
        p_reason: 'the line failed',
      }),
    )
    const attendees = must(await teacher.client.rpc('attendees', { p_event_id: event }))
    expect(attendees).toHaveLength(seats)
    expect(
      attendees.find(
        ({ registration_id }: { registration_id: string }) => registration_id === two.registration,
      ),
    ).toMatchObject({
      attended_minutes: 28,
    })
    must(await one.client.from('feedback').insert({ event_id: event, rating: 5 }).select())
    await until(
      async () => must(await one.client.from('in_app_notifications').select('title')).length >= 2,
      'messages arrive in the app',
    )
    const report = await call(admin.client, 'analytics-report?type=events', {}, 'GET')
    const own = report.data.find(({ eventId }: { eventId: string }) => eventId === event)
    expect(own).toMatchObject({ seated: seats, revenue: seats * 1180, averageRating: 5 })
  }, 120_000)

  it('gives a certificate when it is over, which anybody verifies without an account (C-F5)', async () => {
    const one = learners.find(({ registration }) => registration !== '')!
    const local = new Date(Date.now() - 3 * 3_600_000).toISOString().slice(0, 19)
    must(await teacher.client.rpc('schedule_event', { p_event_id: event, p_local: local, p_timezone: 'UTC' }))
    await call(one.client, 'generate-certificate', { registrationId: one.registration })
    const { verification_token } = must(
      await one.client.from('certificates').select('verification_token').single(),
    )
    const address = `${plinth.systems.courses!.api_url}/functions/v1/generate-certificate`
    const shown = await (await fetch(`${address}?token=${verification_token}`)).json()
    expect(JSON.stringify(shown)).toContain('TypeScript in two hours')
    expect((await fetch(`${address}?token=${'0'.repeat(32)}`)).status).toBe(404)
    const stranger = learners.find(({ registration }) => registration === '')!
    const refused = await stranger.client.functions.invoke('generate-certificate', {
      body: { registrationId: one.registration },
    })
    expect(refused.error).not.toBeNull()
  })

  it('C-O2: a refresh token is used once, and who signs out is out', async () => {
    const { client, email, password } = await signUp(plinth.systems.courses!, 'careful')
    const session = must(await client.auth.getSession()).session!
    must(await client.auth.refreshSession())
    const again = connect(plinth.systems.courses!)
    must(await again.auth.signInWithPassword({ email, password }))
    await client.auth.signOut()
    const stale = await connect(plinth.systems.courses!).auth.refreshSession({
      refresh_token: session.refresh_token,
    })
    expect(stale.error).not.toBeNull()
  })
})
