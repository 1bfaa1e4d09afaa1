import type pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { quoteText } from '../../database/index.ts'
import type { OpenedImage } from '../../journal/index.ts'
import { decodeField, fieldsOf, linesOf, wholeLines } from '../format/copy-text.ts'
import type { Frame, TableHeader } from '../format/frames.ts'
import { createRowHash, type RowHash } from '../format/row-hash.ts'
import type { PersonalValues } from '../set/personal-values.ts'
import { ownedBy, type SetTable } from '../set/tenant-set.ts'
import { type ChangedRow, type ChangedTable, encodeChanges } from './read-changes.ts'

/** What a backup that is being written knows of its tables. */
export interface Taking {
  readonly tenant: string
  readonly tables: readonly SetTable[]
  readonly personal: PersonalValues
  /** By `schema.table`; follows what is written. */
  readonly hashes: Map<string, RowHash>
  /** Rows that were written. */
  rows: number
}

const headerOf = (table: SetTable, as: TableHeader['as']): TableHeader => ({
  table: table.relation,
  as,
  columns: table.columns.map(({ name }) => name),
  key: table.key.map(({ name }) => name),
  personal: table.personal,
})

export function hashOf(taking: Taking, relation: string): RowHash {
  const known = taking.hashes.get(relation)
  if (known) return known
  const made = createRowHash()
  taking.hashes.set(relation, made)
  return made
}

/** All rows of the tenant, as the client's transaction sees them. */
export async function* fullFrames(client: pg.Client, taking: Taking): AsyncIterable<Frame> {
  for (const table of taking.tables) {
    const hash = hashOf(taking, table.relation)
    yield { kind: 'table', header: headerOf(table, 'rows') }
    for await (const piece of wholeLines(copyRows(client, table, ownedBy(table, quoteText(taking.tenant))))) {
      const before = hash.value().rows
      if (table.personal.length > 0)
        yield { kind: 'rows', lines: await taking.personal.sealLines(table, piece, hash) }
      else {
        hash.addLines(piece)
        yield { kind: 'rows', lines: piece }
      }
      taking.rows += hash.value().rows - before
    }
    yield { kind: 'end' }
  }
}

/** Lines of the rows of a table `t` for which `condition` holds. */
function copyRows(client: pg.Client, table: SetTable, condition: string): AsyncIterable<Uint8Array> {
  const columns = table.columns.map(({ sql }) => `t.${sql}`).join(', ')
  return client.query(copyTo(`copy (select ${columns} from ${table.sql} t where ${condition}) to stdout`))
}

/** What changed since the mark, so that the backup holds one place in the journal exactly. */
export async function* changeFrames(changes: readonly ChangedTable[], taking: Taking): AsyncIterable<Frame> {
  for (const { relation, pages } of changes) {
    const table = taking.tables.find((each) => each.relation === relation)!
    const hash = hashOf(taking, relation)
    yield { kind: 'table', header: headerOf(table, 'changes') }
    for await (const page of pages) {
      const { gone, rows } = await encodeChanges(table, page, { hash, personal: taking.personal })
      if (gone.length > 0) yield { kind: 'gone', lines: gone }
      if (rows.length > 0) yield { kind: 'rows', lines: rows }
      taking.rows += page.length
    }
    yield { kind: 'end' }
  }
}

/**
 * The same changes, with rows as the client's transaction sees them for what was before: what a snapshot sees of commits
 * beside it is not a beginning of the journal.
 */
export function fromSnapshot(
  client: pg.Client,
  changes: readonly ChangedTable[],
  tables: readonly SetTable[],
): readonly ChangedTable[] {
  return changes.map(({ relation, pages }) => {
    const table = tables.find((each) => each.relation === relation)!
    return { relation, pages: replaceBefore(client, table, pages) }
  })
}

async function* replaceBefore(
  client: pg.Client,
  table: SetTable,
  pages: AsyncIterable<readonly ChangedRow[]>,
): AsyncIterable<readonly ChangedRow[]> {
  for await (const page of pages) {
    const seen = await readRows(client, table, page)
    yield page.map((row) => ({ ...row, before: seen.get(JSON.stringify(row.key)) ?? null }))
  }
}

async function readRows(
  client: pg.Client,
  table: SetTable,
  page: readonly ChangedRow[],
): Promise<ReadonlyMap<string, OpenedImage>> {
  const keys = page.map(({ key }) =>
    key.map((value, place) => `${quoteText(value)}::${table.key[place]!.type}`).join(', '),
  )
  const columns = table.key.map(({ sql }) => `t.${sql}`).join(', ')
  const condition = `(${columns}) in (values ${keys.map((key) => `(${key})`).join(', ')})`
  const seen = new Map<string, OpenedImage>()
  for await (const piece of wholeLines(copyRows(client, table, condition)))
    for (const line of linesOf(piece)) {
      const values = fieldsOf(line.toString()).map(decodeField)
      const image = Object.fromEntries(table.columns.map(({ name }, place) => [name, values[place]!]))
      seen.set(JSON.stringify(table.key.map(({ name }) => image[name])), image)
    }
  return seen
}
