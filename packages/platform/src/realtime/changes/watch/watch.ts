import { createHash } from 'node:crypto'
import { comparePositions, type RowChange } from '../../../tail/index.ts'
import type { Session } from '../../channels/session.ts'
import type { RealtimeLimits } from '../../limits/realtime-limits.ts'
import { prepareMessage, type ServerMessage } from '../../protocol/server-message.ts'
import { hasPatterns, type Listener, type WatchAudience, type WatchMember } from '../audience.ts'
import type { Matches } from '../change-messages.ts'
import { type CheckContext, checkChanges } from '../check-changes.ts'
import { evaluatePatterns } from '../filters/filter-lanes.ts'
import type { FilterRunner } from '../filters/filter-runner.ts'
import type { RecentChanges } from '../recent-changes.ts'
import { rowJson } from '../row-values.ts'
import type { StreamTransaction } from '../stream-transaction.ts'
import { isInSnapshot, readSnapshot } from './read-snapshot.ts'
import type { WatchView } from './watch-view.ts'

/** The same for copies that hold the same rows in the same form: a copy is only resumed by its like. */
export function watchKey(session: Session, view: WatchView): string {
  const columns = view.columns.map(({ name, type }) => [name, type])
  const content = [session.key, view.table.oid, view.filter?.text ?? null, columns]
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 16)
}

export function createWatchMember(listener: Listener, since: number): WatchMember {
  return { listener, since, until: Number.POSITIVE_INFINITY, held: [], snapshot: null, position: null }
}

/** True when the member may resume at this position. */
export const isExact = (member: WatchMember, position: string): boolean =>
  member.snapshot === null || comparePositions(position, member.snapshot.position) >= 0

/** True when the member's snapshot has the transaction already. */
const isKnown = ({ snapshot }: WatchMember, xid: number): boolean =>
  snapshot !== null && isInSnapshot(snapshot.transactions, xid)

/** Transactions that the client missed while it was away. */
export interface ResumeFrom {
  readonly missed: readonly StreamTransaction[]
}

export interface CatchUpRequest {
  readonly context: CheckContext
  readonly runner: FilterRunner
  readonly recent: RecentChanges
  readonly limits: RealtimeLimits
  readonly audience: WatchAudience
  readonly member: WatchMember
  /** Null for a client that starts with a snapshot. */
  readonly from: ResumeFrom | null
  /** Position of the stream when the member entered. */
  readonly position: string | null
}

/** Rows in one frame of a snapshot. */
const rowsPerFrame = 500

/**
 * Brings a new member to the present: the transactions it missed, or a snapshot; then what was held back meanwhile.
 *
 * A snapshot shows some transactions that the stream still brings, and (for a moment after a commit) misses some that
 * the stream has brought already. Each transaction is told exactly once because the snapshot itself says which
 * transactions it has.
 */
export async function catchUp(request: CatchUpRequest): Promise<void> {
  const { context, recent, audience, member, from, position } = request
  if (from) {
    await tellMissed(request, from.missed)
    if (position !== null) tellMember(audience, member, position, [])
    return release(audience, member)
  }
  const snapshot = await readSnapshot(
    context.database,
    audience.session,
    audience.view,
    request.limits.watchedRows,
  )
  if (!audience.members.has(member)) return
  member.snapshot = snapshot
  const early = recent.missingIn(snapshot.transactions, member.since)
  if (!early || early.some(emptied(audience.view))) return member.listener.subscriptionBroken()
  sendSnapshot(audience, member, snapshot.rows)
  await tellMissed(request, early)
  release(audience, member)
}

function release(audience: WatchAudience, member: WatchMember): void {
  const held = member.held ?? []
  member.held = null
  for (const { xid, position, operations } of held) {
    if (!isKnown(member, xid)) tellMember(audience, member, position, operations)
  }
}

/** True for a transaction that emptied the view's table: what it did to the rows cannot be told. */
export const emptied =
  ({ table }: WatchView) =>
  ({ truncated }: StreamTransaction): boolean =>
    truncated.includes(table.oid)

/** Transactions told together, so that a long absence does not become one enormous question. */
const together = 200

