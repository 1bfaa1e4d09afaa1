import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import type { ImportSession } from './open-session.ts'

/** A value of a staged column, as text; null is NULL. */
export type StagedValue = string | number | boolean | null

const chunkCharacters = 64 * 1024

/** Copies rows into a temporary table of the session as they come; the slower side sets the pace. */
export async function copyRows(
  { client }: ImportSession,
  table: string,
  columns: readonly string[],
  rows: AsyncIterable<readonly StagedValue[]>,
): Promise<void> {
  const copy = client.query(copyFrom(`copy ${table} (${columns.join(', ')}) from stdin`))
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
      chunk += `${row.map(encode).join('\t')}\n`
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
function encode(value: StagedValue): string {
  if (value === null) return '\\N'
  if (typeof value !== 'string') return String(value)
  if (!special.test(value)) return value
  return value
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
}
