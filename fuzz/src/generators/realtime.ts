import fc from 'fast-check'
import type { HttpCase, RealtimeCase, Text } from '../case.ts'
import type { Target } from '../target.ts'
import { callerHeaders } from './callers.ts'
import { longText } from './large.ts'

const topics = [
  'realtime:room',
  'realtime:other',
  'realtime:',
  'phoenix',
  '',
  'realtime:__proto__',
  `realtime:${'x'.repeat(300)}`,
]
const events = [
  'phx_join',
  'phx_leave',
  'broadcast',
  'presence',
  'access_token',
  'heartbeat',
  'nothing',
  '__proto__',
]

/** Channels joined, spoken to and left, with frames that are nearly right, too large, or none. */
export function realtimeCases(target: Target): fc.Arbitrary<RealtimeCase | HttpCase> {
  const { anon } = target.keys.shops!
  const text = fc.oneof(
    fc.constantFrom('', 'items', 'public', '*', 'INSERT', ...target.ids, target.tokens.shops!, 'x.y.z'),
    fc.string({ maxLength: 20 }),
  )
  const filter = fc
    .tuple(
      fc.constantFrom('id', 'name', 'stock', 'nothing', ''),
      fc.constantFrom('eq', 'in', 'like', 'match', 'not.eq', ''),
      fc.constantFrom('1', '(1,2)', '(a+)+$', '%', '\\', "'", ''),
    )
    .map(([column, operator, value]) => `${column}=${operator}.${value}`)
  const binding = fc.record(
    {
      event: fc.constantFrom('*', 'INSERT', 'nothing'),
      schema: fc.constantFrom('public', '*', 'auth'),
      table: fc.constantFrom('items', 'messages', 'nothing'),
      filter,
    },
    { requiredKeys: [] },
  )
  const config = fc.record(
    {
      broadcast: fc.record(
        { ack: fc.boolean(), self: fc.boolean(), replay: fc.jsonValue({ maxDepth: 1 }) },
        { requiredKeys: [] },
      ),
      presence: fc.record({ key: text, enabled: fc.boolean() }, { requiredKeys: [] }),
      postgres_changes: fc.array(binding, { maxLength: 4 }),
      private: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  const payload = fc.oneof(
    { weight: 4, arbitrary: fc.record({ config, access_token: text }, { requiredKeys: [] }) },
    {
      weight: 2,
      arbitrary: fc.record({
        type: text,
        event: fc.constantFrom('track', 'untrack', 'x'),
        payload: fc.jsonValue({ maxDepth: 3 }),
      }),
    },
    { weight: 1, arbitrary: fc.jsonValue() },
  )
  const frame: fc.Arbitrary<RealtimeCase['frames'][number]> = fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .tuple(
          fc.constantFrom('1', '2', null),
          fc.constantFrom(...topics),
          fc.constantFrom('phx_join', ...events),
          payload,
        )
        .map(([ref, topic, event, what]) => JSON.stringify([ref, ref, topic, event, what])),
    },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: longText(200_000) },
    {
      weight: 1,
      arbitrary: fc
        .uint8Array({ maxLength: 60 })
        .map((bytes) => ({ bytes: Buffer.from([3, ...bytes]).toString('base64') })),
    },
  )
  const spoken: fc.Arbitrary<RealtimeCase> = fc.record({
    kind: fc.constant('realtime' as const),
    target: fc
      .constantFrom('2.0.0', '2.0.0', '1.0.0', '9')
      .map((version) => `/shops/realtime/v1/websocket?vsn=${version}&apikey=${anon}`),
    frames: fc.array(frame, { maxLength: 8 }),
    ending: fc.constantFrom('close' as const, 'terminate' as const),
  })
  return fc.oneof({ weight: 3, arbitrary: spoken }, { weight: 1, arbitrary: broadcastCases(target) })
}

/** Broadcasts by HTTP. */
function broadcastCases(target: Target): fc.Arbitrary<HttpCase> {
  const message = fc.record(
    {
      topic: fc.constantFrom('room', '', 'x'.repeat(300)),
      event: fc.string({ maxLength: 9 }),
      payload: fc.jsonValue({ maxDepth: 3 }),
      private: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  return fc
    .record({
      path: fc.constantFrom('/api/broadcast', '/api/broadcast/room/events/x', '/nothing'),
      body: fc.oneof<fc.MaybeWeightedArbitrary<Text>[]>(
        {
          weight: 4,
          arbitrary: fc.array(message, { maxLength: 4 }).map((messages) => JSON.stringify({ messages })),
        },
        { weight: 1, arbitrary: fc.json() },
        { weight: 1, arbitrary: longText(3_000_000) },
      ),
      caller: callerHeaders(target, 'shops'),
    })
    .map(({ path, body, caller }) => ({
      kind: 'http',
      method: 'POST',
      target: `/shops/realtime/v1${path}`,
      headers: { ...caller, 'content-type': 'application/json' },
      body,
    }))
}
