import type { TransactionChunk } from '../committed-transaction.ts'

/** A stretch of commits that the stream does not have: what happened in it is not known to any consumer. */
export interface MissedCommits {
  /** The last position that was surely seen; null when nothing was seen before. */
  readonly from: string | null
  /** Where the stream goes on; everything committed after it arrives. */
  readonly until: string
  /**
   * `beginning`: the first start. `slot_lost`: the slot went or outgrew its bound. `other_cluster`: moved or restored.
   * `unreadable`: one transaction, `until`, that PostgreSQL cannot send. `set_aside`: the consumer could not store for so
   * long that the stream went on without it.
   */
  readonly reason: 'beginning' | 'slot_lost' | 'other_cluster' | 'unreadable' | 'set_aside'
}

/**
 * Gets every chunk right after it was decoded, without waiting for anything to be stored (realtime).
 *
 * Once per chunk, in commit order, as long as this process holds the stream without a break. After a lost connection the
 * stream goes back to what was stored and the tail leaves out what it has handed over already. When another node takes
 * over, that node starts after the last *stored* transaction: what is fanned out between nodes carries `position` and
 * `index`, and what is not after the last seen chunk is a repetition.
 */
export interface LiveConsumer {
  /** For the log and for health. */
  readonly name: string
  /** Called in the middle of the stream: it must be quick and must not throw (an error is logged, and that is all). */
  handle(chunk: TransactionChunk): void
  /** This node began (true) or ceased (false) to hold the stream. Called with the present state on subscription. */
  holding?(held: boolean): void
  /** Commits are missing: whoever keeps a copy has to read it again. */
  missed?(commits: MissedCommits): void
}

/**
 * Whole transactions in commit order, at least one, as the chunks that they consist of. They come in slices of up to
 * {@link sliceBounds}; the next slice comes when the one before is done with, so a batch may be far larger than memory.
 * The iteration fails when the stream breaks off in the middle.
 */
export interface Batch extends AsyncIterable<readonly TransactionChunk[]> {
  /** Position of the last transaction that was given out; after the iteration, where the batch ends. */
  readonly position: string
}

/**
 * Gets every transaction at least once, in commit order, and decides what the stream may forget: a transaction is
 * acknowledged to PostgreSQL when every durable consumer has stored it.
 */
export interface DurableConsumer {
  /** Unique per project; its position is kept under it. */
  readonly name: string
  /** True when nothing counts as settled that it has not stored (the journal). Default false. */
  readonly isRequired?: boolean
  /**
   * The last position it has stored, null at first. Asked whenever this node takes the stream over, so it is also the
   * place to push a predecessor aside.
   */
  position(): Promise<string | null>
  /**
   * Stores a batch and its position; what it resolves for is stored, also what it has not looked at. To count exactly
   * once, iterate inside one PostgreSQL transaction that stores the position at its end. Batches never overlap in time.
   * When it rejects, it is tried again later, from its position on; the others go on meanwhile.
   */
  handle(batch: Batch): Promise<void>
  /**
   * Commits are missing: the stream goes on after `until`, and positions stored before may be another cluster's. Called
   * before anything after them is handled, and again when the process ends in between.
   */
  missed?(commits: MissedCommits): Promise<void>
  /** Lets go of its connections. */
  close?(): Promise<void>
}
