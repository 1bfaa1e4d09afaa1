import { z } from 'zod'
import { secret } from '../settings/index.ts'

const baseUrl = z
  .url({ protocol: /^https?$/ })
  .optional()
  .describe('Another address than the provider’s own: a simulator’s.')

/** What a project sets: keys of its providers. A provider without keys is off. */
export const paymentSettings = z.object({
  stripe: z
    .object({
      secretKey: secret(z.string().min(8)).optional().describe('sk_live_… or sk_test_….'),
      webhookSecret: secret(z.string().min(8))
        .optional()
        .describe('whsec_…, of the endpoint that reports to this project.'),
      baseUrl,
    })
    .default({}),
  razorpay: z
    .object({
      keyId: z.string().min(4).optional().describe('rzp_live_… or rzp_test_…; clients may know it.'),
      keySecret: secret(z.string().min(4)).optional().describe('Signs what clients bring back.'),
      webhookSecret: secret(z.string().min(4)).optional().describe('Signs webhooks.'),
      baseUrl,
    })
    .default({}),
  secondPerson: z
    .boolean()
    .default(false)
    .describe('Whether a manual payment counts only when somebody else than who entered it confirms it.'),
})

export type PaymentSettings = z.output<typeof paymentSettings>
