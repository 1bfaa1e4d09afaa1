import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Config, type DatabaseAddress, hasCode } from '@plinth/platform/kernel'
import { serverErrors } from '../errors.ts'
import type { RunningServer } from '../serve/start-server.ts'

/** How to reach one project. The shape is that of `plinth status --json`. */
export interface ProjectStatus {
  readonly api_url: string
  readonly anon_key: string
  readonly service_role_key: string
  readonly db_url: string
}

export interface ServerStatus {
  readonly pid: number
  readonly url: string
  readonly data_dir: string
  readonly systems: Readonly<Record<string, ProjectStatus>>
  /** Why systems have not started, by name; the server goes on trying. */
  readonly unavailable: Readonly<Record<string, string>>
  /** Administrator's addresses of each system's cluster, for commands beside the server; never printed. */
  readonly clusters: Readonly<Record<string, DatabaseAddress>>
  /** What the demonstrations suggest to try, with keys. */
  readonly try_next: readonly string[]
  /** Systems whose PostgreSQL gives out no changes. */
  readonly without_changes: readonly string[]
  /** Payment providers that are simulated beside the server. */
  readonly simulators?: readonly SimulatedAccount[]
}

/** An account of a provider on this machine. */
export interface SimulatedAccount {
  readonly system: string
  readonly provider: string
  readonly url: string
}

const statusPath = (dataDir: string) => join(dataDir, 'server.json')

export function describeServer(
  server: RunningServer,
  config: Config,
  tryNext: readonly string[] = [],
): ServerStatus {
  const systems = server.projects.map(({ name, keys, database }) => [
    name,
    {
      api_url: `${server.url}/${name}`,
      anon_key: keys.anonKey,
      service_role_key: keys.serviceRoleKey,
      db_url: database.addresses.ownerDirect,
    },
  ])
  const clusters = server.projects.map(({ name, cluster }) => [name, cluster.addresses])
  return {
    pid: process.pid,
    url: server.url,
    data_dir: config.dataDir,
    systems: Object.fromEntries(systems),
    unavailable: server.unavailable,
    clusters: Object.fromEntries(clusters),
    try_next: tryNext,
    without_changes: server.projects.flatMap(({ name, cluster }) =>
      cluster.engine.logicalReplication ? [] : [name],
    ),
  }
}

/** What is off in a system whose PostgreSQL gives out no changes. */
export const withoutChanges = (system: string): string =>
  `${system}: no journal, rewind, webhooks and realtime of tables: PostgreSQL gives out no changes (wal_level = logical turns them on)`

/** Leaves word of a running server for `plinth status`, for its owner only: it holds keys. */
export async function writeStatus(status: ServerStatus): Promise<void> {
  const path = statusPath(status.data_dir)
  await writeFile(`${path}.new`, `${JSON.stringify(status, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

export const removeStatus = (dataDir: string): Promise<void> => rm(statusPath(dataDir), { force: true })

/** The server that runs on a data folder now. Fails with `not_running`, also when one was killed and left its word. */
export async function readStatus(dataDir: string): Promise<ServerStatus> {
  const text = await readFile(statusPath(dataDir), 'utf8').catch((error: unknown) => {
    throw hasCode(error, 'ENOENT') ? serverErrors.not_running({ dataDir }, error) : error
  })
  const status = JSON.parse(text) as ServerStatus
  // By now another server may answer at that address.
  if (!isRunning(status.pid)) throw serverErrors.not_running({ dataDir })
  const answer = await fetch(`${status.url}/health/live`, { signal: AbortSignal.timeout(2_000) }).catch(
    () => undefined,
  )
  if (!answer?.ok) throw serverErrors.not_running({ dataDir })
  return status
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return hasCode(error, 'EPERM')
  }
}
