import { type AppError, hasCode, type Log, messageOf } from '../../../kernel/index.ts'
import { comparePositions } from '../../../tail/index.ts'
import type { RealtimeLimits } from '../../limits/realtime-limits.ts'
import type { Audiences, WatchAudience } from '../audience.ts'
import type { CheckContext } from '../check-changes.ts'
import type { FilterRunner } from '../filters/filter-runner.ts'
import type { Copies } from './keep-copies.ts'
import { readStates } from './policy-dependencies.ts'
import { readKeys } from './read-snapshot.ts'
import { isPassing, watchFailure } from './watch-failure.ts'

/**
 * Notices when rows come into or go out of a view although they did not change: somebody's rights, a membership, a policy
 * did. Copies that differ from the table start anew.
 */
export interface CopyChecks {
  /** Compares the copies of an audience soon. */
  doubt(audience: WatchAudience): void
  /** Doubts the copies whose policies read tables that a transaction changed (OIDs); call it after it was delivered. */
  notice(changed: ReadonlySet<number>): void
  /** Looks for changed policies, and for copies whose policies read what the stream does not carry; once a second. */
  tick(): Promise<void>
  stop(): void
}

export interface CopyChecksOptions {
  readonly audiences: Pick<Audiences, 'all'>
  readonly context: CheckContext
  readonly copies: Copies
  readonly runner: FilterRunner
  readonly limits: RealtimeLimits
  readonly log: Log
  /** Position up to which the stream is delivered. */
  delivered(): string | null
  /** Calls back when everything that the audience was given so far has reached its copies. */
  after(audience: WatchAudience, callback: () => void): void
  /** Lets something come by in the stream when nothing else is being written. */
  wake(): void
}

/** What is doubted within this time is compared together with what follows, milliseconds. */
const gatherMilliseconds = 20
/** How often it is looked whether the stream has come past what was read, and how often a mark is written, milliseconds. */
const every = { look: 10, mark: 1_000 }
/** A comparison that takes too long so often in a row always does: its copies end. */
const mostLate = 3
/** Comparisons that wait for the stream at the same time. */
const mostWaiting = 8
const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))

