import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sql } from '@plinth/platform/database'
import { paymentsOffer } from '@plinth/platform/payments'
import { actor } from '@plinth/testing'
import { afterAll, describe, expect, it } from 'vitest'
import {
  ada,
  addService,
  awkward,
  ben,
  book,
  inDays,
  root,
  sam,
  send,
  useKronium,
  value,
} from './kronium-fixture.ts'

const system = useKronium({ environment: { PLINTH_KRONIUM_CALENDARS_PRIVATE_ADDRESSES: 'true' } })

const change = (as: typeof ada | 'service', id: string, body: object) =>
  system.request(`/bookings/${id}`, { method: 'PUT', as, body })
const codeOf = async (work: Promise<{ body: { code?: string } }>) => (await work).body.code
const messages = (id: string, template: string) =>
  value<number>(
    system,
    `select count(*)::int from plinth.notifications where template = $2 and channel = 'email'
     and dedupe_key in (select format('booking/%s/email', e.id) from private.booking_events e where e."bookingId" = $1)`,
    [id, template],
  )

describe('a slot', () => {
  it('is had by one of a hundred who ask at once; the others are offered times that are free (AT-6, AT-8)', async () => {
    const { id } = await addService(system, { bufferAfter: 15 })
    const people = Array.from({ length: 20 }, (_, index) => actor(`client ${index}`))
    await system.signUp(...people)
    const at = Date.parse(inDays(6, 10))
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        // Half want the same time, half one that overlaps it by some minutes, or by the buffer alone.
        book(
          system,
          people[index % 20]!,
          id,
          new Date(at + (index % 2) * (15 + (index % 4) * 15) * 60_000).toISOString(),
        ),
      ),
    )
    const made = answers.filter(({ id: booked }) => booked)
    const taken = answers.filter(({ code }) => code === 'slot_taken')
    expect(made.length + taken.length).toBe(100)
    const blocks = await value<number>(
      system,
      `select count(*)::int from public.bookings a join public.bookings b on a.id < b.id and a."serviceId" = b."serviceId"
       where a."serviceId" = $1 and tstzrange(a.date, a."endsAt" + interval '15 min') && tstzrange(b.date, b."endsAt" + interval '15 min')`,
      [id],
    )
    expect([made.length, blocks]).toEqual([1, 0])
    for (const { details } of taken) expect(details.alternatives.length).toBe(5)
    const { date } = taken[0].details.alternatives[0]
    expect((await book(system, ada, id, date)).status).toBe('pending')
  })

  it('is had by one of two requests whose holds ended, when both are confirmed at once (AT-7)', async () => {
    const { id } = await addService(system, { depositPercent: 50 })
    const [first, date] = [await book(system, ada, id, inDays(7)), inDays(7)]
    expect(first).toMatchObject({ status: 'pending', depositAmount: 20, depositStatus: 'due' })
    await system.database.asOwner(
      sql`update plinth.holds set expires_at = now() - interval '1 second' where key = ${first.id}`,
    )
    const second = await book(system, ben, id, date)
    await system.database.asOwner(
      sql`update plinth.holds set expires_at = now() - interval '1 second' where key = ${second.id}`,
    )
    const answers = await Promise.all(
      [first, second].map((each) => change(root, each.id, { status: 'confirmed' })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    expect(answers.find(({ status }) => status === 409)!.body.code).toBe('slot_taken')
  })

  it('of a pool goes to who is free, in the order of the pool; somebody asked for by name is waited for', async () => {
    const [ann, bob] = await Promise.all(
      ['Ann', 'Bob'].map(async (name) =>
        value<string>(system, `insert into public.resources (name, "userId") values ($1, $2) returning id`, [
          name,
          name === 'Ann' ? sam.userId : null,
        ]),
      ),
    )
    const { id } = await addService(system)
    await system.database.asOwner(sql`
      insert into public.service_resources ("serviceId", "resourceId", rank) values (${id}, ${ann}, 0), (${id}, ${bob}, 1)`)
    const date = inDays(8)
    expect((await book(system, ada, id, date)).resourceId).toBe(ann)
    expect((await book(system, ben, id, date, { resourceId: ann })).code).toBe('slot_taken')
    expect((await book(system, ben, id, date)).resourceId).toBe(bob)
    expect((await book(system, ben, id, date)).code).toBe('slot_taken')
    // Who does it sees it and manages it; other bookings of the service are not theirs (assigned).
    const seen = await send(system, 200, 'GET', `/bookings?serviceId=${id}`, { as: sam })
    expect(seen.items.map(({ resourceId }: { resourceId: string }) => resourceId)).toEqual([ann])
    const slots = await send(
      system,
      200,
      'GET',
      `/services/${id}/slots?from=${date.slice(0, 10)}&to=${date.slice(0, 10)}&zone=UTC`,
    )
    expect(slots.slots.some((slot: { date: string }) => slot.date === date)).toBe(false)
    expect(slots.slots[0].resources).toEqual([ann, bob])
    await system.database.asOwner(sql`update public.resources set "isActive" = false where id = ${bob}`)
    expect((await book(system, ben, id, inDays(9), { resourceId: bob })).code).toBe('unknown_resource')
  })

  it('that the engine shows free is the one that SQL gives, over random bookings', async () => {
    const { id } = await addService(system, {
      duration: 45,
      bufferBefore: 10,
      bufferAfter: 5,
      capacity: 2,
      slotStep: 15,
      minimumNotice: 0,
    })
    const day = inDays(10).slice(0, 10)
    await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        book(
          system,
          ada,
          id,
          `${day}T${8 + (index % 6)}:${index % 2 ? '15' : '40'}:00Z`.replace(/T(\d):/, 'T0$1:'),
        ),
      ),
    )
    const shown = await send(system, 200, 'GET', `/services/${id}/slots?from=${day}&to=${day}&zone=UTC`)
    const free = new Set(shown.slots.map(({ date }: { date: string }) => date))
    for (let minute = 7 * 60; minute < 15 * 60; minute += 15) {
      const date = new Date(Date.parse(`${day}T00:00:00Z`) + minute * 60_000).toISOString()
      const taken = await system.database
        .transactionAsOwner(async ({ query }) => {
          await query(
            sql`insert into public.bookings ("serviceId", date, "customerId") values (${id}, ${date}, null)`,
          )
          throw new Error('undone')
        })
        .catch((error: Error) => error.message)
      expect([date, taken === 'undone']).toEqual([date, free.has(date)])
    }
  })
})

