import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { notes } from '@plinth/notes'
import { type Engine, startEmbeddedEngine } from '@plinth/platform/database'
import { type AppError, readConfig, silentLog, systemClock } from '@plinth/platform/kernel'
import { rewindOffer } from '@plinth/platform/rewind'
import { settleElsewhere } from '@plinth/platform/tail'
import { findPostgres15 } from '@plinth/testing/programs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeServer } from '../src/attach/status-file.ts'
import { type RunningServer, startServer } from '../src/serve/start-server.ts'

const postgres15 = findPostgres15()

/** Both are somebody else's here. */
const majors = postgres15 ? [15, 18] : [18]

describe.each(majors)('a server on somebody else’s PostgreSQL %i', (major) => {
  let folder: string
  let theirs: Engine
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-external-'))
    theirs = await startTheirs('logical')
    await asSuperuser(`create role limited login password 'limited-secret'`)
    await asSuperuser('grant connect on database postgres to limited')
  })
  afterAll(async () => {
    await theirs.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const startTheirs = (walLevel: string) =>
    startEmbeddedEngine({
      dataDir: join(folder, 'theirs'),
      log: silentLog,
      settings: { fsync: 'off', wal_level: walLevel },
      ...(major === 15 && postgres15 ? { binaries: postgres15 } : {}),
    })

  async function asSuperuser(text: string): Promise<void> {
    const client = new pg.Client({ connectionString: theirs.adminUrl() })
    await client.connect()
    await client.query(text)
    await client.end()
  }

  function start(dataDir = 'ours'): Promise<RunningServer> {
    const address = new URL(theirs.adminUrl())
    address.username = 'limited'
    address.password = 'limited-secret'
    const config = readConfig({
      PLINTH_DATA_DIR: join(folder, dataDir),
      PLINTH_PORT: '0',
      DATABASE_URL: address.href,
    })
    return startServer({
      config,
      systems: [notes],
      clock: systemClock,
      log: silentLog,
      onEngineLost: () => undefined,
    })
  }

  const healthOf = async ({ url, projects }: RunningServer) =>
    (await (
      await fetch(`${url}/health`, { headers: { apikey: projects[0]!.keys.serviceRoleKey } })
    ).json()) as {
      status: string
      checks: Record<string, { status: string }>
    }

  /** What a client is answered that wants to follow a table. */
  async function joinForChanges({ url }: RunningServer, anonKey: string): Promise<string> {
    const address = `${url.replace('http', 'ws')}/notes/realtime/v1/websocket?vsn=2.0.0&apikey=${anonKey}`
    const socket = new WebSocket(address)
    const config = { postgres_changes: [{ event: '*', schema: 'public', table: 'notes' }] }
    socket.onopen = () => socket.send(JSON.stringify(['1', '1', 'realtime:changes', 'phx_join', { config }]))
    const { data } = await new Promise<MessageEvent>((resolve) => (socket.onmessage = resolve))
    socket.close()
    return String(data)
  }

  it('prints what an administrator has to run, and starts once that was run', async () => {
    const refusal = await start().catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code: 'missing_privileges' })
    const statements = (refusal as AppError).message.split('\n').filter((line) => /;( --.*)?$/.test(line))
    expect(statements.length).toBeGreaterThan(0)
    for (const statement of statements) await asSuperuser(statement)
    const server = await start()
    await expect.poll(async () => (await healthOf(server)).status, { timeout: 20_000 }).toBe('ok')
    const { serviceRoleKey } = server.projects[0]!.keys
    const headers = { apikey: serviceRoleKey, 'content-type': 'application/json' }
    const body = JSON.stringify({ body: 'far away', author_id: '11111111-1111-4111-8111-111111111111' })
    const written = await fetch(`${server.url}/notes/rest/v1/notes`, { method: 'POST', headers, body })
    expect(written.status).toBe(201)
    await server.stop()
    expect(theirs.majorVersion).toBe(major)
  })

  it('refuses a new data folder beside a database that is there, and locks nobody out', async () => {
    await expect(start('another')).rejects.toMatchObject({
      code: 'database_of_other_secrets',
      message: expect.stringContaining('plinth_notes'),
    })
    const server = await start()
    expect((await healthOf(server)).status).not.toBe('down')
    await server.stop()
    await asSuperuser('comment on database plinth_notes is null')
    await (await start('another')).stop()
    await expect(start()).rejects.toMatchObject({ code: 'database_of_other_secrets' })
    await asSuperuser('comment on database plinth_notes is null')
  })

  it('runs without logical replication, and says what is off wherever it matters', async () => {
    await asSuperuser('select pg_drop_replication_slot(slot_name) from pg_replication_slots')
    await theirs.stop()
    theirs = await startTheirs('replica')
    const server = await start()
    const health = await healthOf(server)
    expect(health.status).toBe('degraded')
    expect(health.checks['notes/tail']).toMatchObject({
      status: 'degraded',
      detail: { off: expect.stringContaining('rewind') },
    })
    const [project] = server.projects
    const { anonKey } = project!.keys
    expect(describeServer(server, readConfig({ PLINTH_DATA_DIR: folder })).without_changes).toEqual(['notes'])
    const off = { code: 'tail_off' }
    await expect(project!.tail.settle()).rejects.toMatchObject(off)
    await expect(settleElsewhere(project!.database).settle()).rejects.toMatchObject(off)
    await expect(
      project!.offer(rewindOffer).preview({ tenant: '', to: 0, tail: project!.tail }),
    ).rejects.toMatchObject(off)
    expect(await joinForChanges(server, anonKey)).toContain('changes_off')
    expect((await fetch(`${server.url}/notes/rest/v1/notes`, { headers: { apikey: anonKey } })).status).toBe(
      200,
    )
    await server.stop()
  })
})
