import type { LiveConsumer, MissedCommits } from './consumers/consumer.ts'
import type { ConsumerStanding } from './consumers/standings.ts'

/** What health shows of a project's tail. */
export interface TailHealth {
  /**
   * `starting`: the slot is being made, which waits for every open transaction of the cluster. `following`: this node
   * holds the stream. `standby`: another node holds it. `broken`: it failed and is tried again. `stopped`: not running.
   */
  readonly state: 'starting' | 'following' | 'standby' | 'broken' | 'stopped'
  readonly slot: string
  /** End of the last transaction that every durable consumer has stored; null when there was none. */
  readonly storedPosition: string | null
  /** Bytes of WAL that PostgreSQL keeps for the slot; null when the slot cannot be asked for. */
  readonly retainedBytes: number | null
  /** `reserved`, `extended`, `unreserved` or `lost` (pg_replication_slots.wal_status); null without a slot. */
  readonly walStatus: string | null
  /** Age in milliseconds of the oldest transaction that was received and is not stored yet; 0 when there is none. */
  readonly lagMilliseconds: number
  /** Transactions received and not yet stored. */
  readonly pending: number
  /** Why the state is `broken`, null otherwise. */
  readonly problem: string | null
  /** The last stretch of commits that was lost since this process started, null when there was none. */
  readonly missed: MissedCommits | null
  /** The last gap of the last 24 hours, by whichever node it was noticed; null when there was none. */
  readonly gap: { readonly reason: string; readonly noticedAt: string } | null
  /** The durable consumers of the node that holds the stream. */
  readonly consumers: readonly ConsumerStanding[]
}

/** The one ordered reader of a project's committed changes. */
export interface Tail {
  /** True where PostgreSQL gives out no changes: none will ever come. */
  readonly isOff?: boolean
  /** Takes the stream, or waits for it, in the background; resolves at once. */
  start(): void
  /** Stores what was received, acknowledges it and lets go of the stream. */
  stop(): Promise<void>
  /** Adds a live consumer; from the next transaction on it gets all. The function returned removes it. */
  subscribe(consumer: LiveConsumer): () => void
  /** True while this node holds the stream. */
  holds(): boolean
  /** Position of the last transaction handed to live consumers; null before the first. */
  position(): string | null
  /**
   * Writes a mark into the WAL and resolves with its position once the stream has come to it: everything that was
   * committed before the call has been handed to live consumers. Every live consumer sees the mark too, as a
   * transaction without changes whose message has the prefix `plinth.mark`, so a node that does not hold the stream
   * can wait for it to be fanned out (see {@link writeMark}). Waits for a stream that is just being taken; fails with
   * `tail_not_held` while another node has it,
   * `tail_timeout` when the mark does not come by in time (milliseconds, default 10,000).
   */
  synchronise(timeout?: number): Promise<string>
  /** As {@link synchronise}, and everything before the mark is stored by every durable consumer as well. */
  settle(timeout?: number): Promise<string>
  /** Writes a mark on any node and gives its content (a UUID), which comes by in the stream. */
  writeMark(): Promise<string>
  health(): Promise<TailHealth>
}

/** Prefix of the transactional logical message that a mark is. */
export const markMessagePrefix = 'plinth.mark'
