import { type ProjectDatabase, sql } from '../../database/index.ts'
import type { Clock } from '../../kernel/index.ts'

/** Rows of one statement, so that nobody waits for long. */
const together = 5_000

/**
 * Removes settled messages of the platform's own queue, and what is known of settled messages of any queue, that are older
 * than `keepDays`. Rows of a system's own queue are the system's. Gives how many messages went.
 */
export async function pruneNotifications(
  database: ProjectDatabase,
  clock: Clock,
  keepDays: number,
): Promise<number> {
  const before = new Date(clock.now().getTime() - keepDays * 86_400_000)
  let pruned = 0
  for (;;) {
    const { rowCount } = await database.asOwner(sql`
      with old as (
        delete from plinth.notification_deliveries where id in (
          select id from plinth.notification_deliveries where created_at < ${before} and state <> 'waiting' limit ${together})
        returning queue, message
      )
      delete from plinth.notifications n using old where old.queue = 'plinth.notifications' and n.id = old.message::uuid`)
    pruned += rowCount ?? 0
    const { rows } = await database.asOwner<{ left: boolean }>(sql`
      select exists (select from plinth.notification_deliveries where created_at < ${before} and state <> 'waiting') as left`)
    if (!rows[0]!.left) break
  }
  await database.asOwner(sql`delete from plinth.notification_facts where received_at < ${before}`)
  return pruned
}
