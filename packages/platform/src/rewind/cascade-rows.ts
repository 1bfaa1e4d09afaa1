import type pg from 'pg'
import { quoteName, quoteText } from '../database/index.ts'
import { refersToGone } from './check-constraints.ts'
import { sameKey } from './gather-rows.ts'
import { type ForeignKey, type KeyedTable, readForeignKeys } from './read-tables.ts'

/** Rows outside the journal that go, or lose their reference, because the row that they belong to goes. */
export interface LostRows {
  /** `schema.table`. */
  readonly table: string
  readonly rows: number
  /** `removed`: by `on delete cascade`. `detached`: by `on delete set null`. They do not come back by undoing. */
  readonly as: 'removed' | 'detached'
}

export interface CascadeOptions {
  readonly tenant: string
  /** Column by which tables name their tenant; rows of another tenant are left, so that the rewind is refused. */
  readonly tenantColumn: string | null
  /** Of the tables that are journalled: their rows are rewound, so nothing cascades into them. */
  readonly journalled: ReadonlySet<string>
}

/** Rows that are not in the journal and belong to rows that went: what deleting those would have done to them. */
export const cascadeRows = (client: pg.Client, from: readonly string[], options: CascadeOptions) =>
  walk(client, from, options, applyTo)

/** What {@link cascadeRows} would do; nothing has gone yet. */
export async function previewCascade(
  client: pg.Client,
  tables: readonly KeyedTable[],
  options: CascadeOptions,
): Promise<readonly LostRows[]> {
  for (const table of tables)
    await client.query(
      `insert into plinth_rewind_gone select $1, t.ctid, to_jsonb(t)
       from plinth_rewind r join ${table.sql} t on ${sameKey(table)}
       where r.relation = $1 and r.image is null on conflict do nothing`,
      [table.relation],
    )
  const from = tables.map(({ relation }) => relation)
  return walk(client, from, options, lookAt)
}

type Step = (client: pg.Client, key: ForeignKey, condition: string) => Promise<number>

async function walk(
  client: pg.Client,
  from: readonly string[],
  { tenant, tenantColumn, journalled }: CascadeOptions,
  step: Step,
): Promise<readonly LostRows[]> {
  const lost = new Map<string, LostRows>()
  let parents = [...from]
  while (parents.length > 0) {
    const reached = new Set<string>()
    for (const key of await readForeignKeys(client, parents)) {
      if (!parents.includes(key.parent) || journalled.has(key.child) || key.onDelete === 'restrict') continue
      const names = tenantColumn !== null && key.columnsOfChild.includes(tenantColumn)
      const column = tenantColumn === null ? '' : `t.${quoteName(tenantColumn)}::text`
      const isTheirs = names ? ` and coalesce(${column}, ${quoteText(tenant)}) = ${quoteText(tenant)}` : ''
      const count = await step(client, key, `${refersToGone(key)}${isTheirs}`)
      if (count === 0) continue
      const as = key.onDelete === 'cascade' ? 'removed' : 'detached'
      const known = lost.get(`${key.child} ${as}`)
      lost.set(`${key.child} ${as}`, { table: key.child, rows: (known?.rows ?? 0) + count, as })
      if (as === 'removed') reached.add(key.child)
    }
    parents = [...reached]
  }
  return [...lost.values()].sort((a, b) => (a.table < b.table ? -1 : 1))
}

async function applyTo(client: pg.Client, key: ForeignKey, condition: string): Promise<number> {
  const isOrphan = `not exists (select from ${key.parentSql} p where ${key.childColumns
    .map((column, place) => `p.${quoteName(key.parentColumns[place]!)} = t.${column}`)
    .join(' and ')})`
  const from = `plinth_rewind_gone g where g.relation = $1 and ${condition} and ${isOrphan}`
  if (key.onDelete === 'set null') {
    const nulls = key.nulled.map((column) => `${column} = null`).join(', ')
    const { rowCount } = await client.query(`update ${key.childSql} t set ${nulls} from ${from}`, [
      key.parent,
    ])
    return rowCount ?? 0
  }
  const { rowCount } = await client.query(
    `with gone as (delete from ${key.childSql} t using ${from} returning t.ctid as place, to_jsonb(t) as row)
     insert into plinth_rewind_gone select $2, place, row from gone on conflict do nothing`,
    [key.parent, key.child],
  )
  return rowCount ?? 0
}

async function lookAt(client: pg.Client, key: ForeignKey, condition: string): Promise<number> {
  const from = `from ${key.childSql} t join plinth_rewind_gone g on ${condition} where g.relation = $1`
  if (key.onDelete === 'set null') {
    const { rows } = await client.query<{ count: string }>(`select count(distinct t.ctid) ${from}`, [
      key.parent,
    ])
    return Number(rows[0]!.count)
  }
  const { rowCount } = await client.query(
    `insert into plinth_rewind_gone select distinct on (t.ctid) $2::text, t.ctid, to_jsonb(t) ${from} on conflict do nothing`,
    [key.parent, key.child],
  )
  return rowCount ?? 0
}
