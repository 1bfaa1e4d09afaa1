import { sql } from '@plinth/platform/database'
import { createRandom } from '@plinth/testing'
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
  crowd = await people(system, 'learner', 40)
})

const join = (event: string, as: Person) => rpc(system, 'join_waitlist', { p_event_id: event }, as)
const leave = (event: string, as: Person) => rpc(system, 'leave_waitlist', { p_event_id: event }, as)
const cancel = (registration: string, as: Person) =>
  rpc(system, 'cancel_registration', { p_registration_id: registration, p_reason: 'plans changed' }, as)
const seated = (event: string) =>
  oneOf<number>(
    system,
    sql`select count(*)::int as answer from public.registrations
        where event_id = ${event} and payment_status in ('completed', 'free') and cancelled_at is null`,
  )
const line = (event: string) =>
  rowsOf<{ user_id: string; status: string; position: number | null; ended_as: string | null }>(
    system,
    sql`select user_id, status, position, ended_as from public.event_waitlist where event_id = ${event} order by joined_at, position`,
  )

describe('registering', () => {
  it('seats exactly as many as there are seats, of many who come at once (AT-1, C-O1)', async () => {
    const event = await makeEvent(system, { seats: 7 })
    const outcomes = await Promise.all(crowd.map((person) => register(system, event, person)))
    expect(outcomes.filter(({ status, seated: has }) => status === 200 && has)).toHaveLength(7)
    expect(new Set(outcomes.filter(({ status }) => status !== 200).map(({ code }) => code))).toEqual(
      new Set(['event_full']),
    )
    expect(await seated(event)).toBe(7)
    expect((await rpc(system, 'seats_of', { p_event_ids: [event] }, crowd[0]!)).body).toEqual([
      { event_id: event, capacity: 7, free: 0, waiting: 0 },
    ])
  })

  it('is one registration, however often it is asked for at once, and holds one seat', async () => {
    const event = await makeEvent(system, { seats: 3, price: 500 })
    const asked = await Promise.all(Array.from({ length: 8 }, () => register(system, event, crowd[0]!)))
    expect(new Set(asked.map(({ registration_id }) => registration_id)).size).toBe(1)
    expect(asked[0]).toMatchObject({ status: 200, payment_status: 'pending', amount: 500, seated: false })
    const [{ free }] = (await rpc(system, 'seats_of', { p_event_ids: [event] }, crowd[0]!)).body
    expect(free).toBe(2)
  })

  it('keeps an unpaid seat for fifteen minutes and no longer', async () => {
    const event = await makeEvent(system, { seats: 1, price: 500 })
    const first = await register(system, event, crowd[0]!)
    expect(Date.parse(first.held_until!) - Date.now()).toBeGreaterThan(14 * 60_000)
    // Begun again and again, it is kept for an hour and no longer (A12).
    await system.database.asOwner(
      sql`update public.registrations set held_since = now() - interval '55 minutes' where id = ${first.registration_id}`,
    )
    const kept = await register(system, event, crowd[0]!)
    expect(Date.parse(kept.held_until!) - Date.now()).toBeLessThan(6 * 60_000)
    expect(await register(system, event, crowd[1]!)).toMatchObject({ status: 409, code: 'event_full' })
    await system.database.asOwner(
      sql`update plinth.holds set expires_at = now() - interval '1 second' where kind = 'seat' and thing = ${event}`,
    )
    expect(await register(system, event, crowd[1]!)).toMatchObject({ status: 200 })
    expect(await register(system, event, crowd[0]!)).toMatchObject({ status: 409, code: 'event_full' })
  })

  it('refuses what is not there, cancelled, begun, or not for everybody', async () => {
    const nobody = '00000000-0000-4000-8000-000000000000'
    expect(await register(system, nobody, crowd[0]!)).toMatchObject({ status: 404, code: 'event_not_found' })
    const begun = await makeEvent(system, { starts: '-10 minutes' })
    expect(await register(system, begun, crowd[0]!)).toMatchObject({ status: 409, code: 'event_started' })
    const event = await makeEvent(system)
    expect(await rpc(system, 'cancel_event', { p_event_id: event }, crowd[0]!)).toMatchObject({ status: 404 })
    expect((await rpc(system, 'cancel_event', { p_event_id: event }, teacher)).status).toBe(200)
    expect(await register(system, event, crowd[0]!)).toMatchObject({ status: 409, code: 'event_cancelled' })
    const own = await register(system, await makeEvent(system), crowd[0]!)
    expect(codeOf((await cancel(own.registration_id, crowd[1]!)).body)).toBe('registration_not_found')
  })

  it('leaves nobody in a seat of an event that is cancelled while they register', async () => {
    const event = await makeEvent(system, { seats: 15 })
    const asked = crowd.slice(0, 24).map((person) => register(system, event, person))
    const cancelled = rpc(system, 'cancel_event', { p_event_id: event, p_reason: 'ill' }, teacher)
    const codes = (await Promise.all(asked)).map(({ status, code }) => (status === 200 ? 'registered' : code))
    expect((await cancelled).status).toBe(200)
    for (const code of codes) expect(['registered', 'event_full', 'event_cancelled']).toContain(code)
    await system.jobs.runDue()
    expect(await seated(event)).toBe(0)
    const [pool] = await rowsOf(
      system,
      sql`select used::int, held::int, (select count(*)::int from public.event_waitlist w
            where w.event_id = ${event} and w.status in ('waiting', 'notified')) as waiting
          from plinth.pools where kind = 'seat' and thing = ${event}`,
    )
    expect(pool).toEqual({ used: 0, held: 0, waiting: 0 })
  })

  it('takes coupons as often as they may be used, once a person, whoever comes at once', async () => {
    const event = await makeEvent(system, { seats: 40, price: 1000 })
    await system.request('/rest/v1/coupons', {
      method: 'POST',
      as: admin,
      body: { code: 'HALF', percent_off: 50, max_redemptions: 3 },
    })
    const outcomes = await Promise.all(
      crowd.slice(0, 10).map((person) => register(system, event, person, { p_coupon_code: 'half' })),
    )
    expect(outcomes.filter(({ status }) => status === 200).map(({ amount }) => amount)).toEqual([
      500, 500, 500,
    ])
    expect(new Set(outcomes.filter(({ status }) => status !== 200).map(({ code }) => code))).toEqual(
      new Set(['coupon_used_up']),
    )
    const winner = crowd[outcomes.findIndex(({ status }) => status === 200)]!
    const other = await makeEvent(system, { price: 1000 })
    expect(await register(system, other, winner, { p_coupon_code: 'HALF' })).toMatchObject({
      code: 'coupon_used',
    })
    expect(await register(system, event, crowd[20]!, { p_coupon_code: 'NO-SUCH' })).toMatchObject({
      status: 422,
      code: 'coupon_invalid',
    })
    // What is given up may be used again.
    const held = outcomes.find(({ status }) => status === 200)!
    expect((await cancel(held.registration_id, winner)).status).toBe(200)
    expect(await register(system, event, crowd[21]!, { p_coupon_code: 'HALF' })).toMatchObject({
      status: 200,
    })
    await register(system, other, crowd[22]!)
    expect(await register(system, other, crowd[22]!, { p_coupon_code: 'HALF' })).toMatchObject({
      code: 'coupon_fixed',
    })
  })
})

