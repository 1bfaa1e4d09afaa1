import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { waitFor } from '@plinth/testing'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { AppError } from '../../kernel/index.ts'
import {
  canQuery,
  collectLog,
  isRunning,
  makeClusterFolder,
  query,
  readPostmasterPid,
  startEngine,
  startServerProcess,
  useClusterTemplate,
} from './tests/engine-fixtures.ts'

useClusterTemplate()

describe('after kill -9 of the server', () => {
  test('the next start ends the PostgreSQL that was left running, and keeps address and data', async () => {
    const dataDir = await makeClusterFolder()
    const killed = await startServerProcess({ dataDir })
    await query(killed.outcome.url!, 'create table kept as select 7 as n')
    const orphan = (await readPostmasterPid(dataDir))!
    await killed.end('SIGKILL')
    expect(isRunning(orphan)).toBe(true)

    const { log, lines } = collectLog()
    const engine = await startEngine({ dataDir, log })
    expect(isRunning(orphan)).toBe(false)
    expect(engine.adminUrl()).toBe(killed.outcome.url)
    expect(await query(engine.adminUrl(), 'select n from kept')).toEqual([{ n: 7 }])
    expect(lines.map(({ msg }) => msg)).toContain(
      'stopping the PostgreSQL that an earlier server left running',
    )
  })

  test('a session that the dead server left in the middle of a statement does not block the next start', async () => {
    const dataDir = await makeClusterFolder()
    const killed = await startServerProcess({ dataDir })
    const lost = query(killed.outcome.url!, 'select pg_sleep(600)').catch(() => 'lost')
    await killed.end('SIGKILL')
    const engine = await startEngine({ dataDir })
    expect(await lost).toBe('lost')
    expect(await canQuery(engine.adminUrl())).toBe(true)
  })

  test('and of PostgreSQL at the same time, crash recovery is waited out and committed rows are there', async () => {
    const dataDir = await makeClusterFolder()
    const killed = await startServerProcess({ dataDir, settings: { shared_buffers: '16MB' } })
    await query(killed.outcome.url!, 'create table kept as select n from generate_series(1, 100000) n')
    process.kill((await readPostmasterPid(dataDir))!, 'SIGKILL')
    await killed.end('SIGKILL')
    const { log, lines } = collectLog()
    const engine = await startEngine({ dataDir, log })
    expect(await query(engine.adminUrl(), 'select count(*)::int as n from kept')).toEqual([{ n: 100_000 }])
    expect(lines.map(({ msg }) => msg).join()).toContain('automatic recovery in progress')
  })

  test('and of PostgreSQL, a backend that is still at work is ended', async () => {
    const dataDir = await makeClusterFolder()
    const killed = await startServerProcess({ dataDir })
    const { backend, lost } = await keepBackendBusy(killed.outcome.url!)
    await killed.end('SIGKILL')
    process.kill((await readPostmasterPid(dataDir))!, 'SIGKILL')
    expect(isRunning(backend)).toBe(true)
    const engine = await startEngine({ dataDir })
    await lost
    expect(isRunning(backend)).toBe(false)
    expect(await canQuery(engine.adminUrl())).toBe(true)
  })

  test('a PostgreSQL that was suspended is ended all the same, and at once', async () => {
    const dataDir = await makeClusterFolder()
    const killed = await startServerProcess({ dataDir })
    const orphan = (await readPostmasterPid(dataDir))!
    process.kill(orphan, 'SIGSTOP')
    await killed.end('SIGKILL')
    const started = performance.now()
    const engine = await startEngine({ dataDir })
    expect(performance.now() - started).toBeLessThan(20_000)
    expect(isRunning(orphan)).toBe(false)
    expect(await canQuery(engine.adminUrl())).toBe(true)
  })

  test('ten times in a row, it starts', { timeout: 60_000 }, async () => {
    const dataDir = await makeClusterFolder()
    for (let round = 1; round <= 10; round++) {
      const { outcome, end } = await startServerProcess({ dataDir })
      await query(outcome.url!, 'create table if not exists rounds (n int)')
      await query(outcome.url!, 'insert into rounds values ($1)', [round])
      expect(await query(outcome.url!, 'select count(*)::int as n from rounds')).toEqual([{ n: round }])
      if (round % 2) process.kill((await readPostmasterPid(dataDir))!, 'SIGKILL')
      await end('SIGKILL')
    }
    await startEngine({ dataDir })
  })
})

describe('a postmaster.pid that nobody is behind', () => {
  test('does not block, though its number belongs to another program', async () => {
    const dataDir = await makeClusterFolder()
    const engine = await startEngine({ dataDir })
    const file = join(dataDir, 'postgres', 'postmaster.pid')
    const lines = (await readFile(file, 'utf8')).split('\n')
    await engine.stop()
    const stranger = spawn('sleep', ['600'], { cwd: join(dataDir, 'postgres') })
    onTestFinished(() => void stranger.kill())
    await writeFile(file, [stranger.pid, ...lines.slice(1)].join('\n'), { mode: 0o600 })

    const again = await startEngine({ dataDir })
    expect(await canQuery(again.adminUrl())).toBe(true)
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull()
  })

  test('does not block, though a full disk or a crash left it empty', async () => {
    const dataDir = await makeClusterFolder()
    await writeFile(join(dataDir, 'postgres', 'postmaster.pid'), '', { mode: 0o600 })
    const engine = await startEngine({ dataDir })
    expect(await canQuery(engine.adminUrl())).toBe(true)
  })

  test('does not block, though its number belongs to the PostgreSQL of another folder', async () => {
    const [dataDir, otherDir] = [await makeClusterFolder(), await makeClusterFolder()]
    const first = await startEngine({ dataDir })
    await first.stop()
    const other = await startEngine({ dataDir: otherDir })
    const stale = await readFile(join(otherDir, 'postgres', 'postmaster.pid'))
    await writeFile(join(dataDir, 'postgres', 'postmaster.pid'), stale, { mode: 0o600 })

    const again = await startEngine({ dataDir })
    expect(await canQuery(again.adminUrl())).toBe(true)
    expect(await canQuery(other.adminUrl())).toBe(true)
  })
})

