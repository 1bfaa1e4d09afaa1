import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { effectKey, effectsOf } from './effects.ts'
import type { DisputeSeen, PaymentEvent, PaymentSeen, RefundSeen } from './events.ts'
import { foldOrder, noOrder, type OrderState, summarise } from './fold-order.ts'
import { difference, type MovementLine, movementsOf } from './movements.ts'

const terms = {
  amount: 9_999,
  currency: 'INR',
  lines: [
    { account: 'sales', kind: 'income', amount: 8_474 },
    { account: 'gst', kind: 'liability', amount: 1_525 },
  ],
} as const

const payment = (id: string, status: PaymentSeen['status'], at: number, more: Partial<PaymentSeen> = {}) =>
  ({
    object: 'payment',
    provider: 'razorpay',
    id,
    status,
    at,
    amount: terms.amount,
    currency: 'INR',
    captured: status === 'captured' ? terms.amount : 0,
    ...more,
  }) satisfies PaymentSeen
const refund = (id: string, status: RefundSeen['status'], at: number, amount: number, of = 'pay_1') =>
  ({
    object: 'refund',
    provider: 'razorpay',
    id,
    payment: of,
    status,
    at,
    amount,
    currency: 'INR',
  }) satisfies RefundSeen
const dispute = (id: string, status: DisputeSeen['status'], at: number, withdrawn = status === 'open') =>
  ({
    object: 'dispute',
    provider: 'razorpay',
    id,
    payment: 'pay_1',
    status,
    at,
    amount: terms.amount,
    currency: 'INR',
    withdrawn,
  }) satisfies DisputeSeen

/** What the client's own call says: that a payment was authorised, and nothing of amounts. */
const clientCall = payment('pay_1', 'authorised', 3, { amount: null, currency: null })

const scenarios: Readonly<Record<string, readonly PaymentEvent[]>> = {
  'a payment, with the call of the client': [
    { object: 'checkout', provider: 'razorpay', id: 'order_1', status: 'open', at: 1 },
    payment('pay_1', 'pending', 1),
    payment('pay_1', 'authorised', 2),
    clientCall,
    payment('pay_1', 'captured', 4, { fee: 236 }),
    { object: 'checkout', provider: 'razorpay', id: 'order_1', status: 'complete', at: 4 },
  ],
  'an authorisation that comes after the failure': [
    payment('pay_1', 'failed', 1, { failure: 'GATEWAY_ERROR' }),
    payment('pay_1', 'authorised', 2),
    payment('pay_1', 'captured', 3),
  ],
  'an attempt that fails before and after another one succeeds': [
    payment('pay_0', 'failed', 1, { failure: 'BAD_REQUEST_ERROR' }),
    payment('pay_1', 'authorised', 2),
    payment('pay_1', 'captured', 3),
    payment('pay_2', 'failed', 4, { failure: 'BAD_REQUEST_ERROR' }),
    payment('pay_1', 'failed', 5),
  ],
  'two payments of one order, the second given back': [
    payment('pay_1', 'captured', 1),
    payment('pay_2', 'captured', 2),
    refund('rfnd_1', 'pending', 3, terms.amount, 'pay_2'),
    refund('rfnd_1', 'succeeded', 4, terms.amount, 'pay_2'),
  ],
  'refunds in parts, one of which fails': [
    payment('pay_1', 'captured', 1),
    refund('rfnd_1', 'succeeded', 2, 3_333),
    refund('rfnd_2', 'succeeded', 3, 3_333),
    refund('rfnd_2', 'failed', 4, 3_333),
    refund('rfnd_3', 'succeeded', 5, 6_666),
  ],
  'a dispute that is lost': [
    payment('pay_1', 'captured', 1),
    dispute('dp_1', 'inquiry', 2),
    dispute('dp_1', 'open', 3),
    dispute('dp_1', 'lost', 4),
  ],
  'a dispute that is won, within one second': [
    payment('pay_1', 'captured', 1),
    dispute('dp_1', 'open', 3),
    dispute('dp_1', 'won', 3),
  ],
  'a dispute whose currency is told in two ways, within one second': [
    payment('pay_1', 'captured', 1),
    dispute('dp_1', 'open', 3),
    { ...dispute('dp_1', 'open', 3), currency: 'USD' },
  ],
  'a payment in another currency': [payment('pay_1', 'captured', 1, { currency: 'USD' })],
  'a payment of too little, then of the rest': [
    payment('pay_1', 'captured', 1, { captured: 5_000 }),
    payment('pay_2', 'captured', 2, { captured: 4_999 }),
  ],
  'a transfer that a person took back': [payment('pay_1', 'captured', 1), payment('pay_1', 'reversed', 2)],
}

const foldAll = (events: readonly PaymentEvent[]): OrderState => events.reduce(foldOrder, noOrder)
const keysOf = (state: OrderState) => effectsOf(terms, state).map(effectKey).sort()
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, part) =>
    part && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )

