import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { findPostgres15 } from '@plinth/testing/programs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { locateBinaries } from './locate-binaries.ts'
import {
  canQuery,
  collectLog,
  isRoot,
  makeClusterFolder,
  makeFolder,
  query,
  readPostmasterPid,
  startEngine,
  startServerProcess,
  useClusterTemplate,
} from './tests/engine-fixtures.ts'

useClusterTemplate()

const postgres15 = findPostgres15()

describe('two servers on one folder', () => {
  test('the second is refused and told who is first', async () => {
    const dataDir = await makeClusterFolder()
    const first = await startServerProcess({ dataDir })
    await expect(startEngine({ dataDir })).rejects.toMatchObject({
      code: 'data_folder_in_use',
      message: `The data folder ${dataDir} is in use by another Plinth server (process ${first.child.pid}).`,
    })
    expect(await canQuery(first.outcome.url!)).toBe(true)
  })

  test('started at the same instant on an empty folder, exactly one wins', async () => {
    const dataDir = await makeFolder()
    const servers = await Promise.all([1, 2, 3, 4].map(() => startServerProcess({ dataDir })))
    const codes = servers.map(({ outcome }) => outcome.code ?? 'started').toSorted()
    expect(codes).toEqual(['data_folder_in_use', 'data_folder_in_use', 'data_folder_in_use', 'started'])
    const winner = servers.find(({ outcome }) => outcome.url)
    expect(await canQuery(winner!.outcome.url!)).toBe(true)
  })

  test('in one process, the second is refused as well', async () => {
    const dataDir = await makeClusterFolder()
    await startEngine({ dataDir })
    await expect(startEngine({ dataDir })).rejects.toMatchObject({ code: 'data_folder_in_use' })
  })

  test('a failed start gives the folder back', async () => {
    const dataDir = await makeClusterFolder()
    const port = await occupySomePort()
    await expect(startEngine({ dataDir, port })).rejects.toMatchObject({ code: 'postgres_port_in_use' })
    const engine = await startEngine({ dataDir })
    expect(await canQuery(engine.adminUrl())).toBe(true)
  })
})