describe('the waitlist (C-T2)', () => {
  it('offers what gets free to the first, for a day and never beyond the start; declining passes it on', async () => {
    const event = await makeEvent(system, { seats: 1, starts: '10 hours' })
    const [has, first, second, third] = crowd as [Person, Person, Person, Person]
    const { registration_id } = await register(system, event, has)
    for (const person of [first, second, third])
      expect((await join(event, person)).body).toMatchObject({ status: 'waiting' })
    expect((await join(event, second)).body).toMatchObject({ status: 'waiting', position: 2 })
    expect(codeOf((await join(event, has)).body)).toBe('already_registered')
    expect((await cancel(registration_id, has)).status).toBe(200)
    expect(await register(system, event, crowd[9]!)).toMatchObject({ code: 'event_full' })
    const [offered] = await rowsOf<{ status: string; capped: boolean }>(
      system,
      sql`select w.status, w.expires_at = e.starts_at as capped from public.event_waitlist w join public.events e on e.id = w.event_id
          where w.event_id = ${event} and w.user_id = ${first.userId}`,
    )
    expect(offered).toEqual({ status: 'notified', capped: true })
    expect((await leave(event, first)).body).toMatchObject({ status: 'expired', ended_as: 'declined' })
    expect((await line(event)).map(({ status, position }) => [status, position])).toEqual([
      ['expired', null],
      ['notified', null],
      ['waiting', 1],
    ])
    expect(await register(system, event, second)).toMatchObject({ status: 200, seated: true })
    expect((await line(event))[1]).toMatchObject({ status: 'registered', ended_as: 'accepted' })
    const told = await rowsOf<{ user_id: string }>(
      system,
      sql`select user_id from public.notifications_queue where template = 'seat-offered' and type = 'email'
          and variables ->> 'event_id' = ${event} order by created_at`,
    )
    expect(told.map(({ user_id }) => user_id)).toEqual([first.userId, second.userId])
  })

  it('passes an offer that nobody took on, and closes at the start', async () => {
    const event = await makeEvent(system, { seats: 1 })
    const [has, first, second] = crowd as [Person, Person, Person]
    const { registration_id } = await register(system, event, has)
    await join(event, first)
    await join(event, second)
    await cancel(registration_id, has)
    await system.database.transactionAsOwner(async ({ query }) => {
      await query(sql`select plinth.move_up_waitlists(now() + interval '25 hours')`)
    })
    expect((await line(event)).map(({ status }) => status)).toEqual(['expired', 'notified'])
    await system.database.asOwner(sql`select plinth.move_up_waitlists(now() + interval '4 days')`)
    expect((await line(event)).map(({ status }) => status)).toEqual(['expired', 'expired'])
  })

  it('more seats are offered down the line, fewer take nothing away', async () => {
    const event = await makeEvent(system, { seats: 1 })
    await register(system, event, crowd[0]!)
    for (const person of crowd.slice(1, 5)) await join(event, person)
    const patch = (seats: number) =>
      system.request(`/rest/v1/events?id=eq.${event}`, {
        method: 'PATCH',
        as: teacher,
        body: { max_participants: seats },
      })
    expect((await patch(3)).status).toBe(204)
    expect((await line(event)).map(({ status }) => status)).toEqual([
      'notified',
      'notified',
      'waiting',
      'waiting',
    ])
    expect((await patch(1)).status).toBe(204)
    expect(await seated(event)).toBe(1)
  })

  it('a model of it: whatever people do, seats are never more than there are, and nobody is passed over (AT-35)', async () => {
    const random = createRandom(7)
    const seats = 3
    const event = await makeEvent(system, { seats })
    const group = crowd.slice(0, 12)
    for (let step = 0; step < 60; step += 1) {
      const person = group[random(group.length)]!
      const what = random(4)
      if (what === 0) await register(system, event, person)
      if (what === 1) await join(event, person)
      if (what === 2) await leave(event, person)
      if (what === 3) {
        const [own] = await rowsOf<{ id: string }>(
          system,
          sql`select id from public.registrations where event_id = ${event} and user_id = ${person.userId} and cancelled_at is null`,
        )
        if (own) await cancel(own.id, person)
      }
      const [state] = await rowsOf<{
        seated: number
        offered: number
        waiting: number
        positions: string
        both: number
      }>(
        system,
        sql`select
          (select count(*)::int from public.registrations r where r.event_id = ${event} and r.cancelled_at is null and r.seated_at is not null) as seated,
          count(*) filter (where w.status = 'notified')::int as offered, count(*) filter (where w.status = 'waiting')::int as waiting,
          coalesce(string_agg(w.position::text, ',' order by w.position), '') as positions,
          count(*) filter (where w.status in ('waiting', 'notified') and exists (select from public.registrations r
            where r.event_id = ${event} and r.user_id = w.user_id and r.cancelled_at is null and r.seated_at is not null))::int as both
        from public.event_waitlist w where w.event_id = ${event}`,
      )
      const { seated: taken, offered, waiting, positions, both } = state!
      expect(taken + offered).toBeLessThanOrEqual(seats)
      expect(both).toBe(0)
      // While somebody waits, every seat is somebody's or offered.
      if (waiting > 0) expect(taken + offered).toBe(seats)
      expect(positions).toBe(Array.from({ length: waiting }, (_, index) => index + 1).join(','))
    }
  })
})

