import { createFakeClock } from '@plinth/testing'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { composed, type HandoverError, type OutgoingMail } from '../../messages/index.ts'
import { simulateSes, simulateSns } from '../tests/providers/aws.ts'
import { isVapid, simulateBrowser, simulatePushService } from '../tests/providers/browser.ts'
import { simulateFcm } from '../tests/providers/fcm.ts'
import { type ProviderServer, startProvider } from '../tests/providers/provider-server.ts'
import { simulateSendGrid } from '../tests/providers/sendgrid.ts'
import { simulateTwilio } from '../tests/providers/twilio.ts'
import { createSes, createSns } from './aws.ts'
import { pauseOf } from './call-provider.ts'
import { createFcm, serviceAccount } from './fcm.ts'
import { createSendGrid } from './sendgrid.ts'
import { createTwilio } from './twilio.ts'
import { createWebPush, vapidKeysOf } from './web-push.ts'

const from = { name: 'Shop', address: 'shop@example.com' }
const key = 'a1b2c3d4-0000-4000-8000-000000000000'
const mail: OutgoingMail = {
  key,
  to: 'ada@example.com',
  subject: 'Grüße',
  text: 'Hello',
  html: '<p>Hello</p>',
  headers: { 'List-Unsubscribe': '<https://example.com/u>' },
  attachments: [
    { filename: 'invite.ics', contentType: 'text/calendar; method=REQUEST', content: 'BEGIN:VCALENDAR' },
  ],
}
const account = { region: 'eu-west-1', accessKeyId: 'AKIA', secretAccessKey: 'secret' }
const clock = createFakeClock()

const sendgrid = simulateSendGrid('SG.key')
const twilio = simulateTwilio({ accountSid: 'AC1', authToken: 'token' })
const ses = simulateSes(account)
const sns = simulateSns(account)
const fcm = simulateFcm('film')
const pushService = simulatePushService()
const servers: Record<string, ProviderServer> = {}
const vapid = vapidKeysOf(() => Buffer.alloc(32, 7))

beforeAll(async () => {
  const all = { sendgrid, twilio, ses, sns, fcm, pushService }
  await Promise.all(
    Object.entries(all).map(async ([name, each]) => (servers[name] = await startProvider(each))),
  )
})
afterAll(() => Promise.all(Object.values(servers).map((server) => server.close())))

describe('SendGrid', () => {
  const open = (apiKey = 'SG.key') => createSendGrid({ key: apiKey, url: servers['sendgrid']!.url, from })

  it('takes a mail with its attachments and headers', async () => {
    expect((await open().send(mail)).id).toMatch(/^[0-9a-f]{32}$/)
    const [taken] = [...sendgrid.mailbox.values()]
    expect(taken).toMatchObject({
      personalizations: [{ to: [{ email: 'ada@example.com' }], custom_args: { plinth_id: key } }],
      from: { email: 'shop@example.com', name: 'Shop' },
      subject: 'Grüße',
      headers: { 'List-Unsubscribe': '<https://example.com/u>' },
      attachments: [{ filename: 'invite.ics', content: Buffer.from('BEGIN:VCALENDAR').toString('base64') }],
    })
  })

  it('that did not answer is asked again under the same key, and the mailbox has one mail', async () => {
    sendgrid.mailbox.clear()
    servers['sendgrid']!.faults.push('silent')
    await expect(open().send(mail)).rejects.toMatchObject({ taken: 'unknown' })
    await open().send(mail)
    expect(sendgrid.mailbox.size).toBe(1)
  })

  it.each([
    ['refuse', { taken: 'never' }],
    ['busy', { taken: 'later', pause: 7_000 }],
    ['down', { taken: 'unknown' }],
  ] as const)('that answers as if to %s', async (fault, expected) => {
    servers['sendgrid']!.faults.push(fault)
    await expect(open().send(mail)).rejects.toMatchObject(expected)
  })

  it('is told apart from one that cannot be reached, or has another key', async () => {
    const closed = await startProvider(sendgrid)
    await closed.close()
    const nowhere = createSendGrid({ key: 'SG.key', url: closed.url, from })
    await expect(nowhere.send(mail)).rejects.toMatchObject({ taken: 'later' })
    await expect(open('SG.other').send(mail)).rejects.toMatchObject({ taken: 'later' })
  })

  it('gets no mail with a forged header', async () => {
    const forged = { ...mail, subject: 'a\r\nBcc: eve@example.com' }
    await expect(open().send(forged)).rejects.toMatchObject({ code: 'message_header_invalid' })
  })
})

test('Amazon SES takes the mail as it is composed, signed', async () => {
  const transport = createSes({ ...account, url: servers['ses']!.url, from })
  const { id } = await transport.send(mail)
  expect(ses.mails).toMatchObject([{ id, to: 'ada@example.com', key }])
  expect(ses.mails[0]!.raw).toContain(`Message-ID: ${composed(mail, from).messageId}`)
  expect(ses.mails[0]!.raw).toContain('text/calendar; method=REQUEST')
  const wrong = createSes({ ...account, secretAccessKey: 'other', url: servers['ses']!.url, from })
  await expect(wrong.send(mail)).rejects.toMatchObject({ taken: 'later' })
})

