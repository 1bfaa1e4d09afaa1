import { chmod, chown, cp, mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { locateBinaries } from './locate-binaries.ts'
import {
  canQuery,
  isRoot,
  makeFolder,
  query,
  readPostmasterPid,
  startServerProcess,
} from './tests/engine-fixtures.ts'

const nobody = 65_534

/** Covers `unshare` with a program that fails, in a mount namespace of its own: as on a machine that forbids it. */
const withoutUserNamespaces = [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'mount --bind /bin/false "$(command -v unshare)" && exec "$@"',
  'sh',
]

/** An ordinary user who may nevertheless read this repository, wherever it is. */
const asOrdinaryUser = ['unshare', '--user', '--map-user=1000', '--map-group=1000', '--']

describe.runIf(isRoot)('as root', () => {
  test('PostgreSQL has no root powers, the files stay root’s, and a private folder will do', async () => {
    const dataDir = await makePrivateFolder()
    const { outcome } = await startServerProcess({ dataDir })
    expect(await canQuery(outcome.url!)).toBe(true)
    expect((await stat(join(dataDir, 'postgres'))).uid).toBe(0)
    const [row] = await query(outcome.url!, `select pg_read_file('/proc/self/status') as status`)
    expect(row.status).toMatch(/^Uid:\s+1000\s/m)
    expect(row.status).toMatch(/^CapEff:\s+0+$/m)
  })

  test('where user namespaces are forbidden, PostgreSQL runs as nobody', async () => {
    const dataDir = await makeFolder()
    await chmod(dataDir, 0o755)
    const options = { dataDir, binaries: await makeOpenBinaries() }
    const first = await startServerProcess(options, { wrapper: withoutUserNamespaces })
    expect(first.outcome).toMatchObject({ uid: 0, majorVersion: 18 })
    await query(first.outcome.url!, 'create table kept as select 7 as n')
    const postmaster = await readPostmasterPid(dataDir)
    expect((await stat(`/proc/${postmaster}`)).uid).toBe(nobody)
    await first.end('SIGKILL')

    const again = await startServerProcess(options)
    expect(await query(again.outcome.url!, 'select n from kept')).toEqual([{ n: 7 }])
    expect((await stat(`/proc/${await readPostmasterPid(dataDir)}`)).uid).toBe(nobody)
  })

  test('a folder made with user namespaces also starts where they are forbidden', async () => {
    const dataDir = await makeFolder()
    await chmod(dataDir, 0o755)
    const options = { dataDir, binaries: await makeOpenBinaries() }
    const before = await startServerProcess(options)
    await before.end('SIGTERM')
    const after = await startServerProcess(options, { wrapper: withoutUserNamespaces })
    expect(await canQuery(after.outcome.url!)).toBe(true)
  })

  test('a folder that nobody cannot enter is named: data_folder_closed', async () => {
    const parent = await makePrivateFolder()
    const dataDir = join(parent, 'data')
    const { outcome } = await startServerProcess(
      { dataDir, binaries: await makeOpenBinaries() },
      { wrapper: withoutUserNamespaces },
    )
    expect(outcome).toEqual({
      code: 'data_folder_closed',
      message: `PostgreSQL must not run as root, and the account "nobody" cannot enter ${parent}.`,
    })
    expect(await readdir(parent)).toEqual([])
  })

  test('a folder that umask closes to nobody is named: data_folder_closed', async () => {
    const parent = await makeFolder()
    await chmod(parent, 0o755)
    const dataDir = join(parent, 'data')
    const { outcome } = await startServerProcess(
      { dataDir, binaries: await makeOpenBinaries() },
      { wrapper: [...withoutUserNamespaces, 'sh', '-c', 'umask 077 && exec "$@"', 'sh'] },
    )
    expect(outcome).toMatchObject({ code: 'data_folder_closed', message: expect.stringContaining(dataDir) })
  })

  test('binaries that nobody can reach are named as well', async () => {
    const binaries = await makeOpenBinaries()
    await chmod(binaries, 0o700)
    const dataDir = await makeFolder()
    const { outcome } = await startServerProcess({ dataDir, binaries }, { wrapper: withoutUserNamespaces })
    expect(outcome).toMatchObject({ code: 'data_folder_closed' })
    expect(outcome.message).toContain(binaries)
  })

  test('another user’s cluster is run as that user', async () => {
    const dataDir = await makeFolder()
    await chmod(dataDir, 0o755)
    await mkdir(join(dataDir, 'postgres'), { mode: 0o700 })
    await chown(join(dataDir, 'postgres'), nobody, nobody)
    const { outcome } = await startServerProcess({ dataDir, binaries: await makeOpenBinaries() })
    expect(await canQuery(outcome.url!)).toBe(true)
    expect((await stat(join(dataDir, 'postgres'))).uid).toBe(nobody)
  })
})

test('as an ordinary user, twice in a row', async () => {
  const dataDir = await makeFolder()
  for (let round = 0; round < 2; round++) {
    const server = await startServerProcess({ dataDir }, { wrapper: isRoot ? asOrdinaryUser : [] })
    expect(server.outcome.uid).not.toBe(0)
    expect(await canQuery(server.outcome.url!)).toBe(true)
    await server.end('SIGTERM')
  }
})

test('under umask 000, nobody but the owner may write in the data folder or read its secrets', async () => {
  const dataDir = join(await makeFolder(), 'data')
  await startServerProcess({ dataDir }, { wrapper: ['sh', '-c', 'umask 000 && exec "$@"', 'sh'] })
  const modeOf = async (path: string) => (await stat(join(dataDir, path))).mode & 0o777
  expect(await Promise.all(['', 'postgres', 'secrets', 'secrets/postgres-password'].map(modeOf))).toEqual([
    0o755, 0o700, 0o700, 0o600,
  ])
})

async function makePrivateFolder(): Promise<string> {
  const folder = await makeFolder()
  await chmod(folder, 0o700)
  return folder
}

/** A copy of our PostgreSQL that every account can reach, wherever the repository is. */
async function makeOpenBinaries(): Promise<string> {
  const folder = await makeFolder()
  await chmod(folder, 0o755)
  const { postgres } = await locateBinaries()
  await cp(dirname(dirname(postgres)), folder, { recursive: true, verbatimSymlinks: true })
  return folder
}
