import { z } from 'zod'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { defineJob } from '../jobs/index.ts'
import { defineCapability, offerKey, type PersonHooks } from '../system/index.ts'
import { createHolds, type Holds } from './create-holds.ts'
import { readHoldsMigrations } from './migrations.ts'

/** Holds for other capabilities: bytes of uploads, credits of a plan. */
export const holdsOffer = offerKey<Holds>('holds')

export interface HoldsOptions {
  /** Moves waitlists up each minute, so that an offer follows one that expired while nobody came by. Default false. */
  readonly waitlists?: boolean
}

/**
 * Timed claims on finite things, enforced in SQL (docs/holds.md). A system's SQL calls `plinth.place_holds()` and its
 * siblings in the transaction of what they are for; its handlers find the same as `ctx.holds`.
 */
export const holds = ({ waitlists = false }: HoldsOptions = {}) =>
  defineCapability({
    name: 'holds',
    migrations: readHoldsMigrations,
    settings: z.object({}),
    open: ({ database, clock }) => {
      const made = createHolds(database, clock)
      return {
        context: () => ({ holds: made }),
        offer: made,
        jobs: [prune(database), ...(waitlists ? [moveUp(database)] : [])],
        personHooks: personHooksOf(database),
      }
    },
  })

/** A person may also be named by an address, by which nobody holds. */
const isUuid = (person: string) => z.uuid().safeParse(person).success

/** Whose holds and places in a line they are is personal; what is held stays held when a person is erased. */
const personHooksOf = (database: ProjectDatabase): PersonHooks => ({
  export: async function* (person) {
    if (!isUuid(person)) return
    const { rows } = await database.asOwner<{ content: string }>(sql`
      select jsonb_build_object(
        'holds', (select jsonb_agg(to_jsonb(h) - 'owner') from plinth.holds h where h.owner = ${person}),
        'waitlists', (select jsonb_agg(to_jsonb(w) - 'owner' order by w.seq) from plinth.waiters w where w.owner = ${person})
      )::text as content
      where exists (select from plinth.holds h where h.owner = ${person})
        or exists (select from plinth.waiters w where w.owner = ${person})`)
    if (rows[0]) yield { path: 'holds.json', content: rows[0].content }
  },
  erase: async (person, transaction) => {
    if (!isUuid(person)) return
    await transaction.query(sql`update plinth.holds set owner = null where owner = ${person}`)
    await transaction.query(sql`update plinth.waiters set owner = null where owner = ${person}`)
  },
})

const prune = (database: ProjectDatabase) =>
  defineJob({
    name: 'prune-expired-holds',
    summary: 'Removes expired holds that nobody asked for since.',
    schedule: { line: '*/15 * * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({}),
    concurrency: 1,
    run: async ({ clock, log }) => {
      const { rows } = await database.asOwner<{ removed: string }>(
        sql`select plinth.prune_holds(p_at => ${clock.now()}) as removed`,
      )
      log.debug({ removed: rows[0]!.removed }, 'expired holds removed')
    },
  })

const moveUp = (database: ProjectDatabase) =>
  defineJob({
    name: 'move-up-waitlists',
    summary: 'Ends offers whose time is over and makes the next ones.',
    schedule: { line: '* * * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({}),
    concurrency: 1,
    run: async ({ clock }) => {
      await database.asOwner(sql`select plinth.move_up_waitlists(${clock.now()})`)
    },
  })
