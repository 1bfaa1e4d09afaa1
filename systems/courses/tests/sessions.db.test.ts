import { sql } from '@plinth/platform/database'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, describe, expect, it } from 'vitest'
import { courses } from '../system.ts'
import {
  admin,
  codeOf,
  makeEvent,
  oneOf,
  type Person,
  people,
  realTime,
  register,
  rowsOf,
  rpc,
  staff,
  teacher,
} from './open-courses.ts'

const system = useSystem(courses, realTime)
let crowd: Person[]

beforeAll(async () => {
  await staff(system)
  crowd = await people(system, 'student', 20)
})

const checkIn = (registrationId: string, eventId: string, as: Person, more: object = {}) =>
  system.call(
    'session-management?action=checkin',
    { registrationId, eventId, ...more },
    { as, headers: { 'user-agent': 'Phone' } },
  )
const checkOut = (attendanceId: string, as: Person) =>
  system.call('session-management?action=checkout', { attendanceId }, { as })

/** Somebody with a seat in an event that is moved to where the test wants it. */
async function attend(person: Person, starts: string, more: object = {}) {
  const event = await makeEvent(system, { more })
  const { registration_id } = await register(system, event, person)
  await system.database.asOwner(
    sql`update public.events set starts_at = now() + ${starts}::interval where id = ${event}`,
  )
  return { event, registration: registration_id }
}

const minutes = (registration: string) =>
  oneOf<number>(
    system,
    sql`select attended_minutes as answer from public.registrations where id = ${registration}`,
  )