/** Follows a history as the platform does: after each event the ledger gets the difference, each effect is done once. */
function live(events: readonly PaymentEvent[]) {
  let state = noOrder
  const posted = new Map<string, readonly MovementLine[]>()
  const balances = new Map<string, number>()
  const done: string[] = []
  for (const event of events) {
    state = foldOrder(state, event)
    const wanted = movementsOf(terms, state)
    for (const key of new Set([...posted.keys(), ...Object.keys(wanted)])) {
      const lines = difference(wanted[key] ?? [], posted.get(key) ?? [])
      for (const currency of new Set(lines.map((line) => line.currency)))
        expect(
          lines.filter((line) => line.currency === currency).reduce((sum, { amount }) => sum + amount, 0),
        ).toBe(0)
      for (const { account, currency, amount } of lines)
        balances.set(`${account} ${currency}`, (balances.get(`${account} ${currency}`) ?? 0) + amount)
      posted.set(key, wanted[key] ?? [])
    }
    for (const key of keysOf(state)) if (!done.includes(key)) done.push(key)
  }
  const nonZero = [...balances].filter(([, amount]) => amount !== 0).sort()
  return canonical({
    state,
    summary: summarise(terms, state),
    balances: Object.fromEntries(nonZero),
    done: done.sort(),
  })
}

function* permutations<T>(items: readonly T[]): Generator<readonly T[]> {
  if (items.length === 0) yield []
  for (const [index, item] of items.entries())
    for (const rest of permutations(items.toSpliced(index, 1))) yield [item, ...rest]
}

// AT-14
describe('every order of the events, and every repetition, ends alike', () => {
  it.each(Object.entries(scenarios))('%s', (_name, events) => {
    const expected = live(events)
    expect(JSON.parse(expected).done).toEqual(keysOf(foldAll(events)))
    for (const order of permutations(events)) {
      if (live(order) !== expected) expect(live(order)).toBe(expected)
    }
    for (const [index, event] of events.entries())
      for (let place = 0; place <= events.length; place += 1)
        if (live(events.toSpliced(place, 0, event)) !== expected)
          expect({ index, place, live: live(events.toSpliced(place, 0, event)) }).toBe(expected)
  })

  it('also of seven events at once', () => {
    const events = [
      payment('pay_0', 'failed', 1, { failure: 'BAD_REQUEST_ERROR' }),
      payment('pay_1', 'authorised', 2),
      clientCall,
      payment('pay_1', 'captured', 4),
      refund('rfnd_1', 'succeeded', 5, 1_234),
      dispute('dp_1', 'open', 6),
      dispute('dp_1', 'won', 7),
    ]
    const expected = canonical(foldAll(events))
    let count = 0
    for (const order of permutations(events)) {
      if (canonical(foldAll(order)) !== expected) expect(order).toBe(expected)
      count += 1
    }
    expect(count).toBe(5_040)
  })
})

const statuses = <const Status>(...values: readonly Status[]) => fc.constantFrom(...values)
const anyEvent: fc.Arbitrary<PaymentEvent> = fc.oneof(
  fc.record({
    object: fc.constant('payment' as const),
    provider: fc.constant('razorpay'),
    id: statuses('pay_1', 'pay_2'),
    status: statuses('pending', 'authorised', 'captured', 'failed', 'cancelled', 'reversed'),
    at: fc.nat(5),
    amount: fc.constantFrom(null, 9_999, 5_000),
    currency: statuses('INR', 'INR', 'USD', null),
    captured: statuses(0, 5_000, 9_999),
    fee: statuses(null, 0, 236),
    refunded: fc.nat(3),
  }),
  fc.record({
    object: fc.constant('refund' as const),
    provider: fc.constant('razorpay'),
    id: statuses('rfnd_1', 'rfnd_2'),
    payment: statuses('pay_1', 'pay_2'),
    status: statuses('pending', 'succeeded', 'failed'),
    at: fc.nat(5),
    amount: statuses(1, 4_999, 9_999),
    currency: statuses('INR', 'INR', 'USD'),
  }),
  fc.record({
    object: fc.constant('dispute' as const),
    provider: fc.constant('razorpay'),
    id: fc.constant('dp_1'),
    payment: statuses('pay_1', 'pay_2'),
    status: statuses('inquiry', 'open', 'won', 'lost', 'closed'),
    at: fc.nat(5),
    amount: statuses(9_999, 100),
    currency: statuses('INR', 'USD'),
    withdrawn: fc.boolean(),
  }),
  fc.record({
    object: fc.constant('checkout' as const),
    provider: fc.constant('razorpay'),
    id: fc.constant('order_1'),
    status: statuses('open', 'complete', 'expired'),
    at: fc.nat(5),
  }),
)
const runs = process.env.PLINTH_TEST_LONG ? 20_000 : 400

