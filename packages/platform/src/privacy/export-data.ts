import type { OwnerSession } from '../database/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { ExportedFile } from '../system/index.ts'
import type { OwnedTable } from './owned-tables.ts'
import {
  type ExportManifest,
  exportTable,
  makeExportFolder,
  writeFile,
  writeManifest,
} from './write-export.ts'

export interface ExportOptions {
  readonly session: OwnerSession
  readonly system: string
  /** Whose rows: the tenant's key, or the person as the subject columns name them. */
  readonly owner: string
  readonly folder: string
  readonly tables: readonly OwnedTable[]
  readonly files: readonly AsyncIterable<ExportedFile>[]
  readonly clock: Clock
}

/**
 * Writes the owner's rows, as they are at one instant, and the files of every hook into a folder; `manifest.json`, written
 * last, lists them with their hashes: without it an export did not come to its end.
 */
export async function exportData(options: ExportOptions): Promise<ExportManifest> {
  const { session, system, owner, folder, tables, files, clock } = options
  await makeExportFolder(folder)
  const exportedAt = clock.now().toISOString()
  const parts: (ExportManifest['parts'][number] | null)[] = []
  await session.query('begin isolation level repeatable read read only')
  try {
    for (const table of tables) parts.push(await exportTable(session, folder, table, owner))
  } finally {
    await session.query('rollback')
  }
  for (const source of files) for await (const file of source) parts.push(await writeFile(folder, file))
  const manifest = { system, owner, exportedAt, parts: parts.filter((part) => part !== null) }
  await writeManifest(folder, manifest)
  return manifest
}
