import { expect, it } from 'vitest'
import type { ShownEntry } from '../journal/index.ts'
import { describeEntry } from './describe-entry.ts'

const entry = (given: Partial<ShownEntry>): ShownEntry => ({
  tenant: 't',
  sequence: 1,
  committedAt: '2026-01-15T12:00:00.000000Z',
  position: '0/1',
  actor: { user: 'u1', role: 'authenticated', requestId: 'r', via: null, reason: null },
  table: 'public.items',
  key: ['42'],
  operation: 'update',
  changes: [{ column: 'price', from: '10', to: '12' }],
  ...given,
})
const actor = (given: object): Partial<ShownEntry> => ({
  actor: { user: null, role: 'service_role', requestId: null, via: null, reason: null, ...given },
})
const names = new Map([['u1', 'ada@example.test']])

it.each<[string, Partial<ShownEntry>]>([
  ['ada@example.test changed items 42: price 10 → 12', {}],
  ['u2 changed items 42: price 10 → 12', actor({ user: 'u2', role: 'authenticated' })],
  [
    'ada@example.test by place-order changed items 42: price 10 → 12',
    actor({ user: 'u1', via: 'place-order' }),
  ],
  ['the service for “a test” changed items 42: price 10 → 12', actor({ reason: 'a test' })],
  [
    'nightly-report for “sums” changed items 42: price 10 → 12',
    actor({ via: 'nightly-report', reason: 'sums' }),
  ],
  [
    'authenticated for “API key sk_1a2b… (Till)” changed items 42: price 10 → 12',
    actor({ role: 'authenticated', reason: 'API key sk_1a2b… (Till)' }),
  ],
  ['somebody not signed in changed items 42: price 10 → 12', actor({ role: 'anon' })],
  ['somebody past Plinth changed items 42: price 10 → 12', { actor: null }],
  [
    'ada@example.test added orders 1, 2: note hers; paid nothing',
    {
      operation: 'insert',
      table: 'public.orders',
      key: ['1', '2'],
      changes: [
        { column: 'note', from: null, to: 'hers' },
        { column: 'paid', from: null, to: null },
      ],
    },
  ],
  [
    'ada@example.test removed secret.things 42: name x',
    { operation: 'delete', table: 'secret.things', changes: [{ column: 'name', from: 'x', to: null }] },
  ],
  ['ada@example.test changed items 42', { changes: [] }],
  [
    `ada@example.test changed items 42: note “” → a b ${'x'.repeat(76)}…`,
    { changes: [{ column: 'note', from: '', to: `a\n b ${'x'.repeat(200)}` }] },
  ],
  [
    'ada@example.test removed items 42: c0 0; c1 1; c2 2; c3 3; c4 4; c5 5; c6 6; c7 7; and 2 more',
    {
      operation: 'delete',
      changes: Array.from({ length: 10 }, (_, n) => ({ column: `c${n}`, from: `${n}`, to: null })),
    },
  ],
])('%s', (sentence, given) => {
  expect(describeEntry(entry(given), names)).toBe(sentence)
})
