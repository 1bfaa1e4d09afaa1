import { ask, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { courseErrors } from '../errors.ts'
import { defineFunction } from '../uses.ts'

/** As Razorpay’s window gives it to the client. */
const proof = z.object({
  razorpay_order_id: z.string().min(1).max(100),
  razorpay_payment_id: z.string().min(1).max(100),
  razorpay_signature: z.string().min(1).max(200),
})

/** Takes the client’s proof of a payment; it and the webhook are facts of one order, in whatever order they come. */
export const confirmPayment = defineFunction({
  name: 'confirm-payment',
  summary: 'Confirms a payment with what Razorpay’s window gave.',
  access: 'user',
  limit: { calls: 30, seconds: 60 },
  input: proof,
  output: z.object({ registration: z.record(z.string(), z.unknown()) }),
  handle: async ({ asService, payments, userId }, given) => {
    const service = asService('who paid may not write what follows from it')
    const registration = await ask<string | null>(
      service,
      sql`select (select registration_id from public.payment_transactions
          where razorpay_order_id = ${given.razorpay_order_id} and user_id = ${userId}) as answer`,
      { readOnly: true },
    )
    if (registration === null) throw courseErrors.payment_not_found()
    await payments.verifyRazorpay({
      orderId: given.razorpay_order_id,
      paymentId: given.razorpay_payment_id,
      signature: given.razorpay_signature,
    })
    return {
      registration: await ask<Record<string, unknown>>(
        service,
        sql`with proven as (
              update public.payment_transactions set razorpay_signature = ${given.razorpay_signature}
              where registration_id = ${registration} and razorpay_order_id = ${given.razorpay_order_id})
            select private.show_registration(${registration}) as answer`,
      ),
    }
  },
})
