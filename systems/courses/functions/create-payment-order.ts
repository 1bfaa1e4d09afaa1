import { ask, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineFunction } from '../uses.ts'

interface ToPay {
  readonly order: string
  readonly title: string
  readonly email: string | null
}

/** Keeps the seat for another 15 minutes and opens Razorpay’s order: what the client gives to Razorpay’s window. */
export const createPaymentOrder = defineFunction({
  name: 'create-payment-order',
  summary: 'Begins to pay a registration.',
  access: 'user',
  limit: { calls: 30, seconds: 60 },
  input: z.object({ registrationId: z.uuid(), deviceId: z.string().max(200).optional() }),
  output: z.object({
    orderId: z.string(),
    keyId: z.string(),
    /** Minor units. */
    amount: z.number(),
    currency: z.string(),
  }),
  handle: async (
    { asService, payments, userId, clientAddress, request },
    { registrationId, deviceId = null },
  ) => {
    const service = asService('the order is locked and the attempt recorded in the user’s name')
    const agent = request.headers.get('user-agent')
    const { order, title, email } = await ask<ToPay>(
      service,
      sql`select private.begin_payment(${userId}, ${registrationId}, ${clientAddress}, ${agent}, ${deviceId}) as answer`,
    )
    const { object, client } = await payments.checkout(order, 'razorpay', {
      title,
      ...(email === null ? {} : { email }),
    })
    await service.query(
      sql`update public.payment_transactions set razorpay_order_id = ${object} where order_id = ${order}`,
    )
    const { key, amount, currency } = client as { key: string; amount: number; currency: string }
    return { orderId: object, keyId: key, amount, currency }
  },
})