describe('times', () => {
  it('are those of the provider’s clock in the provider’s zone, shown in the client’s (AT-10)', async () => {
    const schedule = await value<string>(
      system,
      `insert into public.schedules (name, timezone) values ('New York', 'America/New_York') returning id`,
    )
    await system.database.asOwner(sql`
      insert into public.opening_hours ("scheduleId", weekday, opens, closes) select ${schedule}, d, 540, 1020 from generate_series(1, 7) d`)
    const { id } = await addService(system, { scheduleId: schedule, horizon: 400 })
    // The night of the next change of the clock there, and the days around it.
    const found = await send(
      system,
      200,
      'GET',
      `/services/${id}/slots?from=2027-03-13&to=2027-03-15&zone=Europe/Oslo`,
    )
    const byDay = new Map<string, string[]>()
    for (const { provider } of found.slots)
      byDay.set(provider.slice(0, 10), [...(byDay.get(provider.slice(0, 10)) ?? []), provider.slice(11)])
    expect([byDay.get('2027-03-13')![0], byDay.get('2027-03-14')![0]]).toEqual([
      '09:00:00-05:00',
      '09:00:00-04:00',
    ])
    expect(
      found.slots.find(({ provider }: { provider: string }) => provider.startsWith('2027-03-14T09:00')).local,
    ).toBe('2027-03-14T14:00:00+01:00')
    // A time without an offset is the provider's; what is closed is refused, with what is open instead.
    expect((await book(system, ada, id, '2027-03-14T09:00', { timezone: 'Europe/Oslo' })).date).toBe(
      '2027-03-14T13:00:00+00:00',
    )
    const closed = await book(system, ada, id, '2027-03-14T08:30')
    expect([closed.code, closed.details.alternatives[0].local]).toEqual([
      'closed_then',
      '2027-03-14T10:00:00-04:00',
    ])
    expect((await book(system, ada, id, '2027-03-15T09:00', { timezone: 'Mars/Base' })).code).toBe(
      'unknown_zone',
    )
    expect((await system.request(`/services/${id}/slots?zone=XYZ`)).body.code).toBe('unknown_zone')
    // The last day that ISO 8601 has without a sign has none after it.
    const endless = await system.request(`/services/${id}/slots?from=2026-01-15&to=9999-12-31`)
    expect(endless.status).toBe(400)
    expect((await book(system, ada, id, '2027-02-30T09:00')).code).toBe('time_unfit')
    expect((await book(system, ada, id, '2027-03-15T09:00:30')).code).toBe('time_unfit')
  })

  it('keep notice, horizon, holidays and overrides; the staff is bound by hours alone', async () => {
    const { id } = await addService(system, { minimumNotice: 2880, horizon: 30 })
    expect((await book(system, ada, id, inDays(1))).code).toBe('too_soon')
    expect((await book(system, ada, id, inDays(40))).code).toBe('too_far')
    expect((await book(system, root, id, inDays(40))).id).toBeTruthy()
    const holiday = inDays(12).slice(0, 10)
    await system.database.asOwner(sql`insert into public.holidays (date, name) values (${holiday}, 'closed')`)
    expect((await book(system, root, id, inDays(12))).code).toBe('closed_then')
    await system.database.asOwner(sql`
      insert into public.schedule_overrides ("scheduleId", date, opens, closes) select id, ${holiday}, 600, 720 from public.schedules where "isDefault"`)
    expect((await book(system, ada, id, inDays(12, 10))).id).toBeTruthy()
    expect((await book(system, ada, id, inDays(12, 12))).code).toBe('closed_then')
  })
})

