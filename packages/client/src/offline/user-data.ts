import type { Locks } from '../store/locks.ts'
import { type KeptCopy, openKeptCopy } from './kept-copy.ts'
import { OfflineError } from './offline-error.ts'
import type { OfflineIdentity, OfflineTransport } from './offline-transport.ts'
import {
  append,
  applyWrite,
  type Conflict,
  conflictsOf,
  discarded,
  type OfflineTable,
  type QueuedWrite,
  type Resolution,
  type Row,
  resolve,
  retried,
  type SettledWrite,
  type WriteDraft,
  writesOf,
} from './queued-write.ts'
import { replayWrites } from './replay-writes.ts'
import { createSettledWrites } from './settled-writes.ts'
import { createShownRows, type ShownRows } from './shown-rows.ts'
import type { UserStore } from './user-store.ts'
import { createWriteQueue } from './write-queue.ts'

/** What one user has on this device: copies of tables, and writes that wait. */
export interface UserData {
  readonly user: string
  readonly writes: readonly QueuedWrite[]
  readonly conflicts: readonly Conflict[]
  table(name: string): ShownRows
  /** True when the table was read from the server at some time. */
  isFilled(name: string): boolean
  /** Resolves when the write is on the device; it is shown then. */
  add(draft: WriteDraft): Promise<QueuedWrite>
  resolve(conflict: Conflict, resolution: Resolution): Promise<void>
  retry(id: string, values?: Row): Promise<void>
  discard(id: string): Promise<void>
  /** Sends what can be sent now; `later` when something could not. */
  flush(): Promise<'idle' | 'later'>
  /** Another tab has changed the queue; with what it has done, if it has done something. */
  otherTabChanged(settled: SettledWrite | null): Promise<void>
  /** Ends what runs; what is on the device stays. */
  close(): Promise<void>
}

export interface UserDataOptions {
  readonly store: UserStore
  readonly tables: Readonly<Record<string, OfflineTable>>
  readonly transport: OfflineTransport
  readonly identity: OfflineIdentity
  readonly locks: Locks
  /** Begins the names of locks. */
  readonly name: string
  now(): number
  newId(): string
  /** The queue has changed here: for listeners, and for other tabs. */
  queueChanged(settled: SettledWrite | null): void
  /** There may be something to do for `flush`. */
  workCame(): void
  failed(error: Error): void
}

