import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { notes } from '@plinth/notes'
import { sql, userCaller } from '@plinth/platform/database'
import { type Config, readConfig, silentLog, systemClock } from '@plinth/platform/kernel'
import { connectionBudget } from '@plinth/platform/project'
import { defineSystem } from '@plinth/platform/system'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningServer, startServer } from '../src/serve/start-server.ts'

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

  const start = (systems = [notes]) =>
    startServer({ config, systems, clock: systemClock, log: silentLog, onEngineLost: () => undefined })

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

  it('refuses a function name that two systems declare', async () => {
    const twice = [notes, defineSystem({ ...notes, name: 'copies' })]
    await expect(start(twice)).rejects.toMatchObject({ code: 'duplicate_function' })
  })
})
