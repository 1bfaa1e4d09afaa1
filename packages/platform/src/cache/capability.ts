import { z } from 'zod'
import { defineJob } from '../jobs/index.ts'
import { defineCapability, offerKey } from '../system/index.ts'
import type { Cache } from './cache.ts'
import { createCacheNode } from './create-cache-node.ts'
import { readCacheMigrations } from './migrations.ts'
import { pruneAnswers } from './stored-answers.ts'

/** A project's cache, for other capabilities. */
export const cacheOffer = offerKey<Cache>('cache')

const settings = z.object({
  memoryBytes: z
    .number()
    .int()
    .min(1_000_000)
    .default(50_000_000)
    .describe('Bytes that answers may take in the memory of each node.'),
  tables: z
    .array(z.string().min(1))
    .default([])
    .describe('Tables that answers depend on, beside those that are journalled or published for realtime.'),
})

/** Milliseconds between two looks for what is too old to be kept in memory. */
const sweep = 60_000

/** Answers that are computed once and given many times, until what they were computed from changes. */
export const cache = (defaults: z.input<typeof settings> = {}) =>
  defineCapability({
    name: 'cache',
    migrations: readCacheMigrations,
    settings,
    defaults,
    hearsSignals: true,
    open: ({ database, system, signals, clock, log, settings: { memoryBytes, tables } }) => {
      const { engine, memory, follower, isFollowed } = createCacheNode({
        database,
        system,
        signals,
        clock,
        log,
        memoryBytes,
        tables,
      })
      let sweeping: NodeJS.Timeout | undefined
      return {
        context: () => ({ cache: engine as Cache }),
        offer: engine as Cache,
        consumers: { live: [follower.live], durable: [follower.durable] },
        publishes: async () => ({ tables }),
        jobs: [
          defineJob({
            name: 'prune-cache',
            summary: 'Removes stored answers that are too old to be given.',
            schedule: { line: '12 * * * *', zone: 'UTC', catchUp: 'once' },
            payload: z.object({}),
            concurrency: 1,
            run: (context) => pruneAnswers(database, context.clock.now()),
          }),
        ],
        health: [
          {
            name: 'cache',
            check: () => ({ status: 'ok', detail: { ...memory.usage(), followed: isFollowed() } }),
          },
        ],
        start: async () => {
          sweeping = setInterval(() => memory.deleteOld(clock.now().getTime()), sweep).unref()
        },
        close: async () => {
          clearInterval(sweeping)
          follower.close()
        },
      }
    },
  })
