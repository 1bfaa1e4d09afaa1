import { z } from 'zod'
import { type Caller, sql } from '../database/index.ts'
import { type AnyRoute, dataEnvelope, defineRoute } from '../routes/index.ts'
import { createRecall } from '../signals/index.ts'
import { defineCapability, offerKey } from '../system/index.ts'
import { type Flags, flagsOfProject, readFlags } from './flags-of-project.ts'
import { readFlagsMigrations } from './migrations.ts'

/** A project's flags, for the operator and for other capabilities. */
export const flagsOffer = offerKey<Flags>('flags')

/** A flag as a system declares it; what is set later stays. */
export interface FlagDeclaration {
  readonly description?: string
  /** Default false. */
  readonly enabled?: boolean
  /** Whether `/flags/v1` tells it to whoever asks. Default true. */
  readonly isPublic?: boolean
}

/** What was read is asked for again after this, milliseconds, whatever happens to signals. */
const oldest = 10_000

/** Switches of the project, of tenants and of users, with effect at once on every node. */
export const flags = (declared: Readonly<Record<string, FlagDeclaration>> = {}) =>
  defineCapability({
    name: 'flags',
    requires: ['auth'],
    migrations: readFlagsMigrations,
    settings: z.object({}),
    hearsSignals: true,
    open: ({ database, signals }) => {
      let declaring: Promise<void> | undefined
      const declare = () => {
        declaring ??= declareFlags().catch((error: unknown) => {
          declaring = undefined
          throw error
        })
        return declaring
      }
      const recall = createRecall({
        load: (whom) => readFlags(database, whom),
        max: 10_000,
        maxAge: oldest,
        isLive: () => signals.isLive(),
      })
      signals.subscribe('plinth_flags', { heard: recall.forgetAll, missed: recall.forgetAll })
      const flagsFor = (caller: Caller | null) =>
        flagsOfProject({ database, recall, declared: declare, caller })
      return {
        context: ({ db }) => ({ flags: flagsFor(db.caller) }),
        offer: flagsFor(null),
        routes: [flagsRoute(flagsFor)],
        tenantHooks: {
          erase: async (tenant, transaction) =>
            void (await transaction.query(
              sql`delete from plinth.flags_of_tenants where tenant::text = ${tenant}`,
            )),
        },
        personHooks: {
          erase: async (user, transaction) =>
            void (await transaction.query(sql`delete from plinth.user_flags where user_id = ${user}`)),
        },
        start: declare,
      }

      async function declareFlags(): Promise<void> {
        const wanted = Object.entries(declared).map(
          ([name, { description = '', enabled = false, isPublic = true }]) => ({
            name,
            description,
            enabled,
            is_public: isPublic,
          }),
        )
        await database.asOwner(sql`
          insert into plinth.flags as f (name, description, enabled, is_public)
          select name, description, enabled, is_public from json_to_recordset(${JSON.stringify(wanted)}::json)
            w (name text, description text, enabled boolean, is_public boolean) order by name
          on conflict (name) do update set description = excluded.description, is_public = excluded.is_public
            where (f.description, f.is_public) is distinct from (excluded.description, excluded.is_public)`)
      }
    },
  })

const flagsRoute = (flagsFor: (caller: Caller) => Flags): AnyRoute =>
  defineRoute({
    method: ['GET', 'POST'],
    path: '/flags/v1',
    summary: 'Every public flag, as it is for the caller.',
    access: 'public',
    envelope: dataEnvelope,
    responses: { 200: z.record(z.string(), z.boolean()) },
    handle: async ({ caller }) => ({ ...(await flagsFor(caller).all()) }),
  })
