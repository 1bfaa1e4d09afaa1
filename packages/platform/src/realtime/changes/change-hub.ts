import { setTimeout as wait } from 'node:timers/promises'
import type { ProjectDatabase } from '../../database/index.ts'
import { type Log, messageOf } from '../../kernel/index.ts'
import type { CommittedTransaction } from '../../tail/index.ts'
import { realtimeErrors } from '../errors.ts'
import type { RealtimeLimits } from '../limits/realtime-limits.ts'
import { type AnyAudience, type BindingAudience, createAudiences, type WatchAudience } from './audience.ts'
import type { BindingContext } from './bindings.ts'
import { buildChangeMessages, type ChangeMessages } from './change-messages.ts'
import { isStale } from './judge.ts'
import { type BatchContext, judgeBatch } from './judge-batch.ts'
import { createRecentChanges, type NumberedTransaction } from './recent-changes.ts'
import { createSubscriptions, isPassing, type Subscriptions } from './subscriptions.ts'
import { isExact, tellWatchers } from './watch.ts'

/** Committed changes on their way from the stream to the clients that may see them. */
export interface ChangeHub extends Pick<Subscriptions, 'subscribe' | 'watch'> {
  /** Takes the next transaction of the stream. */
  push(transaction: CommittedTransaction): void
  /** Commits are missing: everyone who keeps a copy starts over. */
  broken(): void
  /** Tells idle watchers how far they are, so that they can resume from there. */
  tellPositions(): void
  /** True while somebody listens to all tables of a schema. */
  followsWholeSchemas(): boolean
  /** Resolves when everything that was pushed is delivered. */
  settled(): Promise<void>
  stop(): Promise<void>
}

export interface ChangeHubOptions
  extends BindingContext,
    Omit<BatchContext, 'audiences' | 'policyMilliseconds'> {
  readonly database: ProjectDatabase
  readonly limits: RealtimeLimits
  readonly log: Log
  /** Called when watchers wait for the stream to come past their snapshot and nothing is being written. */
  onBehind(): void
  /** Called in the order of the stream, after the changes that came before. */
  onMessages(transaction: CommittedTransaction): void
}

/** Changes that may wait for the database's verdict before everyone is told to start over. */
const mostWaiting = 200_000
/** Changes that are judged together. */
const mostTogether = 1_000
/** Pause after a batch that failed because the database was away, milliseconds. */
const retryMilliseconds = 250
/**
 * Writing to many sockets costs the same for one change as for ten. So after a batch, changes gather for as long as
 * telling it took, times this, up to so many milliseconds: few listeners are told at once, thousands in larger batches.
 */
const restPerWork = 2
const mostGathering = 25
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
/** A batch that fails for other reasons is tried this often. */
const attempts = 3