describe('a booking', () => {
  const states = ['pending', 'confirmed', 'inProgress', 'completed', 'cancelled', 'noShow']
  const staff = [
    'pending confirmed',
    'pending cancelled',
    'confirmed inProgress',
    'confirmed completed',
    'confirmed cancelled',
    'confirmed noShow',
    'inProgress completed',
    'inProgress cancelled',
    'noShow completed',
    'completed noShow',
  ]
  const clients = ['pending cancelled', 'confirmed cancelled']

  it('changes its state as the table says, and in no other way', async () => {
    const { id: service } = await addService(system, { capacity: 200 })
    const made = await book(system, ada, service, inDays(14))
    const outcomes: Record<string, string[]> = { staff: [], clients: [] }
    for (const was of states)
      for (const becomes of states)
        for (const [who, person] of [
          ['staff', root],
          ['clients', ada],
        ] as const) {
          if (was === becomes) continue
          await system.database.transactionAsOwner(async ({ query }) => {
            await query(sql`alter table public.bookings disable trigger change_booking`)
            // Long begun, so that nobody can be said to come too early.
            await query(sql`update public.bookings set status = ${was}, date = ${becomes === 'noShow' ? '2026-01-01T10:00Z' : inDays(14)},
              "endsAt" = ${becomes === 'noShow' ? '2026-01-01T11:00Z' : inDays(14, 11)}, "cancelledAt" = null, "cancelReason" = null where id = ${made.id}`)
            await query(sql`alter table public.bookings enable trigger change_booking`)
          })
          const { status, body } = await change(person, made.id, { status: becomes })
          if (status === 200) outcomes[who]!.push(`${was} ${becomes}`)
          else expect(body.code, `${was} ${becomes} ${JSON.stringify(body)}`).toBe('invalid_transition')
        }
    expect(outcomes).toEqual({
      staff: staff.sort(byStates),
      clients: clients.sort(byStates),
    })
    function byStates(a: string, b: string) {
      const place = (pair: string) =>
        pair.split(' ').reduce((sum, state) => sum * 10 + states.indexOf(state), 0)
      return place(a) - place(b)
    }
  })

  it('keeps its price and terms; what is derived nobody writes', async () => {
    const { id: service } = await addService(system)
    const made = await book(system, ada, service, inDays(15), { price: 1, status: 'confirmed' })
    expect(made).toMatchObject({ price: 40, status: 'pending' })
    await send(system, 200, 'PUT', `/services/${service}`, {
      as: root,
      body: { price: 99, cancellationWindow: 0 },
    })
    expect(
      await value(
        system,
        `select price::int || (terms ->> 'cancellationWindow') from public.bookings where id = $1`,
        [made.id],
      ),
    ).toBe('401440')
    for (const column of ['endsAt', 'serviceId', 'depositStatus', 'holdUntil', 'customerId', 'price']) {
      const given = {
        endsAt: inDays(20),
        holdUntil: inDays(20),
        serviceId: null,
        customerId: ben.userId,
        depositStatus: 'paid',
        price: 0,
      }
      const answer = await system.request(`/rest/v1/bookings?id=eq.${made.id}`, {
        method: 'PATCH',
        as: ada,
        body: { [column]: given[column as keyof typeof given] },
      })
      expect([column, answer.status]).toEqual([column, 403])
    }
  })

  it('is cancelled and moved by its client within the window, and by the staff at any time', async () => {
    const { id: service } = await addService(system, {
      cancellationWindow: 2880,
      minimumNotice: 0,
      autoConfirm: true,
    })
    const near = await book(system, ada, service, inDays(1))
    expect(near.status).toBe('confirmed')
    expect(await codeOf(change(ada, near.id, { status: 'cancelled' }))).toBe('window_closed')
    expect(await codeOf(change(ada, near.id, { date: inDays(9) }))).toBe('window_closed')
    expect((await change(root, near.id, { date: inDays(9) })).status).toBe(200)
    expect((await change(ada, near.id, { status: 'cancelled' })).status).toBe(200)
    expect(await codeOf(change(root, near.id, { date: inDays(10) }))).toBe('booking_is_closed')
    const future = await book(system, ada, service, inDays(9))
    expect(await codeOf(change(root, future.id, { status: 'noShow' }))).toBe('not_begun')
    // A move to a time that is taken leaves the booking where it is.
    const other = await book(system, ben, service, inDays(10))
    const refused = await change(ada, future.id, { date: inDays(10) })
    expect([refused.body.code, refused.body.details.alternatives.length]).toEqual(['slot_taken', 5])
    expect((await change(ben, other.id, { notes: 'still mine' })).status).toBe(200)
    expect((await book(system, ben, service, inDays(9))).code).toBe('slot_taken')
  })

  it('again and again is booked as a whole or not at all, by the wall clock', async () => {
    const { id: service } = await addService(system)
    const blocked = await book(system, ben, service, inDays(28))
    const weekly = (count: number) =>
      book(system, ada, service, inDays(14), { repeat: { unit: 'weeks', count } })
    const refused = await weekly(4)
    expect([refused.code, refused.details.date.slice(0, 10)]).toEqual(['slot_taken', inDays(28).slice(0, 10)])
    expect((await send(system, 200, 'GET', `/bookings?serviceId=${service}`, { as: ada })).total).toBe(0)
    await send(system, 200, 'DELETE', `/bookings/${blocked.id}`, { as: ben })
    const booked = await weekly(4)
    expect(booked.series.map(({ date }: { date: string }) => date.slice(0, 10))).toEqual(
      [14, 21, 28, 35].map((days) => inDays(days).slice(0, 10)),
    )
    const gone = await send(system, 200, 'DELETE', `/bookings/series/${booked.seriesId}`, { as: ada })
    expect(gone.items).toHaveLength(4)
    expect(
      (await system.request(`/bookings/series/${booked.seriesId}`, { method: 'DELETE', as: ada })).body.code,
    ).toBe('unknown_booking')
  })

  it('that is confirmed makes its project, exactly once, whoever confirms how often (K-10)', async () => {
    const { id: service } = await addService(system, { createsProject: true })
    const made = await book(system, ada, service, inDays(16), { notes: awkward })
    await Promise.all(Array.from({ length: 8 }, () => change(root, made.id, { status: 'confirmed' })))
    const { items } = await send(system, 200, 'GET', '/projects', { as: ada })
    expect(items.filter(({ bookingId }: { bookingId: string }) => bookingId === made.id)).toMatchObject([
      { description: awkward, customerId: ada.userId, status: 'active' },
    ])
    await system.jobs.runDue()
    expect([
      await messages(made.id, 'booking-requested'),
      await messages(made.id, 'booking-confirmation'),
    ]).toEqual([1, 1])
    const told = await value(
      system,
      `select count(*)::int from plinth.notifications where template = 'booking-notice' and person = $1 and dedupe_key like 'booking/' ||
      (select min(id) from private.booking_events where "bookingId" = $2) || '/%'`,
      [root.userId, made.id],
    )
    expect(told).toBe(2)
  })

  it('asks what the service asks', async () => {
    const questions = [
      { id: 'size', label: 'Size', type: 'choice', required: true, options: ['S', 'L'] },
      { id: 'age', label: 'Age', type: 'number' },
    ]
    const { id: service } = await addService(system, { questions })
    const ask = (answers: object) => book(system, ada, service, inDays(17), { answers })
    expect((await ask({})).code).toBe('answer_missing')
    expect((await ask({ size: 'XL' })).code).toBe('answer_unfit')
    expect((await ask({ size: 'S', age: 'old' })).code).toBe('answer_unfit')
    expect((await ask({ size: 'S', age: 40, more: '<b>' })).answers).toEqual({
      size: 'S',
      age: 40,
      more: '<b>',
    })
  })

  it('is one of at most so many, of a service that there is (K-11)', async () => {
    await system.request('/rest/v1/rpc/set_limit', {
      method: 'POST',
      as: root,
      body: { p_name: 'bookings', p_value: 3 },
    })
    const carl = actor('carl')
    await system.signUp(carl)
    const { id: service } = await addService(system, { capacity: 50 })
    const codes = await Promise.all(Array.from({ length: 6 }, () => book(system, carl, service, inDays(18))))
    expect(codes.filter(({ code }) => code === 'too_many_bookings')).toHaveLength(3)
    await system.request('/rest/v1/rpc/set_limit', {
      method: 'POST',
      as: root,
      body: { p_name: 'bookings', p_value: 100 },
    })
    const moon = { p_name: 'moon', p_value: 1 }
    const unknown = await system.request('/rest/v1/rpc/set_limit', { method: 'POST', as: root, body: moon })
    expect(unknown).toMatchObject({ status: 404, body: { code: 'unknown_limit' } })
    expect(
      (
        await system.request('/rest/v1/rpc/set_limit', {
          method: 'POST',
          as: ada,
          body: { p_name: 'bookings', p_value: 1 },
        })
      ).status,
    ).toBe(403)
    expect((await book(system, carl, ada.userId, inDays(3))).code).toBe('unknown_service')
    await send(system, 200, 'PUT', `/services/${service}`, { as: root, body: { isActive: false } })
    expect((await book(system, carl, service, inDays(19))).code).toBe('service_inactive')
  })
})

