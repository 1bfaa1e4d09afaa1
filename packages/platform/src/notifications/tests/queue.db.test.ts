import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { HandoverError } from '../../messages/index.ts'
import { privacyOffer } from '../../privacy/index.ts'
import type { DeliveryOptions } from '../delivery/options.ts'
import { type Notification, notificationsOffer } from '../index.ts'
import { fakeChannels, neverTaken, noAnswer, notNow } from './fake-channels.ts'
import { messagesSystem } from './messages-system.ts'
import { deliver, deliveryOptions } from './open-delivery.ts'

const ada = actor('ada')
const ben = actor('ben')
const minute = 60_000

describe('the queue', () => {
  const system = useSystem(messagesSystem({ settings: { mostRecipients: 2_000 } }))
  const channels = fakeChannels()
  const { mail, sms } = channels
  const messages = () => system.project.offer(notificationsOffer)
  const run = (given: Partial<DeliveryOptions> = {}, most?: number) =>
    deliver(deliveryOptions(system, { mail, sms, ...given }), most)
  const send = (given: Partial<Notification> = {}) =>
    messages().send({
      to: { person: ada.userId },
      channels: ['email'],
      subject: 'Hello',
      body: 'b',
      ...given,
    })
  const mailTo = (email: string, given: Partial<Notification> = {}) => send({ to: { email }, ...given })
  const states = async () => {
    const { rows } = await system.database.asOwner<{
      state: string
      status: string
      attempts: number
      problem: string | null
    }>(sql`
      select d.state, n.status, n.attempts, n.error as problem from plinth.notification_deliveries d
      join plinth.notifications n on n.id::text = d.message order by n.created_at, n.address`)
    return rows
  }
  beforeAll(() => system.signUp(ada, ben))
  beforeEach(async () => {
    channels.clear()
    for (const table of [
      'plinth.notifications',
      'public.in_app_notifications',
      'plinth.notification_suppressions',
    ])
      await system.database.asOwner({ text: `delete from ${table}` })
  })

  it('writes into the app once, in words, through the job that the insert queued', async () => {
    const queued = await send({
      channels: ['in_app'],
      template: 'booking-confirmed',
      variables: { service: '<b>Cut</b>', name: 'Ada' },
      dedupeKey: 'booking-7',
    })
    expect(queued).toEqual({ queued: 1, leftOut: 0 })
    expect((await system.jobs.runDue()).map(({ job }) => job)).toContain('deliver-in-app')
    await system.jobs.runDue()
    const { rows } = await system.database.asOwner(
      sql`select user_id, title, message, type, action_url from public.in_app_notifications`,
    )
    expect(rows).toEqual([
      {
        user_id: ada.userId,
        title: 'Booked: <b>Cut</b>',
        message: 'Hello Ada, <b>Cut</b> is booked.\n\nShow it: https://example.com/bookings/7',
        type: 'info',
        action_url: 'https://example.com/bookings/7',
      },
    ])
    expect(await states()).toEqual([{ state: 'sent', status: 'sent', attempts: 0, problem: null }])
  })

  it('takes a message of one key once, also from many at once', async () => {
    const many = await Promise.all(Array.from({ length: 8 }, () => send({ dedupeKey: 'once' })))
    expect(many.reduce((sum, { queued }) => sum + queued, 0)).toBe(1)
    await run()
    expect(channels.mails.size).toBe(1)
    expect(await send({ dedupeKey: 'once' })).toEqual({ queued: 0, leftOut: 1 })
  })

  it('sends the urgent before the high before the medium before the low', async () => {
    for (const priority of ['low', 'medium', 'urgent', 'high'] as const)
      await mailTo(`${priority}@example.com`, { priority })
    await run({}, 1)
    await run({}, 1)
    expect(channels.to()).toEqual(['urgent@example.com', 'high@example.com'])
    await run()
    expect(channels.mails.size).toBe(4)
  })

  it('keeps to the time that is named, to the second', async () => {
    const at = new Date(system.clock.now().getTime() + 24 * 3_600_000)
    await mailTo('later@example.com', { at })
    system.clock.set(new Date(at.getTime() - 1))
    await run()
    expect(channels.mails.size).toBe(0)
    system.clock.set(at)
    await run()
    expect(channels.to()).toEqual(['later@example.com'])
  })

  it('goes out if and when its transaction commits', async () => {
    const queue = sql`select plinth.notify(${ada.userId}, 'email', 'booking-confirmed', '{"service": "Cut"}')`
    const undone = system.database.transactionAsOwner(async (transaction) => {
      await transaction.query(queue)
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    await run()
    expect(channels.mails.size).toBe(0)
    await system.database.asOwner(queue)
    await run()
    expect([...channels.mails.values()]).toMatchObject([{ to: ada.claims.email, subject: 'Booked: Cut' }])
  })

  it('tries three times, with pauses of about one and five minutes, then gives up, and begins anew when told', async () => {
    await mailTo('ada@example.com')
    channels.go(notNow)
    for (const [pause, attempts] of [
      [0, 1],
      [71_000, 2],
      [359_000, 3],
    ] as const) {
      system.clock.advance(pause + 2_000)
      await run()
      expect((await states())[0]).toMatchObject({ attempts, problem: 'not now' })
    }
    expect((await states())[0]).toMatchObject({ state: 'failed', status: 'failed' })
    const [letter] = await messages().deadLetters()
    expect(letter).toMatchObject({ channel: 'email', failures: 3, problem: 'not now' })
    channels.clear()
    expect(await messages().replay({ id: letter!.id })).toBe(1)
    expect(await run()).toMatchObject({ email: 1 })
    expect(channels.to()).toEqual(['ada@example.com'])
    expect(await messages().replay({ since: new Date(0) })).toBe(0)
  })

  it('does not try before its pause is over', async () => {
    await mailTo('ada@example.com')
    channels.go(notNow)
    await run()
    system.clock.advance(47_000)
    channels.clear()
    await run()
    expect(channels.mails.size).toBe(0)
    system.clock.advance(26_000)
    await run()
    expect(channels.mails.size).toBe(1)
  })

  it('gives up at once what is wrong: an address, a template, a mailbox that is none', async () => {
    await system.database.asOwner(sql`
      insert into plinth.notifications (channel, address, subject, body, template) values
        ('email', E'ada@example.com\nBcc: eve@example.com', 's', 'b', null),
        ('email', 'ben@example.com', null, null, 'nothing'),
        ('email', 'carol@example.com', E's\r\nBcc: eve@example.com', 'b', null),
        ('sms', 'not a number', null, 'b', null)`)
    expect(await run()).toMatchObject({ email: 1, failed: 3 })
    expect([...channels.mails.values()]).toMatchObject([
      { to: 'carol@example.com', subject: 's Bcc: eve@example.com' },
    ])
    expect((await states()).filter(({ state }) => state === 'failed').map(({ problem }) => problem)).toEqual([
      '"ada@example.com\\nBcc: eve@example.com" is not one e-mail address.',
      'There is no template nothing.',
      '"not a number" is not a phone number.',
    ])
    channels.go(neverTaken)
    await mailTo('dora@example.com')
    expect(await run()).toMatchObject({ failed: 1 })
  })

  it('sends an SMS at most once: one whose outcome nobody knows is not repeated, one that was refused is', async () => {
    const text = () => send({ to: { phone: '+4915112345678' }, channels: ['sms'] })
    await text()
    channels.go(noAnswer)
    expect(await run()).toMatchObject({ failed: 1 })
    expect((await states())[0]!.problem).toContain('may have been sent')
    channels.clear()
    expect(await messages().replay({ since: new Date(0) })).toBe(0)
    await text()
    channels.go(notNow)
    await run()
    channels.clear()
    system.clock.advance(2 * minute)
    await run()
    expect(channels.texts).toHaveLength(1)
  })

  it('withdraws what waits, not what is sent', async () => {
    await send({ dedupeKey: 'a', channels: ['email', 'in_app'] })
    expect(await messages().cancel('a')).toBe(2)
    expect(await run()).toMatchObject({ email: 0, inApp: 0 })
    await send({ dedupeKey: 'b' })
    await run()
    expect(await messages().cancel('b')).toBe(0)
  })

  it('that is withdrawn while a worker has it says what happened', async () => {
    const cancel = () => system.database.asOwner(sql`update plinth.notifications set status = 'cancelled'`)
    const during = (then: () => void) => ({
      mail: {
        ...mail,
        send: async (given: Parameters<typeof mail.send>[0]) => {
          await cancel()
          then()
          return mail.send(given)
        },
      },
    })
    await send()
    await run(during(() => undefined))
    expect(await states()).toMatchObject([{ state: 'sent', status: 'sent' }])
    await system.database.asOwner(sql`delete from plinth.notifications`)
    await send()
    await run(during(notNow))
    expect(await states()).toMatchObject([{ state: 'cancelled', status: 'cancelled' }])
  })

  it('reminds of what is put off, brought forward or removed by plain SQL', async () => {
    const later = new Date(system.clock.now().getTime() + minute)
    await mailTo('a@example.com', { at: later })
    await mailTo('b@example.com', { at: later })
    await mailTo('c@example.com')
    await system.database.asOwner(
      sql`update plinth.notifications set scheduled_for = null where address = 'a@example.com'`,
    )
    await system.database.asOwner(sql`delete from plinth.notifications where address = 'b@example.com'`)
    await system.database.asOwner(
      sql`update plinth.notifications set scheduled_for = ${later} where address = 'c@example.com'`,
    )
    await run()
    expect(channels.to()).toEqual(['a@example.com'])
    system.clock.advance(minute)
    await run()
    expect(channels.to()).toEqual(['a@example.com', 'c@example.com'])
  })

  it('hands a provider no more than its rate, and waits when it asks for a pause', async () => {
    for (let index = 0; index < 5; index += 1) await mailTo(`${index}@example.com`)
    const options = { perSecond: { email: 2 } }
    await run(options)
    expect(channels.mails.size).toBe(2)
    system.clock.advance(500)
    await run(options)
    expect(channels.mails.size).toBe(3)
    system.clock.advance(60_000)
    await run(options)
    expect(channels.mails.size).toBe(5)

    await mailTo('a@example.com')
    channels.go(() => {
      throw new HandoverError('later', 'too many', { pause: 120_000 })
    })
    await run()
    channels.clear()
    await mailTo('b@example.com')
    system.clock.advance(119_000)
    await run()
    expect(channels.mails.size).toBe(0)
    system.clock.advance(1_000)
    await run()
    expect(channels.mails.size).toBe(2)
  })

  it('goes on when the clock was wrong by a day', async () => {
    const options = { perSecond: { email: 1 } }
    const now = system.clock.now()
    system.clock.advance(86_400_000)
    await mailTo('a@example.com')
    await run(options)
    system.clock.set(now)
    await mailTo('b@example.com')
    await run(options)
    system.clock.advance(1_000)
    await run(options)
    expect(channels.to()).toEqual(['a@example.com', 'b@example.com'])
  })

  it('sends to many as a batch that can be repeated, and tells how far it is', async () => {
    const list = Array.from({ length: 1_200 }, (_, index) => ({
      to: { email: `${index % 1_000}@example.com` },
      channels: ['email'] as const,
      subject: 's',
      body: 'b',
    })).map((each) => ({ ...each, channels: [...each.channels] }))
    const { batch, queued, leftOut } = await messages().sendMany(list, 'news-1')
    expect({ batch, queued, leftOut }).toEqual({ batch: 'news-1', queued: 1_000, leftOut: 200 })
    expect(await messages().sendMany(list, 'news-1')).toMatchObject({ queued: 0, leftOut: 1_200 })
    await run({}, 100)
    expect(await messages().progress('news-1')).toMatchObject({
      total: 1_000,
      sent: 100,
      waiting: 900,
      failed: 0,
    })
    const wrong = [...list.slice(0, 3), { ...list[3]!, to: { email: 'nobody' } }]
    await expect(messages().sendMany(wrong, 'news-2')).rejects.toMatchObject({
      code: 'message_address_invalid',
    })
    expect(await messages().progress('news-2')).toMatchObject({ total: 0 })
    const endless = Array.from({ length: 2_001 }, () => list[0]!)
    await expect(messages().sendMany(endless)).rejects.toMatchObject({ code: 'too_many_recipients' })
  })

  it.each([
    [{ to: {} }, 'notification_invalid'],
    [{ channels: [] }, 'notification_invalid'],
    [{ subject: 'a\r\nBcc: b' }, 'notification_invalid'],
    [{ to: { email: 'a@example.com, b@example.com' } }, 'message_address_invalid'],
    [{ to: { phone: '12' }, channels: ['sms'] }, 'message_number_invalid'],
    [{ template: 'nothing' }, 'unknown_template'],
    [{ template: 'booking-confirmed', variables: {} }, 'notification_invalid'],
    [{ locale: 'no locale' }, 'notification_invalid'],
    [{ subject: undefined, body: undefined }, 'notification_invalid'],
  ])('refuses %j before anything is queued: %s', async (given, code) => {
    await expect(send(given as Partial<Notification>)).rejects.toMatchObject({ code })
    expect(await states()).toEqual([])
  })

  it('keeps what people want', async () => {
    const prefer = (values: string) =>
      system.database.asOwner({
        text: `insert into public.notification_preferences (user_id, email, marketing, quiet_from, quiet_until, zone) values ${values}`,
      })
    await prefer(`('${ada.userId}', false, null, null, null, null)`)
    await prefer(`('${ben.userId}', null, true, '20:00', '08:00', 'Asia/Bangkok')`)
    await send()
    await send({ to: { person: ben.userId }, template: 'offer' })
    system.clock.set('2026-03-01T14:00:00Z')
    expect(await run()).toMatchObject({ email: 0, cancelled: 1 })
    system.clock.set('2026-03-02T01:00:00Z')
    expect(await run()).toMatchObject({ email: 1 })
    expect([...channels.mails.values()]).toMatchObject([
      { to: ben.claims.email, headers: { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' } },
    ])
    await expect(
      prefer(`('${actor('carol').userId}', true, true, null, null, 'Mars/Olympus')`),
    ).rejects.toThrow()
    await system.database.asOwner(sql`delete from public.notification_preferences`)
  })

  it('forgets, exports and erases what it has of a person', async () => {
    await send({ variables: {}, body: 'secret words' })
    await system.database.asOwner(sql`
      insert into public.push_subscriptions (user_id, endpoint, kind) values (${ada.userId}, 'a-registration-token', 'fcm')`)
    const { persons } = system.project.offer(privacyOffer)
    const folder = await mkdtemp(join(tmpdir(), 'plinth-messages-'))
    await persons.export(ada.userId, join(folder, 'export'))
    const read = (file: string) => readFile(join(folder, 'export', file), 'utf8')
    expect(await read('messages.json')).toContain('secret words')
    expect(await read('devices.json')).toContain('a-registration-token')
    await rm(folder, { recursive: true })
    await persons.erase(ada.userId, { settle: async () => '0/0' })
    expect(await run()).toMatchObject({ email: 0 })
    expect(await states()).toEqual([])
    const { rows } = await system.database.asOwner(sql`select from public.push_subscriptions`)
    expect(rows).toEqual([])
  })
})
