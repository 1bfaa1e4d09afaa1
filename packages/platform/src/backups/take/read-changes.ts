import { sql } from '../../database/index.ts'
import {
  blocksOf,
  createOpener,
  type OpenedImage,
  openImages,
  type SealedImage,
} from '../../journal/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { encodeField } from '../format/copy-text.ts'
import type { RowHash } from '../format/row-hash.ts'
import { closedField, type PersonalValues } from '../set/personal-values.ts'
import type { SetTable } from '../set/tenant-set.ts'

/** Rows that changed between two numbers of a tenant's sequence, as they were before and as they are after. */
export interface ChangedRow {
  /** Values of the primary key. */
  readonly key: readonly string[]
  /** Null when it was not there. */
  readonly before: OpenedImage | null
  /** Null when it is gone. */
  readonly after: OpenedImage | null
  /** The key that would open what is closed in `after`; null when all is open. */
  readonly closedUnder: string | null
}

export interface ChangedTable {
  readonly relation: string
  /** Pages of at most a thousand. */
  readonly pages: AsyncIterable<readonly ChangedRow[]>
}

interface Touched {
  readonly relation: string
  readonly key: string
  readonly first: string
  readonly last: string
}

interface Entry {
  readonly sequence: string
  readonly operation: 'insert' | 'update' | 'delete'
  readonly before: SealedImage | string | null
  readonly after: SealedImage | string | null
}

const pageRows = 1_000

/** What changed after `from` up to `upTo`, table by table, rows that came and went in between included. */
export async function readChanges(
  context: BackupContext,
  tenant: string,
  { from, upTo }: { readonly from: number; readonly upTo: number },
  tables: readonly SetTable[],
): Promise<readonly ChangedTable[]> {
  const { rows } = await context.database.asJournal<Touched & Record<string, unknown>>(sql`
    select relation, key, min(sequence) as first, max(sequence) as last from plinth_journal.entries
    where tenant = ${tenant} and sequence > ${from} and sequence <= ${upTo}
      and relation = any (${tables.map(({ relation }) => relation)}::text[])
    group by relation, key`)
  const byTable = new Map<string, Touched[]>()
  for (const row of rows) {
    const known = byTable.get(row.relation)
    if (known) known.push(row)
    else byTable.set(row.relation, [row])
  }
  return [...byTable].map(([relation, touched]) => ({
    relation,
    pages: readPages(context, tenant, relation, touched),
  }))
}

async function* readPages(
  { database, journalKey }: BackupContext,
  tenant: string,
  relation: string,
  touched: readonly Touched[],
): AsyncIterable<readonly ChangedRow[]> {
  for (let at = 0; at < touched.length; at += pageRows) {
    const page = touched.slice(at, at + pageRows)
    const wanted = [...new Set(page.flatMap(({ first, last }) => [first, last]))]
    const { rows } = await database.asJournal<Entry & Record<string, unknown>>(sql`
      select sequence, operation, before, after from plinth_journal.entries
      where tenant = ${tenant} and sequence = any (${wanted}::bigint[])`)
    const entries = new Map(rows.map((entry) => [entry.sequence, entry]))
    const blocks = rows.flatMap(({ before, after }) => blocksOf(imageOf(before), imageOf(after)))
    const open = await createOpener(database, journalKey, blocks)
    const changed: ChangedRow[] = []
    for (const { key, first, last } of page) {
      const [begin, end] = [entries.get(first)!, entries.get(last)!]
      const opened = (entry: Entry) =>
        openImages(relation, { before: imageOf(entry.before), after: imageOf(entry.after) }, open)
      const before = begin.operation === 'insert' ? null : opened(begin).before
      const images = opened(end)
      const after = end.operation === 'delete' ? null : { ...images.before, ...images.after }
      const isClosed = after !== null && Object.values(after).includes(undefined)
      const [block] = blocksOf(imageOf(end.after), imageOf(end.before))
      changed.push({
        key: JSON.parse(key) as string[],
        before,
        after,
        closedUnder: isClosed ? (block?.key ?? null) : null,
      })
    }
    yield changed
  }
}

/** Beside images, entries name the tenant that a row came from or went to. */
const imageOf = (image: SealedImage | string | null): SealedImage | null =>
  typeof image === 'object' ? image : null

/** Writes changed rows as the lines of a backup, and moves the table's hash from before to after. */
export async function encodeChanges(
  table: SetTable,
  page: readonly ChangedRow[],
  { hash, personal }: { readonly hash: RowHash; readonly personal: PersonalValues },
): Promise<{ readonly gone: Buffer; readonly rows: Buffer }> {
  const gone: string[] = []
  const open: string[] = []
  const closed: string[] = []
  for (const { key, before, after, closedUnder } of page) {
    if (before) hash.remove(lineOf(table, before, true))
    if (after === null) gone.push(`${key.map(encodeField).join('\t')}\n`)
    else if (closedUnder !== null) {
      const line = lineOf(table, after, true)
      hash.add(line)
      closed.push(`${line}\t${closedField(closedUnder)}\n`)
    } else if (table.personal.length > 0) open.push(`${lineOf(table, after, false)}\n`)
    else {
      const line = lineOf(table, after, false)
      hash.add(line)
      open.push(`${line}\n`)
    }
  }
  const lines = Buffer.from(open.join(''))
  const rows =
    table.personal.length > 0 && lines.length > 0 ? await personal.sealLines(table, lines, hash) : lines
  return { gone: Buffer.from(gone.join('')), rows: Buffer.concat([rows, Buffer.from(closed.join(''))]) }
}

/** A row as COPY writes it; `hidden` leaves personal values out. */
const lineOf = (table: SetTable, image: OpenedImage, hidden: boolean): string =>
  table.columns
    .map(({ name }) => (hidden && table.personal.includes(name) ? '\\N' : encodeField(image[name] ?? null)))
    .join('\t')
