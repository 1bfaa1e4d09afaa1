import { LRUCache } from 'lru-cache'
import { hasCode, newId } from '../../../kernel/index.ts'
import { realtimeErrors } from '../../errors.ts'
import type { Holder, Quota } from '../../limits/quota.ts'
import type { RealtimeLimits } from '../../limits/realtime-limits.ts'
import type { ViewOutcome, WatchAudience, WatchMember } from '../audience.ts'
import type { CheckContext } from '../check-changes.ts'
import type { FilterRunner } from '../filters/filter-runner.ts'
import type { RecentChanges } from '../recent-changes.ts'
import type { KeptTransaction, StreamTransaction } from '../stream-transaction.ts'
import { outcomesOf } from './outcomes-of.ts'
import { readDependencies } from './policy-dependencies.ts'
import { readSnapshot, type Snapshot } from './read-snapshot.ts'
import { applyOutcomes, replayOutcomes } from './row-outcome.ts'
import { createToldKeys, type ToldKeys } from './told-keys.ts'
import { releaseMember, tellMember, tellMembers } from './watch-members.ts'
import { snapshotMessages } from './watch-messages.ts'

/** Brings copies to the present and keeps them there. */
export interface Copies {
  /** The keys that copies of this audience were told, when a client may still resume them; else none. */
  keysOf(audienceKey: string): ToldKeys
  /** Applies what a transaction did to the rows of a view; transactions come in their order. */
  deliver(audience: WatchAudience, of: ViewOutcome): void
  /**
   * Brings a new member to the present: by the transactions that it missed, or by a snapshot. Fails with `watch_too_large`
   * and with what policies and the filter raise.
   */
  begin(audience: WatchAudience, member: WatchMember, missed: Missed | null): Promise<void>
  /** Gives all members a new snapshot. */
  restart(audience: WatchAudience): Promise<void>
  /** Nobody is in the audience any more. */
  forget(audience: WatchAudience): void
  /** Commits were lost: nobody resumes. */
  clear(): void
}

/** What a client that comes back has missed. */
export interface Missed {
  readonly epoch: string
  readonly transactions: readonly KeptTransaction[]
  /** Position of the stream when it came back. */
  readonly position: string
  /** What these transactions removed stays known until this is called. */
  release(): void
}

/** Transactions that may wait for a snapshot. */
const mostPending = 10_000

export interface CopiesOptions {
  readonly context: CheckContext
  readonly runner: FilterRunner
  readonly recent: RecentChanges
  readonly limits: RealtimeLimits
  readonly rows: Quota
  /** Sequence number up to which the stream was taken. */
  reached(): number
  /** The copies may differ from the table. */
  doubt(audience: WatchAudience): void
}

