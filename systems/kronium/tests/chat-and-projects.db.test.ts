import { randomUUID } from 'node:crypto'
import { sql } from '@plinth/platform/database'
import { flagsOffer } from '@plinth/platform/flags'
import { webhooksOffer } from '@plinth/platform/webhooks'
import { actor, waitFor } from '@plinth/testing'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
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

const system = useKronium({ stream: true })
const rest = (
  as: typeof ada,
  method: string,
  path: string,
  body?: unknown,
  prefer = 'return=representation',
) => system.request(`/rest/v1/${path}`, { method, as, body, headers: { prefer } })

describe('chat', () => {
  const openRoom = (as: typeof ada) => send(system, 200, 'POST', '/chat/rooms', { as })
  const say = (as: typeof ada, room: string, message: string, more: object = {}) =>
    send(system, 201, 'POST', `/chat/rooms/${room}/messages`, { as, body: { message, ...more } })

  it('is a room for each client, which the staff sees and strangers do not (K-T5)', async () => {
    const [room, again] = await Promise.all([openRoom(ada), openRoom(ada)])
    expect(room).toMatchObject({
      customerId: ada.userId,
      customerName: 'Ada',
      customerEmail: 'ada@example.test',
    })
    expect(again.id).toBe(room.id)
    expect(
      (await send(system, 200, 'GET', '/chat/rooms', { as: sam })).items.map(({ id }: { id: string }) => id),
    ).toContain(room.id)
    expect((await system.request(`/chat/rooms/${room.id}/messages`, { as: ben })).body.code).toBe(
      'unknown_room',
    )
    expect(
      (
        await system.request(`/chat/rooms/${room.id}/messages`, {
          method: 'POST',
          as: ben,
          body: { message: 'let me in' },
        })
      ).body.code,
    ).toBe('unknown_room')
    // Somebody of the staff takes it over; then it is not the others'.
    expect((await rest(root, 'PATCH', `chat_rooms?id=eq.${room.id}`, { staffId: root.userId })).status).toBe(
      200,
    )
    expect((await system.request(`/chat/rooms/${room.id}/messages`, { as: sam })).status).toBe(404)
    await rest(root, 'PATCH', `chat_rooms?id=eq.${room.id}`, { staffId: null })
  })

  it('has one order for everybody, without a gap, whoever writes at the same time (K-T6)', async () => {
    const { id } = await openRoom(ada)
    await Promise.all(
      Array.from({ length: 24 }, (_, index) => say(index % 2 ? ada : sam, id, `${awkward} ${index}`)),
    )
    const { items, lastSeq } = await send(system, 200, 'GET', `/chat/rooms/${id}/messages`, { as: ada })
    const numbers = items.map(({ seq }: { seq: number }) => seq)
    expect(numbers).toEqual(Array.from({ length: 24 }, (_, index) => index + 1))
    expect(lastSeq).toBe(24)
    const times = items.map(({ timestamp }: { timestamp: string }) => timestamp)
    expect(times).toEqual(times.toSorted())
    expect(
      new Set(
        items.map(
          ({ senderType, senderId }: { senderType: string; senderId: string }) => `${senderType} ${senderId}`,
        ),
      ),
    ).toEqual(new Set([`customer ${ada.userId}`, `admin ${sam.userId}`]))
    const page = await send(system, 200, 'GET', `/chat/rooms/${id}/messages?before=10&limit=3`, { as: ada })
    expect(page.items.map(({ seq }: { seq: number }) => seq)).toEqual([7, 8, 9])
    const rest = await send(system, 200, 'GET', `/chat/rooms/${id}/messages?after=22`, { as: sam })
    expect(rest.items.map(({ seq }: { seq: number }) => seq)).toEqual([23, 24])
  })

  it('takes a message once, however often a client that got no answer sends it', async () => {
    const { id } = await openRoom(ben)
    const clientId = randomUUID()
    const sent = await Promise.all(Array.from({ length: 6 }, () => say(ben, id, 'once', { clientId })))
    expect(new Set(sent.map((each) => each.id)).size).toBe(1)
    expect((await send(system, 200, 'GET', `/chat/rooms/${id}/messages`, { as: ben })).items).toHaveLength(1)
    // A plain insert with the name of somebody else is the sender's own all the same.
    const direct = await rest(ben, 'POST', 'chat_messages?select=senderId,senderType,senderName', {
      chatRoomId: id,
      message: 'x',
      senderId: ben.userId,
      senderName: 'Admin',
      senderType: 'admin',
      timestamp: '2001-01-01T00:00:00Z',
    })
    expect(direct.body).toEqual([{ senderId: ben.userId, senderType: 'customer', senderName: 'Ben' }])
    expect(
      (await rest(ben, 'PATCH', `chat_messages?chatRoomId=eq.${id}`, { message: 'never said' })).status,
    ).toBe(403)
  })

  it('knows how far each person has read; it never goes back', async () => {
    const { id } = await openRoom(ada)
    const read = (as: typeof ada, seq: number) =>
      send(system, 200, 'PUT', `/chat/rooms/${id}/read`, { as, body: { seq } })
    expect([(await read(sam, 10)).seq, (await read(sam, 4)).seq, (await read(sam, 9_999)).seq]).toEqual([
      10, 10, 24,
    ])
    const { items } = await send(system, 200, 'GET', `/chat/rooms/${id}/messages`, { as: ada })
    expect(
      items.every(
        ({ read: seen, senderType }: { read: boolean; senderType: string }) =>
          seen === (senderType === 'customer'),
      ),
    ).toBe(true)
    expect(
      (await system.request(`/chat/rooms/${id}/read`, { method: 'PUT', as: ben, body: { seq: 1 } })).body
        .code,
    ).toBe('unknown_room')
  })

  it('is searched by words within one’s own rooms', async () => {
    const { id } = await openRoom(ada)
    await say(ada, id, 'The Boiler is leaking')
    const found = await send(system, 200, 'GET', '/chat/search?q=boiler%20leaking', { as: ada })
    expect(found.items).toMatchObject([{ message: 'The Boiler is leaking' }])
    expect((await send(system, 200, 'GET', '/chat/search?q=boiler', { as: ben })).items).toEqual([])
    expect(
      (await send(system, 200, 'GET', '/chat/search?q=%27);drop%20table--%20%3A*%20%26', { as: ada })).items,
    ).toEqual([])
  })

  it('has a limit for each person, which an admin sets (K-6)', async () => {
    const eve = actor('eve')
    await system.signUp(eve)
    const { id } = await openRoom(eve)
    const codes = await Promise.all(
      Array.from({ length: 40 }, () =>
        system.request(`/chat/rooms/${id}/messages`, { method: 'POST', as: eve, body: { message: 'spam' } }),
      ),
    )
    expect(codes.filter(({ status }) => status === 201)).toHaveLength(30)
    expect(codes.filter(({ body }) => body.code === 'chat_too_fast')).toHaveLength(10)
  })

  it('carries files that only its room opens', async () => {
    const { id } = await openRoom(ada)
    const path = `chat_attachments/${id}/${ada.userId}/plan.png`
    const picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    const upload = (as: typeof ada, to: string) =>
      system.request(`/storage/v1/object/media/${to}`, {
        method: 'POST',
        as,
        body: new Uint8Array(picture),
        headers: { 'content-type': 'image/png' },
      })
    expect((await upload(ada, path)).status).toBe(200)
    expect((await upload(ben, `chat_attachments/${id}/${ben.userId}/x.png`)).status).toBe(403)
    await say(ada, id, '', { attachments: [{ path, name: 'plan.png' }] })
    expect((await system.request(`/storage/v1/object/authenticated/media/${path}`, { as: sam })).status).toBe(
      200,
    )
    expect((await system.request(`/storage/v1/object/authenticated/media/${path}`, { as: ben })).status).toBe(
      404,
    )
  })
})