describe('session-management (C-F3)', () => {
  it('lets in who has a seat, in the window, once at a time, with what the server saw of them', async () => {
    const [person, other] = crowd as [Person, Person]
    const { event, registration } = await attend(person, '20 minutes')
    expect((await checkIn(registration, event, person)).body).toMatchObject({ code: 'checkin_closed' })
    await system.database.asOwner(
      sql`update public.events set starts_at = now() - interval '30 minutes' where id = ${event}`,
    )
    expect((await checkIn(registration, event, other)).body).toMatchObject({ code: 'registration_not_found' })
    expect((await checkIn(registration, await makeEvent(system), person)).body).toMatchObject({
      code: 'registration_not_found',
    })
    const both = await Promise.all([
      checkIn(registration, event, person),
      checkIn(registration, event, person),
    ])
    expect(both.map(({ status }) => status)).toEqual([200, 200])
    expect(both[0]!.body.attendance.id).toBe(both[1]!.body.attendance.id)
    const { id } = both[0]!.body.attendance
    const [stay] = await rowsOf(
      system,
      sql`select user_agent, check_out_time from public.session_attendance where registration_id = ${registration}`,
    )
    expect(stay).toEqual({ user_agent: 'Phone', check_out_time: null })
    expect((await checkOut(id, other)).body).toMatchObject({ code: 'attendance_not_found' })
    await system.database.asOwner(
      sql`update public.session_attendance set check_in_time = now() - interval '20 minutes 30 seconds' where id = ${id}`,
    )
    expect((await checkOut(id, person)).body.attendance).toMatchObject({ duration_minutes: 20 })
    expect((await checkOut(id, person)).body.attendance).toMatchObject({ duration_minutes: 20 })
    const history = await system.request('/functions/v1/session-management?action=history', { as: person })
    expect(history.body).toMatchObject({
      success: true,
      history: [{ id, duration_minutes: 20, event: { id: event } }],
    })
    expect(
      await system.request('/functions/v1/session-management?action=nothing', { as: person }),
    ).toMatchObject({ status: 400 })
    expect(
      (await system.call('session-management', { action: 'checkin' }, { as: person })).body,
    ).toMatchObject({ code: 'action_unknown' })
    const steps = await rowsOf(
      system,
      sql`select event_name from public.analytics_events where event_data ->> 'event_id' = ${event} order by event_name`,
    )
    expect(steps).toEqual([{ event_name: 'session_checkin' }, { event_name: 'session_checkout' }])
  })

  it('refuses who has not paid', async () => {
    const event = await makeEvent(system, { price: 100 })
    const { registration_id } = await register(system, event, crowd[2]!)
    await system.database.asOwner(
      sql`update public.events set starts_at = now() - interval '5 minutes' where id = ${event}`,
    )
    expect(await checkIn(registration_id, event, crowd[2]!)).toMatchObject({
      status: 403,
      body: { code: 'not_paid' },
    })
  })

  it('counts the union of stays within the session, and ends those that nobody ended', async () => {
    const person = crowd[3]!
    const { event, registration } = await attend(person, '-150 minutes')
    await system.database.asOwner(sql`
      insert into public.session_attendance (registration_id, event_id, user_id, check_in_time, check_out_time, duration_minutes, closed_by)
      select ${registration}, ${event}, ${person.userId}, e.starts_at + f * interval '1 minute', e.starts_at + u * interval '1 minute', 0, 'self'
      from public.events e, (values (-10, 30), (20, 50), (60, 70)) v (f, u) where e.id = ${event}`)
    expect(await minutes(registration)).toBe(60)
    await system.database.asOwner(sql`
      insert into public.session_attendance (registration_id, event_id, user_id, check_in_time)
      select ${registration}, ${event}, ${person.userId}, e.starts_at + interval '100 minutes' from public.events e where e.id = ${event}`)
    await system.jobs.run('tend-sessions')
    const [stay] = await rowsOf(
      system,
      sql`select duration_minutes, closed_by from public.session_attendance where registration_id = ${registration} and closed_by = 'automatic'`,
    )
    expect(stay).toEqual({ duration_minutes: 20, closed_by: 'automatic' })
    expect(await minutes(registration)).toBe(80)
  })

  it('asks for the changing code where the event does, and takes QR codes from the instructor only', async () => {
    const [person, other] = [crowd[4]!, crowd[5]!]
    const { event, registration } = await attend(person, '-5 minutes', { requires_code: true })
    expect((await checkIn(registration, event, person)).body).toMatchObject({ code: 'code_wrong' })
    expect((await checkIn(registration, event, person, { code: 'AAAAAA' })).body).toMatchObject({
      code: 'code_wrong',
    })
    expect(codeOf((await rpc(system, 'session_code', { p_event_id: event }, person)).body)).toBe(
      'event_not_found',
    )
    const { code } = (await rpc(system, 'session_code', { p_event_id: event }, teacher)).body
    expect((await checkIn(registration, event, person, { code: code.toLowerCase() })).status).toBe(200)
    const { registration_id } = await register(system, await makeEvent(system), other)
    const token = await oneOf<string>(
      system,
      sql`select checkin_token as answer from public.registrations where id = ${registration}`,
    )
    expect(codeOf((await rpc(system, 'check_in_by_token', { p_token: token }, other)).body)).toBe(
      'registration_not_found',
    )
    expect((await rpc(system, 'check_in_by_token', { p_token: token }, teacher)).body).toMatchObject({
      registration_id: registration,
    })
    expect(
      (await system.request(`/rest/v1/registrations?id=eq.${registration_id}`, { as: person })).body,
    ).toEqual([])
  })

  it('is corrected by the instructor with a reason, which is audited', async () => {
    const person = crowd[6]!
    const { event, registration } = await attend(person, '-60 minutes')
    const [{ from, until }] = (await rowsOf<{ from: string; until: string }>(
      system,
      sql`select to_json(starts_at) #>> '{}' as from, to_json(starts_at + interval '45 minutes') #>> '{}' as until from public.events where id = ${event}`,
    )) as [{ from: string; until: string }]
    const set = (as: Person, more: object = {}) =>
      rpc(
        system,
        'set_attendance',
        {
          p_registration_id: registration,
          p_from: from,
          p_until: until,
          p_reason: 'her line failed',
          ...more,
        },
        as,
      )
    expect(codeOf((await set(person)).body)).toBe('registration_not_found')
    expect(codeOf((await set(teacher, { p_reason: '' })).body)).toBe('reason_required')
    expect(codeOf((await set(teacher, { p_until: '2999-01-01T00:00:00Z' })).body)).toBe('stay_invalid')
    expect((await set(teacher)).status).toBe(200)
    expect(await minutes(registration)).toBe(45)
    const [entry] = await rowsOf(
      system,
      sql`select admin_id, action, reason from public.admin_audit_logs where resource_type = 'session_attendance'`,
    )
    expect(entry).toEqual({ admin_id: teacher.userId, action: 'override', reason: 'her line failed' })
    const change = await system.request('/rest/v1/admin_audit_logs?action=eq.override', {
      method: 'DELETE',
      as: 'service',
    })
    expect(change.status).toBe(403)
  })
})

