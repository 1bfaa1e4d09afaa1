import { ask, type ScopedDatabase, sql } from '@plinth/platform/database'
import { z } from 'zod'

export const reward = z.object({
  referrer_id: z.uuid(),
  event_id: z.uuid(),
  kind: z.enum(['free_access', 'voucher']),
  registration_id: z.uuid().nullable(),
  coupon_id: z.uuid().nullable(),
})
export type Reward = z.output<typeof reward>

/**
 * Counts referrals that were paid, and gives what two of them are worth. Each is a transaction of its own, so that no locks of
 * two people are held at once; who asks at the same time counts and gives nothing twice.
 */
export async function processReferrals(db: ScopedDatabase) {
  const pending = await db.query<{ id: string }>(sql`select private.pending_referrals() as id`)
  const referrals: string[] = []
  for (const { id } of pending.rows)
    if (await ask<boolean>(db, sql`select private.complete_referral(${id}) as answer`)) referrals.push(id)
  const due = await db.query<{ referrer_id: string; event_id: string }>(
    sql`select * from private.due_rewards()`,
  )
  const rewards: Reward[] = []
  for (const { referrer_id, event_id } of due.rows) {
    const granted = await ask<Reward | null>(
      db,
      sql`select private.grant_reward(${referrer_id}, ${event_id}) as answer`,
    )
    if (granted) rewards.push(granted)
  }
  return {
    processedReferrals: referrals.length,
    rewardsGranted: rewards.length,
    details: { referrals, rewards },
  }
}
