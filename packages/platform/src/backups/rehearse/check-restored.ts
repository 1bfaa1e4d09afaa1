import type pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { quoteText } from '../../database/index.ts'
import { linesOf, wholeLines } from '../format/copy-text.ts'
import type { BackupIndex } from '../format/manifest.ts'
import { createRowHash, type TableHash } from '../format/row-hash.ts'
import { closedColumn, type StagedTable } from '../restore/stage-tables.ts'
import { ownedBy } from '../set/tenant-set.ts'

/** What was found in one table after a rehearsal. */
export interface CheckedTable {
  readonly table: string
  readonly rows: number
  /** Sum of the rows' hashes, as the manifest's index has it. */
  readonly sum: string
  /** False when the rows are not those that were backed up. */
  readonly matches: boolean
}

/** Compares what is in the tables now with the hashes that were taken at the backup's mark. */
export async function checkHashes(
  client: pg.Client,
  staged: readonly StagedTable[],
  index: BackupIndex,
  tenant: string,
): Promise<readonly CheckedTable[]> {
  const checked: CheckedTable[] = []
  for (const each of staged) {
    const { relation } = each.table
    const { rows, sum } = await hashTable(client, each, tenant)
    const wanted = index.tables[relation]!
    checked.push({ table: relation, rows, sum, matches: rows === wanted.rows && sum === wanted.sum })
  }
  return checked
}

async function hashTable(
  client: pg.Client,
  { table, columns }: StagedTable,
  tenant: string,
): Promise<TableHash> {
  const values = columns.map(({ name, sql }) => (table.personal.includes(name) ? 'null' : `t.${sql}`))
  const copy = `copy (select ${values.join(', ')} from ${table.sql} t where ${ownedBy(table, quoteText(tenant))}) to stdout`
  const hash = createRowHash()
  for await (const piece of wholeLines(client.query(copyTo(copy))))
    for (const line of linesOf(piece)) hash.add(line)
  return hash.value()
}

/**
 * Rows of a table that are not as they were staged, personal values included, which no hash has. Only asked for where
 * nothing was left out.
 */
export async function countDifferences(
  client: pg.Client,
  { table, stage, columns }: StagedTable,
): Promise<number> {
  const same = table.key.map(({ sql }) => `s.${sql} = t.${sql}`).join(' and ')
  const [was, is] = ['s', 't'].map(
    (of) => `row(${columns.map(({ sql }) => `${of}.${sql}`).join(', ')})::text`,
  )
  const { rows } = await client.query<{ count: string }>(
    `select count(*) from ${stage} s left join ${table.sql} t on ${same}
     where not s.${closedColumn} and (${was} is distinct from ${is})`,
  )
  return Number(rows[0]!.count)
}