describe('whatever a provider sends', () => {
  it('the fold is total, and its result does not depend on order or repetition', () => {
    fc.assert(
      fc.property(
        fc.array(anyEvent, { maxLength: 9 }).chain((events) =>
          fc.tuple(
            fc.constant(events),
            fc.shuffledSubarray([...events, ...events], {
              minLength: events.length * 2,
              maxLength: events.length * 2,
            }),
          ),
        ),
        ([events, shuffled]) => {
          expect(live(shuffled)).toBe(live(events))
        },
      ),
      { numRuns: runs, seed: 14 },
    )
  })

  it('the effects of fewer facts are among those of more', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 9 }), anyEvent, (events, one) => {
        const more = keysOf(foldAll([...events, one]))
        expect(keysOf(foldAll(events)).filter((key) => !more.includes(key))).toEqual([])
      }),
      { numRuns: runs, seed: 14 },
    )
  })
})

describe('the state of an order', () => {
  const statusOf = (events: readonly PaymentEvent[]) => summarise(terms, foldAll(events)).status

  it.each([
    ['a payment, with the call of the client', 'paid'],
    ['an authorisation that comes after the failure', 'paid'],
    ['an attempt that fails before and after another one succeeds', 'paid'],
    ['two payments of one order, the second given back', 'paid'],
    ['refunds in parts, one of which fails', 'refunded'],
    ['a dispute that is lost', 'refunded'],
    ['a dispute that is won, within one second', 'paid'],
    ['a payment in another currency', 'open'],
    ['a payment of too little, then of the rest', 'paid'],
    ['a transfer that a person took back', 'reversed'],
  ])('%s: %s', (name, status) => {
    expect(statusOf(scenarios[name]!)).toBe(status)
  })

  it.each([
    [[], 'open'],
    [[payment('pay_1', 'failed', 1)], 'failed'],
    [[payment('pay_1', 'failed', 1), payment('pay_2', 'pending', 2)], 'open'],
    [[payment('pay_1', 'authorised', 1)], 'authorised'],
    [[payment('pay_1', 'captured', 1, { captured: 5_000 })], 'underpaid'],
    [[payment('pay_1', 'captured', 1), refund('rfnd_1', 'succeeded', 2, 1)], 'partially_refunded'],
    [[{ object: 'checkout', provider: 'razorpay', id: 'cs_1', status: 'expired', at: 1 }], 'expired'],
    [
      [
        { object: 'checkout', provider: 'razorpay', id: 'cs_1', status: 'expired', at: 1 },
        payment('pay_1', 'captured', 2),
      ],
      'paid',
    ],
  ] as const)('%j: %s', (events, status) => {
    expect(statusOf(events)).toBe(status)
  })

  it('names what does not fit the order', () => {
    const found = (...events: PaymentEvent[]) => summarise(terms, foldAll(events)).discrepancies
    expect(found(payment('pay_1', 'captured', 1, { currency: 'USD' }))).toEqual(['currency_differs'])
    expect(found(payment('pay_1', 'captured', 1, { captured: 5_000 }))).toEqual(['amount_differs'])
    expect(found(payment('pay_1', 'captured', 1), payment('pay_2', 'captured', 1))).toEqual(['overpaid'])
    expect(found(refund('rfnd_1', 'succeeded', 1, 5))).toEqual(['refund_of_unknown_payment'])
    expect(found(payment('pay_1', 'captured', 1, { refunded: 10 }))).toEqual(['refund_missing'])
    expect(
      found(
        payment('pay_1', 'captured', 1),
        refund('rfnd_1', 'succeeded', 1, 9_999),
        refund('rfnd_2', 'succeeded', 1, 1),
      ),
    ).toEqual(['refund_exceeds_payment'])
  })
})

// AT-21, AT-22
describe('the ledger', () => {
  const balancesOf = (events: readonly PaymentEvent[]) =>
    (JSON.parse(live(events)) as { balances: Record<string, number> }).balances

  it('holds the order’s lines and the provider’s fee once it is paid', () => {
    expect(balancesOf(scenarios['a payment, with the call of the client']!)).toEqual({
      'provider razorpay INR': 9_763,
      'payment fees INR': 236,
      'sales INR': -8_474,
      'gst INR': -1_525,
    })
  })

  it('keeps what does not fit an order as received, and takes it for nobody’s income', () => {
    expect(balancesOf(scenarios['a payment in another currency']!)).toEqual({
      'provider razorpay USD': 9_999,
      'received USD': -9_999,
    })
    expect(balancesOf([payment('pay_1', 'captured', 1), payment('pay_2', 'captured', 2)])).toMatchObject({
      'received INR': -9_999,
      'sales INR': -8_474,
    })
  })

  it('ends at nothing after a full refund in any parts, and after a transfer that was taken back', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4_000 }), { maxLength: 12 }), (parts) => {
        const refunds: PaymentEvent[] = []
        let left = terms.amount as number
        for (const [n, part] of [...parts, terms.amount].entries()) {
          const amount = Math.min(part, left)
          left -= amount
          if (amount > 0) refunds.push(refund(`rfnd_${n}`, 'succeeded', n, amount))
        }
        expect(balancesOf([payment('pay_1', 'captured', 1), ...refunds])).toEqual({})
      }),
      { numRuns: 50, seed: 21 },
    )
    expect(balancesOf(scenarios['a transfer that a person took back']!)).toEqual({})
  })
})
