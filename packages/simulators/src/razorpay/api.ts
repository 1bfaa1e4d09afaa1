import { z } from 'zod'
import { decideDispute } from './disputes.ts'
import type { Customer, Plan } from './entities.ts'
import { badRequest } from './failure.ts'
import { linkRoutes } from './links.ts'
import { makeOrder, orderGiven } from './orders.ts'
import { captureByCall } from './payments.ts'
import { refundByCall } from './refunds.ts'
import {
  amount,
  between,
  collection,
  currency,
  listRoute,
  notes,
  paging,
  type RazorpayRoute,
  razorpayRoute,
  switchOf,
  whole,
} from './routes.ts'
import { reconOf } from './settlements.ts'
import {
  cancelSubscription,
  makeSubscription,
  pauseSubscription,
  resumeSubscription,
  updateSubscription,
} from './subscriptions.ts'
import { webhookRoutes } from './webhooks.ts'
import { need, notesOf, type RazorpayWorld } from './world.ts'

const nothing = z.looseObject({})

/** Every call that the simulator has. */
export const razorpayRoutes = (world: RazorpayWorld): RazorpayRoute[] => [
  ...orderRoutes(world),
  ...paymentRoutes(world),
  ...refundRoutes(world),
  ...customerRoutes(world),
  ...planRoutes(world),
  ...subscriptionRoutes(world),
  ...settlementRoutes(world),
  ...disputeRoutes(world),
  ...linkRoutes(world),
  ...webhookRoutes(world),
]

const orderRoutes = (world: RazorpayWorld): RazorpayRoute[] => [
  razorpayRoute('POST', '/v1/orders', orderGiven, (given) => makeOrder(world, given)),
  listRoute(
    '/v1/orders',
    world.orders,
    (order, { receipt, authorized }) =>
      (!receipt || order.receipt === receipt) && (authorized === undefined || order.status === 'paid'),
  ),
  razorpayRoute('GET', '/v1/orders/:id', nothing, (_, { id }) => need(world.orders, id)),
  razorpayRoute('PATCH', '/v1/orders/:id', z.strictObject({ notes }), (given, { id }) =>
    Object.assign(need(world.orders, id), { notes: notesOf(given.notes) }),
  ),
  razorpayRoute('GET', '/v1/orders/:id/payments', nothing, (_, { id }) => {
    need(world.orders, id)
    return collection(world.payments.all().filter((payment) => payment.order_id === id))
  }),
]

const paymentRoutes = (world: RazorpayWorld): RazorpayRoute[] => [
  listRoute('/v1/payments', world.payments),
  razorpayRoute('GET', '/v1/payments/:id', nothing, (_, { id }) => need(world.payments, id)),
  razorpayRoute('PATCH', '/v1/payments/:id', z.strictObject({ notes }), (given, { id }) =>
    Object.assign(need(world.payments, id), { notes: notesOf(given.notes) }),
  ),
  razorpayRoute(
    'POST',
    '/v1/payments/:id/capture',
    z.strictObject({ amount, currency: currency.default('INR') }),
    (given, { id }) => captureByCall(world, need(world.payments, id), given.amount, given.currency),
  ),
  razorpayRoute('GET', '/v1/payments/:id/card', nothing, (_, { id }) => {
    const { card } = need(world.payments, id)
    if (!card) throw badRequest('The payment was not made by card')
    return card
  }),
]

const refundGiven = z.strictObject({
  amount: between(1).optional(),
  speed: z.enum(['normal', 'optimum']).optional(),
  notes: notes.optional(),
  receipt: z.string().max(40).nullish(),
})

const refundRoutes = (world: RazorpayWorld): RazorpayRoute[] => [
  razorpayRoute('POST', '/v1/payments/:id/refund', refundGiven, (given, { id }) =>
    refundByCall(world, need(world.payments, id), given),
  ),
  listRoute('/v1/payments/:id/refunds', world.refunds, (refund, _, { id }) => refund.payment_id === id),
  razorpayRoute('GET', '/v1/payments/:id/refunds/:refund', nothing, (_, { refund }) =>
    need(world.refunds, refund),
  ),
  listRoute('/v1/refunds', world.refunds),
  razorpayRoute('GET', '/v1/refunds/:id', nothing, (_, { id }) => need(world.refunds, id)),
  razorpayRoute('PATCH', '/v1/refunds/:id', nothing, (given, { id }) => {
    // The SDK writes the notes of this one call with brackets in their names.
    const named = Object.entries(given).map(([name, value]) => [
      /^notes\[(.+)\]$/.exec(name)?.[1] ?? name,
      value,
    ])
    const plain = given['notes'] ?? Object.fromEntries(named)
    return Object.assign(need(world.refunds, id), { notes: notesOf(notes.parse(plain)) })
  }),
]

const customerGiven = z.strictObject({
  name: z.string().nullish(),
  email: z.string().nullish(),
  contact: z.coerce.string().nullish(),
  gstin: z.string().nullish(),
  notes: notes.optional(),
  fail_existing: switchOf.default(true),
})

