import { ask, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineFunction } from '../uses.ts'

/** An administrator gives a part or all of a payment back; all of it ends the registration. */
export const refundPayment = defineFunction({
  name: 'refund-payment',
  summary: 'Gives a part or all of a registration’s payment back.',
  access: 'admin',
  input: z.object({
    registrationId: z.uuid(),
    /** Names this refund: the same one again is done once. */
    refundId: z.uuid(),
    /** Major units. Default: all that is left. */
    amount: z.number().positive().max(10_000_000).multipleOf(0.01).optional(),
    reason: z.string().trim().min(3).max(500),
  }),
  output: z.object({ requestId: z.uuid() }),
  handle: async (
    { asService, payments, userId },
    { registrationId, refundId, amount: major = null, reason },
  ) => {
    const { order, amount } = await ask<{ order: string; amount: number | null }>(
      asService('what an administrator asks for is written down'),
      sql`select private.note_refund(${userId}, ${registrationId}, ${refundId}, ${major}, ${reason}) as answer`,
    )
    const part = amount === null ? {} : { amount }
    return { requestId: await payments.refund(order, { cause: refundId, reason, by: userId, ...part }) }
  },
})
