import { createHmac } from 'node:crypto'
import { actor, service, stranger } from '@plinth/testing'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { sql } from '../../database/index.ts'
import { listen } from '../../http/index.ts'
import { defineErrors } from '../../kernel/index.ts'
import { type Access, defineFunction } from '../index.ts'
import { useRoutes } from './host-routes.ts'

const ada = actor('ada')
const root = actor('root')

/** Tells who acts, by the database's own word. */
const whoAmI = (name: string, access: Access) =>
  defineFunction({
    name: `who-am-i-${name}`,
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

const scarce = defineFunction({ ...addUp, name: 'scarce', limit: { calls: 2, seconds: 60 } })

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

/** An action in the query string beside a body, and a path below its name. */
const session = defineFunction({
  name: 'session',
  summary: 'Checks in and out.',
  access: 'public',
  subPaths: true,
  query: z.object({ action: z.enum(['checkin', 'checkout']) }),
  input: z.object({ id: z.int() }),
  output: z.object({ action: z.string(), id: z.int(), below: z.string() }),
  handle: async ({ subPath }, { id }, { action }) => ({ action, id, below: subPath }),
})

/** As an unmodified function of Supabase's: its answer goes out as it is. */
const plain = defineFunction({
  name: 'plain',
  summary: 'Answers by itself.',
  access: 'user',
  respond: async (request, { userId }) =>
    new Response(`${request.method} ${new URL(request.url).pathname} ${await request.text()} ${userId}`, {
      status: 418,
      headers: { 'content-type': 'text/plain', 'x-own': 'yes' },
    }),
})

/** Passes on what another server answers, and waits for ever unless its time is over. */
const proxy = defineFunction({
  name: 'proxy',
  summary: 'Passes an answer on.',
  access: 'public',
  respond: (request) => fetch(request.headers.get('x-url') ?? ''),
})
const aborted: unknown[] = []
const slow = defineFunction({
  ...addUp,
  name: 'slow',
  timeLimit: 30,
  handle: ({ signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        aborted.push(signal.reason)
        reject(new Error('too late to matter'))
      })
    }),
})

const functions = [
  proxy,
  slow,
  ...(['public', 'user', 'admin', 'service'] as const).map((access) => whoAmI(access, access)),
  addUp,
  scarce,
  lies,
  hook,
  recordVisit,
  runSql,
  session,
  plain,
]
const errors = defineErrors({
  seat_taken: { status: 409, message: 'Seat {seat} is taken.', hint: 'Choose another one.' },
})
const seed = `create table public.visits (user_id uuid); alter table public.visits enable row level security;
  create table public.once (id int primary key); alter table public.once enable row level security;`

