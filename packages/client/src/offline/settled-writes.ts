import type { CopyChange } from './kept-copy.ts'
import { isBefore, type OfflineTable, type Row, type SettledWrite } from './queued-write.ts'

/**
 * Writes that were done and that the copy does not show yet: they are shown in its place, so that no row goes back in time.
 */
export interface SettledWrites {
  find(table: string, key: string): SettledWrite | undefined
  /** Keeps one, unless the copy has shown it already. One that another tab has done is doubtful until it is seen. */
  add(settled: SettledWrite, fromOtherTab: boolean): void
  /** The copy has changed: what it shows now is settled no more. */
  followed(table: string, change: CopyChange): void
  /** The row as it was read from the server after the write: it is shown until the copy shows it. */
  verified(settled: SettledWrite, row: Row | null): void
  /** Those of which the copy may never show exactly their version. */
  doubtful(): readonly SettledWrite[]
  all(): readonly SettledWrite[]
}

export interface SettledOptions {
  readonly tables: Readonly<Record<string, OfflineTable>>
  /** The row in the copy. */
  copied(table: string, key: string): Row | undefined
}

/** What the copy has shown is remembered for this many rows, the latest, and this many versions of each. */
const mostSeen = { rows: 5_000, versions: 50 }
/** In the place of a version: the copy has lost the row, which had this one. */
interface Lost {
  readonly lost: unknown
}

const placeOf = (table: string, key: string): string => JSON.stringify([table, key])

export function createSettledWrites({ tables, copied }: SettledOptions): SettledWrites {
  const kept = new Map<string, SettledWrite>()
  const doubted = new Set<SettledWrite>()
  /** By place: the last versions that the copy has shown. */
  const seen = new Map<string, readonly unknown[]>()
  const versionOf = (table: string, row: Row): unknown => row[tables[table]!.version]

  function drop(settled: SettledWrite): void {
    const place = placeOf(settled.target, settled.key)
    if (kept.get(place) === settled) kept.delete(place)
    doubted.delete(settled)
  }

  /**
   * Compares one with the row that the copy has. A row with a later version is from later: a write starts after it has read
   * the version that it is conditional on. One with an earlier version need not be from before.
   */
  function compare(settled: SettledWrite): void {
    const row = copied(settled.target, settled.key)
    const version = row && versionOf(settled.target, row)
    if (settled.row === null) {
      // A copy that is far behind lacks the row as well.
      if (row ? version !== settled.version && !isBefore(version, settled.version) : wasSeen(settled))
        drop(settled)
    } else if (row && !isBefore(version, settled.version)) drop(settled)
    // A new row that the copy lacks is on its way, as is the change of the version that was asked for.
    else if (row ? version !== settled.before : settled.kind !== 'insert') doubted.add(settled)
  }

  function remember(table: string, key: string, version: unknown): void {
    const place = placeOf(table, key)
    const versions = seen.get(place) ?? []
    seen.delete(place)
    seen.set(place, [...versions, version].slice(-mostSeen.versions))
    if (seen.size > mostSeen.rows) seen.delete(seen.keys().next().value!)
  }

  /** True when the copy has come to this write or past it: it has shown its version, or lost the row no earlier. */
  function wasSeen({ target, key, row, version }: SettledWrite): boolean {
    const versions = seen.get(placeOf(target, key)) ?? []
    const isPast = (each: unknown) => isLost(each) && !isBefore(each.lost, version)
    return versions.some((each) => isPast(each) || (row !== null && each === version))
  }

  const find = (table: string, key: string) => kept.get(placeOf(table, key))

  return {
    find,
    all: () => [...kept.values()],
    doubtful: () => [...doubted],
    add: (settled, fromOtherTab) => {
      const place = placeOf(settled.target, settled.key)
      const before = kept.get(place)
      // Told late, of what was read from the server meanwhile.
      if (before && isBefore(settled.version, before.version)) return
      if (before) drop(before)
      if (wasSeen(settled)) return
      kept.set(place, settled)
      if (fromOtherTab) doubted.add(settled)
      compare(settled)
    },
    followed: (table, change) => {
      if (change.type === 'snapshot') {
        for (const settled of kept.values()) {
          if (settled.target !== table) continue
          // Whatever the snapshot has jumped over never comes.
          doubted.add(settled)
          compare(settled)
          if (settled.row === null && !copied(table, settled.key)) drop(settled)
        }
        return
      }
      for (const { key, row, was } of change.rows) {
        remember(table, key, row ? versionOf(table, row) : { lost: was && versionOf(table, was) })
        const settled = find(table, key)
        if (!settled) continue
        if (row === null && settled.row !== null) doubted.add(settled)
        compare(settled)
      }
    },
    verified: (settled, row) => {
      if (find(settled.target, settled.key) !== settled) return
      drop(settled)
      const version = row ? versionOf(settled.target, row) : settled.version
      const now: SettledWrite = {
        ...settled,
        row,
        version,
        before: undefined,
        kind: row ? settled.kind : 'delete',
      }
      kept.set(placeOf(settled.target, settled.key), now)
      const shown = copied(settled.target, settled.key)
      if (row !== null && shown && versionOf(settled.target, shown) === version) drop(now)
    },
  }
}

const isLost = (seen: unknown): seen is Lost => typeof seen === 'object' && seen !== null && 'lost' in seen
