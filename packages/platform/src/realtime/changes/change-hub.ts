import { setTimeout as wait } from 'node:timers/promises'
import type { ProjectDatabase } from '../../database/index.ts'
import { type Log, messageOf } from '../../kernel/index.ts'
import type { RowChange, TransactionChunk } from '../../tail/index.ts'
import { createQuota } from '../limits/quota.ts'
import type { RealtimeLimits } from '../limits/realtime-limits.ts'
import { createAudiences } from './audience.ts'
import { type CheckContext, type CheckedBatch, checkChanges } from './check-changes.ts'
import { createDelivery } from './deliver-changes.ts'
import { createFilterRunner } from './filters/filter-runner.ts'
import { isStale } from './policies/check-policies.ts'
import { createRecentChanges } from './recent-changes.ts'
import { createChunkReader, type StreamChunk } from './stream-transaction.ts'
import { createSubscriptions, type Subscriptions } from './subscriptions.ts'
import { createCopyChecks } from './watch/compare-copies.ts'
import { createCopies } from './watch/keep-copies.ts'
import { isPassing } from './watch/watch-failure.ts'
import { isExact, tellPosition } from './watch/watch-members.ts'

/** Committed changes on their way from the stream to the clients that may see them. */
export interface ChangeHub extends Pick<Subscriptions, 'subscribe' | 'watch'> {
  /** Takes the next chunk of the stream. */
  push(chunk: TransactionChunk): void
  /** Commits are missing: everyone who keeps a copy starts over. */
  broken(): void
  /** Tells idle watchers how far they are, so that they can resume from there. */
  tellPositions(): void
  /** Looks for rights and policies that changed without a change of rows; call it once a second. */
  compareCopies(): Promise<void>
  /** True while somebody listens to all tables of a schema. */
  followsWholeSchemas(): boolean
  stop(): Promise<void>
}

export interface ChangeHubOptions extends Omit<CheckContext, 'audiences' | 'policyMilliseconds'> {
  readonly database: ProjectDatabase
  readonly limits: RealtimeLimits
  readonly log: Log
  /** Called when watchers wait for the stream to come past their snapshot and nothing is being written. */
  onBehind(): void
  /** Called in the order of the stream, after the changes that came before. */
  onMessages(messages: StreamChunk['messages']): void
}

/** Changes that are checked together. */
const mostTogether = 1_000
/** Pause after a batch that failed because the database was away, milliseconds. */
const retryMilliseconds = 250
/** A batch that fails for other reasons is tried this often. */
const attempts = 3
/**
 * Writing to many sockets costs the same for one change as for ten. So after a batch, changes gather for as long as
 * telling it took, times this, up to so many milliseconds: few listeners are told at once, thousands in larger batches.
 */
const restPerWork = 2
const mostGathering = 25
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

