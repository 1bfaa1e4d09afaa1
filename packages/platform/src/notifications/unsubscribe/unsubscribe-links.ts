import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { notificationErrors } from '../errors.ts'

/** Who wants no marketing any more, of which topic; null: of any. */
export interface Unsubscription {
  readonly person: string | null
  /** MAC of the address, base64url: the link names nobody to whom it is forwarded. */
  readonly address: string
  readonly topic: string | null
}

const schema = z.tuple([
  z.string().max(100).nullable(),
  z.base64url().max(64),
  z.string().max(100).nullable(),
])

/** A link good for ever: mails are kept, and a link that ends one's own mail must not expire (RFC 8058). */
export function signUnsubscription(key: Buffer, { person, address, topic }: Unsubscription): string {
  const body = Buffer.from(JSON.stringify([person, address, topic])).toString('base64url')
  return `${body}.${macOf(key, body)}`
}

/** Fails with `unsubscribe_link_invalid` unless the project signed it. */
export function readUnsubscription(key: Buffer, token: string): Unsubscription {
  const [body = '', mac = ''] = token.length > 1_000 ? [] : token.split('.')
  const [given, expected] = [Buffer.from(mac), Buffer.from(macOf(key, body))]
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw notificationErrors.unsubscribe_link_invalid()
  const [person, address, topic] = schema.parse(JSON.parse(Buffer.from(body, 'base64url').toString()))
  return { person, address, topic }
}

const macOf = (key: Buffer, body: string): string =>
  createHmac('sha256', key).update(body).digest('base64url')
