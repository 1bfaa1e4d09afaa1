import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { notificationsOffer } from '../index.ts'
import { messagesSystem } from './messages-system.ts'
import { simulateTopic } from './providers/aws.ts'
import { simulateSendGrid } from './providers/sendgrid.ts'
import { simulateTwilio } from './providers/twilio.ts'

const ada = actor('ada')
const ben = actor('ben')
const sendgrid = simulateSendGrid('SG.key')
const twilio = simulateTwilio({ accountSid: 'AC1', authToken: 'token' })
const topic = simulateTopic('arn:aws:sns:eu-west-1:1:mail')

const received: { readonly to: string; readonly text: string }[] = []
const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  onData: (stream, { envelope }, done) => {
    const parts: Buffer[] = []
    stream.on('data', (part: Buffer) => parts.push(part))
    stream.on('end', () => {
      received.push({ to: envelope.rcptTo[0]!.address, text: Buffer.concat(parts).toString() })
      done()
    })
  },
})
smtp.on('error', () => undefined)
const port = 20_000 + (process.pid % 20_000)

describe('a project with a mail server', () => {
  const system = useSystem(messagesSystem(), {
    environment: {
      PLINTH_SAMPLE_NOTIFICATIONS_SMTP_HOST: '127.0.0.1',
      PLINTH_SAMPLE_NOTIFICATIONS_SMTP_PORT: String(port),
      PLINTH_SAMPLE_NOTIFICATIONS_FROM_ADDRESS: 'shop@example.com',
      PLINTH_SAMPLE_NOTIFICATIONS_FROM_NAME: 'Corner Shop',
      PLINTH_SAMPLE_NOTIFICATIONS_MARKETING: 'true',
      PLINTH_SAMPLE_NOTIFICATIONS_SENDGRID_WEBHOOK_KEY: sendgrid.publicKey,
      PLINTH_SAMPLE_NOTIFICATIONS_TWILIO_AUTH_TOKEN: 'token',
      PLINTH_SAMPLE_NOTIFICATIONS_SES_TOPIC_ARN: 'arn:aws:sns:eu-west-1:1:mail',
      PLINTH_SAMPLE_AUTH_MAILER_AUTOCONFIRM: 'false',
    },
  })
  const messages = () => system.project.offer(notificationsOffer)
  const mailTo = (email: string, template = 'booking-confirmed', variables = { service: 'Cut' }) =>
    messages().send({ to: { email }, channels: ['email'], template, variables })
  const lastMail = () => received.at(-1)!.text.replaceAll('=\r\n', '').replaceAll('=3D', '=')
  const deliveries = async () =>
    (
      await system.database.asOwner<
        { id: string; state: string; problem: string | null } & Record<string, string>
      >(sql`
        select d.id, d.state, d.problem, d.delivered_at, d.opened_at, d.bounced_at, d.complained_at, n.address
        from plinth.notification_deliveries d join plinth.notifications n on n.id::text = d.message order by n.created_at`)
    ).rows
  const facts = async () =>
    (
      await system.database.asOwner<{ provider: string; kind: string }>(
        sql`select provider, kind from plinth.notification_facts order by id`,
      )
    ).rows
  beforeAll(async () => {
    await new Promise<void>((resolve) => smtp.listen(port, '127.0.0.1', resolve))
    await system.signUp(ada, ben)
  })
  afterAll(() => new Promise<void>((resolve) => smtp.close(() => resolve())))
  beforeEach(async () => {
    received.length = 0
    for (const table of [
      'plinth.notifications',
      'plinth.notification_facts',
      'plinth.notification_suppressions',
      'public.notification_preferences',
    ])
      await system.database.asOwner({ text: `delete from ${table}` })
  })

  it('sends by it: HTML and text, an appointment, a stable Message-ID', async () => {
    await messages().send({
      to: { email: 'ada@example.com' },
      channels: ['email'],
      template: 'booking-confirmed',
      variables: { service: 'Cut & wash' },
      calendar: {
        uid: 'booking-7@example.com',
        sequence: 1,
        start: '2026-02-01T10:00:00Z',
        end: '2026-02-01T11:00:00Z',
        summary: 'Cut',
      },
    })
    await system.jobs.runDue()
    expect(received).toHaveLength(1)
    expect(received[0]!.to).toBe('ada@example.com')
    expect(lastMail()).toContain('Cut &amp; wash')
    expect(lastMail()).toMatch(/^From: Corner Shop <shop@example\.com>/m)
    expect(lastMail()).toMatch(/^Message-ID: <[0-9a-f]{40}@example\.com>/m)
    expect(lastMail()).toContain('text/calendar')
    const encoded = /invite\.ics[\s\S]*?\r\n\r\n([\s\S]*?)\r\n--/.exec(received[0]!.text)![1]!
    const invite = Buffer.from(encoded, 'base64').toString().replaceAll('\r\n ', '')
    expect(invite).toContain('UID:booking-7@example.com')
    expect(invite).toContain(':MAILTO:ada@example.com')
  })

  it('carries auth’s mails as well', async () => {
    const answer = await system.request('/auth/v1/signup', {
      method: 'POST',
      as: 'anon',
      body: { email: 'new@example.com', password: 'correct horse' },
    })
    expect(answer.status).toBe(200)
    await system.jobs.runDue()
    expect(received.map(({ to }) => to)).toEqual(['new@example.com'])
    expect(lastMail()).toContain('Confirm your sign-up')
  })

  describe('marketing', () => {
    const linkOf = () => /^List-Unsubscribe:\s*<(http[^>]+)>/m.exec(lastMail())![1]!
    const pathOf = (link: string) => link.replace('http://plinth.test/sample', '')
    const oneClick = (path: string) =>
      system.request(path, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'List-Unsubscribe=One-Click',
      })

    it('ends with one click, and nothing else does (RFC 8058)', async () => {
      await messages().send({ to: { person: ada.userId }, channels: ['email'], template: 'offer' })
      await system.jobs.runDue()
      expect(lastMail()).toMatch(/^List-Unsubscribe-Post: List-Unsubscribe=One-Click/m)
      const path = pathOf(linkOf())
      // A program that only looks at the link.
      const shown = await system.request(path)
      expect(shown.status).toBe(200)
      expect(shown.body).toContain('<form method="post"')
      await messages().send({ to: { person: ada.userId }, channels: ['email'], template: 'offer' })
      await system.jobs.runDue()
      expect(received).toHaveLength(2)
      expect((await oneClick(path)).status).toBe(200)
      expect((await oneClick(path)).status).toBe(200)
      await messages().send({ to: { person: ada.userId }, channels: ['email'], template: 'offer' })
      await messages().send({
        to: { person: ada.userId },
        channels: ['email'],
        template: 'booking-confirmed',
        variables: { service: 'Cut' },
      })
      await messages().send({ to: { person: ben.userId }, channels: ['email'], template: 'offer' })
      await system.jobs.runDue()
      expect(
        received
          .map(({ to }) => to)
          .slice(2)
          .sort(),
      ).toEqual([ada.claims.email, ben.claims.email].sort())
    })

    it('ends for an address that is no user’s, too', async () => {
      await mailTo('guest@example.com', 'offer', {} as never)
      await system.jobs.runDue()
      expect((await oneClick(pathOf(linkOf()))).status).toBe(200)
      await mailTo('Guest@Example.com', 'offer', {} as never)
      await mailTo('guest@example.com')
      await system.jobs.runDue()
      expect(received).toHaveLength(2)
      expect(lastMail()).toContain('Booked: Cut')
    })

    it.each(['', 'x', 'x.y', 'a'.repeat(5_000), 'bnVsbA.AAAA'])(
      'takes no link that was not signed: %.20s',
      async (token) => {
        const answer = await oneClick(`/notifications/unsubscribe?token=${token}`)
        expect(answer).toMatchObject({ status: 400, body: { code: 'unsubscribe_link_invalid' } })
        expect((await system.request(`/notifications/unsubscribe?token=${token}`)).status).toBe(400)
      },
    )
  })

  describe('what providers report', () => {
    const post = (path: string, { body, headers }: { body: string; headers?: Record<string, string> }) =>
      system.request(`/notifications/callbacks/${path}`, { method: 'POST', body, headers: headers ?? {} })
    const report = (...events: object[]) => post('sendgrid', sendgrid.events(events, system.clock.now()))
    const seconds = () => Math.floor(system.clock.now().getTime() / 1000)

    it('is stored once and folded alike in whatever order it comes', async () => {
      await mailTo('ada@example.com')
      await system.jobs.runDue()
      const id = (await deliveries())[0]!.id
      const event = (name: string, at: number) => ({
        event: name,
        email: 'ada@example.com',
        timestamp: seconds() + at,
        sg_event_id: `${name}-${at}`,
        plinth_id: id,
      })
      const events = [event('open', 9), event('delivered', 3), event('open', 5), event('processed', 1)]
      expect(await report(...events)).toMatchObject({ status: 200, body: { stored: 4 } })
      expect(await report(...events.toReversed(), event('open', 9))).toMatchObject({ body: { stored: 0 } })
      const at = (offset: number) => new Date((seconds() + offset) * 1000)
      const [folded] = await deliveries()
      expect([folded!['delivered_at'], folded!['opened_at']].map((time) => new Date(time!))).toEqual([
        at(3),
        at(5),
      ])
    })

    it('closes an address that bounces or complains, not one that is full', async () => {
      const event = (name: string, email: string, more = {}) => ({
        event: name,
        email,
        timestamp: seconds(),
        sg_event_id: email,
        ...more,
      })
      await report(
        event('bounce', 'gone@example.com', { type: 'bounce' }),
        event('spamreport', 'angry@example.com'),
        event('bounce', 'full@example.com', { type: 'blocked' }),
        event('unsubscribe', 'quiet@example.com'),
      )
      for (const name of ['gone', 'angry', 'full', 'quiet']) await mailTo(`${name}@example.com`)
      await mailTo('quiet@example.com', 'offer', {} as never)
      await system.jobs.runDue()
      expect(received.map(({ to }) => to).sort()).toEqual(['full@example.com', 'quiet@example.com'])
      expect((await deliveries()).map(({ problem }) => problem).filter(Boolean)).toEqual([
        'the address is suppressed: bounce',
        'the address is suppressed: complaint',
        'the address is suppressed: unsubscribe',
      ])
    })

    it('is refused when it is not signed, altered, old or meant for another', async () => {
      const good = sendgrid.events(
        [{ event: 'bounce', email: 'a@example.com', timestamp: 1 }],
        system.clock.now(),
      )
      const refused = { status: 401, body: { code: 'callback_refused' } }
      expect(await post('sendgrid', { ...good, body: good.body.replace('a@', 'b@') })).toMatchObject(refused)
      expect(await post('sendgrid', { body: good.body })).toMatchObject(refused)
      const old = sendgrid.events([], new Date(system.clock.now().getTime() - 700_000))
      expect(await post('sendgrid', old)).toMatchObject(refused)
      const other = simulateSendGrid('other').events([], system.clock.now())
      expect(await post('sendgrid', other)).toMatchObject(refused)
      expect(await post('twilio', { body: 'MessageSid=SM1&MessageStatus=delivered' })).toMatchObject(refused)
      expect(await post('ses', { body: '{}' })).toMatchObject(refused)
      expect(
        await post('ses', { body: topic.post({}, { TopicArn: 'arn:aws:sns:eu-west-1:1:other' }) }),
      ).toMatchObject(refused)
      expect(await facts()).toEqual([])
    })

    it('that is signed and means nothing is refused with a reason', async () => {
      const signed = sendgrid.events({ not: 'a list' } as never, system.clock.now())
      expect(await post('sendgrid', signed)).toMatchObject({
        status: 400,
        body: { code: 'notification_invalid' },
      })
    })

    it.each([-1, 1e300])('is refused when it is of no time: %d', async (timestamp) => {
      expect(await report({ event: 'open', email: 'a@example.com', timestamp })).toMatchObject({
        status: 400,
        body: { code: 'notification_invalid' },
      })
    })

    it('is stored though its ids hold what PostgreSQL has no text for', async () => {
      const odd = {
        event: 'x',
        email: 'a@example.com',
        timestamp: 1,
        sg_event_id: 'a\u0000b\ud800',
        sg_message_id: '\u0000',
      }
      expect(await report(odd)).toMatchObject({ status: 200, body: { stored: 1 } })
      expect(await report(odd)).toMatchObject({ status: 200, body: { stored: 0 } })
    })

    it('of an SMS is signed over the whole address, and closes a number that answered STOP', async () => {
      const path = '/notifications/callbacks/twilio?id=11111111-1111-4111-8111-111111111111'
      const url = `http://plinth.test/sample${path}`
      const fields = { MessageSid: 'SM1', MessageStatus: 'failed', To: '+4915112345678', ErrorCode: '21610' }
      const signed = twilio.status(url, fields)
      expect(await post('twilio?id=22222222-2222-4222-8222-222222222222', signed)).toMatchObject({
        status: 401,
      })
      expect(await post('twilio?id=11111111-1111-4111-8111-111111111111', signed)).toMatchObject({
        body: { stored: 1 },
      })
      expect(await post('twilio?id=11111111-1111-4111-8111-111111111111', signed)).toMatchObject({
        body: { stored: 0 },
      })
      expect(await facts()).toEqual([{ provider: 'twilio', kind: 'failed' }])
      await messages().send({ to: { phone: '+4915112345678' }, channels: ['sms'], body: 'Hi' })
      await system.jobs.runDue()
      expect((await deliveries()).at(-1)).toMatchObject({
        state: 'cancelled',
        problem: 'the address is suppressed: bounce',
      })
    })
  })

  it('gives browsers its key, to everybody who has the project’s', async () => {
    const { body, status } = await system.request('/notifications/push-key', { as: 'anon' })
    expect(status).toBe(200)
    expect(Buffer.from(body.key, 'base64url')).toHaveLength(65)
    expect((await system.request('/notifications/push-key', { headers: { apikey: '' } })).status).toBe(401)
  })

  it('shows templates on a developer’s machine only', async () => {
    expect((await system.request('/notifications/preview')).status).toBe(404)
  })

  it('a device belongs to whoever signed in on it last', async () => {
    const subscribe = (as: typeof ada) =>
      system.request('/rest/v1/push_subscriptions', {
        method: 'POST',
        as,
        body: { endpoint: 'https://push.example/1', p256dh: 'k', auth: 'a' },
      })
    expect((await subscribe(ada)).status).toBe(201)
    expect((await subscribe(ben)).status).toBe(201)
    expect((await system.request('/rest/v1/push_subscriptions', { as: ada })).body).toEqual([])
    expect((await system.request('/rest/v1/push_subscriptions', { as: ben })).body).toHaveLength(1)
  })
})
