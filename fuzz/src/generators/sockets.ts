import { conversation } from '@plinth/testing/raw-sockets'
import fc from 'fast-check'
import type { SocketCase } from '../case.ts'
import type { Target } from '../target.ts'

/** Clients side by side that say anything, break off anywhere, and reset. */
export function socketCases({ keys }: Target): fc.Arbitrary<SocketCase> {
  const { anon } = keys.shops!
  const targets = [
    `/shops/realtime/v1/websocket?vsn=2.0.0&apikey=${anon}`,
    '/shops/realtime/v1/websocket?vsn=2.0.0&apikey=forged',
    `/shops/rest/v1/items?apikey=${anon}`,
    `/shops/auth/v1/token?grant_type=password&apikey=${anon}`,
    '/shops/functions/v1/',
    '/health',
  ]
  return fc
    .array(conversation(targets), { minLength: 1, maxLength: 30 })
    .map((clients) => ({ kind: 'sockets', clients }))
}
