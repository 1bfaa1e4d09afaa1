import type { WatchEvent } from '../watch/watch.ts'
import type { CopyFeed, OfflineTransport } from './offline-transport.ts'
import type { OfflineTable, Row } from './queued-write.ts'
import type { UserStore } from './user-store.ts'

/** What happened to the server's rows, as far as this device knows them. */
export type CopyChange =
  | { readonly type: 'snapshot' }
  | { readonly type: 'changes'; readonly rows: readonly RowChange[] }

interface RowChange {
  readonly key: string
  /** Null when the copy has lost it. */
  readonly row: Row | null
  /** The row before. */
  readonly was: Row | null
}

/** The rows of one table as the server has them, kept on the device. */
export interface KeptCopy {
  readonly rows: ReadonlyMap<string, Row>
  /** True when they have ever been read from the server. */
  readonly isFilled: boolean
  /** Writes to the store what came since; from now on everything that comes. Only one tab does. */
  keep(): void
  close(): Promise<void>
}

export interface KeptCopyOptions {
  readonly table: string
  readonly of: OfflineTable
  readonly store: UserStore
  readonly transport: Pick<OfflineTransport, 'watch'>
  changed(change: CopyChange): void
  /** Keys of the store that are not needed any more once what came until now is on the device. */
  alsoRemove(): readonly string[]
  failed(error: Error): void
}

/** What is kept beside the rows. */
interface CopyMeta {
  readonly key: readonly string[]
  /** Null when the copy cannot be gone on with; it is shown all the same. */
  readonly resume: string | null
}

/** A watch that the server has refused is asked for again after this. */
const againMilliseconds = 30_000

/** Opens the copy as it was kept, and follows the table from there. */
export async function openKeptCopy(options: KeptCopyOptions): Promise<KeptCopy> {
  const { table, of, store, transport } = options
  const prefix = store.copyPrefix(table)
  const rows = new Map<string, Row>()
  const keyOf = (row: Row): string => String(row[of.key])
  let meta = await store.get<CopyMeta>(`${prefix}meta`)
  for (const [, row] of meta ? await store.list<Row>(`${prefix}row/`) : []) rows.set(keyOf(row), row)

  /** What is not on the device yet: all of it, or these rows. */
  let unkept: Map<string, Row | null> | 'all' | null = null
  let isKeeping = false
  let isClosed = false
  let keeping: Promise<void> | null = null

  function note(key: string, row: Row | null): void {
    if (unkept === 'all') return
    unkept ??= new Map()
    unkept.set(key, row)
  }

  /** Everything that came is written together with the place up to which it came, so a crash leaves a whole copy. */
  async function write(): Promise<void> {
    while (unkept && meta && !isClosed) {
      const all = unkept === 'all'
      const changed = unkept === 'all' ? rows : unkept
      unkept = null
      const entries = [...changed]
      const set = entries.flatMap(([key, row]) => (row ? [[`${prefix}row/${key}`, row] as const] : []))
      await store.writeCopy({
        removePrefixes: all ? [prefix] : [],
        remove: [
          ...entries.flatMap(([key, row]) => (row ? [] : [`${prefix}row/${key}`])),
          ...options.alsoRemove(),
        ],
        set: [...set, [`${prefix}meta`, meta]],
      })
    }
  }

  function keepSoon(): void {
    if (!isKeeping || keeping !== null) return
    keeping = write()
      .catch((error: unknown) => {
        unkept = 'all'
        options.failed(error as Error)
      })
      .finally(() => {
        keeping = null
      })
  }

  function take(event: WatchEvent<Row>): void {
    if (event.type === 'snapshot') {
      rows.clear()
      for (const row of event.rows) rows.set(keyOf(row), row)
      unkept = 'all'
      options.changed({ type: 'snapshot' })
      return
    }
    const changed = event.changes.map(({ type, row: told }): RowChange => {
      const key = keyOf(told)
      const was = rows.get(key) ?? null
      const row = type === 'remove' ? null : told
      if (row) rows.set(key, row)
      else rows.delete(key)
      note(key, row)
      return { key, row, was }
    })
    options.changed({ type: 'changes', rows: changed })
  }

  /** From what is there; again after a while when the server has refused or ended it. */
  function follow(): CopyFeed {
    const start =
      meta?.resume == null ? undefined : { key: meta.key, rows: [...rows.values()], resume: meta.resume }
    return transport.watch(table, store.user, start, {
      event: (event) => !isClosed && take(event),
      reached: ({ key, resume = null }) => {
        if (isClosed || (meta?.resume === resume && !unkept)) return
        meta = { key, resume }
        unkept ??= new Map()
        keepSoon()
      },
      failed: (error) => {
        if (isClosed) return
        options.failed(error)
        again = setTimeout(() => {
          feed = follow()
        }, againMilliseconds)
      },
    })
  }

  let again: ReturnType<typeof setTimeout> | undefined
  let feed = follow()

  return {
    rows,
    get isFilled() {
      return meta !== undefined
    },
    keep: () => {
      isKeeping = true
      // Another tab has kept its own until now.
      if (meta) unkept = 'all'
      keepSoon()
    },
    close: async () => {
      isClosed = true
      clearTimeout(again)
      await feed.close()
      await keeping
    },
  }
}
