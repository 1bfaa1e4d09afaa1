import { existsSync } from 'node:fs'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { findPostgres15 } from '@plinth/testing/programs'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  canQuery,
  collectLog,
  makeClusterFolder,
  makeFolder,
  query,
  quick,
  readPostmasterPid,
  startEngine,
  startServerProcess,
  useClusterTemplate,
} from './tests/engine-fixtures.ts'

useClusterTemplate()

const postgres15 = findPostgres15()

describe('an engine on an empty folder', () => {
  test('makes a cluster that is durable, replicates logically and talks to this machine only', async () => {
    const engine = await startEngine({ dataDir: await makeFolder(), settings: {} })
    expect(engine).toMatchObject({ kind: 'embedded', majorVersion: 18, logicalReplication: true })
    const shown = await query(
      engine.adminUrl(),
      `select name, setting from pg_settings where name = any ($1) order by name`,
      [
        [
          'fsync',
          'full_page_writes',
          'listen_addresses',
          'max_connections',
          'server_encoding',
          'synchronous_commit',
          'TimeZone',
          'unix_socket_directories',
          'wal_level',
        ],
      ],
    )
    expect(Object.fromEntries(shown.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      full_page_writes: 'on',
      listen_addresses: '127.0.0.1',
      max_connections: '200',
      server_encoding: 'UTF8',
      synchronous_commit: 'on',
      TimeZone: 'UTC',
      unix_socket_directories: '',
      wal_level: 'logical',
    })
  })

  test('lets nobody in without the generated password, which only its owner can read', async () => {
    const dataDir = await makeFolder()
    const engine = await startEngine({ dataDir })
    const wrong = new URL(engine.adminUrl())
    wrong.password = 'guess'
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
    const [row] = await query(
      engine.adminUrl(),
      `select rolpassword from pg_authid where rolname = 'postgres'`,
    )
    expect(row.rolpassword).toMatch(/^SCRAM-SHA-256\$/)
    const file = join(dataDir, 'secrets', 'postgres-password')
    expect(new URL(engine.adminUrl()).password).toBe(await readFile(file, 'utf8'))
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await stat(join(dataDir, 'postgres'))).mode & 0o077).toBe(0)
  })

  test('takes a path with spaces and one that does not exist yet', async () => {
    const dataDir = join(await makeFolder(), 'my shop', 'données')
    const engine = await startEngine({ dataDir })
    expect(await canQuery(engine.adminUrl())).toBe(true)
  })

  test.each(['C', 'tr_TR.UTF-8', '', 'garbage'])('sorts and folds the same under LANG=%s', async (lang) => {
    const { outcome } = await startServerProcess(
      { dataDir: await makeFolder() },
      { env: { LANG: lang, LC_ALL: lang, PGDATA: '/nowhere', PGPORT: '1' } },
    )
    const [row] = await query(
      outcome.url!,
      `select upper('i') as turkish, lower('ÄÖ') as folded, 'Z' < 'a' as by_code_point,
              current_setting('lc_messages') as messages, current_setting('server_encoding') as encoding,
              to_tsvector('running') @@ to_tsquery('run') as stems`,
    )
    expect(row).toEqual({
      turkish: 'I',
      folded: 'äö',
      by_code_point: true,
      messages: 'C',
      encoding: 'UTF8',
      stems: true,
    })
  })

  test('runs on other binaries: PostgreSQL 15', async ({ skip }) => {
    if (!postgres15) return skip('PostgreSQL 15 is not on this machine')
    const engine = await startEngine({ dataDir: await makeFolder(), binaries: postgres15 })
    expect(engine).toMatchObject({ majorVersion: 15, logicalReplication: true })
    const [row] = await query(engine.adminUrl(), `select lower('ÄÖ') as folded, 'Z' < 'a' as by_code_point`)
    expect(row).toEqual({ folded: 'äö', by_code_point: true })
  })
})

