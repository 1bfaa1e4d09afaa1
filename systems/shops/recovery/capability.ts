import { defineCapability } from '@plinth/platform/system'
import { z } from 'zod'

const settings = z.object({
  region: z
    .string()
    .min(1)
    .max(100)
    .default('second place')
    .describe('What sync_status calls the place that backups are copied to: eu-central-1.'),
  weeklyKeepDays: z
    .number()
    .int()
    .min(1)
    .max(3_650)
    .default(90)
    .describe('Days that weekly snapshots are kept.'),
})

/** How shops' snapshots are kept and called: `ctx.recovery`. */
export const recovery = () =>
  defineCapability({
    name: 'recovery',
    settings,
    open: ({ settings: given }) => ({ context: () => ({ recovery: given }) }),
  })
