import { createHmac } from 'node:crypto'
import { sql } from '../../database/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { backupErrors } from '../errors.ts'
import { placeError, readWhole } from '../format/parts.ts'

/** The bytes of files, each once, under names that say nothing of them; in pieces, so that none is larger than 50 MB. */
const folder = '=files'
const pieceBytes = 40_000_000

const nameOf = ({ filesKey }: BackupContext, id: string): string => {
  const name = createHmac('sha256', filesKey).update(id).digest('hex')
  return `${folder}/${name.slice(0, 2)}/${name}`
}
const pieceOf = (name: string, piece: number) => `${name}.${String(piece).padStart(4, '0')}`
/** Written last: how many pieces there are. */
const endOf = (name: string) => `${name}.end`

export interface CopiedFiles {
  readonly files: number
  readonly bytes: number
}

/** Copies the bytes of files that are not there yet. What is encrypted at rest stays so; what is not lies as it is. */
export async function backUpFiles(context: BackupContext): Promise<CopiedFiles> {
  const { database, store, bytes: source } = context
  const { rows } = await database.asOwner<{ id: string; size: string }>(
    sql`select id, size from plinth.storage_blobs where missing_since is null order by id`,
  )
  const there = new Set<string>()
  for await (const { name } of store.list(`${folder}/`)) there.add(name)
  const copied = { files: 0, bytes: 0 }
  for (const { id } of rows) {
    const name = nameOf(context, id)
    if (there.has(endOf(name)) || (await source.sizeOf(id)) === undefined) continue
    let pieces = 0
    for await (const piece of inPieces(source, id)) {
      pieces += 1
      copied.bytes += piece.length
      await put(context, pieceOf(name, pieces), piece)
    }
    await put(context, endOf(name), Buffer.from(String(pieces)))
    copied.files += 1
  }
  return copied
}

async function* inPieces(source: BackupContext['bytes'], id: string): AsyncIterable<Buffer> {
  let held: Buffer[] = []
  let bytes = 0
  for await (const chunk of await source.read(id)) {
    held.push(chunk as Buffer)
    bytes += (chunk as Buffer).length
    if (bytes < pieceBytes) continue
    yield Buffer.concat(held)
    held = []
    bytes = 0
  }
  yield Buffer.concat(held)
}

async function put({ store, second }: BackupContext, name: string, content: Buffer): Promise<void> {
  for (const place of second ? [store, second] : [store])
    await place
      .put(
        name,
        (async function* () {
          yield content
        })(),
      )
      .catch((error: unknown) => {
        throw placeError(error)
      })
}

/** Brings back the bytes that the rows name and the store of files lacks. Fails with `backup_part_missing`. */
export async function restoreFiles(context: BackupContext): Promise<CopiedFiles> {
  const { database, store, second, bytes: target } = context
  const { rows } = await database.asOwner<{ id: string; sha256: string }>(
    sql`select id, encode(sha256, 'hex') as sha256 from plinth.storage_blobs where missing_since is null order by id`,
  )
  const restored = { files: 0, bytes: 0 }
  for (const { id } of rows) {
    if ((await target.sizeOf(id)) !== undefined) continue
    const name = nameOf(context, id)
    const read = async (wanted: string) =>
      (await readWhole(store, wanted)) ?? (second && (await readWhole(second, wanted)))
    const pieces = Number((await read(endOf(name)))?.toString() ?? Number.NaN)
    if (!Number.isSafeInteger(pieces)) throw backupErrors.backup_part_missing({ name: endOf(name) })
    const content = async function* () {
      for (let piece = 1; piece <= pieces; piece += 1) {
        const bytes = await read(pieceOf(name, piece))
        if (!bytes) throw backupErrors.backup_part_missing({ name: pieceOf(name, piece) })
        yield bytes
      }
    }
    const staged = await target.stage(content())
    await staged.publish()
    // At S3 the store gives names of its own.
    if (staged.id !== id) await rename(context, id, staged.id)
    restored.files += 1
    restored.bytes += staged.size
  }
  return restored
}

function rename({ database }: BackupContext, from: string, to: string): Promise<void> {
  return database.transactionAsOwner(async ({ query }) => {
    await query(sql`
      insert into plinth.storage_blobs (id, size, sha256, is_sealed, claimed_at)
      select ${to}, size, sha256, is_sealed, claimed_at from plinth.storage_blobs where id = ${from} on conflict do nothing`)
    await query(sql`update plinth.storage_versions set blob = ${to} where blob = ${from}`)
    await query(sql`delete from plinth.storage_blobs where id = ${from}`)
  })
}
