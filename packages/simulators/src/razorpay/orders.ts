import { z } from 'zod'
import type { Order } from './entities.ts'
import { badRequest } from './failure.ts'
import { amount, between, currency, notes, switchOf } from './routes.ts'
import { notesOf, type RazorpayWorld } from './world.ts'

/** What makes an order. `payment_capture` is the older way to say what `payment` says. */
export const orderGiven = z.strictObject({
  amount,
  currency,
  receipt: z.string().max(40).nullish(),
  notes: notes.optional(),
  partial_payment: switchOf.optional(),
  payment_capture: switchOf.optional(),
  payment: z
    .strictObject({
      capture: z.enum(['automatic', 'manual']),
      capture_options: z
        .strictObject({
          automatic_expiry_period: between(12).optional(),
          manual_expiry_period: between(12).optional(),
          refund_speed: z.enum(['normal', 'optimum']).optional(),
        })
        .optional(),
    })
    .optional(),
})

/** Makes an order; its capture settings are kept beside it. */
export function makeOrder(world: RazorpayWorld, given: z.output<typeof orderGiven>): Order {
  if (given.partial_payment) throw badRequest('The simulator has no partial payments', 'partial_payment')
  const options = given.payment?.capture_options
  const order = world.orders.put({
    id: world.id('order'),
    entity: 'order',
    amount: given.amount,
    amount_paid: 0,
    amount_due: given.amount,
    currency: given.currency,
    receipt: given.receipt ?? null,
    offer_id: null,
    status: 'created',
    attempts: 0,
    notes: notesOf(given.notes),
    created_at: world.seconds(),
  })
  world.rules.put({
    id: order.id,
    automatic: given.payment ? given.payment.capture === 'automatic' : (given.payment_capture ?? true),
    automaticExpiry: options?.automatic_expiry_period ?? world.account.automaticExpiry,
    manualExpiry: options?.manual_expiry_period ?? world.account.manualExpiry,
  })
  return order
}
