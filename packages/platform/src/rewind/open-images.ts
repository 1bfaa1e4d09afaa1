import pg from 'pg'
import type { ProjectDatabase } from '../database/index.ts'
import {
  blocksOf,
  createOpener,
  type OpenBlock,
  openImages as openEntry,
  type SealedImage,
} from '../journal/index.ts'
import { sameKey } from './gather-rows.ts'
import type { RewindTableShape } from './read-tables.ts'
import { textOf } from './restore-rows.ts'

const batch = 1_000
/** An image that is not open has its block under this name. */
const isSealed = `r.image ? ''`

/**
 * Opens the sealed values of a table's images, those that are not open yet. Images of a person who was erased stay sealed:
 * {@link keepErased} sees to them.
 */
export async function openImages(
  client: pg.Client,
  database: ProjectDatabase,
  key: Buffer,
  table: RewindTableShape,
): Promise<void> {
  let last = ''
  for (;;) {
    const { rows } = await client.query<{ key: string; image: SealedImage }>(
      `select r.key, r.image from plinth_rewind r
       where r.relation = $1 and ${isSealed} and r.key > $2 order by r.key limit ${batch}`,
      [table.relation, last],
    )
    if (rows.length === 0) return
    last = rows.at(-1)!.key
    const open = await createOpener(
      database,
      key,
      rows.flatMap(({ image }) => blocksOf(image)),
    )
    const opened = rows.map(({ image }) => JSON.stringify(openImage(table.relation, image, open)))
    await client.query(
      `update plinth_rewind r set image = o.image
       from unnest($2::text[], $3::jsonb[]) o(key, image) where r.relation = $1 and r.key = o.key`,
      [table.relation, rows.map((row) => row.key), opened],
    )
  }
}

/** The image itself where its key is not there. */
function openImage(relation: string, image: SealedImage, open: OpenBlock): object {
  const opened = openEntry(relation, { before: image, after: null }, open).before!
  return Object.values(opened).includes(undefined) ? image : opened
}

/**
 * A person who was erased stays erased: the values of today are kept, and a row that is not there any more is not brought
 * back.
 */
export async function keepErased(client: pg.Client, table: RewindTableShape): Promise<void> {
  const today = table.columns.map((column) => {
    const name = pg.escapeLiteral(column.name)
    const isClosed = `jsonb_typeof(r.image -> ${name}) = 'number'`
    return `case when ${isClosed} then jsonb_build_object(${name}, ${textOf(column)}) else '{}' end`
  })
  await client.query(
    `update plinth_rewind r set image = (r.image || ${today.join(' || ')}) - '' from ${table.sql} t
     where r.relation = $1 and ${isSealed} and ${sameKey(table)}`,
    [table.relation],
  )
  await client.query(`update plinth_rewind r set image = null where r.relation = $1 and ${isSealed}`, [
    table.relation,
  ])
}
