import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  applyMigrations,
  type Engine,
  newDatabaseSecrets,
  openProjectDatabase,
  type ProjectDatabase,
  provisionProject,
  readPlatformMigrations,
  startEmbeddedEngine,
} from '@plinth/platform/database'
import { readJournalMigrations } from '@plinth/platform/journal'
import { silentLog } from '@plinth/platform/kernel'
import { readTailMigrations } from '@plinth/platform/tail'
import { testBinaries } from '../programs/index.ts'

export interface OwnCluster {
  readonly engine: Engine
  readonly database: ProjectDatabase
  /** Goes with the cluster. */
  readonly folder: string
  stop(): Promise<void>
}

/** A PostgreSQL of the test's own, for what would harm the one that all tests share. Takes seconds. */
export async function startOwnCluster(
  schema: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<OwnCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-own-cluster-'))
  const engine = await startEmbeddedEngine({
    dataDir: join(folder, 'data'),
    log: silentLog,
    settings: { fsync: 'off', ...settings },
    ...testBinaries(),
  })
  const cluster = { url: engine.adminUrl(), directUrl: engine.adminUrl() }
  const addresses = await provisionProject(cluster, 'sample', newDatabaseSecrets())
  await applyMigrations(
    addresses,
    await Promise.all([readPlatformMigrations(), readTailMigrations(), readJournalMigrations()]),
  )
  const database = openProjectDatabase({ system: 'sample', addresses, log: silentLog })
  await database.asOwner({ text: schema })
  return {
    engine,
    database,
    folder,
    stop: async () => {
      await database.close()
      await engine.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
