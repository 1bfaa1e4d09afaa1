import { z } from 'zod'
import { defineCapability } from '../system/index.ts'
import { limitsSchema } from './limits/realtime-limits.ts'
import { readRealtimeMigrations } from './migrations.ts'
import { synchroniseRealtimeTables } from './publish-tables.ts'
import { createRealtimeSurface } from './realtime-surface.ts'

const settings = z.object({
  limits: limitsSchema.prefault({}),
  publicChannels: z.boolean().default(true).describe('Whether channels without policies may be joined.'),
})

/** Live channels: broadcast, presence and database changes. */
export const realtime = (defaults: z.input<typeof settings> = {}) =>
  defineCapability({
    name: 'realtime',
    migrations: readRealtimeMigrations,
    settings,
    defaults,
    open: (project) => {
      const { database, system, keys, tail: feed, clock, log, redisUrl } = project
      const { publicChannels, limits } = project.settings
      const surface = createRealtimeSurface({
        database,
        keys,
        feed,
        clock,
        log,
        redisUrl,
        publicChannels,
        limits,
      })
      let stopped: Promise<void> | undefined
      const stop = () => (stopped ??= surface.stop())
      return {
        surfaces: [surface],
        publishes: async () => ({
          tables: system.realtimeTables,
          // What others have added to the publication stays in the stream.
          also: await synchroniseRealtimeTables(database, system.realtimeTables),
        }),
        health: [{ name: 'realtime', check: () => ({ status: 'ok', detail: { ...surface.health() } }) }],
        start: () => surface.start(),
        disconnect: stop,
        close: stop,
      }
    },
  })
