import fc from 'fast-check'
import type { HttpCase, Text } from '../case.ts'
import type { Target } from '../target.ts'
import { callerHeaders } from './callers.ts'
import { longText } from './large.ts'

const paths = {
  shops: [
    '/functions/v1/inventory-operations',
    '/functions/v1/',
    '/functions/v1/nothing',
    '/functions/v1/__proto__',
  ],
  notes: ['/functions/v1/count-words', '/functions/v1/', '/functions/v1/constructor'],
} as const
const names = [
  'action',
  'itemId',
  'shopId',
  'orderId',
  'orderItems',
  'change',
  'reason',
  'threshold',
  'noteId',
  '__proto__',
]

/** Calls of functions with inputs that are nearly theirs. */
export function functionCases(target: Target): fc.Arbitrary<HttpCase> {
  const value = fc.oneof(
    fc.constantFrom<unknown>(
      'update',
      'process_order',
      'get_low_stock',
      ...target.ids,
      1,
      -1,
      2 ** 31,
      1.5,
      null,
      '',
      '\u0000',
      [],
      [{ productId: target.ids[0], quantity: 1e9 }],
      'x'.repeat(600),
    ),
    fc.jsonValue({ maxDepth: 3 }),
  )
  return fc.constantFrom('shops' as const, 'notes' as const).chain((system) =>
    fc
      .record({
        method: fc.constantFrom('POST', 'POST', 'POST', 'GET', 'PUT', 'OPTIONS'),
        path: fc.constantFrom(...paths[system]),
        body: fc.oneof<fc.MaybeWeightedArbitrary<Text>[]>(
          {
            weight: 6,
            arbitrary: fc
              .dictionary(fc.constantFrom(...names), value, { maxKeys: 5 })
              .map((fields) => JSON.stringify(fields)),
          },
          { weight: 1, arbitrary: fc.json() },
          { weight: 1, arbitrary: longText(1_000_000) },
        ),
        caller: callerHeaders(target, system),
      })
      .map(({ method, path, body, caller }) => ({
        kind: 'http',
        method,
        target: `/${system}${path}`,
        headers: { ...caller, 'content-type': 'application/json' },
        ...(method === 'GET' ? {} : { body }),
      })),
  )
}