describe('passing a seat on', () => {
  it('is for whoever proves the address, before the start, and takes the QR code along', async () => {
    const event = await makeEvent(system, { seats: 2 })
    const [from, to, thief] = crowd as [Person, Person, Person]
    const { registration_id } = await register(system, event, from)
    const offer = await rpc(
      system,
      'offer_transfer',
      { p_registration_id: registration_id, p_email: String(to.claims.email) },
      from,
    )
    expect(offer.status).toBe(200)
    const accept = (as: Person) => rpc(system, 'accept_transfer', { p_transfer_id: offer.body.id }, as)
    expect(codeOf((await accept(thief)).body)).toBe('transfer_not_found')
    await system.database.asOwner(
      sql`update auth.users set email_confirmed_at = now() where id in (${to.userId}, ${thief.userId})`,
    )
    expect(codeOf((await accept(thief)).body)).toBe('transfer_not_found')
    const token = () =>
      oneOf<string>(
        system,
        sql`select checkin_token as answer from public.registrations where id = ${registration_id}`,
      )
    const before = await token()
    expect((await accept(to)).body).toMatchObject({ registration_id, seated: true })
    expect(await token()).not.toBe(before)
    expect(codeOf((await accept(to)).body)).toBe('transfer_not_found')
    const mine = await system.request(`/rest/v1/registrations?id=eq.${registration_id}`, { as: from })
    expect(mine.body).toEqual([])
    expect(codeOf((await cancel(registration_id, from)).body)).toBe('registration_not_found')
    const unpaid = await register(system, await makeEvent(system, { price: 100 }), from)
    const give = (id: string) =>
      rpc(
        system,
        'offer_transfer',
        { p_registration_id: id, p_email: 'x@example.com' },
        id === registration_id ? to : from,
      )
    expect(codeOf((await give(unpaid.registration_id)).body)).toBe('no_seat')
    for (let offer = 2; offer <= 10; offer += 1) expect((await give(registration_id)).status).toBe(200)
    expect(codeOf((await give(registration_id)).body)).toBe('transfers_used_up')
  })
})

