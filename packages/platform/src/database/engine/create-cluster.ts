import { chmod, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newSecret } from '../../kernel/index.ts'
import { type Account, runProgram } from './choose-account.ts'
import { explainFailure } from './explain-failure.ts'
import { clusterFolder } from './inspect-data-folder.ts'
import type { Binaries } from './locate-binaries.ts'
import { includeSettings } from './server-settings.ts'

/** The superuser of an embedded cluster. */
export const adminRole = 'postgres'

const stagingPrefix = 'postgres.new-'

/**
 * Makes the cluster of a data folder. It grows under another name and is renamed when it is whole, so a process
 * killed half-way leaves nothing that looks like data.
 */
export async function createCluster(options: {
  folder: string
  binaries: Binaries
  majorVersion: number
  account: Account
  password: string
  durable: boolean
}): Promise<void> {
  const { folder, account } = options
  await removeUnfinished(folder)
  const staging = join(folder, `${stagingPrefix}${newSecret(6)}`)
  const passwordFile = join(staging, 'password')
  const cluster = join(staging, 'cluster')
  try {
    await mkdir(cluster, { recursive: true, mode: 0o700 })
    await chmod(staging, 0o711)
    await writeFile(passwordFile, options.password, { mode: 0o600 })
    await account.own(cluster)
    await account.own(passwordFile)
    await runInitdb({ ...options, cluster, passwordFile })
    await includeSettings(cluster)
    await rename(cluster, clusterFolder(folder))
    await syncFolder(folder)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

async function runInitdb(options: {
  folder: string
  cluster: string
  passwordFile: string
  binaries: Binaries
  majorVersion: number
  account: Account
  durable: boolean
}): Promise<void> {
  const { succeeded, output, how } = await runProgram(options.account, options.binaries.initdb, [
    `--pgdata=${options.cluster}`,
    `--username=${adminRole}`,
    '--auth=scram-sha-256',
    `--pwfile=${options.passwordFile}`,
    '--encoding=UTF8',
    '--text-search-config=english',
    ...localeArguments(options.majorVersion),
    ...(options.durable ? [] : ['--no-sync']),
  ])
  if (!succeeded) throw explainFailure(output.split('\n'), options, `initdb ended with ${how}`)
}

/** Text is compared by code point whatever LANG says; PostgreSQL's own provider does not depend on the libc. */
function localeArguments(majorVersion: number): string[] {
  return majorVersion >= 17
    ? ['--no-locale', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
    : ['--locale=C.UTF-8', '--lc-messages=C']
}

async function removeUnfinished(folder: string): Promise<void> {
  const names = await readdir(folder)
  const unfinished = names.filter((name) => name.startsWith(stagingPrefix))
  await Promise.all(unfinished.map((name) => rm(join(folder, name), { recursive: true, force: true })))
}

/** Makes the rename itself survive a power cut. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}
