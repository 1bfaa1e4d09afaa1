import { generateKeyPairSync } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSmtpTransport } from './smtp-transport.ts'

const mail = {
  key: 'k',
  to: 'ada@example.com',
  subject: 'Hello',
  text: 'Hello',
  headers: {
    'List-Unsubscribe': '<https://example.com/u>',
    'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
  },
}

describe('a mail server', () => {
  let refusal: { readonly responseCode: number } | 'hang up' | undefined
  const received: string[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: (_address, _session, done) =>
      done(refusal && refusal !== 'hang up' ? Object.assign(new Error('no'), refusal) : null),
    onData: (stream, _session, done) => {
      const parts: Buffer[] = []
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.on('end', () => {
        received.push(Buffer.concat(parts).toString())
        if (refusal === 'hang up') for (const connection of server.connections) connection.close()
        else done()
      })
    },
  })
  server.on('error', () => undefined)
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
    publicKeyEncoding: { format: 'pem', type: 'spki' },
  })
  const open = () =>
    createSmtpTransport({
      host: '127.0.0.1',
      port: (server.server.address() as AddressInfo).port,
      from: { name: 'Shop', address: 'shop@example.com' },
      dkim: { domainName: 'example.com', keySelector: 'mail', privateKey },
    })
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
  afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())))

  it('gets a mail whose signature covers what ends marketing (RFC 8058)', async () => {
    refusal = undefined
    const transport = open()
    await transport.send(mail)
    await transport.close?.()
    const [, fields = ''] = /^DKIM-Signature:[\s\S]*?\bh=([^;]+);/m.exec(received[0]!) ?? []
    const covered = fields.replace(/\s/g, '').toLowerCase().split(':')
    expect(covered).toEqual(
      expect.arrayContaining(['from', 'list-unsubscribe', 'list-unsubscribe-post', 'message-id']),
    )
  })

  it.each([
    [{ responseCode: 450 }, 'later'],
    [{ responseCode: 550 }, 'never'],
    ['hang up', 'unknown'],
  ] as const)('that answers %j: %s', async (given, taken) => {
    refusal = given
    const transport = open()
    await expect(transport.send(mail)).rejects.toMatchObject({ taken })
    await transport.close?.()
  })

  it('that is not there certainly has not taken it', async () => {
    const transport = createSmtpTransport({
      host: '127.0.0.1',
      port: 9,
      from: { name: '', address: 'a@example.com' },
    })
    await expect(transport.send(mail)).rejects.toMatchObject({ taken: 'later' })
    await transport.close?.()
  })
})