describe('projects', () => {
  it('lose no update, whoever adds one at the same time and by whatever way (K-T4)', async () => {
    const project = await send(system, 201, 'POST', '/projects', {
      as: root,
      body: { title: 'Kitchen', customerId: ada.userId, staffId: sam.userId },
    })
    const read = async () =>
      (await send(system, 200, 'GET', `/projects/${project.id}`, { as: ada })).updates as {
        message: string
      }[]
    await Promise.all([
      ...Array.from({ length: 6 }, (_, index) =>
        send(system, 201, 'POST', `/projects/${project.id}/updates`, {
          as: sam,
          body: { message: `told ${index}` },
        }),
      ),
      // As an app does it that reads the column, adds to it and writes it back: each from an old copy.
      ...Array.from({ length: 6 }, (_, index) =>
        rest(sam, 'PATCH', `projects?id=eq.${project.id}`, {
          updates: [{ message: `written ${index}`, by: 'app' }],
        }),
      ),
    ])
    const messages = (await read()).map(({ message }) => message).sort()
    expect(messages).toEqual([
      ...Array.from({ length: 6 }, (_, i) => `told ${i}`),
      ...Array.from({ length: 6 }, (_, i) => `written ${i}`),
    ])
    await rest(sam, 'PATCH', `projects?id=eq.${project.id}`, { updates: [] })
    expect(await read()).toHaveLength(12)
    await send(system, 201, 'POST', `/projects/${project.id}/updates`, {
      as: sam,
      body: { message: 'the client is slow', internal: true },
    })
    expect(await read()).toHaveLength(12)
    const hidden = (as: typeof ada) =>
      rest(as, 'GET', `project_updates?projectId=eq.${project.id}&internal=is.true`)
    expect([(await hidden(ada)).body.length, (await hidden(sam)).body.length]).toEqual([0, 1])
    expect(
      (
        await system.request(`/projects/${project.id}/updates`, {
          method: 'POST',
          as: ada,
          body: { message: 'mine' },
        })
      ).status,
    ).toBe(403)
    const rewritten = await rest('service' as never, 'PATCH', `project_updates?projectId=eq.${project.id}`, {
      message: 'never told',
    })
    expect(JSON.stringify(rewritten.body)).toContain('append_only')
    await system.jobs.runDue()
    const mails = await value(
      system,
      `select count(*)::int from plinth.notifications where template = 'project-update' and channel = 'email' and person = $1`,
      [ada.userId],
    )
    expect(mails).toBe(12)
  })

  it('show their files with thumbnails to the client, and to nobody else', async () => {
    const project = await send(system, 201, 'POST', '/projects', {
      as: root,
      body: { title: 'Bath', customerId: ada.userId, staffId: sam.userId },
    })
    const path = `project_media/${project.id}/wall.png`
    const picture = await sharp({ create: { width: 640, height: 480, channels: 3, background: 'blue' } })
      .png()
      .toBuffer()
    const put = (as: typeof ada) =>
      system.request(`/storage/v1/object/media/${path}`, {
        method: 'POST',
        as,
        body: new Uint8Array(picture),
        headers: { 'content-type': 'image/png' },
      })
    expect((await put(ada)).status).toBe(403)
    expect((await put(sam)).status).toBe(200)
    const add = () => send(system, 200, 'POST', `/projects/${project.id}/media`, { as: sam, body: { path } })
    await Promise.all([add(), add()])
    expect((await add()).mediaUrls).toEqual([{ path, type: 'image/png' }])
    const { items } = await send(system, 200, 'GET', `/projects/${project.id}/media`, { as: ada })
    const thumbnail = await system.fetch(new Request(items[0].thumbnailUrl))
    const { width } = await sharp(Buffer.from(await thumbnail.arrayBuffer())).metadata()
    expect([thumbnail.status, width]).toEqual([200, 320])
    expect((await system.request(`/projects/${project.id}/media`, { as: ben })).body.code).toBe(
      'unknown_project',
    )
    const foreign = await system.request(`/projects/${project.id}/media`, {
      method: 'POST',
      as: sam,
      body: { path: 'project_media/other/x.png' },
    })
    expect(foreign.body.code).toBe('unknown_project')
  })

  it('of one client are at most so many at a time (K-11)', async () => {
    await system.request('/rest/v1/rpc/set_limit', {
      method: 'POST',
      as: root,
      body: { p_name: 'projects', p_value: 2 },
    })
    const asked = await Promise.all(
      Array.from({ length: 5 }, () =>
        system.request('/projects', { method: 'POST', as: ben, body: { title: 'Roof' } }),
      ),
    )
    expect(asked.map(({ body }) => body.code ?? 'made').sort()).toEqual([
      'made',
      'made',
      'too_many_projects',
      'too_many_projects',
      'too_many_projects',
    ])
  })
})