describe('an event', () => {
  it('is made, scheduled by the wall clock of a zone, copied and audited by its instructor', async () => {
    const made = await system.request('/rest/v1/events', {
      method: 'POST',
      as: teacher,
      headers: { prefer: 'return=representation' },
      body: {
        title: 'Writing',
        instructor_id: teacher.userId,
        starts_at: '2027-03-01T10:00:00Z',
        max_participants: 5,
        timezone: 'America/New_York',
      },
    })
    expect(made.status).toBe(201)
    const { id } = made.body[0]
    expect(made.body[0]).toMatchObject({
      status: 'upcoming',
      sequence: 0,
      ends_at: '2027-03-01T12:00:00+00:00',
    })
    await register(system, id, crowd[0]!)
    // New York has put its clocks forward on that morning.
    const moved = await rpc(
      system,
      'schedule_event',
      { p_event_id: id, p_local: '2027-03-14T10:00:00' },
      teacher,
    )
    expect(moved.body).toMatchObject({
      starts_at: '2027-03-14T14:00:00+00:00',
      ends_at: '2027-03-14T16:00:00+00:00',
      sequence: 1,
    })
    const [told] = await rowsOf<{ metadata: { calendar: object } }>(
      system,
      sql`select metadata from public.notifications_queue where template = 'event-moved' and type = 'email' and user_id = ${crowd[0]!.userId}`,
    )
    expect(told!.metadata.calendar).toMatchObject({
      uid: expect.stringMatching(/^registration-.*@courses$/),
      sequence: 1,
      cancelled: false,
    })
    const copy = await rpc(
      system,
      'clone_event',
      { p_event_id: id, p_starts_at: '2027-04-01T10:00:00Z' },
      teacher,
    )
    expect(copy.body).toMatchObject({
      title: 'Writing',
      is_published: false,
      sequence: 0,
      max_participants: 5,
    })
    expect(
      codeOf(
        (await rpc(system, 'clone_event', { p_event_id: id, p_starts_at: '2027-04-01T10:00:00Z' }, crowd[1]!))
          .body,
      ),
    ).toBe('event_not_found')
    const audit = await system.request(
      `/rest/v1/admin_audit_logs?resource_id=eq.${id}&select=admin_id,action,old_values,new_values&order=created_at`,
      { as: admin },
    )
    expect(audit.body).toMatchObject([
      { admin_id: teacher.userId, action: 'insert', old_values: null },
      {
        admin_id: teacher.userId,
        action: 'update',
        old_values: { sequence: 0 },
        new_values: { sequence: 1 },
      },
    ])
    const zone = await system.request(`/rest/v1/events?id=eq.${id}`, {
      method: 'PATCH',
      as: teacher,
      body: { timezone: 'XYZ+3' },
    })
    expect(zone.body).toMatchObject({ code: '22023' })
    const list = await system.request('/rest/v1/rpc/attendees', {
      method: 'POST',
      as: teacher,
      headers: { accept: 'text/csv' },
      body: { p_event_id: id },
    })
    expect(list.body).toContain(String(crowd[0]!.claims.email))
    expect((await rpc(system, 'attendees', { p_event_id: id }, crowd[0]!)).status).toBe(404)
    const over = await makeEvent(system, { starts: '-3 hours' })
    expect(codeOf((await rpc(system, 'cancel_event', { p_event_id: over }, teacher)).body)).toBe('event_over')
  })
})
