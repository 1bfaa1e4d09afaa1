import { ask, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineFunction } from '../uses.ts'

const verified = z.object({
  payment_id: z.uuid(),
  payment_type: z.enum(['upfront', 'maintenance']),
  expected_amount: z.number(),
  received_amount: z.number(),
  payment_status: z.string(),
  status: z.string(),
  next_payment_date: z.string().nullable(),
  /** Paid beyond what was due; it counts towards the next payment. */
  credit: z.number(),
  currency: z.string(),
})

/** A super admin records a payment that they saw (R-F4). */
export const paymentVerification = defineFunction({
  name: 'payment-verification',
  summary:
    'Checks a payment against the price of the business’s plan, records it once and brings the business up to date.',
  access: 'user',
  input: z.object({
    business_id: z.uuid(),
    payment_amount: z.number().positive().lt(1e10),
    payment_method: z.string().trim().min(1).max(60),
    payment_reference: z.string().trim().min(1).max(200),
    verified_by: z.uuid(),
    /** The day of the payment in the business’s zone. Default today. */
    paid_on: z.iso.date().optional(),
    /** What happens with an amount that is not what is due. Default refuse. */
    difference: z.enum(['refuse', 'credit']).default('refuse'),
    notes: z.string().max(2_000).optional(),
  }),
  output: verified,
  handle: ({ db }, input) =>
    ask<z.output<typeof verified>>(
      db,
      sql`select public.verify_payment(${input.business_id}, ${input.payment_amount}, ${input.payment_method},
        ${input.payment_reference}, ${input.verified_by}, ${input.paid_on ?? null}, ${input.difference},
        ${input.notes ?? null}) as answer`,
    ),
})