describe('messages', () => {
  it('remind a day and an hour before, once for each time, and again when it moved (C-J2)', async () => {
    const person = crowd[7]!
    const event = await makeEvent(system)
    await register(system, event, person)
    const reminders = () =>
      rowsOf<{ soon: boolean; type: string }>(
        system,
        sql`select (variables ->> 'soon')::boolean as soon, type from public.notifications_queue
            where template = 'reminder' and user_id = ${person.userId} order by created_at, type`,
      )
    const at = async (before: string) => {
      await system.database.transactionAsOwner(async ({ query }) => {
        await query(
          sql`select set_config('plinth.clock', (starts_at - ${before}::interval)::text, true) from public.events where id = ${event}`,
        )
        await query(sql`select private.plan_reminders()`)
      })
      return reminders()
    }
    expect(await at('25 hours')).toEqual([])
    expect(await at('23 hours')).toHaveLength(2)
    expect(await at('2 hours')).toHaveLength(2)
    expect((await at('50 minutes')).map(({ soon }) => soon)).toEqual([false, false, true, true])
    expect(await at('10 minutes')).toHaveLength(4)
    await system.database.asOwner(
      sql`update public.events set starts_at = starts_at + interval '1 day' where id = ${event}`,
    )
    expect(await at('20 hours')).toHaveLength(6)
  })

  it('go out by send-notifications, urgent first, within preferences, and say how many (C-F4, C-T1)', async () => {
    await system.jobs.runDue()
    const person = crowd[8]!
    await system.database.asOwner(sql`
      insert into public.notifications_queue (user_id, type, subject, content, priority)
      values (${person.userId}, 'in_app', 'Low', 'low', 'low'), (${person.userId}, 'in_app', 'Urgent', 'urgent', 'urgent'),
        (${person.userId}, 'in_app', 'High', 'high', 'high')`)
    const answer = await system.call('send-notifications', {}, { as: 'service' })
    expect(answer.body).toEqual({
      success: true,
      processed: { email: 0, sms: 0, inApp: 3, failed: 0 },
      total: 3,
    })
    expect(await system.call('send-notifications', {}, { as: admin })).toMatchObject({ status: 403 })
    const shown = await system.request('/rest/v1/in_app_notifications?select=title&order=created_at', {
      as: person,
    })
    expect(shown.body.map(({ title }: { title: string }) => title)).toEqual(['Urgent', 'High', 'Low'])
    const read = await system.request('/rest/v1/in_app_notifications?title=eq.Low', {
      method: 'PATCH',
      as: person,
      body: { read_at: new Date().toISOString() },
    })
    expect(read.status).toBe(204)
    expect(
      (
        await system.request('/rest/v1/in_app_notifications?title=eq.Low', {
          method: 'PATCH',
          as: person,
          body: { title: 'x' },
        })
      ).status,
    ).toBe(403)
  })

  it('of an instructor reach who has a seat', async () => {
    const event = await makeEvent(system)
    await register(system, event, crowd[9]!)
    const announce = (as: Person) =>
      rpc(
        system,
        'announce',
        { p_event_id: event, p_subject: 'Bring a laptop', p_message: 'We begin with an exercise.' },
        as,
      )
    expect(codeOf((await announce(crowd[9]!)).body)).toBe('event_not_found')
    expect((await announce(teacher)).status).toBe(200)
    const mine = await system.request(`/rest/v1/announcements?event_id=eq.${event}`, { as: crowd[9]! })
    expect(mine.body).toMatchObject([{ subject: 'Bring a laptop' }])
    expect(
      (await system.request(`/rest/v1/announcements?event_id=eq.${event}`, { as: crowd[10]! })).body,
    ).toEqual([])
  })
})