describe('when PostgreSQL dies under a running server', () => {
  test('it is started again on the same address', async () => {
    const dataDir = await makeClusterFolder()
    const { log, lines } = collectLog()
    const engine = await startEngine({ dataDir, log })
    await query(engine.adminUrl(), 'create table kept as select 7 as n')
    await killPostmaster(dataDir)
    await waitFor(() => canQuery(engine.adminUrl()), { what: 'PostgreSQL to come back' })
    expect(await query(engine.adminUrl(), 'select n from kept')).toEqual([{ n: 7 }])
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 50,
        msg: 'PostgreSQL died; starting it again',
        reason: 'it was ended by SIGKILL',
      }),
    )
  })

  test('it is started again while one of its backends is still at work', async () => {
    const dataDir = await makeClusterFolder()
    const engine = await startEngine({ dataDir })
    const { lost } = await keepBackendBusy(engine.adminUrl())
    await killPostmaster(dataDir)
    await waitFor(() => canQuery(engine.adminUrl()), { what: 'PostgreSQL to come back' })
    await lost
  })

  test('a killed backend costs only its own session for a moment', async () => {
    const engine = await startEngine({ dataDir: await makeClusterFolder() })
    const { backend, lost } = await keepBackendBusy(engine.adminUrl())
    process.kill(backend, 'SIGKILL')
    await lost
    await waitFor(() => canQuery(engine.adminUrl()), { what: 'PostgreSQL to come back' })
  })

  test('again and again, it is given up with postgres_keeps_dying', { timeout: 60_000 }, async () => {
    const dataDir = await makeClusterFolder()
    const givenUp = Promise.withResolvers<AppError>()
    const engine = await startEngine({ dataDir, onGiveUp: givenUp.resolve })
    for (let death = 1; death <= 6; death++) {
      await waitFor(() => canQuery(engine.adminUrl()), { what: 'PostgreSQL to come back' })
      await killPostmaster(dataDir)
    }
    expect(await givenUp.promise).toMatchObject({
      code: 'postgres_keeps_dying',
      message: 'PostgreSQL died 6 times within 60 s and is not restarted again: it was ended by SIGKILL.',
    })
    await engine.stop()
  })

  test('a stop in the middle of the restart wins', async () => {
    const dataDir = await makeClusterFolder()
    const engine = await startEngine({ dataDir })
    await killPostmaster(dataDir)
    await engine.stop()
    expect(await canQuery(engine.adminUrl())).toBe(false)
    const again = await startEngine({ dataDir })
    expect(await canQuery(again.adminUrl())).toBe(true)
  })
})

describe('signals', () => {
  test('Ctrl-C reaches the whole process group, and PostgreSQL goes on until the server stops it', async () => {
    const dataDir = await makeClusterFolder()
    const server = await startServerProcess({ dataDir })
    process.kill(-server.child.pid!, 'SIGINT')
    process.kill(-server.child.pid!, 'SIGHUP')
    await once(server.child, 'exit')
    expect(await canQuery(server.outcome.url!)).toBe(true)
    const engine = await startEngine({ dataDir })
    expect(await canQuery(engine.adminUrl())).toBe(true)
  })

  test('a server that leaves by process.exit takes PostgreSQL along', async () => {
    const dataDir = await makeClusterFolder()
    const server = await startServerProcess({ dataDir })
    const postmaster = (await readPostmasterPid(dataDir))!
    await server.end('SIGUSR2')
    await waitFor(() => !isRunning(postmaster), { what: 'PostgreSQL to end' })
    expect(await readPostmasterPid(dataDir)).toBeUndefined()
  })

  test('a PostgreSQL that was suspended stops with its server all the same', async () => {
    const dataDir = await makeClusterFolder()
    const engine = await startEngine({ dataDir })
    process.kill((await readPostmasterPid(dataDir))!, 'SIGSTOP')
    await engine.stop()
    expect(await readPostmasterPid(dataDir)).toBeUndefined()
  })

  test('a server that stops in good order leaves nothing behind', async () => {
    const dataDir = await makeClusterFolder()
    const server = await startServerProcess({ dataDir })
    const postmaster = (await readPostmasterPid(dataDir))!
    await server.end('SIGTERM')
    expect(isRunning(postmaster)).toBe(false)
    expect(server.child.exitCode).toBe(0)
  })
})

async function killPostmaster(dataDir: string): Promise<void> {
  const pid = (await readPostmasterPid(dataDir))!
  process.kill(pid, 'SIGKILL')
  await waitFor(() => !isRunning(pid), { what: 'the postmaster to be gone' })
}

/** A session that computes without end and so does not notice by itself that its postmaster is gone. */
async function keepBackendBusy(url: string): Promise<{ backend: number; lost: Promise<unknown> }> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query('select pg_backend_pid() as pid')
  const lost = client.query('do $$ begin loop end loop; end $$').catch((error: Error) => error)
  return { backend: rows[0].pid, lost }
}
