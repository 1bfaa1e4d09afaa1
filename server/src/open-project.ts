import { createAuthSurface, type PasswordHasher } from '@plinth/platform/auth'
import { openProjectDatabase, type ProjectDatabase } from '@plinth/platform/database'
import { createFunctionsSurface } from '@plinth/platform/functions'
import type { HealthCheck, HostedProject, Surface } from '@plinth/platform/http'
import { type JobRunner, startJobRunner } from '@plinth/platform/jobs'
import type { Clock, Log } from '@plinth/platform/kernel'
import {
  createRealtimeSurface,
  type RealtimeSurface,
  synchroniseRealtimeTables,
} from '@plinth/platform/realtime'
import { createRestSurface } from '@plinth/platform/rest'
import type { SystemDeclaration } from '@plinth/platform/system'
import type { Tail } from '@plinth/platform/tail'
import { jobsOf } from './jobs-of.ts'
import type { Cluster } from './open-engines.ts'
import { checkTail, openTail, standingFeed } from './open-tail.ts'
import { prepareDatabase } from './prepare-database.ts'
import { openProjectSecrets, type ProjectSecrets } from './project-secrets.ts'

/** A system that runs: its database is up to date, its surfaces answer, its jobs work. */
export interface Project extends HostedProject {
  readonly system: SystemDeclaration
  readonly cluster: Cluster
  readonly database: ProjectDatabase
  readonly jobs: JobRunner
  readonly realtime: RealtimeSurface
  readonly health: readonly HealthCheck[]
  /** Ends live connections: HTTP cannot stop while they are open. */
  disconnect(): Promise<void>
  /** Lets running work finish, then closes every connection. */
  close(): Promise<void>
}

export interface ProjectOptions {
  readonly system: SystemDeclaration
  readonly cluster: Cluster
  readonly dataDir: string
  /** The address that clients use for this project, without a trailing slash. */
  readonly url: string
  readonly redisUrl: string | undefined
  /** One for all projects of the process. */
  readonly passwords: PasswordHasher
  readonly clock: Clock
  readonly log: Log
}

/** Brings a system's database up to date and opens the project on it. */
export async function openProject(options: ProjectOptions): Promise<Project> {
  const { system, cluster, dataDir, clock } = options
  const log = options.log.child({ system: system.name })
  const secrets = await openProjectSecrets(dataDir, system.name, clock)
  const addresses = await prepareDatabase(system, cluster.addresses, secrets)
  const database = openProjectDatabase({ system: system.name, addresses, log })
  const stream = cluster.engine.logicalReplication
    ? await openTail({ system, database, sealingKey: secrets.sealingKey, dataDir, clock, log })
    : undefined
  const realtime = await openRealtime({ ...options, log }, database, secrets, stream?.tail)
  stream?.tail.start()
  stream?.webhooks.start()
  const declared = jobsOf({ system, database, secrets, dataDir })
  const jobs = await startJobRunner({ database, jobs: declared, clock, log })
  let disconnected: Promise<void> | undefined
  const disconnect = () => (disconnected ??= realtime.stop())
  return {
    name: system.name,
    functionNames: new Set(system.functions.map(({ name }) => name)),
    keys: secrets.keys,
    surfaces: [...createSurfaces({ ...options, log }, database, secrets), realtime],
    system,
    cluster,
    database,
    jobs,
    realtime,
    health: [
      { name: `${system.name}/database`, check: () => checkDatabase(database) },
      { name: `${system.name}/jobs`, check: () => jobs.health() },
      { name: `${system.name}/tail`, check: () => (stream ? checkTail(stream.tail) : withoutTail) },
      { name: `${system.name}/realtime`, check: () => ({ status: 'ok', detail: { ...realtime.health() } }) },
    ],
    disconnect,
    close: async () => {
      await jobs.stop()
      await disconnect()
      await stream?.webhooks.stop()
      await stream?.tail.stop()
      await database.close()
    },
  }
}

function createSurfaces(
  options: ProjectOptions,
  database: ProjectDatabase,
  { keys }: ProjectSecrets,
): Surface[] {
  const { system, url, passwords, clock, log } = options
  return [
    createRestSurface({ database, log }),
    createAuthSurface({ database, keys, clock, passwords, settings: { issuer: `${url}/auth/v1` } }),
    createFunctionsSurface({ functions: system.functions, database, clock, isAdmin: system.isAdmin }),
  ]
}

async function openRealtime(
  { system, redisUrl, clock, log }: ProjectOptions,
  database: ProjectDatabase,
  { keys }: ProjectSecrets,
  tail: Tail | undefined,
): Promise<RealtimeSurface> {
  // Opening the tail has done so already.
  if (!tail) await synchroniseRealtimeTables(database, system.realtimeTables)
  const feed = tail ?? standingFeed(system.name)
  const realtime = createRealtimeSurface({ database, keys, feed, clock, log, redisUrl })
  await realtime.start()
  return realtime
}

async function checkDatabase(database: ProjectDatabase) {
  await database.asOwner({ text: 'select' })
  return { status: 'ok' as const, detail: { connections: database.usage() } }
}

/** Without logical replication the server runs; health says what is off and what would turn it on. */
const withoutTail = {
  status: 'degraded' as const,
  detail: {
    off: 'realtime changes, journal, rewind',
    remedy: 'set wal_level = logical, let the administrator replicate, and restart',
  },
}