const customerRoutes = (world: RazorpayWorld): RazorpayRoute[] => [
  razorpayRoute('POST', '/v1/customers', customerGiven, (given): Customer => {
    const same = world.customers
      .all()
      .find((each) => each.email === (given.email ?? null) && each.contact === (given.contact ?? null))
    if (same && given.fail_existing) throw badRequest('Customer already exists for the merchant')
    return (
      same ??
      world.customers.put({
        id: world.id('cust'),
        entity: 'customer',
        name: given.name ?? null,
        email: given.email ?? null,
        contact: given.contact ?? null,
        gstin: given.gstin ?? null,
        notes: notesOf(given.notes),
        created_at: world.seconds(),
      })
    )
  }),
  listRoute('/v1/customers', world.customers),
  razorpayRoute('GET', '/v1/customers/:id', nothing, (_, { id }) => need(world.customers, id)),
  razorpayRoute(
    'PUT',
    '/v1/customers/:id',
    customerGiven.pick({ name: true, email: true, contact: true }),
    (given, { id }) => {
      const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
      return Object.assign(need(world.customers, id), defined)
    },
  ),
]

const planGiven = z.strictObject({
  period: z.enum(['daily', 'weekly', 'monthly', 'yearly']),
  interval: between(1),
  item: z.strictObject({ name: z.string(), amount, currency, description: z.string().nullish() }),
  notes: notes.optional(),
})

export function makePlan(world: RazorpayWorld, given: z.output<typeof planGiven>): Plan {
  const now = world.seconds()
  return world.plans.put({
    id: world.id('plan'),
    entity: 'plan',
    interval: given.interval,
    period: given.period,
    item: {
      id: world.id('item'),
      active: true,
      name: given.item.name,
      description: given.item.description ?? null,
      amount: given.item.amount,
      unit_amount: given.item.amount,
      currency: given.item.currency,
      type: 'plan',
      unit: null,
      tax_inclusive: false,
      hsn_code: null,
      sac_code: null,
      tax_rate: null,
      tax_id: null,
      tax_group_id: null,
      created_at: now,
      updated_at: now,
    },
    notes: notesOf(given.notes),
    created_at: now,
  })
}

const planRoutes = (world: RazorpayWorld): RazorpayRoute[] => [
  razorpayRoute('POST', '/v1/plans', planGiven, (given) => makePlan(world, given)),
  listRoute('/v1/plans', world.plans),
  razorpayRoute('GET', '/v1/plans/:id', nothing, (_, { id }) => need(world.plans, id)),
]

const subscriptionGiven = z.strictObject({
  plan_id: z.string(),
  total_count: between(1),
  quantity: between(1).optional(),
  customer_id: z.string().optional(),
  customer_notify: switchOf.optional(),
  start_at: whole.optional(),
  expire_by: whole.optional(),
  notes: notes.optional(),
  notify_info: z.looseObject({}).optional(),
})

const subscriptionRoutes = (world: RazorpayWorld): RazorpayRoute[] => {
  const find = (id: string | undefined) => need(world.subscriptions, id)
  const path = '/v1/subscriptions/:id'
  return [
    razorpayRoute('POST', '/v1/subscriptions', subscriptionGiven, (given) => makeSubscription(world, given)),
    listRoute(
      '/v1/subscriptions',
      world.subscriptions,
      (each, { plan_id: plan }) => !plan || each.plan_id === plan,
    ),
    razorpayRoute('GET', path, nothing, (_, { id }) => find(id)),
    razorpayRoute(
      'PATCH',
      path,
      z.strictObject({
        plan_id: z.string().optional(),
        quantity: between(1).optional(),
        remaining_count: between(1).optional(),
        schedule_change_at: z.enum(['now', 'cycle_end']).optional(),
        customer_notify: switchOf.optional(),
      }),
      (given, { id }) => updateSubscription(world, find(id), given),
    ),
    razorpayRoute(
      'POST',
      `${path}/cancel`,
      z.strictObject({ cancel_at_cycle_end: switchOf.default(false) }),
      (given, { id }) => cancelSubscription(world, find(id), given.cancel_at_cycle_end),
    ),
    razorpayRoute('POST', `${path}/pause`, nothing, (_, { id }) => pauseSubscription(world, find(id))),
    razorpayRoute('POST', `${path}/resume`, nothing, (_, { id }) => resumeSubscription(world, find(id))),
  ]
}

const reconGiven = paging.extend({
  year: between(2000, 2100),
  month: between(1, 12),
  day: between(1, 31).optional(),
  count: between(1, 1000).default(100),
})

const settlementRoutes = (world: RazorpayWorld): RazorpayRoute[] => [
  razorpayRoute('GET', '/v1/settlements/recon/combined', reconGiven, (given) => {
    const items = reconOf(world, given).slice(given.skip, given.skip + given.count)
    return collection(items.map(({ id: _, ...item }) => item))
  }),
  listRoute('/v1/settlements', world.settlements),
  razorpayRoute('GET', '/v1/settlements/:id', nothing, (_, { id }) => need(world.settlements, id)),
]

const disputeRoutes = (world: RazorpayWorld): RazorpayRoute[] => [
  listRoute('/v1/disputes', world.disputes),
  razorpayRoute('GET', '/v1/disputes/:id', nothing, (_, { id }) => need(world.disputes, id)),
  razorpayRoute('POST', '/v1/disputes/:id/accept', nothing, (_, { id }) =>
    decideDispute(world, need(world.disputes, id), 'lost'),
  ),
]
