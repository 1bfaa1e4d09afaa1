export type Row = Record<string, unknown>

/** A table whose rows can be read and written without a network. */
export interface OfflineTable {
  /** Column of the primary key, which clients choose: a UUID. Default `id`. */
  readonly key: string
  /** Column that every change of a row changes: a counter, or `updated_at`. */
  readonly version: string
}

/** Why a write waits for its user: the server's code and message. */
export interface Problem {
  readonly code: string
  readonly message: string
  readonly status: number
}

/** A write on its way to the server. */
export interface QueuedWrite {
  /** A UUID; sent as `Idempotency-Key`, so that it is done once however often it is sent. */
  readonly id: string
  /** Writes are sent in this order. */
  readonly sequence: number
  readonly kind: 'insert' | 'update' | 'delete' | 'call'
  /** Table; of a call, the function. */
  readonly target: string
  /** Value of the row's key; null for a call. */
  readonly key: string | null
  /** Columns that are written; arguments of a call. */
  readonly values: Row
  /** The row as it was shown when the write was made, without the user's other unsent writes; null for an insert. */
  readonly base: Row | null
  /** The row is written only while it has this version; unknown as long as `after` is set. */
  readonly version: unknown
  /** An unsent write of the same row that this one builds on. */
  readonly after: string | null
  /** Milliseconds since 1970. */
  readonly madeAt: number
  /** When it was sent first; from then on it may have been done although no answer came. */
  readonly sentAt: number | null
  /** Answers that said that the server failed. */
  readonly failures: number
  readonly state: 'waiting' | 'conflict' | 'refused'
  readonly problem: Problem | null
  /** With a conflict: the row as the server has it; null when it is not there, or not visible any more. */
  readonly theirs: Row | null
}

/** What a new write says. */
export type WriteDraft = Pick<QueuedWrite, 'id' | 'kind' | 'target' | 'key' | 'values' | 'madeAt'>

/** A write that was done, shown until the copy has come as far. */
export interface SettledWrite {
  readonly target: string
  readonly key: string
  readonly kind: 'insert' | 'update' | 'delete'
  /** The row after it; null after a delete. */
  readonly row: Row | null
  /** Its version; that of the deleted row after a delete. */
  readonly version: unknown
  /** The version before. */
  readonly before: unknown
}

/** One row that its user and somebody else have changed. */
export interface Conflict {
  readonly table: string
  readonly key: string
  /** As it was when the user began; null when they made it. */
  readonly base: Row | null
  /** As the user wants it; null when they deleted it. */
  readonly mine: Row | null
  /** As the server has it; null when it is gone, or not visible any more. */
  readonly theirs: Row | null
  /** The writes that wait, the oldest first. */
  readonly writes: readonly QueuedWrite[]
}

/** How a conflict ends: with the user's version, the server's, or values made of both. */
export type Resolution = 'mine' | 'theirs' | { readonly values: Row }

const isOfRow = (write: QueuedWrite, target: string, key: string): boolean =>
  write.kind !== 'call' && write.target === target && write.key === key

/** The draft behind the others: it builds on the user's last write of its row, else on the row as the server had it. */
export function append(
  writes: readonly QueuedWrite[],
  draft: WriteDraft,
  at: { readonly sequence: number; readonly row: Row | null; readonly version: unknown },
): QueuedWrite {
  const before = draft.key === null ? undefined : writesOf(writes, draft.target, draft.key).at(-1)
  return {
    ...draft,
    sequence: at.sequence,
    base: at.row,
    version: before || draft.kind === 'insert' ? null : at.version,
    after: before?.id ?? null,
    sentAt: null,
    failures: 0,
    state: 'waiting',
    problem: null,
    theirs: null,
  }
}

export const writesOf = (writes: readonly QueuedWrite[], target: string, key: string): QueuedWrite[] =>
  writes.filter((write) => isOfRow(write, target, key))

/** The next write to send: in order, without those of rows whose earlier write waits for its user. */
export const nextToSend = (writes: readonly QueuedWrite[]): QueuedWrite | undefined =>
  writes.find(({ state, after }) => state === 'waiting' && after === null)

/**
 * The others after one was done: what builds on it may be sent, on the row that it made, or on a later one that its user
 * has seen already.
 */
export const afterDone = (
  writes: readonly QueuedWrite[],
  done: string,
  { row, version }: Pick<SettledWrite, 'row' | 'version'>,
  column: string | undefined,
): QueuedWrite[] =>
  writes
    .filter(({ id }) => id !== done)
    .map((write) => {
      if (write.after !== done) return write
      const seen = column === undefined ? undefined : write.base?.[column]
      if (seen !== undefined && !isBefore(seen, version)) return { ...write, after: null, version: seen }
      return { ...write, after: null, version, base: row }
    })