describe('process-referrals (C-F2, C-J1)', () => {
  const codeOfPerson = (person: Person) =>
    oneOf<string>(
      system,
      sql`select referral_code as answer from public.profiles where id = ${person.userId}`,
    )
  /** What a payment does, without the payment. */
  const markPaid = (registration: string) =>
    system.database.asOwner(sql`select private.seat_registration(${registration}, 'completed')`)
  const run = () => system.call('process-referrals', {}, { as: 'service' })

  it('gives free access to a technical event for two that paid, once, and nothing for oneself or one device', async () => {
    const [referrer, one, two, same] = crowd.slice(11, 15) as [Person, Person, Person, Person]
    const event = await makeEvent(system, { price: 100 })
    const code = await codeOfPerson(referrer)
    const own = await register(system, event, referrer, { p_device_id: 'my phone' })
    expect(own.payment_status).toBe('pending')
    const other = await makeEvent(system, { price: 100 })
    expect(await register(system, other, referrer, { p_referral_code: code })).toMatchObject({
      code: 'referral_invalid',
    })
    const faked = await register(system, event, same, { p_referral_code: code, p_device_id: 'my phone' })
    const first = await register(system, event, one, { p_referral_code: code })
    for (const { registration_id } of [faked, first]) await markPaid(registration_id)
    expect((await run()).body).toMatchObject({ success: true, processedReferrals: 1, rewardsGranted: 0 })
    const second = await register(system, event, two, { p_referral_code: code.toLowerCase() })
    await markPaid(second.registration_id)
    const answers = await Promise.all([run(), run()])
    expect(answers.map(({ body }) => body.rewardsGranted).sort()).toEqual([0, 1])
    expect(answers.find(({ body }) => body.rewardsGranted === 1)!.body.details.rewards).toMatchObject([
      {
        referrer_id: referrer.userId,
        event_id: event,
        kind: 'free_access',
        registration_id: own.registration_id,
      },
    ])
    expect(await register(system, event, referrer)).toMatchObject({ payment_status: 'free', seated: true })
    const states = await rowsOf(
      system,
      sql`select status, void_reason from public.referrals where event_id = ${event} order by created_at`,
    )
    expect(states).toEqual([
      { status: 'pending', void_reason: 'same_device' },
      { status: 'rewarded', void_reason: null },
      { status: 'rewarded', void_reason: null },
    ])
    expect((await run()).body).toMatchObject({ processedReferrals: 0, rewardsGranted: 0 })
    // Who has two friends pay, and be paid back, has no seat of it.
    await system.database.asOwner(sql`select private.registration_refunded(${first.registration_id})`)
    await system.jobs.runDue()
    const [lost] = await rowsOf(
      system,
      sql`select cancelled_at is not null as lost from public.registrations where id = ${own.registration_id}`,
    )
    expect(lost).toEqual({ lost: true })
    expect(await system.call('process-referrals', {}, { as: referrer })).toMatchObject({ status: 403 })
  })

  it('gives a voucher where the event is paid for, and takes it back when a referred one is refunded', async () => {
    const [referrer, one, two] = crowd.slice(15, 18) as [Person, Person, Person]
    const event = await makeEvent(system, { price: 100 })
    const soft = await makeEvent(system, { price: 100, category: 'soft_skills' })
    const code = await codeOfPerson(referrer)
    for (const person of [referrer, one, two])
      for (const place of [event, soft]) {
        const more = person === referrer ? {} : { p_referral_code: code }
        await markPaid((await register(system, place, person, more)).registration_id)
      }
    const answer = await run()
    expect(answer.body).toMatchObject({ processedReferrals: 4, rewardsGranted: 1 })
    expect(answer.body.details.rewards).toMatchObject([{ event_id: event, kind: 'voucher' }])
    const vouchers = await system.request('/rest/v1/coupons?select=code,percent_off,category,is_active', {
      as: referrer,
    })
    expect(vouchers.body).toMatchObject([{ percent_off: 100, category: 'technical', is_active: true }])
    await system.database.asOwner(
      sql`select private.registration_refunded(id) from public.registrations where event_id = ${event} and user_id = ${one.userId}`,
    )
    await system.jobs.runDue()
    const [reward] = await rowsOf(
      system,
      sql`select clawed_back_at is not null as back from public.referral_rewards where referrer_id = ${referrer.userId}`,
    )
    expect(reward).toEqual({ back: true })
    const next = await makeEvent(system, { price: 100 })
    expect(await register(system, next, referrer, { p_coupon_code: vouchers.body[0].code })).toMatchObject({
      code: 'coupon_invalid',
    })
  })
})

