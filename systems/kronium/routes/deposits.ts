import { type ScopedDatabase, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { type DepositOf, depositColumns, depositOrder } from '../deposits.ts'
import { kroniumErrors } from '../errors.ts'
import { defineRoute } from '../uses.ts'

const params = z.object({ id: z.uuid() })

/** The deposit of a booking that the caller sees. Fails with `unknown_booking` or `deposit_not_due`. */
async function readDeposit(db: ScopedDatabase, id: string): Promise<DepositOf> {
  const { rows } = await db.query<DepositOf & { readonly depositStatus: string }>(
    { text: `select ${depositColumns} from public.bookings b where b.id = $1`, values: [id] },
    { readOnly: true },
  )
  const [found] = rows
  if (!found) throw kroniumErrors.unknown_booking({ id })
  if (found.depositStatus !== 'due')
    throw kroniumErrors.deposit_not_due({ id, depositStatus: found.depositStatus })
  return found
}

export const payDeposit = defineRoute({
  method: 'POST',
  path: '/bookings/:id/checkout',
  summary: 'Opens the payment of a booking’s deposit; paid, the booking is confirmed.',
  access: 'user',
  limit: { calls: 30, seconds: 60 },
  params,
  body: z.object({
    provider: z.enum(['stripe', 'razorpay']).default('stripe'),
    successUrl: z.url({ protocol: /^https?$/ }).optional(),
    cancelUrl: z.url({ protocol: /^https?$/ }).optional(),
  }),
  responses: { 200: z.object({ order: z.string(), checkout: z.unknown() }) },
  handle: async ({ db, payments, links }, { params: { id }, body }) => {
    const deposit = await readDeposit(db, id)
    const order = await payments.createOrder(depositOrder(deposit))
    const back = links.urlOf(id)
    const checkout = await payments.checkout(order.id, body.provider, {
      title: deposit.serviceName,
      successUrl: body.successUrl ?? back,
      cancelUrl: body.cancelUrl ?? back,
    })
    return { order: order.id, checkout }
  },
})

export const enterDeposit = defineRoute({
  method: 'POST',
  path: '/bookings/:id/deposit',
  summary: 'Enters a deposit that came by transfer or in cash; for who manages the booking.',
  access: 'user',
  params,
  body: z.object({
    method: z.enum(['bank_transfer', 'cash', 'cheque']),
    reference: z.string().min(1).max(200),
  }),
  responses: { 200: z.object({ order: z.string(), status: z.string() }) },
  handle: async ({ db, payments, userId }, { params: { id }, body }) => {
    const deposit = await readDeposit(db, id)
    const { rows } = await db.query<{ may: boolean }>(
      sql`select private.manages(b."resourceId") or plinth.is_trusted() as may from public.bookings b where b.id = ${id}`,
      { readOnly: true },
    )
    if (!rows[0]?.may) throw kroniumErrors.permission_required({ permission: 'manage_bookings' })
    const order = await payments.createOrder(depositOrder(deposit))
    const entered = await payments.enterManual({
      order: order.id,
      ...body,
      amount: Number(deposit.minor),
      by: userId,
    })
    return { order: order.id, status: entered.order.status }
  },
})
