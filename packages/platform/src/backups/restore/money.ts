import type pg from 'pg'
import type { BackupContext } from '../backup-context.ts'
import { ownedBy } from '../set/tenant-set.ts'
import type { StagedTable } from './stage-tables.ts'

export interface MoneyAffected {
  readonly table: string
  readonly column: string
  /** Decimal texts, in the column's own unit; the tenant's rows. */
  readonly before: string
  readonly after: string
}

type Sums = ReadonlyMap<string, Omit<MoneyAffected, 'before' | 'after'> & { readonly sum: string }>

/** An amount that the system declares, where its table is among the staged ones. */
interface StagedAmount extends StagedTable {
  /** Quoted, for SQL. */
  readonly amount: string
}

/** The sums of the tenant's rows as they are. */
export const sumMoney = (
  context: BackupContext,
  client: pg.Client,
  tenant: string,
  staged: readonly StagedTable[],
): Promise<Sums> =>
  sumEach(context, staged, ({ table, amount }) =>
    client.query<SumRow>(
      `select coalesce(sum(t.${amount}), 0)::text as sum from ${table.sql} t where ${ownedBy(table)}`,
      [tenant],
    ),
  )

/** What the sums would be: rows that stay as they are, and staged ones that come or change. */
export const sumStagedMoney = (
  context: BackupContext,
  client: pg.Client,
  tenant: string,
  staged: readonly StagedTable[],
): Promise<Sums> =>
  sumEach(context, staged, ({ table, stage, amount }) => {
    const keyOf = (of: string) =>
      `json_build_array(${table.key.map((key) => `${of}.${key.sql}::text`).join(', ')})::text`
    return client.query<SumRow>(
      `select (coalesce((select sum(t.${amount}) from ${table.sql} t where ${ownedBy(table)}
           and not exists (select from plinth_rewind r where r.relation = $2 and r.key = ${keyOf('t')})), 0)
         + coalesce((select sum(s.${amount}) from ${stage} s join plinth_rewind r
             on r.relation = $2 and r.key = ${keyOf('s')} where r.image is not null), 0))::text as sum`,
      [tenant, table.relation],
    )
  })

interface SumRow {
  readonly sum: string
}

async function sumEach(
  { declaration }: BackupContext,
  staged: readonly StagedTable[],
  ask: (each: StagedAmount) => Promise<pg.QueryResult<SumRow>>,
): Promise<Sums> {
  const sums = new Map<string, Omit<MoneyAffected, 'before' | 'after'> & { sum: string }>()
  for (const { table: name, column } of declaration.money ?? []) {
    const found = staged.find(({ table }) => table.relation === `public.${name}`)
    const amount = found?.columns.find((each) => each.name === column)?.sql
    if (!found || amount === undefined) continue
    const { rows } = await ask({ ...found, amount })
    sums.set(`${name}.${column}`, { table: found.table.relation, column, sum: rows[0]!.sum })
  }
  return sums
}

export const joinMoney = (before: Sums, after: Sums): MoneyAffected[] =>
  [...before].map(([name, { table, column, sum }]) => ({
    table,
    column,
    before: sum,
    after: after.get(name)?.sum ?? sum,
  }))
