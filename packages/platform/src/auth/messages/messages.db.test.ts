import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { useAuthHost } from '../tests/auth-host.ts'

const settings = { mailerAutoconfirm: false, externalPhoneEnabled: true }

describe('the development inbox', () => {
  const host = useAuthHost({ settings })
  const read = (key: string | undefined, path = '/inbox/messages', method = 'GET', address = '127.0.0.1') =>
    host.fetchProject(path, {
      method,
      headers: { 'x-forwarded-for': address, ...(key ? { apikey: key } : {}) },
    })

  it('is opened by the service key, and by no other', async () => {
    const { body } = await host.signUp('ada@example.test')
    expect(body.confirmation_sent_at).toBeDefined()
    await host.drain()
    const answer = await read(host.keys.serviceRoleKey)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(await answer.json()).toMatchObject([
      { kind: 'mail', recipient: 'ada@example.test', subject: 'Confirm your sign-up' },
    ])
    expect((await read(host.keys.anonKey)).status).toBe(403)
    const elsewhere = await read(host.keys.serviceRoleKey, '/inbox/messages', 'GET', '192.0.2.7')
    expect(elsewhere.status).toBe(403)
    expect(await elsewhere.json()).toMatchObject({ code: 'inbox_closed' })
    expect((await read(undefined, '/inbox', 'GET', '192.0.2.7')).status).toBe(403)
    expect((await read(host.foreignKeys.serviceRoleKey)).status).toBe(401)
    expect((await read(undefined)).status).toBe(401)
    expect((await read(host.keys.anonKey, '/inbox/messages', 'DELETE')).status).toBe(403)
  })

  it('shows a page that holds no message', async () => {
    const answer = await read(undefined, '/inbox')
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(await answer.text()).not.toContain('ada@example.test')
  })

  it('keeps the newest two hundred', async () => {
    const sent = Array.from({ length: 205 }, (_, index) =>
      host.post('/otp', { email: `many-${index}@example.test` }),
    )
    await Promise.all(sent)
    await host.drain()
    const messages = (await (await read(host.keys.serviceRoleKey)).json()) as unknown[]
    expect(messages).toHaveLength(200)
    expect((await read(host.keys.serviceRoleKey, '/inbox/messages', 'DELETE')).status).toBe(204)
    expect(await (await read(host.keys.serviceRoleKey)).json()).toEqual([])
  })
})

describe('a project at a public address', () => {
  const host = useAuthHost({ settings, url: 'https://example.com/sample' })

  it('has no inbox, and says that it sends nothing', async () => {
    const answer = await host.fetchProject('/inbox/messages', {
      headers: { apikey: host.keys.serviceRoleKey },
    })
    expect(answer.status).toBe(404)
    expect((await host.signUp('ada@example.test')).body.error_code).toBe('email_provider_disabled')
    expect((await host.post('/otp', { phone: '4915112345678' })).body.error_code).toBe('sms_send_failed')
  })
})

describe('a project with a mail server', () => {
  const received: { readonly from: string; readonly to: readonly string[]; readonly text: string }[] = []
  let refusals = 0
  const server = new SMTPServer({
    authOptional: false,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _session, done) =>
      username === 'mailer' && password === 'secret'
        ? done(null, { user: username })
        : done(new Error('wrong login')),
    onData: (stream, { envelope }, done) => {
      const parts: Buffer[] = []
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.on('end', () => {
        if (refusals > 0) {
          refusals -= 1
          return done(new Error('try later'))
        }
        const from = envelope.mailFrom ? envelope.mailFrom.address : ''
        const to = envelope.rcptTo.map(({ address }) => address)
        received.push({ from, to, text: Buffer.concat(parts).toString().replaceAll('=\r\n', '') })
        done()
      })
    },
  })
  server.on('error', () => undefined)
  const host = useAuthHost({ settings: {} })
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    host.restart({
      smtpHost: '127.0.0.1',
      smtpPort: (server.server.address() as AddressInfo).port,
      smtpUser: 'mailer',
      smtpPass: 'secret',
      smtpAdminEmail: 'shop@example.test',
      smtpSenderName: 'Corner "Shop"\r\nBcc: x@example.test',
      siteUrl: 'https://shop.example',
      mailerSubjects: { confirmation: 'Hello {{ .Data.name }}' },
      mailerTemplates: {
        confirmation:
          '<p>{{ .Data.name }}</p><a href="{{ .ConfirmationURL }}">Confirm</a> {{ .Token }} {{.Nothing}}',
      },
    })
  })
  afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())))

  it('sends the project’s own template, asks for confirmation, and closes the inbox', async () => {
    const name = 'Ada <b>\r\nBcc: everybody@example.test'
    const { body } = await host.signUp('ada@example.test', 'correct horse', { name })
    expect(body).not.toHaveProperty('access_token')
    await host.drain()
    const [mail] = received
    expect(mail).toMatchObject({ from: 'shop@example.test', to: ['ada@example.test'] })
    const [head] = mail!.text.split('\r\n\r\n')
    expect(head).not.toMatch(/^bcc:/im)
    expect(head).toMatch(/^subject: Hello Ada <b> Bcc: everybody@example.test$/im)
    expect(mail!.text).toContain('Ada &lt;b&gt;')
    expect(mail!.text).toMatch(/\b\d{6}\b/)
    const inbox = await host.fetchProject('/inbox/messages', {
      headers: { apikey: host.keys.serviceRoleKey },
    })
    expect(inbox.status).toBe(404)
  })

  it('tries again when the server refuses for the moment, behind the answer', async () => {
    refusals = 1
    received.length = 0
    await host.signUp('bob@example.test')
    await host.drain()
    expect(received).toHaveLength(0)
    await host.database.asOwner(sql`update graphile_worker._private_jobs set run_at = now()`)
    await host.drain()
    expect(received).toHaveLength(1)
  })
})