describe('functions', () => {
  const test = useRoutes({
    functions,
    errors,
    seed,
    roles: { of: async (_database, userId) => (userId === root.userId ? ['admin'] : []) },
  })
  const { ask, call, logged } = test

  it.each([
    ['public', null, 'anon'],
    ['user', ada, 'authenticated'],
    ['admin', root, 'authenticated'],
    ['admin', service, 'service_role'],
    ['service', service, 'service_role'],
  ] as const)('for %s callers run as the caller', async (access, caller, role) => {
    expect((await call(`who-am-i-${access}`, caller)).body).toMatchObject({ success: true, data: { role } })
  })

  it.each([
    ['user', null, 401, 'missing_key'],
    ['user', stranger, 401, 'sign_in_required'],
    ['admin', stranger, 401, 'sign_in_required'],
    ['admin', ada, 403, 'not_allowed'],
    ['service', ada, 403, 'not_allowed'],
    ['service', stranger, 403, 'not_allowed'],
  ] as const)('for %s callers refuse others', async (access, caller, status, code) => {
    const answer = await call(`who-am-i-${access}`, caller, {}, { headers: { 'x-request-id': 'request-1' } })
    expect(answer).toMatchObject({ status, body: { success: false, code, request_id: 'request-1' } })
  })

  it('read their input from the body or the query string', async () => {
    const data = { sum: 3 }
    expect((await call('add-up', null, { a: 1, b: 2 })).body).toEqual({ success: true, data })
    expect((await ask('/functions/v1/add-up?a=1&b=2')).body).toEqual({ success: true, data })
  })

  it('take an action in the query string beside their body, and paths below their name', async () => {
    expect((await call('session?action=checkin', null, { id: 1 })).body.data).toMatchObject({
      action: 'checkin',
      id: 1,
    })
    const below = await call('session/rest/of%20path?action=checkout', null, { id: 2 })
    expect(below.body.data).toEqual({ action: 'checkout', id: 2, below: '/rest/of%20path' })
    expect(await call('session', null, { id: 1 })).toMatchObject({
      status: 400,
      body: { code: 'invalid_input' },
    })
    expect(await call('add-up/below', null, { a: 1, b: 2 })).toMatchObject({
      status: 404,
      body: { code: 'unknown_function' },
    })
  })

  it('of the raw kind get the request and answer as they like', async () => {
    const answer = await call('plain/some/where', ada, 'hello', { method: 'PUT' })
    expect(answer).toMatchObject({
      status: 418,
      text: `PUT /sample/functions/v1/plain/some/where hello ${ada.userId}`,
    })
    expect(answer.headers.get('x-own')).toBe('yes')
    expect((await call('plain', stranger, 'hello')).status).toBe(401)
  })

  it.each([
    ['that is not JSON', '{"a": 1', 'invalid_json'],
    ['that is not UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'invalid_json'],
    ['of another shape', '{"a": 1}', 'invalid_input'],
    ['that is a list', '[]', 'invalid_input'],
  ])('refuse input %s', async (_case, body, code) => {
    expect(await call('add-up', stranger, body)).toMatchObject({
      status: 400,
      body: { success: false, code },
    })
  })

  it('refuse a method they are not called with', async () => {
    const answer = await ask('/functions/v1/who-am-i-public', { as: stranger })
    expect(answer).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
    expect(answer.headers.get('allow')).toBe('POST')
  })

  it('are limited for each caller on their own', async () => {
    const once = () => call('scarce', ada, { a: 1, b: 1 })
    expect([(await once()).status, (await once()).status]).toEqual([200, 200])
    const refused = await once()
    expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_requests' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await call('scarce', root, { a: 1, b: 1 })).status).toBe(200)
  })

  it('are limited for a network, not for each of its addresses', async () => {
    const from = (address: string) =>
      call('scarce', stranger, { a: 1, b: 1 }, { headers: { 'x-forwarded-for': address } })
    const statuses = []
    for (const host of ['1', '2', '3']) statuses.push((await from(`2001:db8:1:2::${host}`)).status)
    expect(statuses).toEqual([200, 200, 429])
    expect((await from('2001:db8:1:3::1')).status).toBe(200)
  })

  it('of the raw kind may pass on what fetch gave them', async () => {
    const listening = await listen({
      app: test.app,
      host: '127.0.0.1',
      port: 0,
      onUpgrade: (_request, socket) => socket.destroy(),
    })
    const url = `http://127.0.0.1:${listening.port}`
    const headers = { 'x-url': `${url}/health/live` }
    const answer = await fetch(`${url}/sample/functions/v1/proxy`, { headers })
    expect(await answer.json()).toEqual({ status: 'ok' })
    await listening.stop(0)
  })

  it('that take too long are told to stop, and their callers that they did: answer_too_slow', async () => {
    const answer = await call('slow', null, { a: 1, b: 1 })
    expect(answer).toMatchObject({ status: 504, body: { success: false, code: 'answer_too_slow' } })
    expect(aborted).toEqual([expect.objectContaining({ code: 'answer_too_slow' })])
  })

  it('never answer what their schema does not allow', async () => {
    const answer = await call('lies', stranger, { a: 1, b: 1 })
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } })
    expect(answer.text).not.toContain('many')
  })

  it('leave the cause of what failed inside in the log, and nothing of what their callers did wrong', async () => {
    logged.length = 0
    await call('add-up', stranger, { a: 1 })
    expect(logged).toEqual([])
    await call('run-sql', stranger, { text: 'select from public.nowhere' })
    expect(logged).toEqual([expect.stringContaining('public.nowhere')])
  })

  it('AT-15: get a webhook’s bytes as they came', async () => {
    const body = '{ "amount" :  1.50, "name": "Zoë" }'
    const signature = createHmac('sha256', 'secret').update(body).digest('hex')
    const deliver = (signed: string) => call('hook', null, body, { headers: { 'x-signature': signed } })
    expect((await deliver(signature)).body).toMatchObject({ data: { genuine: true } })
    expect((await deliver('forged')).body).toMatchObject({ data: { genuine: false } })
  })

  it('take a webhook’s own credentials for what they are: not ours', async () => {
    const headers = { authorization: 'Bearer of-the-provider', apikey: 'of-the-provider' }
    expect((await call('hook', null, '{}', { headers })).status).toBe(200)
    expect((await call('add-up', null, { a: 1, b: 1 }, { headers })).body.code).toBe('invalid_key')
  })

  it('pass policies only when they say that they act as the service', async () => {
    expect((await call('record-visit', ada, { past: 'policies' })).body).toMatchObject({
      data: { visits: 1 },
    })
    expect((await call('record-visit', ada, { past: 'nothing' })).status).toBe(403)
  })

  it.each([
    ['forbidden_rows', 403, `select pg_read_file('/etc/passwd')`],
    ['conflicting_rows', 409, `insert into public.once values (1), (1)`],
    ['invalid_rows', 400, `select 'x'::int`],
    ['refused', 422, `do $$ begin raise exception 'not today' using errcode = 'PT422'; end $$`],
    ['seat_taken', 409, `select plinth.refuse('seat_taken', 409, 'Seat 7 is taken.', '{"seat": 7}')`],
    ['internal', 500, 'select from public.nowhere'],
  ])('say %s when PostgreSQL refuses so', async (code, status, text) => {
    expect(await call('run-sql', stranger, { text })).toMatchObject({
      status,
      body: { success: false, code },
    })
  })

  it('give the facts of a refusal, and none of a failure inside', async () => {
    const refuse = `select plinth.refuse('seat_taken', 409, 'Seat 7 is taken.', '{"seat": 7}')`
    expect((await call('run-sql', stranger, { text: refuse })).body.details).toEqual({ seat: 7 })
    expect((await call('run-sql', stranger, { text: 'select 1/0 from nowhere' })).body).not.toHaveProperty(
      'details',
    )
  })
})