describe('a folder that is not fit is refused and left as it was', () => {
  test('somebody else’s files: data_folder_foreign', async () => {
    const dataDir = await makeFolder()
    await writeFile(join(dataDir, 'thesis.txt'), 'ten years of work')
    await refused(dataDir, 'data_folder_foreign')
  })

  test('somebody else’s files where the cluster should be: data_folder_foreign', async () => {
    const dataDir = await makeFolder()
    await mkdir(join(dataDir, 'postgres'))
    await writeFile(join(dataDir, 'postgres', 'thesis.txt'), 'ten years of work')
    await refused(dataDir, 'data_folder_foreign')
  })

  test('a cluster of another major version: data_folder_version names both', async ({ skip }) => {
    if (!postgres15) return skip('PostgreSQL 15 is not on this machine')
    const dataDir = await makeClusterFolder()
    const error = await refused(dataDir, 'data_folder_version', { binaries: postgres15 })
    expect(error.message).toContain('made by PostgreSQL 18; this Plinth brings PostgreSQL 15')
  })

  test('a cluster without its control file: data_folder_corrupt', async () => {
    const dataDir = await makeClusterFolder()
    await rm(join(dataDir, 'postgres', 'global', 'pg_control'))
    await refused(dataDir, 'data_folder_corrupt')
  })

  test('a cluster with a broken control file: data_folder_corrupt', async () => {
    const dataDir = await makeClusterFolder()
    const control = join(dataDir, 'postgres', 'global', 'pg_control')
    const bytes = await readFile(control)
    await writeFile(control, bytes.fill(0xff, 24, 200))
    const error = await refused(dataDir, 'data_folder_corrupt')
    expect(error.message).toContain('incorrect checksum in control file')
  })

  test('a cluster whose control file was cut off: data_folder_corrupt', async () => {
    const dataDir = await makeClusterFolder()
    await truncate(join(dataDir, 'postgres', 'global', 'pg_control'), 100)
    await refused(dataDir, 'data_folder_corrupt')
  })

  test('a cluster of another architecture: data_folder_corrupt', async () => {
    const dataDir = await makeClusterFolder()
    const control = join(dataDir, 'postgres', 'global', 'pg_control')
    const bytes = await readFile(control)
    // Every number of eight bytes the other way round, as a machine of the other byte order writes them.
    await writeFile(control, bytes.swap64())
    await refused(dataDir, 'data_folder_corrupt')
  })

  test('a cluster that lost a database: data_folder_corrupt', async () => {
    const dataDir = await makeClusterFolder()
    await rm(join(dataDir, 'postgres', 'base', '5'), { recursive: true })
    await expect(startEngine({ dataDir })).rejects.toMatchObject({ code: 'data_folder_corrupt' })
    expect(await readPostmasterPid(dataDir)).toBeUndefined()
  })

  test('a cluster whose version file is empty: data_folder_corrupt', async () => {
    const dataDir = await makeClusterFolder()
    await truncate(join(dataDir, 'postgres', 'PG_VERSION'), 0)
    await refused(dataDir, 'data_folder_corrupt')
  })

  test('a cluster that lost its WAL: data_folder_corrupt', async () => {
    const dataDir = await makeClusterFolder()
    const wal = join(dataDir, 'postgres', 'pg_wal')
    const segments = (await readdir(wal)).filter((name) => /^[0-9A-F]{24}$/.test(name))
    await Promise.all(segments.map((name) => rm(join(wal, name))))
    await refused(dataDir, 'data_folder_corrupt')
  })

  test('a cluster whose password file is gone: data_folder_corrupt', async () => {
    const dataDir = await makeClusterFolder()
    await rm(join(dataDir, 'secrets', 'postgres-password'))
    await refused(dataDir, 'data_folder_corrupt')
  })

  test('a path through a file: data_folder_unwritable', async () => {
    const folder = await makeFolder()
    await writeFile(join(folder, 'file'), '')
    const dataDir = join(folder, 'file', 'data')
    await expect(startEngine({ dataDir })).rejects.toMatchObject({ code: 'data_folder_unwritable' })
    expect(await readdir(folder)).toEqual(['file'])
  })

  test('a folder without write permission: data_folder_unwritable', async () => {
    const parent = await makeFolder()
    await chmod(parent, 0o500)
    const { outcome } = await startServerProcess(
      { dataDir: join(parent, 'data') },
      { wrapper: withoutRootPowers },
    )
    expect(outcome).toMatchObject({ code: 'data_folder_unwritable' })
    expect(outcome.message).toContain('permission denied')
    expect(await readdir(parent)).toEqual([])
  })
})

test('a folder that was moved while it was stopped goes on where it is', async () => {
  const before = await makeClusterFolder()
  const first = await startEngine({ dataDir: before })
  await query(first.adminUrl(), 'create table kept as select 7 as n')
  await first.stop()
  const dataDir = join(await makeFolder(), 'moved')
  await rename(before, dataDir)
  const engine = await startEngine({ dataDir })
  expect(await query(engine.adminUrl(), 'select n from kept')).toEqual([{ n: 7 }])
})

test.runIf(isRoot)('a file system for reading only: data_folder_unwritable', async () => {
  const folder = await makeFolder()
  for (const dataDir of [folder, join(folder, 'data')]) {
    const { outcome } = await startServerProcess({ dataDir }, { wrapper: onSmallDisk(folder, '1m,ro') })
    expect(outcome).toMatchObject({ code: 'data_folder_unwritable' })
    expect(outcome.message).toContain(dataDir)
  }
})

test.runIf(isRoot)('a machine whose loopback interface is down: loopback_missing', async () => {
  const dataDir = await makeFolder()
  const { outcome } = await startServerProcess({ dataDir }, { wrapper: ['unshare', '--net', '--'] })
  expect(outcome).toMatchObject({ code: 'loopback_missing' })
})

test.runIf(isRoot)('a full disk: disk_full, and nothing is left of the attempt', async () => {
  const dataDir = await makeFolder()
  const { outcome, end } = await startServerProcess({ dataDir }, { wrapper: onSmallDisk(dataDir, '20m') })
  await end('SIGTERM')
  expect(outcome).toEqual({ code: 'disk_full', message: `The disk that holds ${dataDir} is full.` })
})

