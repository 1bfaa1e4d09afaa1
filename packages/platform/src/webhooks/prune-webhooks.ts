import { type ProjectDatabase, sql } from '../database/index.ts'
import type { Clock } from '../kernel/index.ts'

export interface PruneWebhooksOptions {
  readonly database: ProjectDatabase
  readonly clock: Clock
  /** How many days a message can be replayed after it was made. Default 30; attempts alone take three. */
  readonly keepDays?: number
}

const defaultKeepDays = 30
/** Rows of one statement, so that sending never waits for long. */
const together = 5_000

/**
 * Removes messages that are older than their retention: those that arrived, were given up, or belong to an endpoint
 * that is switched off. What is still being tried stays. Gives how many went.
 */
export async function pruneWebhooks(options: PruneWebhooksOptions): Promise<number> {
  const { database, clock, keepDays = defaultKeepDays } = options
  const before = new Date(clock.now().getTime() - keepDays * 86_400_000)
  let pruned = 0
  for (;;) {
    const { rowCount } = await database.asOwner(sql`
      delete from plinth.webhook_deliveries where id in (
        select d.id from plinth.webhook_deliveries d join plinth.webhook_endpoints e on e.id = d.endpoint
        where d.created_at < ${before} and (d.next_attempt_at is null or not e.enabled) limit ${together})`)
    pruned += rowCount ?? 0
    if ((rowCount ?? 0) < together) return pruned
  }
}
