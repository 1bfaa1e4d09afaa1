import type pg from 'pg'
import { type ProjectDatabase, quoteText } from '../database/index.ts'
import {
  blocksOf,
  createOpener,
  type OpenBlock,
  openImages as openEntry,
  type SealedImage,
} from '../journal/index.ts'
import type { RewindTableShape } from './read-tables.ts'

const batch = 1_000

/**
 * Opens the sealed values of a table's images. A person who was erased since stays erased: the value of today is kept,
 * and a row that is not there any more is not brought back.
 */
export async function openImages(
  client: pg.Client,
  database: ProjectDatabase,
  key: Buffer,
  table: RewindTableShape,
): Promise<void> {
  if (table.personal.length === 0) return
  let last = ''
  for (;;) {
    const { rows } = await client.query<{ key: string; image: SealedImage; today: Today | null }>(
      `select r.key, r.image, (select ${todayOf(table)} from ${table.sql} t where ${keyOf(table)}) as today
       from plinth_rewind r where r.relation = $1 and r.image is not null and r.key > $2
       order by r.key limit ${batch}`,
      [table.relation, last],
    )
    if (rows.length === 0) return
    last = rows.at(-1)!.key
    const open = await createOpener(
      database,
      key,
      rows.flatMap(({ image }) => blocksOf(image)),
    )
    const opened = rows.map((row) => openImage(row, table, open))
    await client.query(
      `update plinth_rewind r set image = o.image
       from unnest($2::text[], $3::jsonb[]) o(key, image) where r.relation = $1 and r.key = o.key`,
      [table.relation, rows.map((row) => row.key), opened],
    )
  }
}

const todayOf = (table: RewindTableShape) =>
  `json_build_object(${table.columns
    .filter((column) => table.personal.includes(column.name))
    .map(
      (column) =>
        `${quoteText(column.name)}, case when num_nulls(t.${column.sql}) = 0 then format('%s', t.${column.sql}) end`,
    )
    .join(', ')})`

const keyOf = (table: RewindTableShape) =>
  table.key
    .map((column, place) => `t.${column.sql} = (r.key::jsonb ->> ${place})::${column.type}`)
    .join(' and ')

/** What the personal columns hold now. */
type Today = Readonly<Record<string, string | null>>

function openImage(
  row: { readonly image: SealedImage; readonly today: Today | null },
  table: RewindTableShape,
  open: OpenBlock,
): string | null {
  const image = openEntry(table.relation, { before: row.image, after: null }, open).before!
  const closed = Object.keys(image).filter((column) => image[column] === undefined)
  if (closed.length > 0 && row.today === null) return null
  for (const column of closed) image[column] = row.today?.[column] ?? null
  return JSON.stringify(image)
}
