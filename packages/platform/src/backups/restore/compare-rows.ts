import type pg from 'pg'
import { quoteText, type Statement } from '../../database/index.ts'
import { keepRows, sameKey } from '../../rewind/index.ts'
import { ownedBy } from '../set/tenant-set.ts'
import type { StagedTable } from './stage-tables.ts'

/** What a restore does to one table. */
export interface RestoreTable {
  /** `schema.table`. */
  readonly table: string
  /** Rows that are missing today: they come. */
  readonly added: number
  /** Rows that are another way today: they are as they were. */
  readonly changed: number
  /** Rows that came since: they go. */
  readonly removed: number
}

/** A row that belongs to another tenant today. */
export interface MovedRow {
  readonly table: string
  readonly key: string
}

export interface CompareOptions {
  readonly tenant: string
  /** Only rows of these keys, as texts; they are added and changed, nothing is removed. Undefined for all. */
  readonly ids?: readonly string[] | undefined
  /** Queries of rows that are left as they are: facts. */
  readonly keeps: readonly Statement[]
}

export interface Comparison {
  readonly tables: readonly RestoreTable[]
  readonly moved: readonly MovedRow[]
  /** Rows that would be changed or removed and are facts: by table. */
  readonly kept: Readonly<Record<string, number>>
}

/**
 * Writes into `plinth_rewind` which rows have to change so that today's are the staged ones: `image` is null for those that
 * go, `went` true for those that are missing. Values are compared as texts, to the letter.
 */
export async function compareRows(
  client: pg.Client,
  staged: readonly StagedTable[],
  { tenant, ids, keeps }: CompareOptions,
): Promise<Comparison> {
  await client.query('truncate plinth_rewind, plinth_rewind_gone')
  const moved: MovedRow[] = []
  const kept = new Map<string, number>()
  for (const each of staged) {
    await client.query(differences(each, tenant, ids))
    moved.push(...(await setMovedAside(client, each, tenant)))
    if (each.table.isFact) await keepFacts(client, each, kept)
  }
  for (const [table, rows] of await keepRows(client, keeps)) kept.set(table, (kept.get(table) ?? 0) + rows)
  await client.query('analyze plinth_rewind')
  return { tables: await countRows(client), moved, kept: Object.fromEntries(kept) }
}

function differences(
  { table, stage, columns }: StagedTable,
  tenant: string,
  ids: readonly string[] | undefined,
): string {
  const same = table.key.map(({ sql }) => `s.${sql} = t.${sql}`).join(' and ')
  const key = `json_build_array(${table.key.map(({ sql }) => `coalesce(s.${sql}, t.${sql})::text`).join(', ')})::text`
  const [{ sql: first }] = table.key as [(typeof table.key)[number]]
  const [was, is] = ['s', 't'].map(
    (of) => `row(${columns.map(({ sql }) => `${of}.${sql}`).join(', ')})::text`,
  )
  const keys = new Set(table.key.map(({ name }) => name))
  const exclusive = columns
    .filter(({ name, isExclusive }) => isExclusive && !keys.has(name))
    .map(({ sql }) => `s.${sql}::text is distinct from t.${sql}::text`)
  const isReplaced = exclusive.length === 0 ? 'false' : exclusive.join(' or ')
  const chosen = ids
    ? `s.${first} is not null and s.${first}::text = any (array[${ids.map(quoteText).join(', ')}]::text[])`
    : 'true'
  return `
    insert into plinth_rewind (relation, key, position, image, went, came_over, round, replaced)
    select ${quoteText(table.relation)}, ${key}, '0/0', case when s.${first} is not null then '{}'::jsonb end,
      t.${first} is null, false, 0, s.${first} is not null and t.${first} is not null and (${isReplaced})
    from ${stage} s full join (select * from ${table.sql} t where ${ownedBy(table, quoteText(tenant))}) t on ${same}
    where (s.${first} is null or t.${first} is null or ${was} <> ${is}) and ${chosen}`
}

/** Rows that another tenant has today are not taken from it. */
async function setMovedAside(client: pg.Client, { table }: StagedTable, tenant: string): Promise<MovedRow[]> {
  if (table.tenantColumn === null) return []
  const { rows } = await client.query<MovedRow>(
    `delete from plinth_rewind r using ${table.sql} t
     where r.relation = $1 and r.went and ${sameKey(table)} and not (${ownedBy(table, quoteText(tenant))})
     returning r.relation as "table", r.key`,
    [table.relation],
  )
  return rows
}

async function keepFacts(
  client: pg.Client,
  { table }: StagedTable,
  kept: Map<string, number>,
): Promise<void> {
  const { rowCount } = await client.query('delete from plinth_rewind where relation = $1 and not went', [
    table.relation,
  ])
  if (rowCount) kept.set(table.relation, (kept.get(table.relation) ?? 0) + rowCount)
}

async function countRows(client: pg.Client): Promise<RestoreTable[]> {
  const { rows } = await client.query<Record<keyof RestoreTable, string>>(
    `select relation as "table", count(*) filter (where went) as added,
       count(*) filter (where image is not null and not went) as changed, count(*) filter (where image is null) as removed
     from plinth_rewind group by relation order by relation`,
  )
  return rows.map(({ table, added, changed, removed }) => ({
    table,
    added: Number(added),
    changed: Number(changed),
    removed: Number(removed),
  }))
}