describe('deposits', () => {
  it('confirm when paid, free the slot when not, and go back when it is gone or cancelled in time', async () => {
    const { id: service } = await addService(system, { depositPercent: 25, cancellationWindow: 60 })
    const paid = await book(system, ada, service, inDays(20))
    const pay = (id: string, as = root) =>
      system.request(`/bookings/${id}/deposit`, {
        method: 'POST',
        as,
        body: { method: 'cash', reference: id },
      })
    expect((await pay(paid.id, ada)).body.code).toBe('permission_required')
    expect((await pay(paid.id)).body.data.status).toBe('paid')
    expect(await send(system, 200, 'GET', `/bookings/${paid.id}`, { as: ada })).toMatchObject({
      status: 'confirmed',
      depositStatus: 'paid',
      holdUntil: null,
    })
    expect((await pay(paid.id)).body.code).toBe('deposit_not_due')

    const late = await book(system, ada, service, inDays(21))
    await system.database.asOwner(
      sql`update plinth.holds set expires_at = now() - interval '1 second' where key = ${late.id}`,
    )
    await system.database.asOwner(
      sql`update public.bookings set "holdUntil" = now() - interval '1 second' where id = ${late.id}`,
    )
    const quick = await book(system, ben, service, inDays(21))
    expect(quick.id).toBeTruthy()
    // The money of the first comes when the slot is the second's: it goes back.
    expect((await pay(late.id)).status).toBe(200)
    expect(await send(system, 200, 'GET', `/bookings/${late.id}`, { as: ada })).toMatchObject({
      status: 'cancelled',
      depositStatus: 'returning',
    })
    await send(system, 200, 'DELETE', `/bookings/${paid.id}`, { as: ada })
    await system.jobs.runDue()
    const payments = system.project.offer(paymentsOffer)
    for (const { id } of [late, paid]) {
      const request = await value<string>(
        system,
        `select r.id from plinth.payment_requests r join plinth.payment_orders o on o.id = r.target where o.reference = $1`,
        [id],
      )
      await payments.confirmRefund(request, null)
      expect((await send(system, 200, 'GET', `/bookings/${id}`, { as: ada })).depositStatus).toBe('returned')
    }
    await system.database.asOwner(
      sql`update public.bookings set "holdUntil" = now() - interval '1 second' where id = ${quick.id}`,
    )
    await system.jobs.run('expire-unpaid-bookings')
    expect(await send(system, 200, 'GET', `/bookings/${quick.id}`, { as: ben })).toMatchObject({
      status: 'cancelled',
      cancelReason: 'deposit not paid',
      depositStatus: 'none',
    })
  })
})

