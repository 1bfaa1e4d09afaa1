/** The objects of one kind, by id, in the order in which they were made. */
export interface Table<T extends { id: string }> {
  get(id: string): T | undefined
  put(object: T): T
  delete(id: string): boolean
  /** Oldest first. */
  all(): T[]
}

type Row = { id: string }
export type Tables = Map<string, Map<string, Row>>

export function openTable<T extends Row>(tables: Tables, name: string): Table<T> {
  const rows = (tables.get(name) ?? new Map()) as Map<string, T>
  tables.set(name, rows)
  return {
    get: (id) => rows.get(id),
    put: (object) => {
      rows.set(object.id, object)
      return object
    },
    delete: (id) => rows.delete(id),
    all: () => [...rows.values()],
  }
}

/** As plain data, for a file. */
export const packTables = (tables: Tables): Record<string, Row[]> =>
  Object.fromEntries([...tables].map(([name, rows]) => [name, [...rows.values()]]))

export const unpackTables = (packed: Record<string, Row[]>): Tables =>
  new Map(Object.entries(packed).map(([name, rows]) => [name, new Map(rows.map((row) => [row.id, row]))]))