describe('recordings, materials and the meeting (C-O3)', () => {
  it('are for who has a seat: rows and files; only administrators upload recordings', async () => {
    const [has, stranger] = [crowd[18]!, crowd[19]!]
    const event = await makeEvent(system)
    await register(system, event, has)
    const path = `${event}/session.mp4`
    const upload = (as: Person) =>
      system.request(`/storage/v1/object/recordings/${path}`, {
        method: 'POST',
        as,
        headers: { 'content-type': 'video/mp4' },
        body: Uint8Array.from([
          0,
          0,
          0,
          32,
          ...new TextEncoder().encode('ftypisom'),
          0,
          0,
          2,
          0,
          ...new TextEncoder().encode('isomiso2avc1mp41'),
          ...new Uint8Array(2_000),
        ]),
      })
    for (const person of [has, stranger, teacher]) expect((await upload(person)).status).toBe(403)
    expect((await upload(admin)).status).toBe(200)
    const recording = (body: object, as: Person, method = 'POST', query = '') =>
      system.request(`/rest/v1/session_recordings${query}`, {
        method,
        as,
        headers: { prefer: 'return=representation' },
        body,
      })
    expect((await recording({ event_id: event, video_url: path }, teacher)).status).toBe(403)
    const made = await recording(
      { event_id: event, video_url: path, duration_minutes: 118, file_size_mb: 0.1 },
      admin,
    )
    expect(made.body).toMatchObject([{ processing_status: 'uploading' }])
    const { id } = made.body[0]
    const sign = (as: Person) =>
      system.request(`/storage/v1/object/sign/recordings/${path}`, {
        method: 'POST',
        as,
        body: { expiresIn: 60 },
      })
    expect((await sign(has)).status).toBe(404)
    expect((await recording({ processing_status: 'ready' }, admin, 'PATCH', `?id=eq.${id}`)).status).toBe(200)
    expect((await sign(stranger)).status).toBe(404)
    const signed = await sign(has)
    expect(signed.status).toBe(200)
    const part = await system.request(`/storage/v1${signed.body.signedURL}`, {
      headers: { range: 'bytes=4-11' },
    })
    expect([part.status, part.headers.get('content-range')?.startsWith('bytes 4-11/')]).toEqual([206, true])
    const watch = (as: Person, seconds: number) =>
      system.request('/rest/v1/recording_progress?on_conflict=recording_id,user_id', {
        method: 'POST',
        as,
        headers: { prefer: 'resolution=merge-duplicates' },
        body: { recording_id: id, user_id: as.userId, position_seconds: seconds },
      })
    for (const seconds of [60, 120]) expect((await watch(has, seconds)).status).toBeLessThan(300)
    expect((await watch(stranger, 5)).status).toBe(403)
    const resume = await system.request('/rest/v1/recording_progress?select=position_seconds', { as: has })
    expect(resume.body).toEqual([{ position_seconds: 120 }])
    const meeting = await system.request('/rest/v1/event_meetings', {
      method: 'POST',
      as: teacher,
      body: { event_id: event, meeting_url: 'https://meet.example.com/abc' },
    })
    expect(meeting.status).toBe(201)
    const link = (as: Person) => system.request(`/rest/v1/event_meetings?event_id=eq.${event}`, { as })
    expect((await link(has)).body).toMatchObject([{ meeting_url: 'https://meet.example.com/abc' }])
    expect((await link(stranger)).body).toEqual([])
    const csv = await system.request(
      `/rest/v1/registrations?event_id=eq.${event}&select=attendee_name,payment_status,attended_minutes`,
      { as: teacher, headers: { accept: 'text/csv' } },
    )
    expect(csv.body).toContain('attendee_name,payment_status,attended_minutes')
    const rate = (as: Person) =>
      system.request('/rest/v1/feedback', { method: 'POST', as, body: { event_id: event, rating: 5 } })
    expect((await rate(has)).status).toBe(403)
    await system.database.asOwner(
      sql`update public.events set starts_at = now() - interval '1 minute' where id = ${event}`,
    )
    expect((await rate(stranger)).status).toBe(403)
    expect((await rate(has)).status).toBe(201)
  })
})

