import pg from 'pg'
import { messageOf } from '../kernel/index.ts'
import { rewindErrors } from './errors.ts'
import { sameKey } from './gather-rows.ts'
import type { ColumnShape, KeyedTable, RewindTableShape } from './read-tables.ts'
import type { ColumnNotes } from './schema-changes.ts'

/** A table with what is known of the images that go into it. */
export type NotedTable = RewindTableShape & { readonly notes: ColumnNotes }

const imageOf = ({ name }: ColumnShape) => `(r.image ->> ${pg.escapeLiteral(name)})`
/** As the journal writes it; `format` makes an empty text of null. */
export const textOf = ({ sql }: ColumnShape) =>
  `case when num_nulls(t.${sql}) = 0 then format('%s', t.${sql}) end`

/** An image without a column that nobody noted as new would put null into it. */
export async function refuseLackingImages(client: pg.Client, table: NotedTable, to: string): Promise<void> {
  const needed = table.columns.map(({ name }) => name).filter((name) => !table.notes.added.has(name))
  const { rows } = await client.query<{ name: string }>(
    `select (select n from unnest($2::text[]) n where not r.image ? n limit 1) as name from plinth_rewind r
     where r.relation = $1 and r.image is not null and not r.image ?& $2 limit 1`,
    [table.relation, needed],
  )
  if (!rows[0]) return
  const problem = `nothing is known of column "${rows[0].name}"`
  throw rewindErrors.rewind_schema_changed({ table: table.relation, to, problem })
}

/** A type that rounds or cuts values off would do so without a word. */
export async function refuseLossyColumns(client: pg.Client, table: NotedTable, to: string): Promise<void> {
  for (const column of table.columns) {
    const { name, type } = column
    if (!table.notes.retyped.has(name)) continue
    const value = imageOf(column)
    const fail = (problem: string, cause?: unknown) =>
      rewindErrors.rewind_schema_changed({ table: table.relation, to, problem }, cause)
    const { rows } = await client
      .query<{ was: string; is: string }>(
        `select ${value} as was, format('%s', ${value}::${type}) as is from plinth_rewind r
         where relation = $1 and ${value} is not null and format('%s', ${value}::${type}) <> ${value} limit 1`,
        [table.relation],
      )
      .catch((cause: unknown) => {
        throw fail(`column "${name}" does not take its value of then (${messageOf(cause)})`, cause)
      })
    const [lost] = rows
    if (lost) throw fail(`its value ${lost.was} of column "${name}" would become ${lost.is} as ${type}`)
  }
}

/**
 * Rows of which a value changes that two rows may not share give way and come anew: two that swapped theirs would meet
 * on the way. They keep what is in columns that were added since.
 */
export async function chooseReplaced(client: pg.Client, table: NotedTable): Promise<void> {
  const keys = new Set(table.key.map(({ name }) => name))
  const exclusive = table.columns.filter(({ name, isExclusive }) => isExclusive && !keys.has(name))
  if (exclusive.length === 0) return
  const differs = exclusive
    .filter(({ name }) => !table.notes.added.has(name))
    .map((column) => `${imageOf(column)} is distinct from ${textOf(column)}`)
  if (differs.length === 0) return
  const kept = table.columns.filter(({ name }) => table.notes.added.has(name))
  const today = kept.flatMap((column) => [pg.escapeLiteral(column.name), textOf(column)]).join(', ')
  await client.query(
    `update plinth_rewind r set replaced = true, image = jsonb_build_object(${today}) || r.image
     from ${table.sql} t where r.relation = $1 and r.image is not null and ${sameKey(table)}
       and (${differs.join(' or ')})`,
    [table.relation],
  )
}

/** Rows that were not there, and those that come anew. */
export async function removeRows(client: pg.Client, table: KeyedTable): Promise<void> {
  await client.query(
    `with gone as (
       delete from ${table.sql} t using plinth_rewind r
       where r.relation = $1 and (r.image is null or r.replaced) and ${sameKey(table)}
       returning t.ctid as place, to_jsonb(t) as row)
     insert into plinth_rewind_gone select $1, place, row from gone on conflict do nothing`,
    [table.relation],
  )
}

/** Rows that stay, with the values of then: who waits for one of them finds it. */
export async function revertRows(client: pg.Client, table: NotedTable): Promise<void> {
  const keys = new Set(table.key.map(({ name }) => name))
  const values = table.columns
    .filter(({ name, isAlwaysIdentity }) => !keys.has(name) && !isAlwaysIdentity)
    .map((column) => `${column.sql} = ${valueFor(table, column, `t.${column.sql}`)}`)
  if (values.length === 0) return
  await client.query(
    `update ${table.sql} t set ${values.join(', ')} from plinth_rewind r
     where r.relation = $1 and r.image is not null and not r.replaced and ${sameKey(table)}`,
    [table.relation],
  )
}

export async function insertRows(client: pg.Client, table: NotedTable): Promise<void> {
  const columns = table.columns.map((column) => column.sql).join(', ')
  const values = table.columns.map((column) => valueFor(table, column, column.default ?? 'null')).join(', ')
  await client.query(
    `insert into ${table.sql} (${columns}) overriding system value
     select ${values} from plinth_rewind r where r.relation = $1 and r.image is not null
       and not exists (select from ${table.sql} t where ${sameKey(table)})`,
    [table.relation],
  )
}

/** The value of then; `otherwise` where the column was added since. */
function valueFor(table: NotedTable, column: ColumnShape, otherwise: string): string {
  const value = `${imageOf(column)}::${column.type}`
  if (!table.notes.added.has(column.name)) return value
  return `case when r.image ? ${pg.escapeLiteral(column.name)} then ${value} else ${otherwise} end`
}