describe('calendars', () => {
  it('follow a person’s bookings by an address that can be revoked; a booking keeps its UID (RFC 5545)', async () => {
    const { id: service } = await addService(system, { autoConfirm: true })
    const made = await book(system, ada, service, inDays(22))
    const feed = await send(system, 201, 'POST', '/calendar/feeds', { as: ada, body: { name: 'phone' } })
    const path = feed.url.replace('http://plinth.test/kronium', '')
    const uid = `UID:booking-${made.id}@plinth.test`
    const read = async () => (await system.request(path)).body.replaceAll('\r\n ', '')
    expect(await read()).toContain(`${uid}\r\nSEQUENCE:0`)
    await change(ada, made.id, { date: inDays(23) })
    await send(system, 200, 'DELETE', `/bookings/${made.id}`, { as: ada })
    expect(await read()).toContain(`${uid}\r\nSEQUENCE:2`)
    expect(await read()).toContain('STATUS:CANCELLED')
    expect((await system.request(`/bookings/${made.id}/calendar`, { as: ada })).body).toContain(
      'BEGIN:VEVENT',
    )
    await send(system, 204, 'DELETE', `/calendar/feeds/${feed.id}`, { as: ben })
    expect((await system.request(path)).status).toBe(200)
    await send(system, 204, 'DELETE', `/calendar/feeds/${feed.id}`, { as: ada })
    expect((await system.request(path)).body.code).toBe('link_invalid')
    const revive = await system.request(`/rest/v1/calendar_feeds?id=eq.${feed.id}`, {
      method: 'PATCH',
      as: ada,
      body: { revokedAt: null },
    })
    expect(revive).toMatchObject({ status: 409, body: { code: 'feed_is_revoked' } })
    const many = await Promise.all(
      Array.from({ length: 12 }, () =>
        system.request('/calendar/feeds', { method: 'POST', as: ben, body: {} }),
      ),
    )
    expect(many.filter(({ body }) => body.code === 'too_many_feeds')).toHaveLength(2)
  })

  let calendar = ''
  const server = createServer((_request, response) => response.end(calendar)).listen(0, '127.0.0.1')
  afterAll(() => server.close())

  it('of others keep a resource from being booked when they say busy, and never touch what is booked', async () => {
    const resource = await value<string>(
      system,
      `insert into public.resources (name) values ('Cat') returning id`,
    )
    const { id: service } = await addService(system)
    await system.database.asOwner(
      sql`insert into public.service_resources ("serviceId", "resourceId") values (${service}, ${resource})`,
    )
    const mine = await book(system, ada, service, inDays(24, 10))
    const stamp = (iso: string) => iso.replace(/[-:]|\.\d+/g, '')
    calendar = [
      'BEGIN:VCALENDAR',
      'VERSION:2.0',
      'BEGIN:VEVENT',
      'UID:1',
      `DTSTART:${stamp(inDays(24, 9))}`,
      `DTEND:${stamp(inDays(24, 12))}`,
      'END:VEVENT',
      'END:VCALENDAR',
    ].join('\r\n')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/busy.ics`
    const added = await system.request('/rest/v1/external_calendars', {
      method: 'POST',
      as: root,
      body: { resourceId: resource, url },
    })
    expect(added.status).toBe(201)
    await system.jobs.runDue()
    expect((await book(system, ben, service, inDays(24, 11))).code).toBe('slot_taken')
    expect((await book(system, ben, service, inDays(24, 12))).id).toBeTruthy()
    expect((await send(system, 200, 'GET', `/bookings/${mine.id}`, { as: ada })).status).toBe('pending')
    // When the booking goes, its time is the other calendar's.
    await send(system, 200, 'DELETE', `/bookings/${mine.id}`, { as: ada })
    expect((await book(system, ben, service, inDays(24, 10))).code).toBe('slot_taken')
    calendar = 'no calendar at all'
    await system.jobs.run('read-calendars')
    expect(
      await value(system, `select problem from public.external_calendars where "resourceId" = $1`, [
        resource,
      ]),
    ).toContain('cannot be read')
    expect((await book(system, ben, service, inDays(24, 10))).code).toBe('slot_taken')
    const absence = await value<string>(system, `select id from public.absences where "resourceId" = $1`, [
      resource,
    ])
    const removed = await system.request(`/rest/v1/absences?id=eq.${absence}`, { method: 'DELETE', as: root })
    expect(removed).toMatchObject({ status: 409, body: { code: 'absence_of_calendar' } })
    await system.request(`/rest/v1/external_calendars?resourceId=eq.${resource}`, {
      method: 'DELETE',
      as: root,
    })
    expect((await book(system, ben, service, inDays(24, 10))).id).toBeTruthy()
  })
})

describe('without an account', () => {
  it('one sees what is offered, books, and moves and cancels by a signed link that nobody can make', async () => {
    const { id, title } = await addService(system)
    const page = await send(system, 200, 'GET', '/book')
    expect(page.services.find((each: { id: string }) => each.id === id)).toMatchObject({
      title,
      timezone: 'UTC',
    })
    expect(JSON.stringify(await send(system, 200, 'GET', `/book/${id}/slots?zone=Asia/Tokyo`))).not.toContain(
      'client',
    )
    expect((await system.request(`/book/${ada.userId}`)).body.code).toBe('unknown_service')
    const wish = {
      date: inDays(25),
      clientName: awkward,
      clientEmail: 'guest@example.test',
      timezone: 'Asia/Tokyo',
    }
    const made = await send(system, 201, 'POST', `/book/${id}`, { body: wish })
    expect(made).toMatchObject({ clientName: awkward, status: 'pending' })
    expect((await system.request(`/book/${id}`, { method: 'POST', body: wish })).body).toMatchObject({
      code: 'slot_taken',
      details: { alternatives: expect.any(Array) },
    })
    expect(
      (await system.request(`/book/${id}`, { method: 'POST', body: { ...wish, date: inDays(200) } })).body
        .code,
    ).toBe('too_far')
    const path = `/book/manage/${made.token}`
    expect((await send(system, 200, 'PUT', path, { body: { date: inDays(26) } })).sequence).toBe(1)
    expect((await send(system, 200, 'PUT', path, { body: { status: 'cancelled' } })).status).toBe('cancelled')
    const forged = `${made.token.slice(0, -1)}${made.token.endsWith('A') ? 'B' : 'A'}`
    expect((await system.request(`/book/manage/${forged}`)).body.code).toBe('link_invalid')
    await system.jobs.runDue()
    const mail = await value(
      system,
      `select variables ->> 'when' from plinth.notifications where address = 'guest@example.test' and template = 'booking-requested'`,
    )
    expect(mail).toContain('at 19:00 (Asia/Tokyo)')
  })

  it('one is reminded once, a day before', async () => {
    const { id } = await addService(system, { autoConfirm: true, minimumNotice: 0 })
    const made = await book(system, ada, id, inDays(27))
    const at = system.clock.now()
    system.clock.set(new Date(Date.parse(inDays(27)) - 20 * 3_600_000).toISOString())
    await system.jobs.run('remind-bookings')
    await system.jobs.run('remind-bookings')
    const count = await value(
      system,
      `select count(*)::int from plinth.notifications where template = 'booking-reminder' and dedupe_key like $1`,
      [`reminder/${made.id}/%`],
    )
    expect(count).toBe(2)
    system.clock.set(at.toISOString())
  })
})
