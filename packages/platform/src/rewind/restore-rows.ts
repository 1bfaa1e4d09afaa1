import pg from 'pg'
import { messageOf } from '../kernel/index.ts'
import { rewindErrors } from './errors.ts'
import type { RewindTableShape } from './read-tables.ts'

/**
 * Every row that was touched after the point, with its image before its first change after it (null when it was not
 * there), and room for the row as it is now. Both tables go with the transaction.
 */
export async function collectImages(client: pg.Client, tenant: string, after: number): Promise<void> {
  await client.query(`
    create temp table plinth_rewind (relation text, key text, image jsonb, primary key (relation, key)) on commit drop;
    create temp table plinth_rewind_gone (relation text, key text, row jsonb) on commit drop;`)
  await client.query(
    `insert into plinth_rewind
     select distinct on (relation, key) relation, key, case when operation <> 'insert' then before::jsonb end
     from plinth_journal.entries where tenant = $1 and sequence > $2 order by relation, key, sequence`,
    [tenant, after],
  )
  await client.query('analyze plinth_rewind')
}

/** `t.id = (r.key::jsonb ->> 0)::uuid and …` */
export const sameKey = (table: RewindTableShape): string =>
  table.key
    .map((column, place) => `t.${column.sql} = (r.key::jsonb ->> ${place})::${column.type}`)
    .join(' and ')

/** A row that went over to another tenant is not this tenant's to take. */
export async function refuseMovedRows(
  client: pg.Client,
  table: RewindTableShape,
  tenant: string,
): Promise<void> {
  if (table.tenantColumn === null) return
  const { rows } = await client.query<{ key: string }>(
    `select r.key from plinth_rewind r join ${table.sql} t on ${sameKey(table)}
     where r.relation = $1 and coalesce(t.${pg.escapeIdentifier(table.tenantColumn)}::text, '') <> $2 limit 1`,
    [table.relation, tenant],
  )
  if (rows[0]) throw rewindErrors.rewind_row_moved({ key: rows[0].key, table: table.relation })
}

/** Images say nothing about a column that was added since. */
export async function refuseNewColumns(
  client: pg.Client,
  table: RewindTableShape,
  to: string,
): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select c.name from unnest($2::text[]) c(name)
     where exists (select from plinth_rewind r
       where r.relation = $1 and r.image is not null and not r.image ? c.name) limit 1`,
    [table.relation, table.columns.map((column) => column.name)],
  )
  if (rows[0])
    throw rewindErrors.rewind_schema_changed({
      column: rows[0].name,
      table: table.relation,
      to,
      problem: 'it was not there, so the rows of that time do not say what is in it',
    })
}

/**
 * A column whose type was changed since takes the values of that time only when it writes them back as they were: a
 * narrower type would cut them off without a word.
 */
export async function refuseLossyColumns(
  client: pg.Client,
  table: RewindTableShape,
  to: string,
): Promise<void> {
  for (const { name, type } of table.columns) {
    if (type === 'text') continue
    const value = `(image ->> ${pg.escapeLiteral(name)})`
    const fail = (problem: string, cause?: unknown) =>
      rewindErrors.rewind_schema_changed({ column: name, table: table.relation, to, problem }, cause)
    const { rows } = await client
      .query<{ was: string; is: string }>(
        `select ${value} as was, format('%s', ${value}::${type}) as is from plinth_rewind
         where relation = $1 and ${value} is not null and format('%s', ${value}::${type}) <> ${value} limit 1`,
        [table.relation],
      )
      .catch((cause: unknown) => {
        throw fail(messageOf(cause), cause)
      })
    if (rows[0]) throw fail(`its value ${rows[0].was} would become ${rows[0].is} as ${type}`)
  }
}

export async function removeRows(client: pg.Client, table: RewindTableShape): Promise<void> {
  await client.query(
    `with gone as (
       delete from ${table.sql} t using plinth_rewind r where r.relation = $1 and ${sameKey(table)}
       returning r.key, to_jsonb(t) as row)
     insert into plinth_rewind_gone select $1, key, row from gone`,
    [table.relation],
  )
}

export async function insertRows(client: pg.Client, table: RewindTableShape): Promise<void> {
  const columns = table.columns.map((column) => column.sql).join(', ')
  const values = table.columns
    .map((column) => `(image ->> ${pg.escapeLiteral(column.name)})::${column.type}`)
    .join(', ')
  await client.query(
    `insert into ${table.sql} (${columns}) overriding system value
     select ${values} from plinth_rewind where relation = $1 and image is not null`,
    [table.relation],
  )
}
