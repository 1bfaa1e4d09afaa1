import pg from 'pg'
import { tailErrors } from '../errors.ts'
import type { ForeignKey, RewindTableShape } from './read-tables.ts'

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
     select distinct on (relation, key) relation, key, before::jsonb from plinth.journal
     where tenant = $1 and sequence > $2 order by relation, key, sequence`,
    [tenant, after],
  )
  await client.query('analyze plinth_rewind')
}

/** `t.id = (r.key::jsonb ->> 0)::uuid and …` */
const sameKey = (table: RewindTableShape): string =>
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
  if (rows[0]) throw tailErrors.rewind_row_moved({ key: rows[0].key, table: table.relation })
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
  if (rows[0]) throw tailErrors.rewind_schema_changed({ column: rows[0].name, table: table.relation, to })
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

/** Looks at the rows that came and at those that referred to rows that went: the cost grows with what was undone. */
export async function checkForeignKey(
  client: pg.Client,
  key: ForeignKey,
  tables: ReadonlyMap<string, RewindTableShape>,
): Promise<void> {
  const child = tables.get(key.child)
  const present = key.childColumns.map((column) => `t.${column} is not null`).join(' and ')
  const parent = `not exists (select from ${key.parentSql} p where ${key.childColumns
    .map((column, place) => `p.${pg.escapeIdentifier(key.parentColumns[place]!)} = t.${column}`)
    .join(' and ')})`
  const questions: string[] = []
  if (child) {
    questions.push(`select from ${key.childSql} t join plinth_rewind r on ${sameKey(child)}
      where r.relation = $1 and r.image is not null and ${present} and ${parent}`)
  }
  if (tables.has(key.parent)) {
    const refers = key.childColumns
      .map(
        (column, place) =>
          `t.${column} = (g.row ->> ${pg.escapeLiteral(key.parentColumns[place]!)})::${key.types[place]}`,
      )
      .join(' and ')
    questions.push(`select from ${key.childSql} t join plinth_rewind_gone g on ${refers}
      where g.relation = $1 and ${parent}`)
  }
  for (const [index, question] of questions.entries()) {
    const relation = child && index === 0 ? key.child : key.parent
    const { rowCount } = await client.query(`${question} limit 1`, [relation])
    if (rowCount !== 0)
      throw tailErrors.rewind_orphans({ child: key.child, parent: key.parent, constraint: key.name })
  }
}
