import { type Actor, type ProjectDatabase, sql } from '../database/index.ts'
import { blocksOf, type OpenBlock, openImages, type SealedImage } from './seal/sealed-images.ts'
import { createOpener } from './seal/subject-keys.ts'

export interface ShowOptions {
  readonly database: ProjectDatabase
  /** The journal's key; without it personal values are shown as closed. */
  readonly key?: Buffer
  /** Default: all tenants. */
  readonly tenant?: string
  /** Committed at or after this instant. */
  readonly since?: Date
  /** Committed before this instant. */
  readonly until?: Date
  /** `schema.table`, or the table of `public`. */
  readonly table?: string
  /** Values of the primary key, as text. */
  readonly rowKey?: readonly string[]
  /** Most entries, the latest ones. Default 100. */
  readonly limit?: number
}

/** A column's value before and after, as PostgreSQL's text; null is SQL NULL. */
export interface ColumnChange {
  readonly column: string
  readonly from: string | null
  readonly to: string | null
}

/** Who changed what from what to what. */
export interface ShownEntry {
  readonly tenant: string
  readonly sequence: number
  /** ISO 8601 with microseconds, UTC. */
  readonly committedAt: string
  /** The same for all entries of one transaction. */
  readonly position: string
  readonly actor: Actor | null
  /** `schema.table`. */
  readonly table: string
  readonly key: readonly string[]
  readonly operation: 'insert' | 'update' | 'delete'
  /** An insert comes from nothing, a delete leads to nothing. */
  readonly changes: readonly ColumnChange[]
}

/** What is shown for a value whose key was destroyed or is not at hand. */
export const closedValue = '(erased)'

interface EntryRow {
  readonly tenant: string
  readonly sequence: string
  readonly committed_at: string
  readonly position: string
  readonly actor: Actor | null
  readonly relation: string
  readonly key: string
  readonly operation: ShownEntry['operation']
  readonly before: SealedImage | null
  readonly after: SealedImage | null
}

/** The latest entries that match, in the order of their sequence. */
export async function showJournal(options: ShowOptions): Promise<ShownEntry[]> {
  const { database, tenant, since, until, table, rowKey, limit = 100 } = options
  const relation = table === undefined || table.includes('.') ? table : `public.${table}`
  const { rows } = await database.asJournal<EntryRow>(sql`
    select tenant, sequence, position::text, actor, relation, key, operation, before, after,
      to_char(committed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as committed_at
    from plinth_journal.entries
    where (${tenant ?? null}::text is null or tenant = ${tenant ?? null})
      and (${since ?? null}::timestamptz is null or committed_at >= ${since ?? null})
      and (${until ?? null}::timestamptz is null or committed_at < ${until ?? null})
      and (${relation ?? null}::text is null or relation = ${relation ?? null})
      and (${rowKey ? JSON.stringify(rowKey) : null}::text is null or key = ${rowKey ? JSON.stringify(rowKey) : null})
    order by day desc, position desc, tenant, sequence desc limit ${limit}`)
  const open = await openerFor(options, rows)
  return rows.reverse().map((row) => ({
    tenant: row.tenant,
    sequence: Number(row.sequence),
    committedAt: row.committed_at,
    position: row.position,
    actor: row.actor,
    table: row.relation,
    key: JSON.parse(row.key) as string[],
    operation: row.operation,
    changes: changesOf(row, open),
  }))
}

async function openerFor({ database, key }: ShowOptions, rows: readonly EntryRow[]): Promise<OpenBlock> {
  if (!key) return () => undefined
  return createOpener(
    database,
    key,
    rows.flatMap(({ before, after }) => blocksOf(before, after)),
  )
}

function changesOf(row: EntryRow, open: OpenBlock): ColumnChange[] {
  const { before, after } = openImages(row.relation, row, open)
  const shown = (image: typeof before, column: string): string | null =>
    image === null || !(column in image) ? null : image[column] === undefined ? closedValue : image[column]
  const columns = Object.keys((row.operation === 'delete' ? before : after) ?? {})
  return columns.map((column) => ({
    column,
    from: shown(before, column),
    to: shown(after, column),
  }))
}
