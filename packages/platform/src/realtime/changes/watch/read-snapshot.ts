import { type ProjectDatabase, quoteName } from '../../../database/index.ts'
import type { RowImage } from '../../../tail/index.ts'
import type { Session } from '../../channels/session.ts'
import { realtimeErrors } from '../../errors.ts'
import type { ColumnDescription } from '../describe-table.ts'
import { conditionSql } from '../filters/filter-sql.ts'
import { rowJson } from '../row-values.ts'
import type { WatchView } from './watch-view.ts'

export interface Snapshot {
  /** Rows as JSON objects, in text. */
  readonly rows: readonly string[]
  /** Their keys, likewise. */
  readonly keys: readonly string[]
  /** `pg_current_snapshot()` of the very statement that read the rows. */
  readonly transactions: string
  /** Every transaction that the rows show had committed before this position of the stream. */
  readonly position: string
}

export interface SnapshotRequest {
  readonly session: Session
  readonly view: WatchView
  /** Rows that it may have. */
  readonly limit: number
  /** Milliseconds that it may take (SQLSTATE 57014 beyond it). */
  readonly timeout: number
}

/** Reads what the session may see of a view. Fails with `watch_too_large`. */
export async function readSnapshot(database: ProjectDatabase, request: SnapshotRequest): Promise<Snapshot> {
  const { columns, key } = request.view
  const { found, ...at } = await readColumns(database, request, columns)
  const rows = found.map((image) => rowJson(columns, image))
  return { ...at, rows, keys: found.map((image) => rowJson(key, image)) }
}

/** The keys of what the session may see of a view. Fails with `watch_too_large`. */
export async function readKeys(
  database: ProjectDatabase,
  request: SnapshotRequest,
): Promise<{ readonly keys: readonly string[]; readonly position: string }> {
  const { key } = request.view
  const { found, position } = await readColumns(database, request, key)
  return { keys: found.map((image) => rowJson(key, image)), position }
}

async function readColumns(
  database: ProjectDatabase,
  { session, view, limit, timeout }: SnapshotRequest,
  columns: readonly ColumnDescription[],
) {
  const { table, filter } = view
  const values: unknown[] = [limit + 1]
  const parameter = (value: unknown) => `$${values.push(value)}`
  const conditions = filter?.conditions.map(({ condition, column }) =>
    conditionSql(condition, column, parameter),
  )
  const where = conditions?.length ? `where ${conditions.join(' and ')}` : ''
  const texts = columns.map(outputText).join(', ')
  const { rows } = await database.asCaller<{
    transactions: string
    position: string
    found: (string | null)[][]
  }>(
    session.caller,
    {
      text: `select pg_current_snapshot()::text as transactions, pg_current_wal_insert_lsn()::text as position, coalesce((select json_agg(r) from (
        select array[${texts}] as r from ${quoteName(table.schema)}.${quoteName(table.table)} ${where} limit $1) q), '[]') as found`,
      values,
    },
    { readOnly: true, statementTimeout: timeout },
  )
  const { transactions, position, found } = rows[0]!
  if (found.length > limit)
    throw realtimeErrors.watch_too_large({ limit, table: `${table.schema}.${table.table}` })
  const images = found.map((row) => {
    const image: Record<string, string | null> = Object.create(null)
    columns.forEach(({ name }, index) => {
      image[name] = row[index] ?? null
    })
    return image as RowImage
  })
  return { transactions, position, found: images }
}

/**
 * Types whose cast to text is what their output function writes: int8, int2, int4, text, json, float4, float8, varchar,
 * date, timestamp, timestamptz, numeric, uuid, jsonb. Others (boolean, char, inet, those with casts of their own) differ.
 */
const plainTypes = new Set([20, 21, 23, 25, 114, 700, 701, 1043, 1082, 1114, 1184, 1700, 2950, 3802])

/**
 * The text that the type's output function makes, as the stream has it. `num_nulls`, because a composite value with a
 * null inside is neither `null` nor `not null`.
 */
function outputText({ name, base }: ColumnDescription): string {
  const column = quoteName(name)
  if (plainTypes.has(base)) return `${column}::text`
  return `case when num_nulls(${column}) = 0 then format('%s', ${column}) end`
}

/** True when a transaction had committed for the snapshot, so that its changes are in the rows. */
export function isInSnapshot(snapshot: string, xid: number): boolean {
  const [low, high, open] = snapshot.split(':') as [string, string, string]
  const [xmin, xmax] = [BigInt(low), BigInt(high)]
  const full = widen(xid, xmax)
  if (full < xmin) return true
  if (full >= xmax) return false
  return !open.split(',').includes(String(full))
}

const epoch = 1n << 32n

/** The stream has 32 bits of a transaction's id; it is the one that lies nearest to the snapshot's end. */
function widen(xid: number, near: bigint): bigint {
  const candidate = (near & ~(epoch - 1n)) + BigInt(xid)
  if (candidate - near > epoch / 2n) return candidate - epoch
  return near - candidate > epoch / 2n ? candidate + epoch : candidate
}
