import { expect, it } from 'vitest'
import type { PaymentEvent } from '../fold/events.ts'
import { foldOrder, noOrder } from '../fold/fold-order.ts'
import { knownOf, movedBy } from './compare.ts'

const captured: PaymentEvent = {
  object: 'payment',
  provider: 'stripe',
  id: 'pi_1',
  at: 1,
  status: 'captured',
  amount: 500,
  currency: 'EUR',
  captured: 500,
}
const refund: PaymentEvent = {
  object: 'refund',
  provider: 'stripe',
  id: 're_1',
  payment: 'pi_1',
  at: 2,
  status: 'succeeded',
  amount: 200,
  currency: 'EUR',
}

it('money moves by captures and by refunds that succeeded, and by nothing else', () => {
  expect(movedBy([captured])).toEqual({ object: 'pi_1', amount: 500, currency: 'EUR' })
  expect(movedBy([refund])).toEqual({ object: 're_1', amount: 200, currency: 'EUR' })
  expect(movedBy([{ ...refund, status: 'pending' }])).toBeNull()
  expect(movedBy([{ ...captured, status: 'failed', captured: 0 }])).toBeNull()
})

it('is known by the same object, in the same currency', () => {
  const state = [captured, refund].reduce(foldOrder, noOrder)
  expect(knownOf(state, movedBy([captured])!)).toBe(500)
  expect(knownOf(state, movedBy([refund])!)).toBe(200)
  expect(knownOf(state, { object: 'pi_1', amount: 500, currency: 'USD' })).toBe(0)
  expect(knownOf(state, { object: 're_1', amount: 200, currency: 'USD' })).toBe(0)
  expect(knownOf(state, { object: 'pi_2', amount: 1, currency: 'EUR' })).toBe(0)
})
