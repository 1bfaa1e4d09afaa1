import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newDatabaseSecrets, type ProjectDatabase, sql } from '@plinth/platform/database'
import { migrateJobQueue } from '@plinth/platform/jobs'
import { createLog, newKey, systemClock } from '@plinth/platform/kernel'
import { openProject, readProjectMigrations } from '@plinth/platform/project'
import type { SystemDeclaration } from '@plinth/platform/system'
import { openBenchDatabase } from '../open-bench-database.ts'

/** A system whose jobs run, on a PostgreSQL of its own; one person has signed up. */
export interface BenchProject {
  readonly database: ProjectDatabase
  readonly person: string
  close(): Promise<void>
}

export async function openBenchProject(system: SystemDeclaration, callers: number): Promise<BenchProject> {
  const [, ...sets] = await readProjectMigrations(system)
  const opened = await openBenchDatabase(
    system.name,
    sets.map((set) => Promise.resolve(set)),
    { connections: { requests: 1, owner: callers } },
  )
  const { database } = opened
  await migrateJobQueue(database.addresses.ownerDirect)
  const dataDir = await mkdtemp(join(tmpdir(), 'plinth-bench-project-'))
  const project = await openProject({
    system,
    addresses: database.addresses,
    secrets: { keysFile: join(dataDir, 'keys.json'), database: newDatabaseSecrets(), sealingKey: newKey() },
    logicalReplication: false,
    dataDir,
    environment: {},
    url: 'http://127.0.0.1/sample',
    redisUrl: undefined,
    clock: systemClock,
    log: createLog('error'),
  })
  await project.start()
  const person = randomUUID()
  await database.asOwner(sql`insert into auth.users (id, email) values (${person}, 'ada@example.test')`)
  return {
    database,
    person,
    close: async () => {
      await project.close()
      await opened.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
