import { isSqlError, quoteName, type ScopedDatabase, translateSqlError } from '@plinth/platform/database'
import { type ErrorFactory, hasCode } from '@plinth/platform/kernel'
import { kroniumErrors } from '../errors.ts'

/** A row as JSON, with the tag of its version. */
export interface Tagged {
  readonly row: never
  readonly tag: string
}

const tagged = (from: string) => `to_jsonb(${from}) as row, md5(to_jsonb(${from})::text) as tag`

/** The database as the caller, or a transaction of theirs. */
type Queries = Pick<ScopedDatabase, 'query'>

/** A row that the caller may see. Fails with `missing` when there is none. */
export async function readRow(
  db: Queries,
  table: string,
  id: string,
  missing: ErrorFactory,
): Promise<Tagged> {
  const text = `select ${tagged('t')} from public.${quoteName(table)} t where t.id = $1`
  const { rows } = await db.query<Tagged>({ text, values: [id] }, { readOnly: true })
  if (!rows[0]) throw missing({ id })
  return rows[0]
}

/** Inserts a row of which the caller gave these columns. Gives it, with `isNew` false when the caller has made it before. */
export async function insertRow(
  db: ScopedDatabase,
  table: string,
  given: Readonly<Record<string, unknown>>,
): Promise<Tagged & { readonly isNew: boolean }> {
  const columns = Object.keys(given).filter((name) => given[name] !== undefined)
  const names = columns.map(quoteName).join(', ')
  const name = `public.${quoteName(table)}`
  const text = `insert into ${name} as t (${names})
    select ${names} from jsonb_populate_record(null::${name}, $1) returning ${tagged('t')}`
  try {
    const { rows } = await db.query<Tagged>({ text, values: [JSON.stringify(given)] })
    return { ...rows[0]!, isNew: true }
  } catch (error) {
    const { id } = given
    if (typeof id !== 'string' || !isKnownAlready(error)) throw error
    // A client that repeats what it sent gets what there is; of others' rows it sees nothing.
    const kept = await readRow(db, table, id, kroniumErrors.unknown_booking).catch(() => undefined)
    if (!kept) throw error
    return { ...kept, isNew: false }
  }
}

const isKnownAlready = (error: unknown): boolean =>
  isSqlError(error) &&
  (error.code === '23505' || hasCode(translateSqlError(error, kroniumErrors), 'booking_exists'))

export interface RowChange {
  readonly table: string
  readonly id: string
  readonly changes: Readonly<Record<string, unknown>>
  /** The version that the change is for; null: whichever there is. */
  readonly tag: string | null
  readonly missing: ErrorFactory
}

/**
 * Changes columns of a row. Fails with `missing` when the caller sees none, `changed_since` when it is another version than the
 * wanted one (the details hold what there is now), `permission_required` when the caller may only see it.
 */
export async function changeRow(db: Queries, change: RowChange): Promise<Tagged> {
  const { table, id, changes, tag, missing } = change
  const columns = Object.keys(changes).filter((name) => changes[name] !== undefined)
  const name = `public.${quoteName(table)}`
  const set = columns.map((column) => `${quoteName(column)} = g.${quoteName(column)}`).join(', ')
  const text = `update ${name} as t set ${set} from jsonb_populate_record(null::${name}, $2) g
    where t.id = $1 and ($3::text is null or md5(to_jsonb(t)::text) = $3) returning ${tagged('t')}`
  const isChange = columns.length > 0
  const { rows } = isChange
    ? await db.query<Tagged>({ text, values: [id, JSON.stringify(changes), tag] })
    : { rows: [] }
  if (rows[0]) return rows[0]
  const current = await readRow(db, table, id, missing)
  if (tag !== null && current.tag !== tag) throw kroniumErrors.changed_since({ current: current.row })
  if (isChange) throw kroniumErrors.permission_required({ id })
  return current
}
