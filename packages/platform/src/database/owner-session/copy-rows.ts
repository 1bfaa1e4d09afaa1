import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { quoteName } from '../sql.ts'

/** A value of a copied column; null, and a column that a row lacks, is NULL. */
export type CopiedValue = string | number | boolean | null

/** A row to copy, by column. */
export type CopiedRow = Readonly<Record<string, CopiedValue | undefined>>

const chunkCharacters = 64 * 1024

/** Copies rows into a table of the search path as they come; the slower side sets the pace. */
export async function copyRows(
  client: pg.Client,
  table: string,
  columns: readonly string[],
  rows: AsyncIterable<CopiedRow>,
): Promise<void> {
  const copy = client.query(
    copyFrom(`copy ${quoteName(table)} (${columns.map(quoteName).join(', ')}) from stdin`),
  )
  const failed = new Promise<never>((_resolve, reject) => copy.once('error', reject))
  failed.catch(() => undefined)
  let chunk = ''
  const flush = async () => {
    const drained = copy.write(chunk) || Promise.race([once(copy, 'drain'), failed])
    chunk = ''
    await drained
  }
  try {
    for await (const row of rows) {
      chunk += `${columns.map((column) => encode(row[column] ?? null)).join('\t')}\n`
      if (chunk.length > chunkCharacters) await flush()
    }
    if (chunk !== '') await flush()
    copy.end()
    await finished(copy)
  } catch (error) {
    copy.destroy(error as Error)
    await finished(copy).catch(() => undefined)
    throw error
  }
}

const special = /[\\\n\r\t]/

/** Text format of COPY. */
function encode(value: CopiedValue): string {
  if (value === null) return '\\N'
  if (typeof value !== 'string') return String(value)
  if (!special.test(value)) return value
  return value
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
}