export function createCopies(options: CopiesOptions): Copies {
  const { context, runner, recent, limits, rows: quota } = options
  const retained = new LRUCache<string, ToldKeys>({
    maxSize: limits.watchedRows.project,
    sizeCalculation: (keys) => keys.size() + 1,
  })

  const isOver = (audience: WatchAudience) => audience.members.size === 0

  function apply(audience: WatchAudience, { transaction, outcomes }: ViewOutcome): void {
    const { keys } = audience
    const operations = applyOutcomes(outcomes, keys, transaction.sequence)
    keys.prune(recent.firstSequence())
    for (const { before, after } of audience.touched ? outcomes : []) {
      if (before !== null) audience.touched!.add(before)
      if (after) audience.touched!.add(after.key)
    }
    if (operations.length > 0) tellMembers(audience, transaction, operations)
    if (keys.size() > 2 * limits.watchedRows.watch) endTooLarge(audience)
  }

  function endTooLarge(audience: WatchAudience): void {
    const { table } = audience.view
    const reason = realtimeErrors.watch_too_large({
      limit: limits.watchedRows.watch,
      table: `${table.schema}.${table.table}`,
    })
    for (const { listener } of [...audience.members]) listener.subscriptionEnded(reason)
  }

  /** The first start, or a new one: what comes meanwhile waits. */
  async function start(
    audience: WatchAudience,
    members: readonly WatchMember[],
    missed: Missed | null,
  ): Promise<void> {
    const starting = (missed ? startFrom(audience, missed) : startAnew(audience)).then((tell) => {
      for (const of of audience.pending ?? []) apply(audience, of)
      audience.pending = null
      return tell
    })
    audience.ready = starting.then(
      () => undefined,
      () => undefined,
    )
    const tell = await starting
    await Promise.all(members.map((member) => tell(member)))
  }

  /** How a member is told what it starts with. */
  type Tell = (member: WatchMember) => Promise<void>

  async function startAnew(audience: WatchAudience): Promise<Tell> {
    audience.dependencies = await readDependencies(context.database, audience.view.table.oid)
    const snapshot = await read(audience)
    count(audience, snapshot.rows.length)
    const early = await earlyOutcomes(audience, snapshot, audience.startedAt)
    audience.keys = createToldKeys(newId(), snapshot.keys)
    const operations = early && applyAll(audience, early)
    const { epoch } = audience.keys
    return (member) => tellSnapshot({ audience, member, epoch }, snapshot, operations)
  }

  async function startFrom(audience: WatchAudience, missed: Missed): Promise<Tell> {
    audience.dependencies = await readDependencies(context.database, audience.view.table.oid)
    const told = await outcomesOf(context, runner, audience, missed.transactions)
    count(audience, audience.keys.size())
    const { appliedUpTo } = audience.keys
    const behind = told.filter(({ transaction }) => transaction.sequence <= appliedUpTo)
    const operations = [...replay(audience, behind), ...applyAll(audience, told.slice(behind.length))]
    options.doubt(audience)
    return (member) => tellMissed(audience, member, operations, missed.position)
  }

  /** A member of copies that are live. */
  async function join(audience: WatchAudience, member: WatchMember, missed: Missed | null): Promise<void> {
    if (missed) {
      if (missed.epoch !== audience.keys.epoch) return breakOff(audience, member)
      const told = await outcomesOf(context, runner, audience, missed.transactions)
      if (missed.epoch !== audience.keys.epoch) return breakOff(audience, member)
      const operations = replay(audience, told)
      options.doubt(audience)
      return tellMissed(audience, member, operations, missed.position)
    }
    const { keys } = audience
    const snapshot = await read(audience)
    // The snapshot may have rows that were removed since: that has to be told although others are past it.
    const release = keys.pin(recent.firstSequence())
    const operations = await earlyOutcomes(audience, snapshot, member.since)
      .then((early) => (audience.keys === keys && early ? replay(audience, early) : undefined))
      .finally(release)
    if (audience.keys !== keys) return breakOff(audience, member)
    // Others were told something else: whichever is right, all start anew then.
    if (snapshot.keys.length !== keys.size() || snapshot.keys.some((key) => !keys.isHeld(key)))
      options.doubt(audience)
    await tellSnapshot({ audience, member, epoch: keys.epoch }, snapshot, operations)
  }

  const applyAll = (audience: WatchAudience, told: readonly ViewOutcome[]): readonly Told[] =>
    toldOf(
      told,
      told.map(({ transaction, outcomes }) => applyOutcomes(outcomes, audience.keys, transaction.sequence)),
    )

  const replay = (audience: WatchAudience, told: readonly ViewOutcome[]): readonly Told[] =>
    toldOf(
      told,
      replayOutcomes(
        told.map(({ outcomes }) => outcomes),
        audience.keys,
      ),
    )

  function read({ session, view, payer }: WatchAudience): Promise<Snapshot> {
    const request = { session, view, limit: limits.watchedRows.watch, timeout: limits.policyMilliseconds }
    const statement = () => readSnapshot(context.database, request)
    return view.filter?.cost === 'pattern' ? runner.run(payer, statement) : statement()
  }

  /**
   * A snapshot misses, for a moment after their commits, transactions that the stream has brought already. Undefined when
   * they are no longer kept, or emptied the table.
   */
  async function earlyOutcomes(
    audience: WatchAudience,
    snapshot: Snapshot,
    since: number,
  ): Promise<readonly ViewOutcome[] | undefined> {
    const early = recent.missingIn(snapshot.transactions, since)
    if (!early || early.some(({ truncated }) => truncated.includes(audience.view.table.oid))) return undefined
    return outcomesOf(context, runner, audience, early)
  }

  /** The last step of a start: when the audience was started anew meanwhile, the member has to come again. */
  async function tellSnapshot(
    { audience, member, epoch }: StartingMember,
    snapshot: Snapshot,
    early: readonly Told[] | undefined,
  ): Promise<void> {
    if (!early) return breakOff(audience, member)
    member.snapshot = snapshot
    for (const message of snapshotMessages(audience, snapshot.rows)) {
      if (!audience.members.has(member)) return
      member.listener.send(message)
      await member.listener.drained()
    }
    if (audience.keys.epoch !== epoch) return breakOff(audience, member)
    tellAll(audience, member, early)
  }

  async function tellMissed(
    audience: WatchAudience,
    member: WatchMember,
    told: readonly Told[],
    position: string,
  ): Promise<void> {
    if (!audience.members.has(member)) return
    tellAll(audience, member, told, position)
  }

  function tellAll(
    audience: WatchAudience,
    member: WatchMember,
    told: readonly Told[],
    position?: string,
  ): void {
    if (!audience.members.has(member)) return
    for (const { transaction, operations } of told) {
      if (operations.length > 0) tellMember(audience, member, transaction.position, operations)
    }
    if (position !== undefined) tellMember(audience, member, position, [])
    releaseMember(audience, member)
  }

  function breakOff(audience: WatchAudience, member: WatchMember): void {
    if (audience.members.has(member)) member.listener.subscriptionBroken()
  }

  function holdersOf({ payer }: WatchAudience): readonly Holder[] {
    const { user, project } = limits.watchedRows
    return [
      { kind: 'user', key: payer, limit: user },
      { kind: 'project', key: 'project', limit: project },
    ]
  }

  /** Counts the rows of a view for whom it is kept, instead of what was counted before. */
  function count(audience: WatchAudience, rows: number): void {
    quota.give(audience.counted, holdersOf(audience))
    audience.counted = 0
    const full = quota.take(rows, holdersOf(audience))
    const { table } = audience.view
    if (full)
      throw realtimeErrors.watch_too_large({ limit: full.limit, table: `${table.schema}.${table.table}` })
    audience.counted = rows
  }

  return {
    keysOf: (key) => {
      const keys = retained.get(key) ?? createToldKeys(newId())
      retained.delete(key)
      return keys
    },
    deliver: (audience, of) => {
      if (of.transaction.sequence <= audience.startedAt) return
      if (!audience.pending) return apply(audience, of)
      audience.pending.push(of)
      if (audience.pending.length > mostPending)
        for (const { listener } of [...audience.members]) listener.subscriptionBroken()
    },
    begin: async (audience, member, missed) => {
      try {
        if (missed && missed.epoch !== audience.keys.epoch) return breakOff(audience, member)
        if (!audience.ready) return await start(audience, [member], missed)
        await audience.ready
        if (audience.pending || isOver(audience)) return breakOff(audience, member)
        await join(audience, member, missed)
      } finally {
        missed?.release()
      }
    },
    restart: async (audience) => {
      const members = [...audience.members].filter(({ held }) => held === null)
      audience.startedAt = options.reached()
      audience.pending = []
      for (const member of members) {
        member.since = audience.startedAt
        member.held = []
      }
      try {
        await start(audience, members, null)
      } catch (error) {
        for (const { listener } of members) listener.subscriptionBroken()
        if (!hasCode(error, 'watch_too_large')) throw error
      }
    },
    forget: (audience) => {
      quota.give(audience.counted, holdersOf(audience))
      audience.counted = 0
      if (audience.ready && !audience.pending) retained.set(audience.key, audience.keys)
    },
    clear: () => retained.clear(),
  }
}

interface StartingMember {
  readonly audience: WatchAudience
  readonly member: WatchMember
  /** That of the keys that it starts with. */
  readonly epoch: string
}

interface Told {
  readonly transaction: StreamTransaction
  readonly operations: readonly string[]
}

const toldOf = (of: readonly ViewOutcome[], operations: readonly (readonly string[])[]): readonly Told[] =>
  of.map(({ transaction }, index) => ({ transaction, operations: operations[index]! }))
