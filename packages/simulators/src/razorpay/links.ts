import { z } from 'zod'
import type { PaymentLink } from './entities.ts'
import { badRequest } from './failure.ts'
import { makeOrder } from './orders.ts'
import {
  amount,
  currency,
  listRoute,
  notes,
  type RazorpayRoute,
  razorpayRoute,
  switchOf,
  whole,
} from './routes.ts'
import { need, notesOf, type RazorpayWorld } from './world.ts'

const given = z.strictObject({
  amount,
  currency: currency.default('INR'),
  accept_partial: z.literal([false, 0]).optional(),
  callback_method: z.literal('get').optional(),
  callback_url: z.url().optional(),
  customer: z
    .strictObject({
      name: z.string().optional(),
      email: z.string().optional(),
      contact: z.coerce.string().optional(),
    })
    .default({}),
  description: z.string().max(2048).default(''),
  expire_by: whole.optional(),
  notes: notes.optional(),
  notify: z.looseObject({}).optional(),
  reference_id: z.string().max(40).default(''),
  reminder_enable: switchOf.optional(),
})

function makeLink(world: RazorpayWorld, wish: z.output<typeof given>): PaymentLink {
  if (wish.reference_id && world.links.all().some((link) => link.reference_id === wish.reference_id))
    throw badRequest(
      `payment link with given reference_id (${wish.reference_id}) already exists`,
      'reference_id',
    )
  const order = makeOrder(world, {
    amount: wish.amount,
    currency: wish.currency,
    receipt: wish.reference_id || null,
    notes: wish.notes,
  })
  const id = world.id('plink')
  if (wish.expire_by) world.plan('expire-link', id, wish.expire_by)
  return world.links.put({
    id,
    accept_partial: false,
    amount: wish.amount,
    amount_paid: 0,
    callback_method: wish.callback_method ?? '',
    callback_url: wish.callback_url ?? '',
    cancelled_at: 0,
    created_at: world.seconds(),
    currency: wish.currency,
    customer: wish.customer,
    description: wish.description,
    expire_by: wish.expire_by ?? 0,
    expired_at: 0,
    notes: notesOf(wish.notes),
    order_id: order.id,
    payments: null,
    reference_id: wish.reference_id,
    short_url: `${world.url()}/links/${id}`,
    status: 'created',
    updated_at: world.seconds(),
  })
}

/** Ends a link that nobody paid. */
export function endLink(world: RazorpayWorld, link: PaymentLink, as: 'cancelled' | 'expired'): PaymentLink {
  if (link.status !== 'created') throw badRequest(`Payment link is ${link.status}.`)
  Object.assign(link, { status: as, updated_at: world.seconds(), [`${as}_at`]: world.seconds() })
  world.emit(`payment_link.${as}`, { payment_link: link })
  return link
}

export const linkRoutes = (world: RazorpayWorld): RazorpayRoute[] => [
  razorpayRoute('POST', '/v1/payment_links', given, (wish) => makeLink(world, wish)),
  listRoute(
    '/v1/payment_links',
    world.links,
    (link, { reference_id: reference }) => !reference || link.reference_id === reference,
  ),
  razorpayRoute('GET', '/v1/payment_links/:id', z.looseObject({}), (_, { id }) => need(world.links, id)),
  razorpayRoute('POST', '/v1/payment_links/:id/cancel', z.looseObject({}), (_, { id }) =>
    endLink(world, need(world.links, id), 'cancelled'),
  ),
]