describe('analytics (C-F6)', () => {
  it('counts an event of an app once, and shows funnels by variant (AT-40)', async () => {
    const event = (session: string, name: string, id: string, variant?: string) => ({
      client_event_id: id,
      session_id: session,
      event_name: name,
      event_category: 'conversion',
      variant,
    })
    const uuid = (index: number) => `00000000-0000-4000-8000-0000000001${String(index).padStart(2, '0')}`
    const track = (events: object[], as: Person | 'anon' = 'anon') =>
      system.request('/rest/v1/rpc/track_events', { method: 'POST', as, body: { p_events: events } })
    const seen = event('s1', 'page_view', uuid(1), 'button:red')
    for (const expected of [1, 0, 0]) expect((await track([seen])).body).toBe(expected)
    await track(
      [event('s1', 'checkout', uuid(2)), event('s2', 'page_view', uuid(3), 'button:blue')],
      crowd[0]!,
    )
    expect(codeOf((await track(Array.from({ length: 101 }, () => seen))).body)).toBe('events_invalid')
    const funnel = (as: Person) => rpc(system, 'funnel', { p_steps: ['page_view', 'checkout'] }, as)
    expect(codeOf((await funnel(crowd[0]!)).body)).toBe('admin_required')
    expect((await funnel(admin)).body).toEqual([
      { step: 1, event_name: 'page_view', variant: 'button:blue', sessions: 1 },
      { step: 1, event_name: 'page_view', variant: 'button:red', sessions: 1 },
      { step: 2, event_name: 'checkout', variant: 'button:red', sessions: 1 },
    ])
  })

  it('reports four ways, over days, to administrators', async () => {
    const report = (query: string, as: Person | 'anon' | 'service' = admin) =>
      system.request(`/functions/v1/analytics-report?${query}`, { as })
    expect((await report('type=overview', teacher)).status).toBe(403)
    expect((await report('type=overview', 'anon')).status).toBe(401)
    expect((await report('type=everything')).status).toBe(400)
    expect((await report('type=revenue&startDate=2026-13-01')).status).toBe(400)
    const overview = await report('type=overview')
    expect(overview.body).toMatchObject({
      success: true,
      type: 'overview',
      data: { totalUsers: 22, completedPayments: 0, totalRevenue: 0 },
    })
    await system.database.asOwner(sql`
      with one as (select id, event_id, user_id from public.registrations where payment_status = 'completed' and cancelled_at is null order by id limit 2)
      insert into public.payment_transactions (registration_id, event_id, user_id, status, amount, refunded_amount)
      select id, event_id, user_id, 'success', 100, 25 from one`)
    await system.database.asOwner(sql`
      update public.registrations set paid_at = '2026-03-31T18:45:00Z' where id in (
        select registration_id from public.payment_transactions where status = 'success' order by registration_id limit 1)`)
    const all = (await report('type=revenue')).body.data
    expect(all).toMatchObject({ totalRevenue: 150, transactionCount: 2 })
    // In Kolkata that is a quarter past midnight of the next day.
    expect(all.revenueByDate[0]).toEqual({ date: '2026-04-01', revenue: 75, transactions: 1 })
    const ranged = (await report('type=revenue&startDate=2026-04-01&endDate=2026-04-01')).body.data
    expect(ranged).toMatchObject({ totalRevenue: 75, transactionCount: 1 })
    const events = (await report('type=events')).body.data
    expect(events.length).toBeGreaterThan(5)
    expect(
      events.find(({ averageRating }: { averageRating: number | null }) => averageRating === 5),
    ).toMatchObject({ feedbackCount: 1 })
    expect((await report('type=referrals')).body.data).toMatchObject({
      totalReferrals: 7,
      voidReferrals: 3,
      topReferrers: expect.arrayContaining([expect.objectContaining({ completed: 3 })]),
    })
  })

  it('events become active and completed by their times, at midnight and when asked (C-J3)', async () => {
    const event = await makeEvent(system)
    const status = () =>
      oneOf<string>(system, sql`select status as answer from public.events where id = ${event}`)
    expect(await status()).toBe('upcoming')
    await system.database.asOwner(sql`select set_config('plinth.clock', '', false)`)
    await system.database.asOwner(
      sql`update public.events set starts_at = now() - interval '5 hours' where id = ${event}`,
    )
    expect(await status()).toBe('completed')
    const call = await system.call('update-event-status', {}, { as: admin })
    expect(call.body).toMatchObject({ success: true, updated: expect.any(Number) })
    expect((await system.call('update-event-status', {}, { as: teacher })).status).toBe(403)
    const jobs = courses.jobs.map(({ name, schedule }) => [name, schedule?.line])
    expect(Object.fromEntries(jobs)).toMatchObject({
      'process-referrals': '*/15 * * * *',
      'send-notifications': '*/5 * * * *',
      'update-event-status': '0 0 * * *',
      'payment-reconciliation': '0 2 * * *',
    })
  })
})

