import pg from 'pg'
import { createPinnedClient, type ProjectDatabase } from '../../database/index.ts'
import { messageOf } from '../../kernel/index.ts'
import type { SetColumn, SetTable } from '../set/tenant-set.ts'
import { ownedBy } from '../set/tenant-set.ts'

/** How the first writes to a restored table went. */
export interface TriedTable {
  readonly table: string
  /** `empty`: there was no row to try with. `refused`: a rule of the system's, which is as it should be. */
  readonly outcome: 'written' | 'refused' | 'empty' | 'failed'
  readonly problem: string | null
}

/**
 * Inserts, updates and deletes a row of every table, with triggers on, and takes it back: a restore that looks right and
 * fails with the first write is none. What a rule refuses is no failure; a key that is taken is, since its sequence is
 * behind.
 */
export async function tryWrites(
  database: ProjectDatabase,
  tables: readonly SetTable[],
  tenant: string,
): Promise<readonly TriedTable[]> {
  const client = createPinnedClient(database.addresses.ownerDirect, 'plinth rehearsal')
  await client.connect()
  try {
    await client.query('begin')
    await client.query('set local search_path = public, extensions')
    const tried: TriedTable[] = []
    for (const table of tables) tried.push(await tryTable(client, table, tenant))
    await client.query('rollback')
    return tried
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function tryTable(client: pg.Client, table: SetTable, tenant: string): Promise<TriedTable> {
  const told = (outcome: TriedTable['outcome'], problem: string | null = null): TriedTable => ({
    table: table.relation,
    outcome,
    problem,
  })
  const { rowCount } = await client.query(`select from ${table.sql} t where ${ownedBy(table)} limit 1`, [
    tenant,
  ])
  if (rowCount === 0) return told('empty')
  let refusal: string | null = null
  for (const statement of statementsOf(table)) {
    await client.query('savepoint attempt')
    try {
      await client.query(statement, [tenant])
    } catch (error) {
      if (isFailure(error, table)) {
        await client.query('rollback to savepoint attempt')
        return told('failed', messageOf(error))
      }
      refusal = messageOf(error)
    }
    await client.query('rollback to savepoint attempt')
  }
  return refusal === null ? told('written') : told('refused', refusal)
}

/** A copy of a row under a new key where the table makes one; the row itself changed, and removed. */
function statementsOf(table: SetTable): string[] {
  const chosen = `(select t.ctid from ${table.sql} t where ${ownedBy(table)} limit 1)`
  const { sql: written } = table.columns.find(({ isAlwaysIdentity }) => !isAlwaysIdentity) ?? { sql: null }
  const update =
    written === null ? [] : [`update ${table.sql} set ${written} = ${written} where ctid = ${chosen}`]
  const remove = `delete from ${table.sql} where ctid = ${chosen}`
  const makesKey = table.key.some(isMade)
  if (!makesKey) return [...update, remove]
  const columns = table.columns.filter((column) => !isMade(column) || !table.key.includes(column))
  const given = columns.filter(({ isAlwaysIdentity }) => !isAlwaysIdentity).map(({ sql }) => sql)
  const names = given.join(', ')
  const insert =
    given.length === 0
      ? `insert into ${table.sql} default values`
      : `insert into ${table.sql} (${names}) select ${names} from ${table.sql} where ctid = ${chosen}`
  return [insert, ...update, remove]
}

const isMade = ({ default: made, sequence }: SetColumn): boolean => made !== null || sequence !== null

/** A rule's refusal is a constraint other than the key, or an error that the system's own SQL raised. */
function isFailure(error: unknown, table: SetTable): boolean {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return true
  const { code } = error
  if (code === '23505')
    return error.detail?.includes(`Key (${table.key.map(({ name }) => name).join(', ')})=`) ?? false
  return !(
    code.startsWith('23') ||
    code.startsWith('PT') ||
    code.startsWith('P0') ||
    code === '55000' ||
    code === '42501'
  )
}
