import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  applyMigrations,
  type MigrationSet,
  newDatabaseSecrets,
  openProjectDatabase,
  type ProjectDatabase,
  type ProjectDatabaseOptions,
  provisionProject,
  readPlatformMigrations,
  startEmbeddedEngine,
} from '@plinth/platform/database'
import { createLog } from '@plinth/platform/kernel'

export interface BenchDatabase {
  readonly database: ProjectDatabase
  close(): Promise<void>
}

/** A system's database on a PostgreSQL of its own, durable as in production. */
export async function openBenchDatabase(
  system: string,
  sets: readonly Promise<MigrationSet>[],
  options: Pick<ProjectDatabaseOptions, 'connections'> = {},
): Promise<BenchDatabase> {
  const log = createLog('error')
  const folder = await mkdtemp(join(tmpdir(), `plinth-bench-${system}-`))
  const engine = await startEmbeddedEngine({ dataDir: join(folder, 'data'), log })
  const cluster = { url: engine.adminUrl(), directUrl: engine.adminUrl() }
  const addresses = await provisionProject(cluster, system, newDatabaseSecrets())
  await applyMigrations(addresses, await Promise.all([readPlatformMigrations(), ...sets]))
  const database = openProjectDatabase({ system, addresses, log, ...options })
  return {
    database,
    close: async () => {
      await database.close()
      await engine.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
