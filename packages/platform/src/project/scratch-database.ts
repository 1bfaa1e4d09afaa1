import { randomBytes } from 'node:crypto'
import {
  applyMigrations,
  type ClusterAddresses,
  openProjectDatabase,
  provisionProject,
  quoteName,
  withClusterLock,
} from '../database/index.ts'
import { declareJobs, type JobDefinition, migrateJobQueue } from '../jobs/index.ts'
import type { Clock, Log } from '../kernel/index.ts'
import type { ScratchDatabase, SystemDeclaration } from '../system/index.ts'
import { readProjectMigrations } from './prepare-database.ts'
import type { ProjectSecrets } from './project-secrets.ts'

export interface ScratchOptions {
  readonly system: SystemDeclaration
  readonly cluster: ClusterAddresses
  readonly secrets: Pick<ProjectSecrets, 'database'>
  readonly jobs: readonly JobDefinition[]
  readonly clock: Clock
  readonly log: Log
}

/** Hours after which a scratch database that nobody is connected to was left behind by a process that ended. */
const leftAfterHours = 6

const prefixOf = (system: string) => `plinth_scratch_${system}_`

/** A database with the system's schema and no rows, beside the project's own; whoever asks drops it. */
export async function createScratchDatabase(options: ScratchOptions): Promise<ScratchDatabase> {
  const { system, cluster, secrets, jobs, clock, log } = options
  await dropLeftovers(cluster, system.name)
  const began = Math.floor(Date.now() / 1_000)
  const name = `${prefixOf(system.name)}${began}_${randomBytes(4).toString('hex')}`
  const drop = () => dropDatabase(cluster, name)
  try {
    const addresses = await provisionProject(cluster, system.name, secrets.database, name)
    await applyMigrations(addresses, await readProjectMigrations(system))
    await migrateJobQueue(addresses.ownerDirect)
    const database = openProjectDatabase({
      system: system.name,
      addresses,
      log,
      connections: { requests: 1, owner: 2 },
    })
    await declareJobs(database, jobs, clock)
    return {
      database,
      drop: async () => {
        await database.close()
        await drop()
      },
    }
  } catch (error) {
    await drop().catch(() => undefined)
    throw error
  }
}

function dropDatabase({ directUrl }: ClusterAddresses, name: string): Promise<void> {
  return withClusterLock(directUrl, async (client) => {
    await client.query(`drop database if exists ${quoteName(name)} with (force)`)
  })
}

async function dropLeftovers({ directUrl }: ClusterAddresses, system: string): Promise<void> {
  await withClusterLock(directUrl, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      `select d.datname from pg_catalog.pg_database d
       where pg_catalog.starts_with(d.datname, $1)
         and pg_catalog.split_part(pg_catalog.substr(d.datname, pg_catalog.length($1) + 1), '_', 1) ~ '^[0-9]+$'
         and pg_catalog.split_part(pg_catalog.substr(d.datname, pg_catalog.length($1) + 1), '_', 1)::bigint < $2
         and not exists (select from pg_catalog.pg_stat_activity a where a.datname = d.datname)`,
      [prefixOf(system), Math.floor(Date.now() / 1_000) - leftAfterHours * 3_600],
    )
    for (const { datname } of rows) await client.query(`drop database if exists ${quoteName(datname)}`)
  })
}
