import type pg from 'pg'
import { quoteText } from '../../database/index.ts'
import { type ForeignKey, readForeignKeys } from '../../rewind/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { backupErrors } from '../errors.ts'
import { sha256Of } from '../format/manifest.ts'
import type { SetColumn } from '../set/tenant-set.ts'
import type { StagedTable } from './stage-tables.ts'

/** What a copy under another key had to change beside keys. */
export interface CopiedTenant {
  /** Values that got an ending because they are taken, by `table.column`. */
  readonly renamed: Readonly<Record<string, number>>
}

interface Copy {
  readonly from: string
  /** The key of the new tenant; nobody may have it. */
  readonly to: string
}

/**
 * Makes the staged rows those of another tenant: they name it, have keys of their own, and refer to each other by those, in
 * JSON values too. Keys that are UUIDs follow from the old ones, so a copy that is repeated has the same. Fails with
 * `backup_copy_impossible`.
 */
export async function copyStages(
  { system }: BackupContext,
  client: pg.Client,
  staged: readonly StagedTable[],
  copy: Copy,
): Promise<CopiedTenant> {
  const { tenant: declared } = system
  const refuse = (problem: string) => backupErrors.backup_copy_impossible({ tenant: copy.to, problem })
  const root = staged.find(({ table }) => table.isRoot)
  if (!declared || !root || copy.from === '') throw refuse('the backup does not have the root table')
  await requireFree(client, root, copy.to, refuse)
  await client.query(`
    create temp table plinth_copied (relation text, old text, new text, primary key (relation, old)) on commit drop`)
  const keys = await readForeignKeys(
    client,
    staged.map(({ table }) => table.relation),
  )
  for (const each of staged) await mapKeys(client, each, keys, copy, refuse)
  await client.query('create index on plinth_copied (old)')
  await client.query('analyze plinth_copied')
  for (const each of staged) await follow(client, each, staged, keys, copy)
  const renamed: Record<string, number> = {}
  for (const each of staged) Object.assign(renamed, await rename(client, each, copy))
  return { renamed }
}

async function requireFree(
  client: pg.Client,
  { table }: StagedTable,
  to: string,
  refuse: (problem: string) => Error,
): Promise<void> {
  const { sql, type } = table.tenantColumn!
  const { rowCount } = await client
    .query(`select from ${table.sql} t where t.${sql} = $1::${type}`, [to])
    .catch((cause: unknown) => {
      throw refuse(`its key is no ${type} (${String((cause as Error).message)})`)
    })
  if (rowCount !== 0) throw refuse('there is such a tenant')
}

/** The column of a table whose values get new ones: a key of one column that is no reference and not the tenant's. */
function mappedColumn({ table }: StagedTable, keys: readonly ForeignKey[]): SetColumn | undefined {
  if (table.isRoot || table.key.some(({ name }) => name === table.tenantColumn?.name)) return undefined
  const [column, ...more] = table.key
  if (!column || more.length > 0) return undefined
  const refers = keys.some(
    (key) =>
      key.child === table.relation && key.childColumns.length === 1 && key.childColumns[0] === column.sql,
  )
  return refers ? undefined : column
}

async function mapKeys(
  client: pg.Client,
  staged: StagedTable,
  keys: readonly ForeignKey[],
  { to }: Copy,
  refuse: (problem: string) => Error,
): Promise<void> {
  const { table, stage } = staged
  const column = mappedColumn(staged, keys)
  if (!column) return
  const value = newKey(column, to)
  if (value === undefined) throw refuse(`the key of ${table.relation} is ${column.type} without a sequence`)
  await client.query(
    `insert into plinth_copied select $1, s.${column.sql}::text, (${value})::text from ${stage} s`,
    [table.relation],
  )
}

/** SQL of a new key for a row `s`. */
function newKey({ sql, type, isText, sequence }: SetColumn, to: string): string | undefined {
  if (sequence !== null) return `nextval(${quoteText(sequence)}::regclass)`
  if (type === 'uuid') return `md5(${quoteText(`${to}/`)} || s.${sql}::text)::uuid`
  return isText ? `s.${sql}::text || ${quoteText(endingOf(to))}` : undefined
}

const endingOf = (to: string) => `-${sha256Of(Buffer.from(to)).slice(0, 8)}`

/** Every column that names the tenant or a copied row gets the new name. */
async function follow(
  client: pg.Client,
  each: StagedTable,
  staged: readonly StagedTable[],
  keys: readonly ForeignKey[],
  { from, to }: Copy,
): Promise<void> {
  const { table, stage, columns } = each
  const own = mappedColumn(each, keys)
  if (own) await replace(client, stage, own, table.relation)
  for (const key of keys) {
    if (key.child !== table.relation) continue
    for (const [place, sql] of key.childColumns.entries()) {
      const parent = staged.find(({ table: other }) => other.relation === key.parent)
      const column = columns.find((other) => other.sql === sql)
      const mapped = parent && mappedColumn(parent, keys)
      if (column && mapped && mapped.name === key.parentColumns[place] && column.name !== own?.name)
        await replace(client, stage, column, key.parent)
    }
  }
  const tenant = table.tenantColumn!
  await client.query(`update ${stage} s set ${tenant.sql} = $1::${tenant.type}`, [to])
  for (const { sql, isJson, type } of columns)
    if (isJson) await replaceInJson(client, stage, sql, type, { from, to })
}

async function replace(client: pg.Client, stage: string, column: SetColumn, relation: string): Promise<void> {
  await client.query(
    `update ${stage} s set ${column.sql} = c.new::${column.type} from plinth_copied c
     where c.relation = $1 and c.old = s.${column.sql}::text`,
    [relation],
  )
}

/** Only UUIDs: a number in a JSON value may be anything. */
async function replaceInJson(
  client: pg.Client,
  stage: string,
  sql: string,
  type: string,
  { from, to }: Copy,
): Promise<void> {
  const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
  await client.query(
    `update ${stage} s set ${sql} = n.value::${type}
     from (select o.ctid as place, string_agg(t.text || coalesce(case when m.id[1] = $1 then $2 else c.new end, m.id[1], ''), '' order by t.place) as value
       from ${stage} o
       cross join lateral regexp_split_to_table(o.${sql}::text, '${uuid}') with ordinality t(text, place)
       left join lateral regexp_matches(o.${sql}::text, '(${uuid})', 'g') with ordinality m(id, place) on m.place = t.place
       left join lateral (select k.new from plinth_copied k where k.old = m.id[1] limit 1) c on true
       where o.${sql}::text ~ '${uuid}' group by o.ctid) n
     where n.place = s.ctid`,
    [from, to],
  )
}

/** Texts that nobody else may have, and somebody has. */
async function rename(client: pg.Client, { table, stage, columns }: StagedTable, { to }: Copy) {
  const { rows } = await client.query<{ column: string }>(
    `select a.attname as "column" from pg_index i
     join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
     where i.indrelid = $1::regclass and i.indisunique and not i.indisprimary and i.indnkeyatts = 1 and i.indkey[0] <> 0`,
    [table.sql],
  )
  const renamed: Record<string, number> = {}
  for (const name of new Set(rows.map(({ column }) => column))) {
    const column = columns.find((each) => each.name === name && each.isText)
    if (!column || column.name === table.tenantColumn?.name) continue
    const { rowCount } = await client.query(
      `update ${stage} s set ${column.sql} = s.${column.sql} || $1
       where exists (select from ${table.sql} t where t.${column.sql} = s.${column.sql})`,
      [endingOf(to)],
    )
    if (rowCount) renamed[`${table.relation}.${name}`] = rowCount
  }
  return renamed
}
