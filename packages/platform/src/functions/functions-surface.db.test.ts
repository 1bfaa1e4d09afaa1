import { createHmac } from 'node:crypto'
import { actor, service, stranger, useTestDatabase } from '@plinth/testing'
import { Hono } from 'hono'
import { pino } from 'pino'
import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Caller, sql } from '../database/index.ts'
import type { SurfaceEnv } from '../http/index.ts'
import { systemClock } from '../kernel/index.ts'
import { createFunctionsSurface, defineFunction, type FunctionAccess } from './index.ts'

const ada = actor('ada')
const root = actor('root')

/** Tells who acts, by the database's own word. */
const whoAmI = (access: FunctionAccess) =>
  defineFunction({
    name: `who-am-i-${access}`,
    summary: 'Says who acts.',
    access,
    input: z.object({}),
    output: z.object({ role: z.string(), user: z.string().nullable() }),
    handle: async ({ db }) => {
      const { rows } = await db.query<{ role: string; user: string | null }>(
        sql`select current_user::text as role, auth.uid()::text as user`,
      )
      return rows[0]!
    },
  })

const addUp = defineFunction({
  name: 'add-up',
  summary: 'Adds two numbers.',
  access: 'public',
  methods: ['GET', 'POST'],
  input: z.object({ a: z.coerce.number(), b: z.coerce.number() }),
  output: z.object({ sum: z.number() }),
  handle: async (_context, { a, b }) => ({ sum: a + b }),
})

const scarce = defineFunction({ ...addUp, name: 'scarce', callsPerMinute: 2 })

const lies = defineFunction({
  ...addUp,
  name: 'lies',
  handle: async () => ({ sum: 'many' as unknown as number }),
})

/** Checks a signature over the bytes as they came. */
const hook = defineFunction({
  name: 'hook',
  summary: 'Takes a provider’s message.',
  access: 'webhook',
  input: z.object({}),
  output: z.object({ genuine: z.boolean() }),
  handle: async ({ rawBody, request }) => ({
    genuine:
      createHmac('sha256', 'secret').update(rawBody).digest('hex') === request.headers.get('x-signature'),
  }),
})

/** Writes as the service, and as the caller, who may not. */
const recordVisit = defineFunction({
  name: 'record-visit',
  summary: 'Notes who came.',
  access: 'user',
  input: z.object({ past: z.enum(['policies', 'nothing']) }),
  output: z.object({ visits: z.number() }),
  handle: async ({ db, asService, userId }, { past }) => {
    const database = past === 'policies' ? asService('visits are written by the server alone') : db
    await database.query(sql`insert into public.visits (user_id) values (${userId})`)
    const { rowCount } = await database.query(sql`select from public.visits`)
    return { visits: rowCount ?? 0 }
  },
})

/** Runs what it is told, to be refused. */
const runSql = defineFunction({
  name: 'run-sql',
  summary: 'Runs a statement that the test names.',
  access: 'public',
  input: z.object({ text: z.string() }),
  output: z.object({}),
  handle: async ({ asService }, { text }) => {
    await asService('to be refused').query({ text })
    return {}
  },
})

const functions = [
  ...(['public', 'user', 'admin', 'service'] as const).map(whoAmI),
  addUp,
  scarce,
  lies,
  hook,
  recordVisit,
  runSql,
]
const seed = `create table public.visits (user_id uuid); alter table public.visits enable row level security;
  create table public.once (id int primary key); alter table public.once enable row level security;`