describe('beside them', () => {
  it('flags are off at first, and activity is stored only while enableAnalytics is on, each event once (K-9, K-14, AT-40)', async () => {
    const { body } = await system.request('/flags/v1')
    expect(body.data).toEqual({
      enableAnalytics: false,
      enableOfflineMode: false,
      enablePushNotifications: false,
    })
    const events = [
      { id: randomUUID(), kind: 'feature', name: 'booking-page' },
      { id: randomUUID(), kind: 'error', name: 'TypeError', data: { message: awkward } },
    ]
    const tell = () => send(system, 200, 'POST', '/activity', { as: ada, body: { events } })
    expect(await tell()).toEqual({ stored: 0, enabled: false })
    expect((await rest(ada, 'POST', 'activity_events', events[0])).status).toBe(403)
    await system.project.offer(flagsOffer).set('enableAnalytics', { enabled: true })
    await waitFor(async () => (await tell()).enabled, { what: 'the flag' })
    await Promise.all([tell(), tell()])
    expect(await value(system, 'select count(*)::int from public.activity_events')).toBe(2)
    const features = await send(system, 200, 'GET', '/dashboard/features', { as: root })
    expect(features).toMatchObject({
      enabled: true,
      features: [{ name: 'booking-page', uses: 1, people: 1 }],
      errors: [{ name: 'TypeError', times: 1 }],
    })
  })

  it('the dashboard counts for the staff, and engagement for admins (K-8)', async () => {
    const { id } = await addService(system, { autoConfirm: true, price: 12.5 })
    const made = await book(system, ada, id, inDays(2))
    await system.database.transactionAsOwner(async ({ query }) => {
      await query(sql`update public.bookings set status = 'completed' where id = ${made.id}`)
      await query(sql`alter table public.bookings disable trigger change_booking`)
      await query(
        sql`update public.bookings set date = now() - interval '2 hours', "endsAt" = now() - interval '1 hour' where id = ${made.id}`,
      )
      await query(sql`alter table public.bookings enable trigger change_booking`)
    })
    const numbers = await send(system, 200, 'GET', '/dashboard/statistics', { as: sam })
    expect(numbers).toMatchObject({
      timezone: 'UTC',
      bookings: { total: 1, byStatus: { completed: 1 }, revenue: { USD: 12.5 } },
      chat: { unread: expect.any(Number) },
    })
    expect(numbers.users.total).toBeGreaterThanOrEqual(4)
    expect((await send(system, 200, 'GET', '/dashboard/engagement', { as: root })).bookingCustomers).toBe(1)
    expect((await system.request('/dashboard/engagement', { as: sam })).body.code).toBe('permission_required')
    expect((await system.request('/dashboard/statistics', { as: ada })).body.code).toBe('permission_required')
  })

  it('bookings are told to other systems by webhooks, and phone, address and chat are sealed in the journal (K-13)', async () => {
    const { id: endpoint } = await system.project
      .offer(webhooksOffer)
      .add({ url: 'https://hooks.example.com/kronium', tables: ['bookings'] } as never)
    const { id } = await addService(system)
    const made = await book(system, ada, id, inDays(3), { notes: 'only for the two of us' })
    await waitFor(
      async () =>
        (await value<number>(
          system,
          `select count(*)::int from plinth.webhook_deliveries where endpoint = $1`,
          [endpoint],
        )) > 0,
      { what: 'the message' },
    )
    const entries = () =>
      value<string>(
        system,
        `select string_agg(e.after::text, ' ') from plinth_journal.entries e where e.relation = 'public.bookings'`,
      )
    await waitFor(async () => (await entries())?.includes(made.id), { what: 'the journal' })
    expect(await entries()).not.toContain('only for the two of us')
    expect(made.notes).toBe('only for the two of us')
  })
})