export async function openUserData(options: UserDataOptions): Promise<UserData> {
  const { store, tables, transport, identity, locks, name, now, newId } = options
  const queue = createWriteQueue(store, locks, `${name}/queue/${store.user}`)
  const copies = new Map<string, KeptCopy>()
  const shown = new Map<string, ShownRows>()
  const closing = new AbortController()
  let isSender = false
  let flushing: Promise<'idle' | 'later'> | null = null

  const copied = (table: string, key: string) => copies.get(table)?.rows.get(key)
  const settled = createSettledWrites({
    tables,
    copied,
  })
  /** The row as far as the server is known to have it. */
  const known = (table: string, key: string): Row | null => {
    const done = settled.find(table, key)
    return done ? done.row : (copied(table, key) ?? null)
  }
  const settledKey = ({ target, key }: SettledWrite): string =>
    `${store.settledPrefix}${encodeURIComponent(target)}/${key}`

  function refresh(table: string, keys?: readonly string[]): void {
    shown.get(table)?.refresh(keys)
  }

  function changed(done: SettledWrite | null, before: readonly QueuedWrite[], fromOtherTab = false): void {
    if (done) {
      stored.add(settledKey(done))
      settled.add(done, fromOtherTab)
    }
    const written = [...before, ...queue.writes]
    for (const table of shown.keys())
      refresh(
        table,
        written.flatMap(({ target, key }) => (target === table && key !== null ? [key] : [])),
      )
  }

  async function edit(change: (writes: readonly QueuedWrite[]) => readonly QueuedWrite[]): Promise<void> {
    const before = queue.writes
    await queue.edit((writes) => ({ writes: change(writes) }))
    changed(null, before)
    options.queueChanged(null)
    options.workCame()
  }

  /** Keys of the store under which writes are settled, as far as this tab knows. */
  const stored = new Set<string>()
  function alsoRemove(): readonly string[] {
    const needed = new Set(settled.all().map(settledKey))
    const over = [...stored].filter((key) => !needed.has(key))
    for (const key of over) stored.delete(key)
    return over
  }

  function openShown(table: string, copy: KeptCopy): ShownRows {
    const written = () =>
      [...settled.all(), ...queue.writes].flatMap(({ target, key }) =>
        target === table && key !== null ? [key] : [],
      )
    return createShownRows({
      row: (key) => writesOf(queue.writes, table, key).reduce<Row | null>(applyWrite, known(table, key)),
      keys: () => new Set([...copy.rows.keys(), ...written()]),
    })
  }

  await queue.load()
  await Promise.all(
    Object.entries(tables).map(async ([table, of]) => {
      const copy = await openKeptCopy({
        table,
        of,
        store,
        transport,
        alsoRemove,
        changed: (change) => {
          settled.followed(table, change)
          if (settled.doubtful().length > 0) options.workCame()
          refresh(table, change.type === 'snapshot' ? undefined : change.rows.map(({ key }) => key))
        },
        failed: options.failed,
      })
      copies.set(table, copy)
    }),
  )
  for (const [key, each] of await store.list<SettledWrite>(store.settledPrefix)) {
    stored.add(key)
    settled.add(each, true)
  }
  for (const [table, copy] of copies) shown.set(table, openShown(table, copy))

  /** One tab sends and keeps; the others do when it is gone. */
  locks
    .hold(
      `${name}/sender/${store.user}`,
      async () => {
        isSender = true
        await queue.load()
        for (const copy of copies.values()) copy.keep()
        options.workCame()
        await new Promise<void>((done) =>
          closing.signal.addEventListener('abort', () => done(), { once: true }),
        )
        await flushing
        isSender = false
      },
      closing.signal,
    )
    .catch(() => undefined)

  async function replay(): Promise<'idle' | 'later'> {
    const isVerified = await verify()
    if (!isSender) return 'idle'
    const sent = await replayWrites({
      user: store.user,
      tables,
      queue,
      transport,
      identity,
      now,
      isStopped: () => closing.signal.aborted,
      settle,
      settledKey,
      edited: (done, before) => {
        changed(done, before)
        options.queueChanged(done)
      },
    })
    return isVerified ? sent : 'later'
  }

  function settle(
    { kind, target, key, base, values, version: before }: QueuedWrite,
    version: unknown,
  ): SettledWrite | null {
    if (kind === 'call' || key === null) return null
    const { version: column } = tables[target]!
    const row = kind === 'delete' ? null : { ...(known(target, key) ?? base), ...values, [column]: version }
    return { target, key, kind, row, version, before }
  }

  /** Reads the rows of which the copy may never show what was settled; false when that is not possible now. */
  async function verify(): Promise<boolean> {
    for (const each of settled.doubtful()) {
      const token = await identity.token(store.user, false)
      if (token === null || closing.signal.aborted) return false
      const of = tables[each.target]!
      const row = await transport.read(each.target, each.key, of, token).catch(() => undefined)
      if (row === undefined || closing.signal.aborted) return false
      settled.verified(each, row)
      refresh(each.target, [each.key])
    }
    return true
  }

  return {
    user: store.user,
    get writes() {
      return queue.writes
    },
    get conflicts() {
      return conflictsOf(queue.writes)
    },
    table: (table) => {
      const rows = shown.get(table)
      if (!rows) throw new OfflineError('unknown_table', `${table} is not among the tables of offline mode.`)
      return rows
    },
    isFilled: (table) => copies.get(table)?.isFilled ?? false,
    add: async (draft) => {
      let added: QueuedWrite | undefined
      await edit((writes) => {
        const of = tables[draft.target]
        const row = draft.key === null ? null : known(draft.target, draft.key)
        const isNew = draft.kind === 'insert' || draft.kind === 'call'
        const own = draft.key === null ? [] : writesOf(writes, draft.target, draft.key)
        if (!isNew && own.reduce<Row | null>(applyWrite, row) === null)
          throw new OfflineError('unknown_row', `There is no ${draft.target} ${draft.key} on this device.`)
        const sequence = (writes.at(-1)?.sequence ?? 0) + 1
        added = append(writes, draft, { sequence, row: isNew ? null : row, version: of && row?.[of.version] })
        return [...writes, added]
      })
      return added!
    },
    resolve: (conflict, resolution) =>
      edit((writes) => resolve(writes, conflict, tables[conflict.table]!, resolution, newId)),
    retry: (id, values) => edit((writes) => retried(writes, id, values, newId)),
    discard: (id) => edit((writes) => discarded(writes, id)),
    flush: () => {
      flushing ??= replay().finally(() => {
        flushing = null
      })
      return flushing
    },
    otherTabChanged: async (done) => {
      const before = queue.writes
      await queue.load()
      changed(done, before, true)
    },
    close: async () => {
      closing.abort()
      await Promise.all([...copies.values()].map((copy) => copy.close()))
      for (const rows of shown.values()) rows.close()
      await flushing?.catch(() => undefined)
    },
  }
}