export function createChangeHub(options: ChangeHubOptions): ChangeHub {
  const { limits, log, database } = options
  const audiences = createAudiences()
  const recent = createRecentChanges(limits.keptChanges)
  const stopping = new AbortController()
  const context: BatchContext = { ...options, audiences, policyMilliseconds: limits.policyMilliseconds }
  let queue: NumberedTransaction[] = []
  let waiting = 0
  let sequence = 0
  /** Sequence number of the last transaction that was taken out of the queue. */
  let taken = 0
  /** Position of that transaction. */
  let position: string | null = null
  let working: Promise<void> | null = null
  const subscriptions = createSubscriptions({
    context: { ...context, limits },
    audiences,
    recent,
    reached: () => ({ sequence: taken, position }),
  })

  function push(transaction: CommittedTransaction): void {
    sequence += 1
    const numbered = { sequence, transaction, changes: transaction.changes }
    recent.add(numbered)
    queue.push(numbered)
    waiting += transaction.changes.length
    if (waiting > mostWaiting) {
      log.warn({ system: database.system, waiting }, 'realtime cannot follow; clients start over')
      broken()
    }
    working ??= work()
  }

  async function work(): Promise<void> {
    // A turn of the event loop lets what arrives together be judged together.
    await turn()
    try {
      while (queue.length > 0 && !stopping.signal.aborted) await deliver(takeBatch())
    } finally {
      working = null
    }
  }

  function takeBatch(): readonly NumberedTransaction[] {
    let changes = 0
    const count = queue.findIndex((numbered) => {
      changes += numbered.changes.length
      return changes > mostTogether
    })
    const batch = count <= 0 ? queue.splice(0, count === 0 ? 1 : queue.length) : queue.splice(0, count)
    waiting -= batch.reduce((sum, numbered) => sum + numbered.changes.length, 0)
    taken = batch.at(-1)!.sequence
    position = batch.at(-1)!.transaction.position
    return batch
  }

  async function deliver(batch: readonly NumberedTransaction[]): Promise<void> {
    const judged = await judgeAgain(batch)
    const start = performance.now()
    for (const numbered of batch) {
      for (const { oid } of numbered.transaction.truncated) startOver(oid, numbered.sequence)
      if (judged) tell(numbered, judged)
      options.onMessages(numbered.transaction)
    }
    subscriptions.retire(taken)
    await turn()
    const pause = Math.min(mostGathering, (performance.now() - start) * restPerWork)
    if (judged && pause >= 1) await wait(pause, undefined, { signal: stopping.signal }).catch(() => undefined)
  }

  /** Judges until it succeeds or the server stops; undefined when a batch cannot be judged at all. */
  async function judgeAgain(batch: readonly NumberedTransaction[]) {
    if (audiences.isEmpty()) return undefined
    const changes = batch.flatMap((numbered) => numbered.changes)
    for (let attempt = 1; !stopping.signal.aborted; ) {
      try {
        return await judgeBatch(context, changes)
      } catch (error) {
        if (!isPassing(error)) attempt += isStale(error) ? 0.5 : 1
        if (attempt > attempts) {
          log.error({ system: database.system, problem: messageOf(error) }, 'changes could not be judged')
          broken()
          return undefined
        }
        await wait(retryMilliseconds, undefined, { signal: stopping.signal }).catch(() => undefined)
      }
    }
    return undefined
  }

  function tell(numbered: NumberedTransaction, judged: Awaited<ReturnType<typeof judgeBatch>>): void {
    const operations = new Map<WatchAudience, string[]>()
    for (const change of numbered.changes) {
      const of = judged.tableOf(change)
      if (!of) continue
      const messages = buildChangeMessages(of, numbered.transaction, change)
      for (const audience of of.audiences) {
        const failure = of.failure(audience)
        if (failure !== undefined) dismiss(audience, `${of.table.schema}.${of.table.table}`, failure)
        else if (audience.kind === 'bindings') tellBindings(audience, numbered.sequence, messages)
        else collect(operations, audience, messages)
      }
    }
    for (const [audience, changes] of operations) tellWatchers(audience, numbered, changes)
  }

  function collect(
    operations: Map<WatchAudience, string[]>,
    audience: WatchAudience,
    messages: ChangeMessages,
  ) {
    const made = messages.forWatch(audience)
    if (made.length === 0) return
    const before = operations.get(audience)
    if (before) before.push(...made)
    else operations.set(audience, [...made])
  }

  /** Who keeps a copy of a table that was emptied reads it again; TRUNCATE is no change of rows for the others. */
  function startOver(table: number, sequence: number): void {
    for (const audience of [...audiences.all()]) {
      if (audience.kind !== 'watch' || audience.view.table.oid !== table) continue
      for (const { listener, since } of [...audience.members])
        if (since < sequence) listener.subscriptionBroken()
    }
  }

  /** Ends the subscriptions of those whose own policy or filter raised; everyone else goes on. */
  function dismiss(audience: AnyAudience, table: string, problem: string): void {
    const members = [...audience.members]
    audience.members.clear()
    audiences.release(audience)
    const reason = realtimeErrors.policy_raised({ table, problem })
    for (const { listener } of members) listener.subscriptionEnded(reason)
  }

  function broken(): void {
    position = queue.at(-1)?.transaction.position ?? position
    queue = []
    waiting = 0
    taken = sequence
    recent.reset(position)
    for (const audience of [...audiences.all()]) {
      const members = [...audience.members]
      audience.members.clear()
      audiences.release(audience)
      for (const { listener } of members) listener.subscriptionBroken()
    }
  }

  return {
    push,
    broken,
    subscribe: subscriptions.subscribe,
    watch: subscriptions.watch,
    tellPositions: () => {
      if (queue.length > 0 || working || position === null) return
      let behind = false
      for (const audience of audiences.all()) {
        if (audience.kind !== 'watch') continue
        tellWatchers(audience, { sequence, position }, [])
        for (const member of audience.members) behind ||= !isExact(member, position)
      }
      if (behind) options.onBehind()
    },
    followsWholeSchemas: audiences.hasWholeSchemas,
    settled: async () => {
      while (working !== null) await working
    },
    stop: async () => {
      stopping.abort()
      await working
    },
  }
}

function tellBindings(audience: BindingAudience, sequence: number, messages: ChangeMessages): void {
  let message: ReturnType<ChangeMessages['forBindings']> | null = null
  for (const member of audience.members) {
    if (sequence <= member.since || sequence > member.until) continue
    if (message === null) message = messages.forBindings(audience)
    if (!message) return
    member.listener.send(message)
  }
}
