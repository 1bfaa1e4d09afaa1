import type { ProjectDatabase } from '@plinth/platform/database'
import { defineJob } from '@plinth/platform/jobs'
import { pruneWebhooks } from '@plinth/platform/webhooks'
import { z } from 'zod'

/** The job, in every project, that forgets webhook messages that are older than their retention. */
export const pruneWebhooksJob = (database: ProjectDatabase) =>
  defineJob({
    name: 'prune-webhooks',
    summary: 'Forgets webhook messages that arrived, or were given up, longer ago than their retention.',
    schedule: { line: '45 1 * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({ keepDays: z.number().int().min(4).default(30) }),
    run: async ({ clock, log }, { keepDays }) => {
      const pruned = await pruneWebhooks({ database, clock, keepDays })
      if (pruned > 0) log.info({ pruned }, 'webhook messages forgotten')
    },
  })