describe('an engine that starts again', () => {
  test('keeps data, password and port, and lets ALTER SYSTEM win over our defaults', async () => {
    const dataDir = await makeClusterFolder()
    const first = await startEngine({ dataDir })
    await query(first.adminUrl(), 'create table kept as select 7 as n')
    await query(first.adminUrl(), `alter system set maintenance_work_mem = '77MB'`)
    await first.stop()
    expect(await canQuery(first.adminUrl())).toBe(false)
    expect(await readPostmasterPid(dataDir)).toBeUndefined()

    const second = await startEngine({ dataDir })
    expect(second.adminUrl()).toBe(first.adminUrl())
    expect(await query(second.adminUrl(), 'select n from kept')).toEqual([{ n: 7 }])
    expect(await query(second.adminUrl(), 'show maintenance_work_mem')).toEqual([
      { maintenance_work_mem: '77MB' },
    ])
  })

  test('takes another port when the remembered one is taken', async () => {
    const dataDir = await makeClusterFolder()
    const first = await startEngine({ dataDir })
    await first.stop()
    const port = Number(new URL(first.adminUrl()).port)
    await occupy(port)
    const second = await startEngine({ dataDir })
    expect(new URL(second.adminUrl()).port).not.toBe(String(port))
    expect(await canQuery(second.adminUrl())).toBe(true)
  })

  test('survives an empty cluster folder and the remains of a start that was cut off', async () => {
    const dataDir = await makeFolder()
    await mkdir(join(dataDir, 'postgres'))
    await mkdir(join(dataDir, 'postgres.new-cut-off', 'cluster'), { recursive: true })
    const engine = await startEngine({ dataDir })
    expect(await canQuery(engine.adminUrl())).toBe(true)
    expect(existsSync(join(dataDir, 'postgres.new-cut-off'))).toBe(false)
  })
})

test('a stop may be repeated and asked for by two at once', async () => {
  const engine = await startEngine({ dataDir: await makeClusterFolder() })
  await Promise.all([engine.stop(), engine.stop()])
  await engine.stop()
})

test('a stop ends sessions that are in the middle of something', async () => {
  const engine = await startEngine({ dataDir: await makeClusterFolder() })
  const busy = query(engine.adminUrl(), 'select pg_sleep(600)').catch((error: Error) => error)
  await engine.stop()
  expect(await busy).toBeInstanceOf(Error)
})

test('an address names the database asked for', async () => {
  const engine = await startEngine({ dataDir: await makeClusterFolder() })
  await query(engine.adminUrl(), 'create database "Läden in Köln"')
  expect(await query(engine.adminUrl('Läden in Köln'), 'select current_database() as name')).toEqual([
    { name: 'Läden in Köln' },
  ])
})

test('says so when logical replication was switched off', async () => {
  const engine = await startEngine({
    dataDir: await makeClusterFolder(),
    settings: { ...quick, wal_level: 'replica' },
  })
  expect(engine.logicalReplication).toBe(false)
})

test('PostgreSQL’s own log goes into ours, and statements of clients do not', async () => {
  const { log, lines } = collectLog()
  const engine = await startEngine({ dataDir: await makeClusterFolder(), log })
  await query(engine.adminUrl(), `select 'secret'::int`).catch(() => {})
  await query(engine.adminUrl(), `do $$ begin raise warning 'the cellar is flooded'; end $$`)
  await engine.stop()
  expect(lines).toContainEqual(
    expect.objectContaining({ level: 30, msg: expect.stringContaining('listening on') }),
  )
  expect(lines).toContainEqual(expect.objectContaining({ level: 40, msg: 'postgres: the cellar is flooded' }))
  const shownByDefault = lines.filter(({ level }) => level >= 30)
  expect(JSON.stringify(shownByDefault)).not.toContain('secret')
})

async function occupy(port: number): Promise<void> {
  const squatter = createServer()
  await new Promise<void>((resolve) => squatter.listen(port, '127.0.0.1', resolve))
  onTestFinished(() => void squatter.close())
}
