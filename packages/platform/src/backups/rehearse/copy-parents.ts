import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { type ProjectDatabase, quoteName, quoteText, withPinnedClient } from '../../database/index.ts'
import { type ForeignKey, readForeignKeys } from '../../rewind/index.ts'
import type { StagedTable } from '../restore/stage-tables.ts'

/** Keys that are looked up at a time. */
const together = 2_000

/**
 * Rows outside the tenant's tables that the staged ones refer to (accounts, plans), copied from the project's own database,
 * and what those refer to. Gives how many staged references have no row there any more.
 */
export async function copyParents(
  client: pg.Client,
  source: ProjectDatabase,
  staged: readonly StagedTable[],
): Promise<number> {
  const own = new Map(staged.map(({ table, stage }) => [table.relation, stage]))
  let missing = 0
  await withPinnedClient(source.addresses.ownerDirect, 'plinth rehearsal', async (live) => {
    const seen = new Set<string>()
    let children = [...own].map(([relation, stage]) => ({ relation, sql: stage }))
    while (children.length > 0) {
      const reached = new Map<string, string>()
      const keys = await readForeignKeys(
        client,
        children.map(({ relation }) => relation),
      )
      for (const key of keys) {
        const child = children.find(({ relation }) => relation === key.child)
        if (!child || own.has(key.parent)) continue
        const { absent, copied } = await copyReferred(client, live, key, child.sql)
        missing += absent
        if (copied > 0 && !seen.has(`${key.parent} ${copied}`)) {
          seen.add(`${key.parent} ${copied}`)
          reached.set(key.parent, key.parentSql)
        }
      }
      children = [...reached].map(([relation, sql]) => ({ relation, sql }))
    }
  })
  return missing
}

async function copyReferred(
  client: pg.Client,
  live: pg.Client,
  key: ForeignKey,
  child: string,
): Promise<{ readonly absent: number; readonly copied: number }> {
  const values = key.childColumns.map((column) => `t.${column}::text`).join(', ')
  const present = key.childColumns.map((column) => `t.${column} is not null`).join(' and ')
  const there = key.childColumns
    .map((column, place) => `p.${quoteName(key.parentColumns[place]!)} = t.${column}`)
    .join(' and ')
  const { rows } = await client.query<{ key: string[] }>(
    `select distinct array[${values}] as key from ${child} t
     where ${present} and not exists (select from ${key.parentSql} p where ${there})`,
  )
  let copied = 0
  for (let at = 0; at < rows.length; at += together)
    copied += await copyPage(
      client,
      live,
      key,
      rows.slice(at, at + together).map((row) => row.key),
    )
  return { absent: rows.length - copied, copied }
}

async function copyPage(
  client: pg.Client,
  live: pg.Client,
  { parentSql, parentColumns, types }: ForeignKey,
  wanted: readonly (readonly string[])[],
): Promise<number> {
  const { rows } = await client.query<{ sql: string }>(
    `select quote_ident(a.attname) as sql from pg_attribute a
     where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum`,
    [parentSql],
  )
  const columns = rows.map(({ sql }) => sql).join(', ')
  const names = parentColumns.map(quoteName).join(', ')
  const keys = wanted.map(
    (key) => `(${key.map((value, place) => `${quoteText(value)}::${types[place]}`).join(', ')})`,
  )
  await client.query('drop table if exists plinth_parents')
  await client.query(`create temp table plinth_parents as select ${columns} from ${parentSql} with no data`)
  const from = `copy (select ${columns} from ${parentSql} where (${names}) in (values ${keys.join(', ')})) to stdout`
  await pipeline(
    live.query(copyTo(from)) as Readable,
    client.query(copyFrom(`copy plinth_parents (${columns}) from stdin`)),
  )
  const { rowCount } = await client.query(
    `insert into ${parentSql} (${columns}) overriding system value select ${columns} from plinth_parents on conflict do nothing`,
  )
  return rowCount ?? 0
}