describe('the schema', () => {
  it('has the tables, words and columns that the requirement names, in its migrations (C-T1, C-T2, C-T3, C-O8)', async () => {
    const { migrations } = await courses.migrations()
    expect(migrations.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        '001_add_payment_transactions',
        '002_add_attendance_tracking',
        '003_add_certificates',
        '004_add_notifications',
        '005_add_analytics',
        '006_add_session_recordings',
      ]),
    )
    const words = await rowsOf<{ name: string; labels: string }>(
      system,
      sql`select t.typname as name, string_agg(e.enumlabel, ' ' order by e.enumsortorder) as labels
          from pg_type t join pg_enum e on e.enumtypid = t.oid where t.typnamespace = 'public'::regnamespace group by 1`,
    )
    expect(Object.fromEntries(words.map(({ name, labels }) => [name, labels]))).toMatchObject({
      transaction_status: 'initiated success failed refunded',
      notification_type: 'email sms in_app',
      notification_channel: 'transactional marketing alert',
      notification_status: 'pending sent failed cancelled',
      notification_priority: 'low medium high urgent',
      in_app_type: 'info success warning error',
      analytics_category: 'engagement conversion navigation error',
      webhook_status: 'received processed failed',
      recording_status: 'uploading processing ready failed',
      waitlist_status: 'waiting notified registered expired',
      registration_payment_status: 'pending completed failed refunded free',
      event_category: 'soft_skills technical',
      event_status: 'upcoming active completed',
      referral_status: 'pending completed rewarded',
    })
    const named: Readonly<Record<string, string>> = {
      payment_transactions:
        'razorpay_order_id razorpay_payment_id razorpay_signature status amount currency metadata',
      session_attendance: 'check_in_time check_out_time duration_minutes ip_address user_agent',
      certificates: 'certificate_number verification_token pdf_url revoked_at revoke_reason blockchain_hash',
      notifications_queue: 'type channel status priority retry_count scheduled_for',
      in_app_notifications: 'title message type action_url read_at',
      analytics_events: 'event_name event_category event_data session_id',
      webhook_logs: 'source event_type payload status',
      admin_audit_logs: 'admin_id action resource_type resource_id old_values new_values',
      session_recordings: 'video_url duration_minutes file_size_mb processing_status thumbnail_url',
      event_waitlist: 'position notified_at expires_at status',
    }
    for (const [table, columns] of Object.entries(named)) {
      const known = await rowsOf<{ name: string }>(
        system,
        sql`select column_name as name from information_schema.columns where table_schema = 'public' and table_name = ${table}`,
      )
      expect(known.map(({ name }) => name)).toEqual(expect.arrayContaining(columns.split(' ')))
    }
    const bare = await rowsOf<{ name: string }>(
      system,
      sql`select c.conrelid::regclass || ' ' || c.conname as name from pg_constraint c
          where c.contype = 'f' and c.connamespace = 'public'::regnamespace and not exists (
            select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1])`,
    )
    expect(bare).toEqual([])
  })

  it('gives out what it knows of a person, and forgets who they were without forgetting what happened', async () => {
    const person = crowd[0]!
    const hooks = courses.personHooks!({ database: system.database } as never)
    const files: string[] = []
    for await (const { content } of hooks.export!(person.userId)) files.push(String(content))
    expect(JSON.parse(files[0]!)).toMatchObject({
      profile: { id: person.userId },
      attendance: expect.any(Array),
    })
    await system.database.transactionAsOwner((transaction) => hooks.erase!(person.userId, transaction))
    const [left] = await rowsOf(
      system,
      sql`select count(*)::int as stays, count(ip_address)::int + count(user_agent)::int as traces from public.session_attendance
          where user_id = ${person.userId}`,
    )
    expect(left).toEqual({ stays: 1, traces: 0 })
  })
})