async function tellMissed(
  { context, runner, audience, member }: CatchUpRequest,
  transactions: readonly StreamTransaction[],
): Promise<void> {
  const { schema, table } = audience.view.table
  const only: CheckContext = { ...context, audiences: { find: () => [audience] } }
  const relevant = transactions
    .map((transaction) => ({ transaction, changes: transaction.changes.filter(isOf(schema, table)) }))
    .filter(({ changes }) => changes.length > 0)
  for (let start = 0; start < relevant.length; start += together) {
    const some = relevant.slice(start, start + together)
    const all = some.flatMap(({ changes }) => changes)
    const checked = await checkChanges(only, all)
    const of = all[0] && checked.tableOf(all[0])
    if (!of) continue
    const failure = of.failure(audience)
    if (failure) throw failure
    const items = all.map((change) => ({ checked: of, change }))
    const patterns = hasPatterns(audience) ? await evaluatePatterns(runner, audience, items) : undefined
    for (const { transaction, changes } of some) {
      const operations = changes.flatMap((change) => {
        const matches: Matches = patterns
          ? patterns({ checked: of, change })
          : (filter, side) => of.matches(filter, audience.session, change, side)
        return watchOperations(audience.view, change, matches)
      })
      if (operations.length > 0) tellMember(audience, member, transaction.position, operations)
    }
  }
}

const isOf =
  (schema: string, table: string) =>
  ({ relation }: RowChange): boolean =>
    relation.schema === schema && relation.table === table

function tellMember(
  audience: WatchAudience,
  member: WatchMember,
  position: string,
  operations: readonly string[],
) {
  member.position = position
  member.listener.send(changesMessage(audience, isExact(member, position) ? position : null, operations))
}

/** Tells everyone who watches what a transaction did to their rows; without operations, how far the stream is. */
export function tellWatchers(
  audience: WatchAudience,
  at: StreamTransaction | { readonly sequence: number; readonly position: string },
  operations: readonly string[],
): void {
  const { position } = at
  let exact: ServerMessage | undefined
  for (const member of audience.members) {
    if (at.sequence <= member.since && operations.length > 0) continue
    if (operations.length === 0 && (member.held || member.position === position)) continue
    if ('xid' in at) {
      const { xid } = at
      if (member.held) {
        member.held.push({ xid, position, operations })
        continue
      }
      if (isKnown(member, xid)) continue
    }
    if (isExact(member, position)) {
      exact ??= changesMessage(audience, position, operations)
      member.position = position
      member.listener.send(exact)
    } else if (operations.length > 0) {
      member.listener.send(changesMessage(audience, null, operations))
    }
  }
}

/** Without a position for a client that cannot resume there. */
function changesMessage(
  audience: WatchAudience,
  position: string | null,
  operations: readonly string[],
): ServerMessage {
  const token = position === null ? null : `${position}~${audience.copy}`
  const payload = `{"position":${JSON.stringify(token)},"changes":[${operations.join(',')}]}`
  return prepareMessage({ topic: audience.topic, event: 'plinth_changes', payload })
}

/** A snapshot replaces the client's copy when its last frame has come. */
function sendSnapshot(audience: WatchAudience, member: WatchMember, rows: readonly string[]): void {
  const key = JSON.stringify(audience.view.key.map(({ name }) => name))
  for (let start = 0; start === 0 || start < rows.length; start += rowsPerFrame) {
    const some = rows.slice(start, start + rowsPerFrame)
    const last = start + rowsPerFrame >= rows.length
    const payload = `{"first":${start === 0},"last":${last},"key":${key},"rows":[${some.join(',')}]}`
    member.listener.send(prepareMessage({ topic: audience.topic, event: 'plinth_snapshot', payload }))
  }
}

/** What becomes of a row in a watched copy: JSON objects, in order. */
export function watchOperations(view: WatchView, change: RowChange, matches: Matches): readonly string[] {
  const [was, is] = [matches(view.filter, 'before'), matches(view.filter, 'after')]
  const keyBefore = was && change.before ? rowJson(view.key, change.before) : null
  const keyAfter = is && change.after ? rowJson(view.key, change.after) : null
  const removed = keyBefore !== null && keyBefore !== keyAfter ? [`{"remove":${keyBefore}}`] : []
  if (!is || !change.after) return removed
  const kind = was && keyBefore === keyAfter ? 'update' : 'insert'
  return [...removed, `{"${kind}":${rowJson(view.columns, change.after)}}`]
}