test('Amazon SNS takes an SMS', async () => {
  const transport = createSns({ ...account, url: servers['sns']!.url, senderId: 'Shop' })
  expect((await transport.send({ key, to: '4915112345678', text: 'Hällo & mehr' })).id).toMatch(
    /^[0-9a-f-]{36}$/,
  )
  expect(Object.fromEntries(sns.texts[0]!)).toMatchObject({
    Action: 'Publish',
    PhoneNumber: '+4915112345678',
    Message: 'Hällo & mehr',
    'MessageAttributes.entry.1.Value.StringValue': 'Transactional',
    'MessageAttributes.entry.2.Value.StringValue': 'Shop',
  })
})

describe('Twilio', () => {
  const open = (sender = '+15550100') =>
    createTwilio({
      accountSid: 'AC1',
      authToken: 'token',
      from: sender,
      url: servers['twilio']!.url,
      callbackUrl: (id) => `https://example.com/callbacks?id=${id}`,
    })

  it('takes an SMS and is told where to report', async () => {
    const { id } = await open().send({ key, to: '4915112345678', text: 'Hi' })
    expect(twilio.messages[0]).toMatchObject({ sid: id })
    expect(Object.fromEntries(twilio.messages[0]!.form)).toEqual({
      To: '+4915112345678',
      From: '+15550100',
      Body: 'Hi',
      StatusCallback: `https://example.com/callbacks?id=${key}`,
    })
    await open('MG12').send({ key, to: '+4915112345678', text: 'Hi' })
    expect(twilio.messages[1]!.form.get('MessagingServiceSid')).toBe('MG12')
  })

  it('that did not answer may have sent it', async () => {
    servers['twilio']!.faults.push('silent')
    await expect(open().send({ key, to: '+4915112345678', text: 'Hi' })).rejects.toMatchObject({
      taken: 'unknown',
    })
  })
})

describe('Web Push', () => {
  const message = { key, title: 'Hällo', body: 'You are next', url: '/turn', urgent: true }
  const open = (given: object = {}) =>
    createWebPush({ subject: 'mailto:ops@example.com', keys: vapid, privateAddresses: true, ...given })
  const target = (keys: { p256dh: string; auth: string }, path = '/sub/1') => ({
    kind: 'web' as const,
    endpoint: `${servers['pushService']!.url}${path}`,
    ...keys,
  })

  it('reaches the browser that it is for, and nobody else can read it', async () => {
    const browser = simulateBrowser()
    expect(await open().send(target(browser.keys), message)).toBe('taken')
    const request = pushService.requests.at(-1)!
    expect(browser.read(request.body)).toEqual({
      id: key,
      title: 'Hällo',
      body: 'You are next',
      url: '/turn',
      tag: key,
    })
    expect(() => simulateBrowser().read(request.body)).toThrow()
    expect(request.headers).toMatchObject({ ttl: '86400', urgency: 'high' })
    expect(request.headers['topic']).toMatch(/^[\w-]{32}$/)
    expect(isVapid(request, vapid.publicKey)).toBe(true)
  })

  it('forgets a device that is gone, and tries again what was refused for now', async () => {
    const { keys } = simulateBrowser()
    pushService.gone.add('/sub/2')
    expect(await open().send(target(keys, '/sub/2'), message)).toBe('gone')
    servers['pushService']!.faults.push('busy')
    await expect(open().send(target(keys), message)).rejects.toMatchObject({ taken: 'later' })
  })

  it('goes to no address of this machine that a client names', async () => {
    const { keys } = simulateBrowser()
    await expect(open({ privateAddresses: false }).send(target(keys), message)).rejects.toThrow(
      'private network',
    )
  })

  it('refuses keys that are none', async () => {
    const broken = target({ p256dh: 'AAAA', auth: 'BBBB' })
    const error = (await open()
      .send(broken, message)
      .catch((each: unknown) => each)) as HandoverError
    expect(error.taken).toBe('never')
  })
})

describe('FCM', () => {
  const open = () =>
    createFcm({
      account: serviceAccount.parse({
        project_id: 'film',
        client_email: 'push@film.example',
        private_key: fcm.privateKey,
        token_uri: `${servers['fcm']!.url}/token`,
      }),
      url: servers['fcm']!.url,
      clock,
    })
  const message = { key, title: 'T', body: 'B', url: null, urgent: false }
  const phone = (endpoint: string) => ({ kind: 'fcm' as const, endpoint, p256dh: null, auth: null })

  it('takes messages under one access token', async () => {
    const transport = open()
    expect(await transport.send(phone('one'), message)).toBe('taken')
    expect(await transport.send(phone('two'), message)).toBe('taken')
    expect(fcm.messages).toMatchObject([
      { token: 'one', data: { id: key }, android: { collapse_key: key } },
      { token: 'two' },
    ])
    expect(fcm.tokens()).toBe(1)
  })

  it('says that a phone is gone', async () => {
    fcm.gone.add('three')
    expect(await open().send(phone('three'), message)).toBe('gone')
  })
})

test.each([
  [429, '7', { pause: 7_000 }],
  [503, null, { pause: 30_000 }],
  [429, 'soon', { pause: 30_000 }],
  [429, '99999999', { pause: 3_600_000 }],
  [500, '7', {}],
])('an answer %s with Retry-After %s', (status, value, expected) => {
  expect(pauseOf({ status, headers: new Headers(value === null ? {} : { 'retry-after': value }) })).toEqual(
    expected,
  )
})