export function createChangeHub(options: ChangeHubOptions): ChangeHub {
  const { limits, log, database } = options
  const audiences = createAudiences((audience) => {
    if (audience.kind === 'watch') copies.forget(audience)
  })
  const recent = createRecentChanges(limits.keptBytes)
  const runner = createFilterRunner(database, limits.filterMilliseconds)
  const context: CheckContext = { ...options, audiences, policyMilliseconds: limits.policyMilliseconds }
  const copies = createCopies({
    context,
    runner,
    recent,
    limits,
    rows: createQuota(),
    reached: () => taken,
    doubt: (audience) => checks.doubt(audience),
  })
  const delivery = createDelivery(audiences, runner, copies)
  const checks = createCopyChecks({
    audiences,
    context,
    copies,
    runner,
    limits,
    log,
    delivered: () => delivered,
    after: delivery.after,
    wake: options.onBehind,
  })
  const stopping = new AbortController()
  const read = createChunkReader()
  let queue: StreamChunk[] = []
  let queuedBytes = 0
  /** Sequence number of the last transaction that began to arrive. */
  let arrived = 0
  /** Sequence number and position of the last transaction that began to be taken out of the queue. */
  let taken = 0
  let position: string | null = null
  /** Position of the last transaction that was delivered as a whole. */
  let delivered: string | null = null
  /** OIDs of the tables that the transaction in delivery has changed so far. */
  let changedTables = new Set<number>()
  let working: Promise<void> | null = null
  const subscriptions = createSubscriptions({
    context: { ...context, limits },
    audiences,
    recent,
    copies,
    isIdle: delivery.isIdle,
    reached: () => ({ sequence: taken, position }),
  })

  function push(given: TransactionChunk): void {
    const chunk = read(given)
    arrived = chunk.transaction.sequence
    recent.add(chunk)
    queue.push(chunk)
    queuedBytes += chunk.bytes
    if (queuedBytes > limits.queuedBytes) {
      log.warn({ system: database.system, queuedBytes }, 'realtime cannot follow; clients start over')
      broken()
    }
    working ??= work()
  }

  async function work(): Promise<void> {
    // A turn of the event loop lets what arrives together be checked together.
    await turn()
    try {
      while (queue.length > 0 && !stopping.signal.aborted) await deliver(takeBatch())
    } catch (error) {
      log.error({ system: database.system, problem: messageOf(error) }, 'changes could not be delivered')
      broken()
    } finally {
      working = null
    }
  }

  /** Chunks of up to `mostTogether` changes, at least one. */
  function takeBatch(): readonly StreamChunk[] {
    let changes = 0
    const beyond = queue.findIndex((chunk) => {
      changes += chunk.changes.length
      return changes > mostTogether
    })
    const batch = queue.splice(0, beyond < 0 ? queue.length : Math.max(1, beyond))
    queuedBytes -= batch.reduce((sum, { bytes }) => sum + bytes, 0)
    const { transaction } = batch.at(-1)!
    taken = transaction.sequence
    position = transaction.position
    return batch
  }

  async function deliver(batch: readonly StreamChunk[]): Promise<void> {
    const checked = await check(batch.flatMap(({ changes }) => changes))
    const start = performance.now()
    for (const chunk of batch) {
      startOver(chunk)
      if (checked) delivery.tell(chunk.transaction, chunk.changes, checked)
      finish(chunk)
    }
    subscriptions.retire(taken)
    await turn()
    const pause = Math.min(mostGathering, (performance.now() - start) * restPerWork)
    if (checked && pause >= 1)
      await wait(pause, undefined, { signal: stopping.signal }).catch(() => undefined)
  }

  /** Copies are told of a transaction when all of it was delivered. */
  function finish({ transaction, isLast, changes, truncated, messages }: StreamChunk): void {
    for (const { relation } of changes) changedTables.add(relation.oid)
    for (const table of truncated) changedTables.add(table)
    if (isLast) {
      delivery.finish(transaction)
      delivered = transaction.position
      checks.notice(changedTables)
      changedTables = new Set()
    }
    options.onMessages(messages)
  }

  /** Checks until it succeeds or the server stops; undefined when nobody listens or a batch cannot be checked at all. */
  async function check(changes: readonly RowChange[]): Promise<CheckedBatch | undefined> {
    if (audiences.isEmpty()) return undefined
    for (let attempt = 1; !stopping.signal.aborted; ) {
      try {
        return await checkChanges(context, changes)
      } catch (error) {
        if (!isPassing(error)) attempt += isStale(error) ? 0.5 : 1
        if (attempt > attempts) {
          log.error({ system: database.system, problem: messageOf(error) }, 'changes could not be checked')
          broken()
          return undefined
        }
        await wait(retryMilliseconds, undefined, { signal: stopping.signal }).catch(() => undefined)
      }
    }
    return undefined
  }

  /** Who keeps a copy of a table that was emptied reads it again; TRUNCATE is no change of rows for the others. */
  function startOver({ truncated, transaction: { sequence: at } }: StreamChunk): void {
    if (truncated.length === 0) return
    for (const audience of [...audiences.all()]) {
      if (audience.kind !== 'watch' || !truncated.includes(audience.view.table.oid)) continue
      for (const { listener, since } of [...audience.members]) if (since < at) listener.subscriptionBroken()
    }
  }

  function broken(): void {
    position = queue.at(-1)?.transaction.position ?? position
    queue = []
    queuedBytes = 0
    taken = arrived
    recent.reset(position)
    delivery.broken()
    copies.clear()
  }

  return {
    push,
    broken,
    subscribe: subscriptions.subscribe,
    watch: subscriptions.watch,
    tellPositions: () => {
      if (queue.length > 0 || working || position === null) return
      let isBehind = false
      for (const audience of audiences.all()) {
        if (audience.kind !== 'watch' || !delivery.isIdle(audience)) continue
        tellPosition(audience, position)
        for (const member of audience.members) isBehind ||= !isExact(member, position)
      }
      if (isBehind) options.onBehind()
    },
    compareCopies: checks.tick,
    followsWholeSchemas: audiences.hasWholeSchemas,
    stop: async () => {
      stopping.abort()
      runner.stop()
      checks.stop()
      await working
    },
  }
}