test('a port that is asked for and taken: postgres_port_in_use', async () => {
  const port = await occupySomePort()
  await expect(startEngine({ dataDir: await makeClusterFolder(), port })).rejects.toMatchObject({
    code: 'postgres_port_in_use',
    message: `Port ${port}, wanted for PostgreSQL, is in use.`,
  })
})

test('a password file that does not fit the cluster: data_folder_corrupt', async () => {
  const dataDir = await makeClusterFolder()
  await writeFile(join(dataDir, 'secrets', 'postgres-password'), 'guess')
  await expect(startEngine({ dataDir })).rejects.toMatchObject({ code: 'data_folder_corrupt' })
  expect(await readPostmasterPid(dataDir)).toBeUndefined()
})

test('a setting that PostgreSQL does not know: postgres_not_started with its last words', async () => {
  const dataDir = await makeClusterFolder()
  await expect(startEngine({ dataDir, settings: { colour: 'blue' } })).rejects.toMatchObject({
    code: 'postgres_not_started',
    message: expect.stringMatching(
      /^PostgreSQL did not start: unrecognized configuration parameter "colour"\.\n {2}FATAL/,
    ),
  })
})

describe('binaries', () => {
  test('that are not there: postgres_binaries_missing', async () => {
    const [dataDir, binaries] = [await makeFolder(), await makeFolder()]
    await expect(startEngine({ dataDir, binaries })).rejects.toMatchObject({
      code: 'postgres_binaries_missing',
    })
    expect(await readdir(dataDir)).toEqual([])
  })

  test('of another architecture: postgres_binaries_unusable', async () => {
    const [dataDir, binaries] = [await makeFolder(), await makeForeignBinaries()]
    await expect(startEngine({ dataDir, binaries })).rejects.toMatchObject({
      code: 'postgres_binaries_unusable',
    })
    expect(await readdir(dataDir)).toEqual([])
  })
})

const withoutRootPowers = isRoot ? ['unshare', '--user', '--map-user=1000', '--map-group=1000', '--'] : []

/** A file system of `size` on `folder` that only this process sees. */
const onSmallDisk = (folder: string, size: string) => [
  'unshare',
  '--mount',
  'sh',
  '-c',
  `mount -t tmpfs -o size=${size} tmpfs "$0" && exec "$@"`,
  folder,
]

/** Starts on `dataDir`, wants it refused with `code`, and compares the folder before and after. */
async function refused(dataDir: string, code: string, options: { binaries?: string } = {}): Promise<Error> {
  const before = await photograph(dataDir)
  const error = await startEngine({ dataDir, log: collectLog().log, ...options }).catch(
    (thrown: Error) => thrown,
  )
  expect(error).toMatchObject({ code })
  expect(await photograph(dataDir)).toEqual(before)
  return error as Error
}

/** How PostgreSQL was called last: no data, and different whenever another port was free. */
const callFile = 'postmaster.opts'

/** Every file that holds data, with size and content of the small ones. */
async function photograph(folder: string) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile() && entry.name !== callFile)
    .map((entry) => join(entry.parentPath, entry.name))
  const pictures = files.toSorted().map(async (file) => {
    const { size } = await stat(file)
    return [file.slice(folder.length), size, size < 10_000 ? await readFile(file, 'latin1') : '']
  })
  return Promise.all(pictures)
}

async function occupySomePort(): Promise<number> {
  const squatter = createServer()
  squatter.listen(0, '127.0.0.1')
  await once(squatter, 'listening')
  onTestFinished(() => void squatter.close())
  return (squatter.address() as { port: number }).port
}

/** Our own programs with the ELF header's machine field changed. */
async function makeForeignBinaries(): Promise<string> {
  const folder = await makeFolder()
  const { postgres } = await locateBinaries()
  await mkdir(join(folder, 'bin'))
  const program = await readFile(postgres)
  for (const name of ['postgres', 'initdb']) {
    await writeFile(join(folder, 'bin', name), program.subarray(0, 4096).fill(0xf3, 18, 20), { mode: 0o755 })
  }
  return folder
}
