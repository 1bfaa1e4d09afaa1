import type pg from 'pg'
import { type ProjectDatabase, quoteText } from '../database/index.ts'
import { createOpener, isSealed, type SealedImage, type SealedValue } from '../journal/index.ts'
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
    const { rows } = await client.query<{ key: string; image: SealedImage; today: SealedImage | null }>(
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
      rows.flatMap(({ image }) => keysOf(image, table)),
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

const keysOf = (image: SealedImage, table: RewindTableShape): string[] =>
  table.personal.flatMap((column) => {
    const value = image[column]
    return isSealed(value) ? [value.key] : []
  })

function openImage(
  row: { readonly image: SealedImage; readonly today: SealedImage | null },
  table: RewindTableShape,
  open: (relation: string, column: string, value: SealedValue) => string | undefined,
): string | null {
  const image: SealedImage = { ...row.image }
  for (const column of table.personal) {
    const value = image[column]
    if (!isSealed(value)) continue
    const opened = open(table.relation, column, value)
    if (opened === undefined && row.today === null) return null
    image[column] = opened ?? row.today?.[column] ?? null
  }
  return JSON.stringify(image)
}
