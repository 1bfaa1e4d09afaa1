import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type InvoiceSeen, type PaymentEvent, type SubscriptionSeen, subscriptionStatuses } from './events.ts'
import {
  foldSubscription,
  noSubscription,
  subscriptionEffects,
  subscriptionMovements,
} from './fold-subscription.ts'

const subscription = (at: number, status: SubscriptionSeen['status'], more: Partial<SubscriptionSeen> = {}) =>
  ({
    object: 'subscription',
    provider: 'stripe',
    id: 'sub_1',
    at,
    status,
    price: 'price_pro',
    quantity: 1,
    periodStart: 0,
    periodEnd: 100,
    trialEnd: null,
    cancelAtPeriodEnd: false,
    ...more,
  }) satisfies SubscriptionSeen
const invoice = (id: string, at: number, status: InvoiceSeen['status'], amount = 99_900) =>
  ({
    object: 'invoice',
    provider: 'stripe',
    id,
    at,
    subscription: 'sub_1',
    status,
    amount,
    currency: 'THB',
    periodStart: 0,
    periodEnd: 100,
  }) satisfies InvoiceSeen

const foldAll = (events: readonly PaymentEvent[]) => events.reduce(foldSubscription, noSubscription)
const summary = (events: readonly PaymentEvent[]) => {
  const state = foldAll(events)
  return {
    latest: state.latest,
    effects: subscriptionEffects(state).sort(),
    movements: Object.entries(
      subscriptionMovements(state, (amount) => [{ account: 'subscriptions', kind: 'income', amount }]),
    ).sort(([a], [b]) => (a < b ? -1 : 1)),
  }
}

const history = [
  subscription(1, 'incomplete'),
  invoice('in_1', 1, 'open'),
  invoice('in_1', 1, 'paid'),
  subscription(1, 'active'),
  invoice('in_2', 5, 'failed'),
  subscription(5, 'past_due', { periodEnd: 200 }),
  invoice('in_2', 6, 'paid'),
]

// AT-14, D1
describe('a subscription at a provider', () => {
  it('ends alike, whatever the order of its events', () => {
    const expected = summary(history)
    expect(expected).toMatchObject({
      latest: { status: 'past_due', periodEnd: 200 },
      effects: ['invoice_failed:in_2', 'invoice_paid:in_1', 'invoice_paid:in_2'],
    })
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...history, ...history], { minLength: 14, maxLength: 14 }),
        (events) => {
          expect(summary(events)).toEqual(expected)
        },
      ),
      { numRuns: 500, seed: 14 },
    )
  })

  it('that was cancelled stays so, whatever comes late', () => {
    const events = [subscription(3, 'cancelled'), subscription(9, 'active'), subscription(1, 'active')]
    expect(summary(events).latest?.status).toBe('cancelled')
    expect(summary(events.toReversed()).latest?.status).toBe('cancelled')
  })

  it('has one state and growing effects, whatever its provider sends', () => {
    const any: fc.Arbitrary<PaymentEvent> = fc.oneof(
      fc
        .tuple(
          fc.nat(3),
          fc.constantFrom(...subscriptionStatuses),
          fc.constantFrom(100, 200, null),
          fc.boolean(),
        )
        .map(([at, status, periodEnd, cancelAtPeriodEnd]) =>
          subscription(at, status, { periodEnd, cancelAtPeriodEnd }),
        ),
      fc
        .tuple(
          fc.constantFrom('in_1', 'in_2'),
          fc.nat(3),
          fc.constantFrom('open', 'paid', 'failed', 'void'),
          fc.nat(9),
        )
        .map(([id, at, status, amount]) => invoice(id, at, status, amount)),
    )
    fc.assert(
      fc.property(fc.array(any, { maxLength: 8 }), any, (events, one) => {
        expect(summary([...events, one, ...events])).toEqual(summary([one, ...events.toReversed()]))
        const more = summary([...events, one]).effects
        expect(summary(events).effects.filter((key) => !more.includes(key))).toEqual([])
      }),
      { numRuns: 400, seed: 14 },
    )
  })

  it('puts what was paid into the ledger, once an invoice', () => {
    expect(summary(history).movements).toEqual([
      [
        'invoice in_1',
        expect.arrayContaining([expect.objectContaining({ account: 'subscriptions', amount: -99_900 })]),
      ],
      [
        'invoice in_2',
        expect.arrayContaining([expect.objectContaining({ account: 'provider stripe', amount: 99_900 })]),
      ],
    ])
  })
})
