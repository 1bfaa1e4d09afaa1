import { sql } from '../../database/index.ts'
import type { NamedStore } from '../../storage/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { backupErrors } from '../errors.ts'
import type { PartEntry } from '../format/manifest.ts'
import { placeError } from '../format/parts.ts'

export interface BackupFiles {
  readonly id: string
  /** The manifest. */
  readonly file: string
  readonly parts: readonly Pick<PartEntry, 'name'>[]
}

/** Copies a backup to the second place, the manifest last; nothing happens where there is none. */
export async function copyToSecond(context: BackupContext, { id, file, parts }: BackupFiles): Promise<void> {
  const { store, second, database, clock } = context
  if (!second) return
  for (const { name } of parts) await copyBytes(store, second, name)
  await copyBytes(store, second, file)
  await database.asOwner(sql`update plinth.backups set copied_at = ${clock.now()} where id = ${id}`)
}

async function copyBytes(from: NamedStore, to: NamedStore, name: string): Promise<void> {
  const source = await from.get(name)
  if (!source) throw backupErrors.backup_part_missing({ name })
  await to.put(name, source as AsyncIterable<Buffer>).catch((error: unknown) => {
    throw placeError(error)
  })
}
