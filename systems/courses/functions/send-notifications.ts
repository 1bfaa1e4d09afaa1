import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineFunction } from '../uses.ts'

/** Most messages of one run. */
const most = 100

/** Delivers what is due, the most urgent first (C-F4). The platform’s jobs do so by themselves; this is for who asks. */
export const sendNotifications = defineFunction({
  name: 'send-notifications',
  summary: 'Delivers up to 100 messages that are due.',
  access: 'service',
  input: z.object({}).loose(),
  output: z.object({
    processed: z.object({ email: z.number(), sms: z.number(), inApp: z.number(), failed: z.number() }),
    total: z.number(),
  }),
  handle: async ({ asService, notifications, signal }) => {
    await asService('reminders are queued when they are due').query(sql`select private.plan_reminders()`)
    const { email, sms, inApp, failed } = await notifications.deliverDue({ most, signal })
    return { processed: { email, sms, inApp, failed }, total: email + sms + inApp + failed }
  },
})
