import { z } from 'zod'
import { type Caller, sql } from '../database/index.ts'
import { messageOf } from '../kernel/index.ts'
import { defineCapability, offerKey } from '../system/index.ts'
import { identifyByKey } from './identify-key.ts'
import { pruneKeyUsageJob, sealKeysJob } from './key-jobs.ts'
import { keyRoutes } from './key-routes.ts'
import { type Keys, keysOfProject } from './keys-of-project.ts'
import { createKnownKeys } from './known-keys.ts'
import { createCallLimits } from './limits/call-limits.ts'
import { readKeysMigrations } from './migrations.ts'
import { sealPlainKeys } from './seal-plain-keys.ts'
import { createUsageLog } from './usage/usage-log.ts'

/** A project's API keys, for commands and other capabilities. */
export interface KeysOffer extends Keys {
  /** Writes what is known of calls and not written yet. */
  flushUsage(): Promise<void>
}

export const keysOffer = offerKey<KeysOffer>('keys')

const days = (most: number, description: string) =>
  z.number().int().min(1).default(most).describe(description)

const settings = z.object({
  callsPerHour: z
    .number()
    .int()
    .min(1)
    .default(1_000)
    .describe('Calls that a key may make in an hour, where the key does not say.'),
  userKeys: z
    .boolean()
    .default(false)
    .describe('Whether signed-in users may make keys of their own at /keys/v1.'),
  keepCallDays: days(30, 'Days that each call is kept.'),
  keepHourDays: days(90, 'Days that the sums of an hour are kept.'),
  keepDayDays: days(730, 'Days that the sums of a day are kept.'),
})

/** Attempts with keys that are not there, from one address. */
const unknownKeys = { points: 30, seconds: 60 }

/** Keys (`sk_…`) by which other programs call a project, each with permissions, a limit and an end. */
export const keys = (defaults: z.input<typeof settings> = {}) =>
  defineCapability({
    name: 'keys',
    requires: ['auth'],
    migrations: readKeysMigrations,
    settings,
    defaults,
    hearsSignals: true,
    open: (project) => {
      const { database, system, clock, log, signals, redisUrl } = project
      const { callsPerHour, userKeys, ...retention } = project.settings
      const sealingKey = project.deriveKey('keys')
      const keysFor = (by: Caller | null) => keysOfProject({ database, sealingKey, clock, by })
      const sealPlain = () => {
        sealPlainKeys(database, sealingKey).catch((error: unknown) =>
          log.warn({ problem: messageOf(error) }, 'keys that SQL made could not be sealed yet'),
        )
      }
      const unknown = project.createLimiter({ ...unknownKeys, name: `${system.name}/keys/unknown` })
      const known = createKnownKeys({ database, signals, unknown, clock, onPlain: sealPlain })
      const usage = createUsageLog({ database, clock, log })
      const limits = createCallLimits({ redisUrl, system: system.name, clock, log })
      const identify = identifyByKey({ anonKey: project.keys.anonKey, known, limits, usage, callsPerHour })
      return {
        context: ({ db }) => ({ keys: keysFor(db.caller) }),
        offer: { ...keysFor(null), flushUsage: () => usage.flush() } satisfies KeysOffer,
        callers: [identify],
        routes: userKeys ? keyRoutes(keysFor) : [],
        jobs: [sealKeysJob(database, sealingKey), pruneKeyUsageJob(database, retention)],
        tenantHooks: {
          // What a key may do today is not taken back to what it could do once.
          rewindKeeps: (tenant) => sql`
            select plinth.keys_table() as relation, json_build_array(id::text) as key from plinth.keys where tenant::text = ${tenant}`,
          rewound: () => signalAll(),
          export: (tenant) => exportKeys({ tenant }),
          erase: async (tenant, transaction) => {
            await transaction.query(sql`delete from plinth.key_usage where tenant::text = ${tenant}`)
            await transaction.query(sql`delete from plinth.keys where tenant::text = ${tenant}`)
          },
        },
        personHooks: {
          export: (userId) => exportKeys({ userId }),
          erase: async (userId, transaction) => {
            await transaction.query(sql`
              delete from plinth.key_usage where key_id in (select id from plinth.keys where user_id::text = ${userId})`)
            await transaction.query(sql`delete from plinth.keys where user_id::text = ${userId}`)
          },
        },
        start: async () => usage.start(),
        close: async () => {
          await usage.close()
          await limits.close()
        },
      }

      async function signalAll(): Promise<void> {
        await database.asOwner({ text: `select pg_notify('plinth_keys', '*')` })
      }

      async function* exportKeys(filter: { readonly tenant?: string; readonly userId?: string }) {
        const list = await keysFor(null).list(filter)
        if (list.length > 0) yield { path: 'api-keys.json', content: JSON.stringify(list, null, 2) }
      }
    },
  })
