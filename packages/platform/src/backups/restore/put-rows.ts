import type pg from 'pg'
import {
  cascadeRows,
  checkDeferrableKeys,
  checkForeignKey,
  type KeyedTable,
  type LostRows,
  readForeignKeys,
  removeRows,
  sameKey,
} from '../../rewind/index.ts'
import type { StagedTable } from './stage-tables.ts'

/** Makes today's rows the staged ones where `plinth_rewind` says so. Triggers are off; every constraint holds afterwards. */
export async function putRows(
  client: pg.Client,
  staged: readonly StagedTable[],
  { tenant, tenantColumn }: { readonly tenant: string; readonly tenantColumn: string | null },
): Promise<readonly LostRows[]> {
  const tables = staged.map(({ table }) => table)
  for (const table of tables) await removeRows(client, table)
  for (const each of staged) await changeRows(client, each)
  for (const each of staged) await addRows(client, each)
  await client.query('set constraints all immediate')
  return checkRows(client, tables, { tenant, tenantColumn })
}

async function changeRows(client: pg.Client, { table, stage, columns }: StagedTable): Promise<void> {
  const keys = new Set(table.key.map(({ name }) => name))
  const values = columns
    .filter(({ name, isAlwaysIdentity }) => !keys.has(name) && !isAlwaysIdentity)
    .map(({ sql }) => `${sql} = s.${sql}`)
  if (values.length === 0) return
  await client.query(
    `update ${table.sql} t set ${values.join(', ')} from plinth_rewind r, ${stage} s
     where r.relation = $1 and r.image is not null and not r.went and not r.replaced and ${sameKey(table)} and ${sameStaged(table)}`,
    [table.relation],
  )
}

async function addRows(client: pg.Client, { table, stage, columns }: StagedTable): Promise<void> {
  const names = columns.map(({ sql }) => sql).join(', ')
  const values = columns.map(({ sql }) => `s.${sql}`).join(', ')
  await client.query(
    `insert into ${table.sql} (${names}) overriding system value
     select ${values} from ${stage} s join plinth_rewind r on ${sameKey({ key: table.key }).replaceAll('t.', 's.')}
     where r.relation = $1 and r.image is not null and (r.went or r.replaced)`,
    [table.relation],
  )
}

const sameStaged = (table: KeyedTable) => table.key.map(({ sql }) => `s.${sql} = t.${sql}`).join(' and ')

async function checkRows(
  client: pg.Client,
  tables: readonly KeyedTable[],
  { tenant, tenantColumn }: { readonly tenant: string; readonly tenantColumn: string | null },
): Promise<readonly LostRows[]> {
  const relations = tables.map(({ relation }) => relation)
  const shapes = new Map(tables.map((table) => [table.relation, table]))
  const lost = await cascadeRows(client, relations, {
    tenant,
    tenantColumn,
    journalled: new Set(relations),
  })
  const gone = lost.filter(({ as }) => as === 'removed').map(({ table }) => table)
  const parents = new Set([...relations, ...gone])
  for (const foreignKey of await readForeignKeys(client, [...parents]))
    await checkForeignKey(client, foreignKey, shapes, parents)
  for (const table of tables) await checkDeferrableKeys(client, table)
  return lost
}

/** The next value of each sequence comes after every row, and never before where it stood when the backup was taken. */
export async function raiseSequences(
  client: pg.Client,
  staged: readonly StagedTable[],
  known: Readonly<Record<string, string>>,
): Promise<void> {
  for (const { table, columns } of staged)
    for (const { sql, sequence } of columns) {
      if (sequence === null) continue
      await client.query(
        `select setval($1::regclass, m.wanted) from (
           select greatest((select max(t.${sql})::bigint from ${table.sql} t), $2::bigint) as wanted) m
         where m.wanted > coalesce(pg_sequence_last_value($1::regclass), 0)`,
        [sequence, known[sequence] ?? '0'],
      )
    }
}
