import { createHmac, randomBytes } from 'node:crypto'
import type { ProviderSimulator } from './provider-server.ts'

/** Twilio: Messages, and signed status callbacks. */
export function simulateTwilio({ accountSid, authToken }: { accountSid: string; authToken: string }) {
  const messages: { readonly sid: string; readonly form: URLSearchParams }[] = []
  const simulator: ProviderSimulator = {
    take: ({ method, path, headers, body }) => {
      if (method !== 'POST' || path !== `/2010-04-01/Accounts/${accountSid}/Messages.json`)
        return { status: 404 }
      const expected = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`
      if (headers['authorization'] !== expected) return { status: 401, body: '{"code":20003}' }
      const form = new URLSearchParams(body.toString())
      if (!/^\+[1-9]\d{6,14}$/.test(form.get('To') ?? '')) return { status: 400, body: '{"code":21211}' }
      const sid = `SM${randomBytes(16).toString('hex')}`
      messages.push({ sid, form })
      return { status: 201, body: JSON.stringify({ sid, status: 'queued' }) }
    },
  }
  return {
    ...simulator,
    messages,
    /** A status callback to `url`, as Twilio posts it. */
    status: (url: string, fields: Readonly<Record<string, string>>) => {
      const sorted = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))
      const text = url + sorted.map(([name, value]) => name + value).join('')
      return {
        body: new URLSearchParams(fields).toString(),
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'x-twilio-signature': createHmac('sha1', authToken).update(text).digest('base64'),
        },
      }
    },
  }
}
