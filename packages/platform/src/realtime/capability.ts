import { z } from 'zod'
import { defineCapability } from '../system/index.ts'
import { readRealtimeMigrations } from './migrations.ts'
import { synchroniseRealtimeTables } from './publish-tables.ts'
import { createRealtimeSurface } from './realtime-surface.ts'

const settings = z.object({
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
      const { publicChannels } = project.settings
      const surface = createRealtimeSurface({ database, keys, feed, clock, log, redisUrl, publicChannels })
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
