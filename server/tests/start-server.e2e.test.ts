import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { notes } from '@plinth/notes'
import { sql, userCaller } from '@plinth/platform/database'
import type { HealthReport } from '@plinth/platform/http'
import { type Config, readConfig, silentLog, systemClock } from '@plinth/platform/kernel'
import { connectionBudget } from '@plinth/platform/project'
import { defineSystem } from '@plinth/platform/system'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type RunningServer, type ServerOptions, startServer } from '../src/serve/start-server.ts'

const ada = '11111111-1111-4111-8111-111111111111'

describe('a server with one small system', () => {
  let folder: string
  let config: Config
  let server: RunningServer

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-server-'))
    config = readConfig({ PLINTH_DATA_DIR: folder, PLINTH_PORT: '0' })
    server = await start()
  })
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const start = (systems = [notes], options: Partial<ServerOptions> = {}) =>
    startServer({
      config,
      systems,
      clock: systemClock,
      log: silentLog,
      onEngineLost: () => undefined,
      ...options,
    })

  const call = async (name: string, input: object, headers: Record<string, string> = {}) => {
    const { anonKey } = server.projects[0]!.keys
    const response = await fetch(`${server.url}/notes/functions/v1/${name}`, {
      method: 'POST',
      headers: { apikey: anonKey, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(input),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  const signedIn = async (user: string) => {
    const claims = { sub: user, role: 'authenticated', exp: Math.floor(Date.now() / 1000) + 60 }
    return { authorization: `Bearer ${await server.projects[0]!.keys.sign(claims)}` }
  }

  const write = (user: string, body: string) =>
    server.projects[0]!.database.asCaller(
      userCaller(user),
      sql`insert into public.notes (body) values (${body}) returning id`,
    )

  it('answers a function from the caller’s own rows', async () => {
    await write(ada, 'three little words')
    await write('22222222-2222-4222-8222-222222222222', 'not mine')
    const answer = await call('count-words', {}, await signedIn(ada))
    expect(answer).toEqual({ status: 200, body: { success: true, data: { notes: 1, words: 3 } } })
  })

  it.each([
    ['nobody is signed in', 'count-words', {}, {}, 401, 'sign_in_required'],
    ['the input is wrong', 'count-words', { noteId: 7 }, 'ada', 400, 'invalid_input'],
    ['the system says so', 'count-words', { noteId: ada }, 'ada', 404, 'note_not_found'],
    ['there is no such function', 'count-sheep', {}, 'ada', 404, 'unknown_function'],
  ])('refuses in the functions’ own shape when %s', async (_case, name, input, who, status, code) => {
    const answer = await call(name, input, who === 'ada' ? await signedIn(ada) : {})
    expect(answer).toMatchObject({
      status,
      body: { success: false, code, error: expect.any(String), request_id: expect.any(String) },
    })
  })

  it('runs a job now', async () => {
    const { database, jobs } = server.projects[0]!
    await database.asOwner(
      sql`insert into public.notes (author_id, body, created_at) values (${ada}, 'old', now() - interval '2 years')`,
    )
    await jobs.add('prune-notes', { days: 365 })
    await expect
      .poll(async () => (await database.asOwner(sql`select from public.notes where body = 'old'`)).rowCount)
      .toBe(0)
  })

  it('is healthy', async () => {
    const report = (await (await fetch(`${server.url}/health`)).json()) as { status: string }
    expect(report).toMatchObject({
      status: 'ok',
      checks: { 'notes/database': { status: 'ok' }, 'notes/jobs': { status: 'ok' } },
    })
  })

  it('stays within its budget of connections under a burst, and closes those that it does not use', async () => {
    const [project] = server.projects
    const { default: pg } = await import('pg')
    const client = new pg.Client({ connectionString: project!.cluster.addresses.directUrl })
    await client.connect()
    const count = async (condition: string) => {
      const { rows } = await client.query<{ n: number }>(
        `select count(*)::int as n from pg_stat_activity where datname = 'plinth_notes' and ${condition}`,
      )
      return rows[0]!.n
    }
    const { anonKey } = project!.keys
    const ask = () => fetch(`${server.url}/notes/rest/v1/notes`, { headers: { apikey: anonKey } })
    const burst = await Promise.all(Array.from({ length: 100 }, ask))
    expect(new Set(burst.map(({ status }) => status))).toEqual(new Set([200]))
    const budget = connectionBudget(notes).reduce((sum, { connections }) => sum + connections, 0)
    expect(await count('true')).toBeLessThanOrEqual(budget)
    await expect.poll(() => count(`usename = 'authenticator_notes'`), { timeout: 30_000 }).toBe(0)
    await client.end()
  })

  it('keeps keys, rows and addresses across a restart', async () => {
    const before = server
    await server.stop()
    server = await start()
    expect(server.projects[0]!.keys.anonKey).toBe(before.projects[0]!.keys.anonKey)
    expect(await call('count-words', {}, await signedIn(ada))).toMatchObject({ body: { data: { notes: 1 } } })
  })

  it('keeps systems apart: no role enters another system’s database', async () => {
    await server.stop()
    const names = ['notes', 'diaries', 'letters']
    server = await start(names.map((name) => defineSystem({ ...notes, name, functions: [], jobs: [] })))
    const { Client } = await import('pg').then((module) => module.default)
    for (const from of server.projects) {
      for (const to of server.projects) {
        for (const address of [from.database.addresses.requests, from.database.addresses.owner]) {
          const target = new URL(address)
          target.pathname = `/plinth_${to.name}`
          const client = new Client({ connectionString: target.href })
          const outcome = await client.connect().then(
            () => 'in',
            (error: { code: string }) => error.code,
          )
          await client.end().catch(() => undefined)
          expect([from.name, to.name, outcome]).toEqual([from.name, to.name, from === to ? 'in' : '42501'])
        }
      }
    }
  })

  describe('when the owner of one system keeps it from starting', () => {
    const ofNotes = (name: string) => defineSystem({ ...notes, name, functions: [], jobs: [] })
    const systems = [ofNotes('notes'), ofNotes('diaries')]
    const inDiaries = async (): Promise<pg.Client> => {
      const address = new URL(server.projects[0]!.cluster.addresses.directUrl)
      address.pathname = '/plinth_diaries'
      const client = new pg.Client({ connectionString: address.href })
      await client.connect()
      holding.push(client)
      return client
    }
    const alter = async (statement: string) => {
      const client = await inDiaries()
      await client.query(statement)
      await client.end()
    }
    const ask = async (name: string) => (await fetch(`${server.url}/${name}/rest/v1/`)).status
    const health = async () => (await (await fetch(`${server.url}/health`)).json()) as HealthReport

    /** Ends the connections that hold something, so that they do not outlive a test. */
    const holding: pg.Client[] = []
    afterEach(() => Promise.all(holding.splice(0).map((client) => client.end())))

    it('serves the others, says so, and lets it in when it starts', async () => {
      await server.stop()
      server = await start(systems)
      await alter(
        'create table public.open_to_all (id int); alter table public.open_to_all owner to owner_diaries',
      )
      await server.stop()
      server = await start(systems)
      expect(server.unavailable).toEqual({ diaries: expect.stringContaining('open_to_all') })
      expect(await ask('notes')).not.toBe(503)
      const refused = await fetch(`${server.url}/diaries/rest/v1/notes`)
      expect(refused.status).toBe(503)
      expect(refused.headers.get('retry-after')).toBe('10')
      expect(await refused.json()).toMatchObject({ code: 'project_unavailable' })
      expect(await health()).toMatchObject({
        status: 'degraded',
        checks: { 'diaries/start': { status: 'degraded' }, 'notes/database': { status: 'ok' } },
      })
      expect((await fetch(`${server.url}/health/ready`)).status).toBe(200)
      await alter('drop table public.open_to_all')
      await expect.poll(() => ask('diaries'), { timeout: 30_000 }).not.toBe(503)
      expect(server.unavailable).toEqual({})
      expect((await health()).status).toBe('ok')
    })

    it('waits for it no longer than its patience', async () => {
      const holder = await inDiaries()
      await holder.query('select pg_advisory_lock(7077001, 0)')
      const beside = readConfig({
        PLINTH_DATA_DIR: folder,
        PLINTH_PORT: '0',
        DATABASE_URL: server.projects[0]!.cluster.addresses.directUrl,
      })
      const first = server
      server = await start(systems, { config: beside, startPatience: 2_000 })
      try {
        expect(server.unavailable).toEqual({ diaries: 'It is starting.' })
        expect(await ask('notes')).not.toBe(503)
        expect(await ask('diaries')).toBe(503)
        await holder.query('select pg_advisory_unlock(7077001, 0)')
        await expect.poll(() => ask('diaries'), { timeout: 30_000 }).not.toBe(503)
      } finally {
        await server.stop()
        server = first
      }
    })

    it('fails as they did when none starts', async () => {
      await alter(
        'create table public.open_to_all (id int); alter table public.open_to_all owner to owner_diaries',
      )
      await server.stop()
      await expect(start([ofNotes('diaries')])).rejects.toMatchObject({ code: 'invalid_declaration' })
      server = await start([ofNotes('notes')])
      await alter('drop table public.open_to_all')
    })
  })

  it('refuses a function name that two systems declare', async () => {
    const twice = [notes, defineSystem({ ...notes, name: 'copies' })]
    await expect(start(twice)).rejects.toMatchObject({ code: 'duplicate_function' })
  })
})