/** A row after a write; null after a delete. */
export function applyWrite(row: Row | null, { kind, values, base }: QueuedWrite): Row | null {
  if (kind === 'delete') return null
  return { ...(row ?? base), ...values }
}

/** Every row that its user has to decide about. */
export function conflictsOf(writes: readonly QueuedWrite[]): Conflict[] {
  return writes
    .filter(({ state }) => state === 'conflict')
    .map(({ target, key, base, theirs }) => {
      const own = writesOf(writes, target, key!)
      const mine = own.reduce<Row | null>((row, write) => applyWrite(row, write), base)
      return { table: target, key: key!, base, mine, theirs, writes: own }
    })
}

/**
 * The writes after a conflict was decided as it was shown. Writes of the row that came meanwhile build on the decision, or
 * on what their user had seen of the row. `newId` makes the id of a write that asks for something else than before.
 */
export function resolve(
  writes: readonly QueuedWrite[],
  conflict: Conflict,
  of: OfflineTable,
  resolution: Resolution,
  newId: () => string,
): QueuedWrite[] {
  const shown = new Set(conflict.writes.map(({ id }) => id))
  const first = writes.find(({ id }) => shown.has(id))
  if (!first) return [...writes]
  const decided = decidedWrite(conflict, of, resolution, first, newId)
  const next = writes.find((write) => isOfRow(write, conflict.table, conflict.key) && !shown.has(write.id))
  return writes.flatMap((write) => {
    if (write === first) return decided ? [decided] : []
    if (shown.has(write.id)) return []
    if (write !== next) return [write]
    return [
      {
        ...write,
        after: decided?.id ?? null,
        version: decided ? null : write.base?.[of.version],
        base: write.base ?? conflict.mine,
      },
    ]
  })
}

/** What is asked for instead of the writes of a conflict; null for nothing. */
function decidedWrite(
  { theirs, mine, base, writes: own }: Conflict,
  { key, version }: OfflineTable,
  resolution: Resolution,
  first: QueuedWrite,
  newId: () => string,
): QueuedWrite | null {
  if (resolution === 'theirs') return null
  const wanted = resolution === 'mine' ? mine : { ...(theirs ?? mine ?? base), ...resolution.values }
  if (wanted === null && theirs === null) return null
  const anew: QueuedWrite = {
    ...first,
    id: newId(),
    state: 'waiting',
    after: null,
    base: theirs,
    version: theirs?.[version] ?? null,
    sentAt: null,
    failures: 0,
    problem: null,
    theirs: null,
  }
  if (wanted === null) return { ...anew, kind: 'delete', values: {} }
  if (theirs === null) return { ...anew, kind: 'insert', values: without(wanted, version) }
  const values = resolution === 'mine' ? changedBy(own, wanted) : resolution.values
  return { ...anew, kind: 'update', values: without(values, version, key) }
}

/** A refused write is tried again, with other values if there are any. */
export const retried = (
  writes: readonly QueuedWrite[],
  id: string,
  values: Row | undefined,
  newId: () => string,
): QueuedWrite[] =>
  writes.map((write) => {
    if (write.id !== id || write.state !== 'refused') return write
    const asked = values ? { id: newId(), values, sentAt: null } : {}
    return { ...write, ...asked, state: 'waiting', failures: 0, problem: null }
  })

/** A refused write is given up. What builds on an update goes on without it; what builds on a row that never came goes too. */
export function discarded(writes: readonly QueuedWrite[], id: string): QueuedWrite[] {
  const write = writes.find((each) => each.id === id && each.state === 'refused')
  if (!write) return [...writes]
  if (write.kind === 'insert') return writes.filter((each) => !isOfRow(each, write.target, write.key!))
  return writes
    .filter((each) => each.id !== id)
    .map((each) => (each.after === id ? { ...each, after: null, version: write.version } : each))
}

/** The columns that the user has written, with their last values. */
const changedBy = (own: readonly QueuedWrite[], wanted: Row): Row =>
  Object.fromEntries(own.flatMap(({ values }) => Object.keys(values)).map((name) => [name, wanted[name]]))

const without = (row: Row, ...names: readonly string[]): Row =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)))

/**
 * True when a row of the copy is from before a settled write: the write goes on being shown. Versions count up; where
 * they are times, their texts do.
 */
export function isBefore(version: unknown, settled: unknown): boolean {
  if (typeof version === 'number' && typeof settled === 'number') return version < settled
  return String(version) < String(settled)
}
