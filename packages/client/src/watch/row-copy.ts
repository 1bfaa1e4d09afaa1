/** What happened to one row of a watched copy. */
export type WatchChange<Row> =
  /** The row came into view: it was inserted, or began to pass the filter or the policies. */
  | { readonly type: 'insert'; readonly row: Row; readonly key: string }
  | { readonly type: 'update'; readonly row: Row; readonly key: string }
  /** The row left the view: it was deleted, or stopped passing the filter or the policies. */
  | { readonly type: 'remove'; readonly row: Row; readonly key: string }

/** A change as the server writes it. */
export interface WireChange<Row> {
  readonly insert?: Row
  readonly update?: Row
  readonly remove?: Partial<Row>
}

/** The rows of a watch as they are now. */
export interface RowCopy<Row> {
  readonly rows: ReadonlyMap<string, Row>
  replace(key: readonly string[], rows: readonly Row[]): void
  /** Applies what one transaction did and says what it was for this copy. */
  apply(changes: readonly WireChange<Row>[]): readonly WatchChange<Row>[]
}

export function createRowCopy<Row extends Record<string, unknown>>(): RowCopy<Row> {
  const rows = new Map<string, Row>()
  let keyColumns: readonly string[] = []

  const keyOf = (row: Partial<Row>): string => JSON.stringify(keyColumns.map((column) => row[column]))

  function put(row: Row): WatchChange<Row> {
    const key = keyOf(row)
    const type = rows.has(key) ? 'update' : 'insert'
    rows.set(key, row)
    return { type, row, key }
  }

  function drop(of: Partial<Row>): WatchChange<Row>[] {
    const key = keyOf(of)
    const row = rows.get(key)
    if (row === undefined) return []
    rows.delete(key)
    return [{ type: 'remove', row, key }]
  }

  return {
    rows,
    replace: (key, all) => {
      keyColumns = key
      rows.clear()
      for (const row of all) put(row)
    },
    apply: (changes) =>
      changes.flatMap(({ insert, update, remove }) => {
        if (remove) return drop(remove)
        const row = insert ?? update
        return row ? [put(row)] : []
      }),
  }
}