export function createCopyChecks(options: CopyChecksOptions): CopyChecks {
  const { audiences, context, copies, runner, limits, log } = options
  const doubted = new Set<WatchAudience>()
  const comparing = new Map<WatchAudience, Promise<void>>()
  const comparedAt = new WeakMap<WatchAudience, number>()
  /** How often in a row a comparison took too long. */
  const late = new WeakMap<WatchAudience, number>()
  let isWorking = false
  let isStopped = false

  function doubt(audience: WatchAudience): void {
    doubted.add(audience)
    if (isWorking) return
    isWorking = true
    setTimeout(work, gatherMilliseconds).unref()
  }

  /** Reads one after the other; that the stream comes past what was read is waited for side by side. */
  async function work(): Promise<void> {
    while (!isStopped) {
      const audience = [...doubted].find((each) => !comparing.has(each))
      if (!audience && doubted.size === 0) break
      if (!audience || comparing.size >= mostWaiting) {
        await Promise.race(comparing.values())
        continue
      }
      doubted.delete(audience)
      const start = performance.now()
      await begin(audience)
      // Half of the time of one connection at most, whatever there is to compare.
      await pause(Math.max(1, performance.now() - start))
    }
    isWorking = false
  }

  /** Resolves when the keys are read; the comparison goes on by itself. */
  async function begin(audience: WatchAudience): Promise<void> {
    if (audience.members.size === 0) return
    if (!isLive(audience)) {
      await pause(gatherMilliseconds)
      return doubt(audience)
    }
    comparedAt.set(audience, performance.now())
    // From before the rows are read on, so that a change which the read shows or not explains the difference.
    audience.touched = new Set()
    try {
      const { session, view, payer } = audience
      const request = { session, view, limit: limits.watchedRows.watch, timeout: limits.policyMilliseconds }
      const statement = () => readKeys(context.database, request)
      const read = await (view.filter?.cost === 'pattern' ? runner.run(payer, statement) : statement())
      late.delete(audience)
      comparing.set(audience, finish(audience, read))
    } catch (error) {
      audience.touched = null
      failed(audience, error)
    }
  }

  async function finish(
    audience: WatchAudience,
    { keys, position }: Awaited<ReturnType<typeof readKeys>>,
  ): Promise<void> {
    try {
      if (!(await pass(audience, position))) doubt(audience)
      else if (differs(audience, keys)) await copies.restart(audience)
    } catch (error) {
      failed(audience, error)
    } finally {
      audience.touched = null
      comparing.delete(audience)
    }
  }

  function failed(audience: WatchAudience, error: unknown): void {
    log.warn({ problem: messageOf(error) }, 'copies could not be compared with their table')
    if (isPassing(error) || isLateOnly(audience, error)) doubt(audience)
    else end(audience, watchFailure(error, audience.view))
  }

  /** A busy machine makes every read late. The stream goes on feeding the copies, so they need not end for one of them. */
  function isLateOnly(audience: WatchAudience, error: unknown): boolean {
    if (!hasCode(error, '57014')) return false
    const times = (late.get(audience) ?? 0) + 1
    late.set(audience, times)
    return times < mostLate
  }

  /** A fresh read fails for them, so their copies end as it does. */
  function end({ members }: WatchAudience, reason: AppError): void {
    for (const { listener } of [...members]) listener.subscriptionEnded(reason)
  }

  const isLive = (audience: WatchAudience): boolean => audience.ready !== null && audience.pending === null

  /**
   * Resolves when the audience was told everything up to a position, however far behind the stream is: what it is told
   * meanwhile is noted. False when its copies start anew before.
   */
  async function pass(audience: WatchAudience, position: string): Promise<boolean> {
    const { keys } = audience
    const isSame = () => !isStopped && audience.members.size > 0 && audience.keys === keys && isLive(audience)
    let markedAt = Number.NEGATIVE_INFINITY
    const isDelivered = () => {
      const delivered = options.delivered()
      return delivered !== null && comparePositions(delivered, position) >= 0
    }
    while (isSame() && !isDelivered()) {
      // A mark can be lost with the stream's connection, so one is not enough.
      if (performance.now() - markedAt >= every.mark) {
        markedAt = performance.now()
        options.wake()
      }
      await pause(every.look)
    }
    let isTold = false
    options.after(audience, () => {
      isTold = true
    })
    while (isSame() && !isTold) await pause(every.look)
    return isSame()
  }

  /** Rows that are in one but not the other, although no change of theirs came by meanwhile. */
  function differs({ keys, touched }: WatchAudience, found: readonly string[]): boolean {
    const isExplained = (key: string) => touched?.has(key) ?? false
    if (found.some((key) => !keys.isHeld(key) && !isExplained(key))) return true
    const present = new Set(found)
    for (const key of keys.held()) if (!present.has(key) && !isExplained(key)) return true
    return false
  }

  function* watching(): Generator<WatchAudience> {
    for (const audience of audiences.all()) if (audience.kind === 'watch') yield audience
  }

  return {
    doubt,
    notice: (changed) => {
      const dependent = [...watching()].filter(({ dependencies }) => (dependencies?.tables.length ?? 0) > 0)
      for (const audience of dependent)
        if (audience.dependencies!.tables.some((table) => changed.has(table))) doubt(audience)
    },
    tick: async () => {
      const all = [...watching()].filter(({ dependencies }) => dependencies !== null)
      if (all.length === 0) return
      const now = performance.now()
      for (const audience of all) {
        const last = comparedAt.get(audience) ?? 0
        if (audience.dependencies!.isOpaque && now - last >= limits.recheckMilliseconds) doubt(audience)
      }
      const tables = new Set(all.flatMap(({ dependencies }) => Object.keys(dependencies!.states).map(Number)))
      const states = await readStates(context.database, [...tables])
      for (const audience of all) {
        const known = Object.entries(audience.dependencies?.states ?? {})
        if (known.every(([table, state]) => states.get(table) === state)) continue
        // Their view may have other columns now: they join again.
        audience.ready = null
        for (const { listener } of [...audience.members]) listener.subscriptionBroken()
      }
    },
    stop: () => {
      isStopped = true
    },
  }
}
