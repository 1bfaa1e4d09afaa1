import { tabularErrors } from './errors.ts'

/** What columns are to be called: the file's names as keys, ours as values. */
export type ColumnNames = Readonly<Record<string, string>>

/** The first record of a file. */
export interface Header {
  /** The names in their order, without surrounding blanks, renamed. Columns without a name are empty. */
  readonly columns: readonly string[]
  /** Where each named column stands, from 0. */
  readonly places: ReadonlyMap<string, number>
}

/**
 * Reads the names of columns. Fails with `import_duplicate_column` when a name stands for two columns, of which nobody
 * can tell the right one, and with `import_unknown_column` when `names` has a column that the file lacks.
 */
export function readHeader(fields: readonly string[], source: string, names: ColumnNames = {}): Header {
  const given = fields.map((field) => field.trim())
  const renamed = new Map(Object.entries(names))
  for (const [column, name] of renamed) {
    if (given.includes(column)) continue
    const columns = given.join(', ').slice(0, 500)
    throw tabularErrors.import_unknown_column({ source, column, name, columns })
  }
  const columns = given.map((column) => renamed.get(column) ?? column)
  const places = new Map<string, number>()
  for (const [place, column] of columns.entries()) {
    if (column === '') continue
    if (places.has(column)) {
      throw tabularErrors.import_duplicate_column({ source, column: column.slice(0, 100) })
    }
    places.set(column, place)
  }
  return { columns, places }
}
