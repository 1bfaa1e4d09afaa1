import { z } from 'zod'
import { type Caller, scopeDatabase, serviceCaller, sql } from '../database/index.ts'
import { defineJob } from '../jobs/index.ts'
import { defineCapability, offerKey } from '../system/index.ts'
import { type Kv, type KvScope, kvOf, scopeText } from './kv.ts'
import { kvRoutes } from './kv-routes.ts'
import { readKvMigrations } from './migrations.ts'

/** A project's own entries, as the service: for other capabilities and commands. */
export const kvOffer = offerKey<Kv>('kv')

/** Entries that one run of the job removes at once. */
const batch = 10_000

/** Values by key: of the project, of a tenant, of a user. */
export const kv = () =>
  defineCapability({
    name: 'kv',
    requires: ['auth'],
    migrations: readKvMigrations,
    settings: z.object({}),
    open: ({ database }) => {
      const kvFor = (caller: Caller, scope: KvScope = 'project'): Kv =>
        kvOf(scopeDatabase(database, caller), scope, (reason) =>
          scopeDatabase(database, { ...serviceCaller(reason), via: caller.via ?? 'kv' }),
        )
      const own = (scope: KvScope) => kvFor(serviceCaller('gives out or removes entries'), scope)
      async function* exportScope(scope: KvScope) {
        const entries = await own(scope).getByPrefix('')
        if (entries.length > 0) yield { path: 'kv.json', content: JSON.stringify(entries, null, 2) }
      }
      const eraseScope = (scope: KvScope) => sql`delete from plinth.kv where scope = ${scopeText(scope)}`
      return {
        context: ({ db }) => ({ kv: kvFor(db.caller) }),
        offer: kvFor(serviceCaller('the platform’s own entries')),
        routes: kvRoutes(kvFor),
        jobs: [
          defineJob({
            name: 'prune-kv',
            summary: 'Removes entries of the key-value store that have expired.',
            schedule: { line: '*/15 * * * *', zone: 'UTC', catchUp: 'once' },
            payload: z.object({}),
            concurrency: 1,
            run: async ({ clock, signal }) => {
              const now = clock.now()
              for (let gone = batch; gone === batch && !signal.aborted; ) {
                const { rowCount } = await database.asOwner(sql`
                  delete from plinth.kv where (scope, key) in (
                    select scope, key from plinth.kv where expires_at <= ${now} order by expires_at limit ${batch}
                    for update skip locked) and expires_at <= ${now}`)
                gone = rowCount ?? 0
              }
            },
          }),
        ],
        tenantHooks: {
          export: (tenant) => exportScope({ tenant }),
          erase: async (tenant, transaction) => void (await transaction.query(eraseScope({ tenant }))),
        },
        personHooks: {
          export: (user) => exportScope({ user }),
          erase: async (user, transaction) => void (await transaction.query(eraseScope({ user }))),
        },
      }
    },
  })