describe('the four targets (C-M1, C-M2, C-M3, C-M4)', () => {
  it('are figures with an alert each', async () => {
    const person = crowd[1]!
    const { event, registration } = await attend(person, '-150 minutes')
    await system.database.asOwner(
      sql`update public.events set starts_at = now() - interval '5 hours' where id = ${event}`,
    )
    const figures = Object.fromEntries(
      courses.figures!({ database: system.database } as never).map((figure) => [figure.name, figure]),
    )
    const read = async (name: string) => figures[name]!.read()
    expect(await read('certificate-rate')).toBeLessThan(100)
    await system.database.asOwner(sql`
      insert into public.certificates (registration_id, event_id, user_id, certificate_number, verification_token)
      select id, event_id, user_id, 'TEST-' || id, replace(gen_random_uuid()::text, '-', '') from public.registrations where seated_at is not null`)
    expect(await read('certificate-rate')).toBe(100)
    expect(registration).toBeDefined()
    expect(await read('webhook-seconds')).toBeNull()
    for (const seconds of [1, 3])
      await system.database.asOwner(sql`
        insert into public.webhook_logs (source, event_type, event_id, payload, status, received_at, processed_at)
        values ('razorpay', 'payment.captured', ${`event ${seconds}`}, '{}', 'processed', now() - ${`${seconds} seconds`}::interval, now())`)
    expect(await read('webhook-seconds')).toBeGreaterThan(2)
    expect(await read('payment-success')).toBe(100)
    await system.database.asOwner(sql`
      insert into public.payment_transactions (event_id, status, amount) values (${event}, 'failed', 1)`)
    expect(await read('payment-success')).toBeLessThan(95)
    expect(await read('delivery-rate')).toEqual(expect.any(Number))
    const { rows } = await system.database.asOwner(sql`select private.fail_webhooks() as failed`)
    expect(rows).toEqual([{ failed: 0 }])
  })
})

describe('hostile input', () => {
  const nasty = ["'; drop table public.events; --", '\u0000', '🐘'.repeat(300), '9'.repeat(40), '{}']
  const known = '00000000-0000-4000-8000-000000000000'
  const bodies = (names: readonly string[]) => [
    '[]',
    'null',
    '"x"',
    ...nasty.map((value) => Object.fromEntries(names.map((name) => [name, value]))),
    ...[[], 1e308, true].map((value) => Object.fromEntries(names.map((name) => [name, value]))),
    Object.fromEntries(names.map((name) => [name, known])),
  ]

  it('is refused by every function, from anybody, and breaks none', async () => {
    const names = [
      'registrationId',
      'eventId',
      'attendanceId',
      'code',
      'refundId',
      'amount',
      'reason',
      'type',
      'token',
    ]
    const failed: string[] = []
    for (const { name } of courses.functions)
      for (const as of ['anon', crowd[0]!, admin] as const)
        for (const body of bodies(names).slice(as === admin ? 0 : 8)) {
          const headers = { 'content-type': 'application/json' }
          const { status, body: answer } = await system.request(`/functions/v1/${name}?action=checkin`, {
            method: 'POST',
            as,
            headers,
            body,
          })
          if (status >= 500 && answer?.code !== 'payment_provider_off')
            failed.push(`${name} ${status} ${JSON.stringify(body)}`)
        }
    expect(failed).toEqual([])
  })

  it('is refused by every RPC, from anybody, and breaks none', async () => {
    const functions = await rowsOf<{ name: string; arguments: string[] }>(
      system,
      sql`select proname as name, coalesce(proargnames, '{}') as arguments from pg_proc where pronamespace = 'public'::regnamespace
          and prokind = 'f' and prorettype <> 'trigger'::regtype order by 1`,
    )
    expect(functions.length).toBeGreaterThan(15)
    const failed: string[] = []
    for (const { name, arguments: names } of functions)
      for (const as of ['anon', crowd[0]!, admin] as const)
        for (const body of bodies(names.filter((argument) => argument.startsWith('p_'))).slice(
          as === admin ? 5 : 10,
        )) {
          const headers = { 'content-type': 'application/json' }
          const { status } = await system.request(`/rest/v1/rpc/${name}`, {
            method: 'POST',
            as,
            headers,
            body,
          })
          if (status >= 500) failed.push(`${name} ${status} ${JSON.stringify(body)}`)
        }
    expect(failed).toEqual([])
  })
})