describe('functions', () => {
  const test = useTestDatabase({ seed })
  let app: Hono<SurfaceEnv>
  let acting: Caller = stranger
  const logged: string[] = []
  const log = pino({}, { write: (line: string) => logged.push(line) })
  beforeAll(() => {
    const isAdmin = async (_database: unknown, userId: string) => userId === root.userId
    const surface = createFunctionsSurface({
      functions,
      database: test.database,
      clock: systemClock,
      isAdmin,
    })
    app = new Hono<SurfaceEnv>()
    app.use(async (c, next) => {
      c.set('requestId', 'request-1')
      c.set('caller', acting)
      c.set('clientAddress', c.req.header('x-test-address') ?? '127.0.0.1')
      c.set('log', log)
      await next()
    })
    app.route('/', surface.app)
  })

  const call = async (name: string, caller: Caller, init: RequestInit = {}) => {
    acting = caller
    const response = await app.request(`/${name}`, { method: 'POST', ...init })
    return {
      status: response.status,
      body: (await response.json()) as Record<string, unknown>,
      headers: response.headers,
    }
  }
  const json = (body: unknown): RequestInit => ({ body: JSON.stringify(body) })

  it.each([
    ['public', stranger, 'anon'],
    ['user', ada, 'authenticated'],
    ['admin', root, 'authenticated'],
    ['admin', service, 'service_role'],
    ['service', service, 'service_role'],
  ] as const)('for %s callers run as the caller', async (access, caller, role) => {
    expect((await call(`who-am-i-${access}`, caller)).body).toMatchObject({ success: true, data: { role } })
  })

  it.each([
    ['user', stranger, 401, 'sign_in_required'],
    ['admin', stranger, 401, 'sign_in_required'],
    ['admin', ada, 403, 'not_allowed'],
    ['service', ada, 403, 'not_allowed'],
    ['service', stranger, 403, 'not_allowed'],
  ] as const)('for %s callers refuse others', async (access, caller, status, code) => {
    const answer = await call(`who-am-i-${access}`, caller)
    expect(answer).toMatchObject({ status, body: { success: false, code, request_id: 'request-1' } })
  })

  it('read their input from the body or the query string', async () => {
    expect((await call('add-up', stranger, json({ a: 1, b: 2 }))).body).toEqual({
      success: true,
      data: { sum: 3 },
    })
    expect((await call('add-up?a=1&b=2', stranger, { method: 'GET' })).body).toEqual({
      success: true,
      data: { sum: 3 },
    })
  })

  it.each([
    ['that is not JSON', { body: '{"a": 1' }, 'invalid_json'],
    ['that is not UTF-8', { body: new Uint8Array([0x22, 0xff, 0x22]) }, 'invalid_json'],
    ['of another shape', { body: '{"a": 1}' }, 'invalid_input'],
    ['that is a list', { body: '[]' }, 'invalid_input'],
  ])('refuse input %s', async (_case, init, code) => {
    expect(await call('add-up', stranger, init)).toMatchObject({
      status: 400,
      body: { success: false, code },
    })
  })

  it('refuse a method they are not called with', async () => {
    expect(await call('who-am-i-public', stranger, { method: 'GET' })).toMatchObject({
      status: 405,
      body: { code: 'method_not_allowed' },
    })
  })

  it('are limited for each caller on their own', async () => {
    const once = () => call('scarce', ada, json({ a: 1, b: 1 }))
    expect([(await once()).status, (await once()).status]).toEqual([200, 200])
    const refused = await once()
    expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_requests' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await call('scarce', root, json({ a: 1, b: 1 }))).status).toBe(200)
  })

  it('are limited for a network, not for each of its addresses', async () => {
    const from = (address: string) =>
      call('scarce', stranger, { ...json({ a: 1, b: 1 }), headers: { 'x-test-address': address } })
    const statuses = []
    for (const host of ['1', '2', '3']) statuses.push((await from(`2001:db8:1:2::${host}`)).status)
    expect(statuses).toEqual([200, 200, 429])
    expect((await from('2001:db8:1:3::1')).status).toBe(200)
  })

  it('never answer what their schema does not allow', async () => {
    const answer = await call('lies', stranger, json({ a: 1, b: 1 }))
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } })
    expect(JSON.stringify(answer.body)).not.toContain('many')
  })

  it('leave the cause of what failed inside in the log, and nothing of what their callers did wrong', async () => {
    logged.length = 0
    await call('add-up', stranger, json({ a: 1 }))
    expect(logged).toEqual([])
    await call('run-sql', stranger, json({ text: 'select from public.nowhere' }))
    expect(logged).toEqual([expect.stringContaining('public.nowhere')])
  })

  it('AT-15: get a webhook’s bytes as they came', async () => {
    const body = '{ "amount" :  1.50, "name": "Zoë" }'
    const signature = createHmac('sha256', 'secret').update(body).digest('hex')
    const deliver = (signed: string) => call('hook', stranger, { body, headers: { 'x-signature': signed } })
    expect((await deliver(signature)).body).toMatchObject({ data: { genuine: true } })
    expect((await deliver('forged')).body).toMatchObject({ data: { genuine: false } })
  })

  it('pass policies only when they say that they act as the service', async () => {
    expect((await call('record-visit', ada, json({ past: 'policies' }))).body).toMatchObject({
      data: { visits: 1 },
    })
    expect((await call('record-visit', ada, json({ past: 'nothing' }))).status).toBe(403)
  })

  it.each([
    ['forbidden_rows', 403, `select pg_read_file('/etc/passwd')`],
    ['conflicting_rows', 409, `insert into public.once values (1), (1)`],
    ['invalid_rows', 400, `select 'x'::int`],
    ['invalid_rows', 400, `select repeat('[', 100000)::json`],
    ['refused', 400, `do $$ begin raise exception 'not today'; end $$`],
    ['contended', 503, `do $$ begin raise exception 'try again' using errcode = '40001'; end $$`],
    ['too_slow', 504, `do $$ begin raise exception 'late' using errcode = '57014'; end $$`],
    ['internal', 500, 'select from public.nowhere'],
  ])('say %s when PostgreSQL refuses so', async (code, status, text) => {
    expect(await call('run-sql', stranger, json({ text }))).toMatchObject({
      status,
      body: { success: false, code },
    })
  })

  it('are listed with their schemas', async () => {
    const { body } = await call('', stranger, { method: 'GET' })
    expect(body.data).toContainEqual(
      expect.objectContaining({
        name: 'add-up',
        access: 'public',
        input: expect.objectContaining({ required: ['a', 'b'] }),
      }),
    )
  })
})
