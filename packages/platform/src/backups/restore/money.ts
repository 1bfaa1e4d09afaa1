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

export async function sumMoney(
  { declaration }: BackupContext,
  client: pg.Client,
  tenant: string,
  staged: readonly StagedTable[],
): Promise<Sums> {
  const sums = new Map<string, Omit<MoneyAffected, 'before' | 'after'> & { sum: string }>()
  for (const { table: name, column } of declaration.money ?? []) {
    const found = staged.find(({ table }) => table.relation === `public.${name}`)
    const amount = found?.columns.find((each) => each.name === column)
    if (!found || !amount) continue
    const { rows } = await client.query<{ sum: string }>(
      `select coalesce(sum(t.${amount.sql}), 0)::text as sum from ${found.table.sql} t where ${ownedBy(found.table)}`,
      [tenant],
    )
    sums.set(`${name}.${column}`, { table: found.table.relation, column, sum: rows[0]!.sum })
  }
  return sums
}

/** What the sums would be: rows that stay as they are, and staged ones that come or change. */
export async function sumStagedMoney(
  { declaration }: BackupContext,
  client: pg.Client,
  tenant: string,
  staged: readonly StagedTable[],
): Promise<Sums> {
  const sums = new Map<string, Omit<MoneyAffected, 'before' | 'after'> & { sum: string }>()
  for (const { table: name, column } of declaration.money ?? []) {
    const found = staged.find(({ table }) => table.relation === `public.${name}`)
    const amount = found?.columns.find((each) => each.name === column)
    if (!found || !amount) continue
    const { table, stage: own } = found
    const keyOf = (of: string) =>
      `json_build_array(${table.key.map((key) => `${of}.${key.sql}::text`).join(', ')})::text`
    const { rows } = await client.query<{ sum: string }>(
      `select (coalesce((select sum(t.${amount.sql}) from ${table.sql} t where ${ownedBy(table)}
           and not exists (select from plinth_rewind r where r.relation = $2 and r.key = ${keyOf('t')})), 0)
         + coalesce((select sum(s.${amount.sql}) from ${own} s join plinth_rewind r
             on r.relation = $2 and r.key = ${keyOf('s')} where r.image is not null), 0))::text as sum`,
      [tenant, table.relation],
    )
    sums.set(`${name}.${column}`, { table: table.relation, column, sum: rows[0]!.sum })
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
