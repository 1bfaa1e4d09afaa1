import { createEventQueue } from '../watch/event-queue.ts'
import type { WatchChange, WatchEvent } from '../watch/watch.ts'
import type { Row } from './queued-write.ts'

/** The rows of one table as their user sees them, and what happens to them. */
export interface ShownRows {
  readonly rows: ReadonlyMap<string, Row>
  /** Looks again at these rows; at all of them without keys, which is told as a snapshot. */
  refresh(keys?: readonly string[]): void
  /** Begins with a snapshot. */
  watch(listener?: (event: WatchEvent<Row>) => void): ShownWatch
  close(): void
}

export interface ShownWatch extends AsyncIterable<WatchEvent<Row>> {
  close(): void
}

export interface ShownOptions {
  /** The row as it is to be shown now; null for none. */
  row(key: string): Row | null
  /** Keys of all rows that may be shown. */
  keys(): Iterable<string>
}

/** Events that may wait for a slow reader before they are folded into a snapshot. */
const mostWaiting = 10_000

export function createShownRows({ row: rowOf, keys: allKeys }: ShownOptions): ShownRows {
  const rows = new Map<string, Row>()
  const tellers = new Set<(event: WatchEvent<Row>) => void>()
  const enders = new Set<() => void>()

  function refreshAll(): void {
    rows.clear()
    for (const key of allKeys()) {
      const row = rowOf(key)
      if (row) rows.set(key, row)
    }
    tell({ type: 'snapshot', rows: [...rows.values()] })
  }

  function refreshOne(key: string): WatchChange<Row>[] {
    const before = rows.get(key)
    const row = rowOf(key)
    if (row === null) {
      if (!before) return []
      rows.delete(key)
      return [{ type: 'remove', key, row: before }]
    }
    rows.set(key, row)
    if (before && JSON.stringify(before) === JSON.stringify(row)) return []
    return [{ type: before ? 'update' : 'insert', key, row }]
  }

  function tell(event: WatchEvent<Row>): void {
    for (const teller of [...tellers]) teller(event)
  }

  refreshAll()
  return {
    rows,
    refresh: (keys) => {
      if (!keys) return refreshAll()
      const changes = [...new Set(keys)].flatMap(refreshOne)
      if (changes.length > 0) tell({ type: 'changes', changes })
    },
    watch: (listener) => {
      const queue = createEventQueue<WatchEvent<Row>>()
      const teller = (event: WatchEvent<Row>): void => {
        if (queue.waiting >= mostWaiting) queue.collapse({ type: 'snapshot', rows: [...rows.values()] })
        else queue.push(event)
        listener?.(event)
      }
      const close = (): void => {
        tellers.delete(teller)
        enders.delete(close)
        queue.end()
      }
      tellers.add(teller)
      enders.add(close)
      teller({ type: 'snapshot', rows: [...rows.values()] })
      return { close, [Symbol.asyncIterator]: () => queue[Symbol.asyncIterator]() }
    },
    close: () => {
      for (const end of [...enders]) end()
    },
  }
}
