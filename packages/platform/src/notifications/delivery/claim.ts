import { type ProjectDatabase, sql } from '../../database/index.ts'
import { type Channel, type ClaimedMessage, contentOf, type Purpose } from '../model/message.ts'

/** Longer than a provider's answer may take; afterwards another worker may have the message. Milliseconds. */
const leaseMilliseconds = 180_000

interface ClaimedRow {
  readonly id: string
  readonly person: string | null
  readonly purpose: Purpose
  readonly topic: string | null
  readonly priority: number
  readonly trusted: boolean
  readonly claims: number
  readonly failures: number
  readonly handed_over_at: string | null
  readonly content: Readonly<Record<string, unknown>> | null
}

/** Which messages are taken. */
export interface Claim {
  readonly channel: Channel
  /** 0: only urgent ones, to 3: all. */
  readonly leastPriority: number
  readonly most: number
  readonly lease: string
  readonly now: Date
}

/** Takes messages that are due, the most urgent first; nobody else has them until the lease ends. */
export async function claimMessages(database: ProjectDatabase, claim: Claim): Promise<ClaimedMessage[]> {
  const { channel, leastPriority, most, lease, now } = claim
  const until = new Date(now.getTime() + leaseMilliseconds)
  const { rows } = await database.asOwner<ClaimedRow>(
    sql`select * from plinth.claim_notifications(${channel}, ${leastPriority}, ${most}, ${lease}, ${now}, ${until})`,
  )
  return rows.map(({ handed_over_at, content, ...row }) => ({
    ...row,
    channel,
    handedOver: handed_over_at !== null,
    content: content === null ? null : contentOf(content),
  }))
}
