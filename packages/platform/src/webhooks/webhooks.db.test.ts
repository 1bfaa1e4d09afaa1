import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { silentLog } from '@plinth/platform/kernel'
import { createFakeClock, waitFor } from '@plinth/testing'
import { useTail } from '@plinth/testing/tail'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createWebhookConsumer } from './create-webhook-consumer.ts'
import { pruneWebhooks } from './prune-webhooks.ts'
import { sendDue, webhookBackOff } from './send-webhooks.ts'
import { addWebhookEndpoint, removeWebhookEndpoint, replayWebhooks } from './webhook-endpoints.ts'

const test_ = useTail(
  `create table items (id int primary key, shop_id text, name text); create table notes (id int primary key);`,
  { journalled: ['items'], realtime: ['notes'], tenant: { table: 'shops', column: 'shop_id' } },
  { running: false },
)
const { run } = test_
const clock = createFakeClock(new Date())
const day = 86_400_000

interface Received {
  readonly path: string
  readonly body: string
  readonly headers: IncomingHttpHeaders
}
const received: Received[] = []
let answers: number[] = []
const server = createServer((incoming, outgoing) => {
  let body = ''
  incoming.on('data', (chunk) => (body += chunk))
  incoming.on('end', () => {
    received.push({ path: incoming.url!, body, headers: incoming.headers })
    outgoing.writeHead(answers.shift() ?? 204, { location: '/elsewhere' }).end()
  })
})
let url: string
let tail: ReturnType<typeof test_.createTail>

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const consumer = createWebhookConsumer({ database: test_.database, key: test_.key })
  tail = test_.createTail({ durable: [consumer, test_.createJournal()], gatherMilliseconds: 0 })
  tail.start()
  await waitFor(() => tail.holds())
})
beforeEach(async () => {
  await run('delete from plinth.webhook_endpoints')
  received.length = 0
  answers = []
})
afterAll(async () => {
  await tail.stop()
  await new Promise((resolve) => server.close(resolve))
})

/** Sends what is due to every endpoint, and gives how many attempts were made. */
async function send(): Promise<number> {
  const endpoints = await run('select id from plinth.webhook_endpoints')
  const options = { database: test_.database, key: test_.key, clock, log: silentLog, privateAddresses: true }
  const counts = await Promise.all(endpoints.map(({ id }) => sendDue(options, id as string)))
  return counts.reduce((sum, count) => sum + count, 0)
}
const add = (endpoint: Partial<Parameters<typeof addWebhookEndpoint>[2]> & { path?: string } = {}) =>
  addWebhookEndpoint(
    test_.database,
    test_.key,
    { ...endpoint, url: `${url}${endpoint.path ?? '/'}` },
    { privateAddresses: true },
  )
const due = () => clock.set(new Date(Math.max(Date.now(), clock.now().getTime()) + 1_000))

async function sendAll(): Promise<void> {
  await tail.settle()
  due()
  while ((await send()) > 0);
}

test('endpoints are told of the changes they asked for, signed as Standard Webhooks describes', async () => {
  const all = await add({ path: '/all' })
  await add({ path: '/shop', tenant: 'a', tables: ['items'], operations: ['update', 'delete'] })
  await run(`insert into items values (1, 'a', 'tea'), (2, 'b', 'milk')`)
  await run(`update items set name = name || '!'`)
  await run(`delete from items`)
  await run(`insert into notes values (1)`)
  await sendAll()
  const typesAt = (path: string) =>
    received.filter((each) => each.path === path).map(({ body }) => JSON.parse(body).type as string)
  expect(typesAt('/all').sort()).toEqual([
    ...['delete', 'delete', 'insert', 'insert', 'update', 'update'].map((kind) => `public.items.${kind}`),
    'public.notes.insert',
  ])
  expect(typesAt('/shop').sort()).toEqual(['public.items.delete', 'public.items.update'])

  const update = received.find(({ path, body }) => path === '/shop' && body.includes('update'))!
  expect(JSON.parse(update.body).data).toMatchObject({
    tenant: 'a',
    before: { id: '1', name: 'tea' },
    after: { id: '1', name: 'tea!' },
  })
  const first = received.find(({ path }) => path === '/all')!
  const headers = first.headers as Record<string, string>
  expect(() => new Webhook(all.secret).verify(first.body, headers)).not.toThrow()
  expect(() => new Webhook(all.secret).verify(first.body.replace('1', '2'), headers)).toThrow()
  const stored = await run(`select d::text as text from plinth.webhook_deliveries d`)
  expect(JSON.stringify(stored)).not.toMatch(/tea|milk/)
})

test('a receiver that fails is asked again, later each time, under the same id, until it is given up', async () => {
  await add()
  answers = Array.from({ length: webhookBackOff.length + 1 }, () => 500)
  await run(`insert into items values (10, 'a', 'x')`)
  await sendAll()
  expect(received).toHaveLength(1)
  for (const pause of webhookBackOff) {
    const before = received.length
    clock.advance(Math.max(pause - 60_000, 0))
    if (pause > 60_000) expect(await send()).toBe(0)
    clock.advance(60_001)
    expect(await send()).toBe(1)
    expect(received).toHaveLength(before + 1)
  }
  clock.advance(1_000_000_000)
  expect(await send()).toBe(0)
  expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  const [delivery] = await run(
    `select attempts, last_status, last_problem, delivered_at from plinth.webhook_deliveries`,
  )
  expect(delivery).toEqual({
    attempts: 10,
    last_status: 500,
    last_problem: 'answered 500',
    delivered_at: null,
  })
})

test('no answer, a redirect and a wrong address are failures; 410 switches the endpoint off', async () => {
  await addWebhookEndpoint(
    test_.database,
    test_.key,
    { url: 'http://127.0.0.1:1/closed' },
    { privateAddresses: true },
  )
  await add()
  answers = [302]
  await run(`insert into items values (20, 'a', 'x')`)
  await sendAll()
  const problems = await run(`select last_status, last_problem from plinth.webhook_deliveries order by 1`)
  expect(problems).toEqual([
    { last_status: 302, last_problem: 'answered 302' },
    { last_status: null, last_problem: expect.any(String) },
  ])
  expect(received.map(({ path }) => path)).toEqual(['/'])
  answers = [410]
  clock.advance(webhookBackOff[0]! + 60_000)
  await send()
  expect(await run(`select enabled from plinth.webhook_endpoints where url like '%/'`)).toEqual([
    { enabled: false },
  ])
  for (const wrong of ['ftp://example.test', 'nonsense', ''])
    await expect(
      addWebhookEndpoint(test_.database, test_.key, { url: wrong }, { privateAddresses: true }),
    ).rejects.toMatchObject({
      code: 'webhook_url_invalid',
    })
})

test('an address of a private network is refused when it is added, unless it is allowed', async () => {
  const endpoint = { url: 'http://169.254.169.254/latest/meta-data' }
  const adding = (privateAddresses: boolean) =>
    addWebhookEndpoint(test_.database, test_.key, endpoint, { privateAddresses })
  await expect(adding(false)).rejects.toMatchObject({ code: 'webhook_address_private' })
  expect(await adding(true)).toMatchObject({ id: expect.any(String) })
})

test('what was delivered can be replayed; changes before the endpoint are not told', async () => {
  await run(`insert into items values (30, 'a', 'x')`)
  await tail.settle()
  const { id } = await add()
  await run(`insert into items values (31, 'a', 'x')`)
  await sendAll()
  expect(received).toHaveLength(1)
  expect(await replayWebhooks(test_.database, id, new Date(Date.now() - 60_000))).toBe(1)
  await sendAll()
  expect(received.map(({ headers }) => headers['webhook-id'])).toEqual([
    received[0]!.headers['webhook-id'],
    received[0]!.headers['webhook-id'],
  ])
})

test('what arrived, was given up or has nobody to go to is kept for its retention; what still tries stays', async () => {
  const { id } = await add({ path: '/there' })
  const off = await add({ path: '/off' })
  await run(`insert into items values (60, 'a', 'x')`)
  await sendAll()
  await run(`update plinth.webhook_endpoints set enabled = false where id = $1`, off.id)
  await run(`insert into plinth.webhook_deliveries (endpoint, sealed_payload, next_attempt_at)
    select e.id, '', now() from plinth.webhook_endpoints e`)
  const prune = (keepDays?: number) =>
    pruneWebhooks({ database: test_.database, clock, ...(keepDays ? { keepDays } : {}) })
  await run(
    `update plinth.webhook_deliveries set created_at = $1`,
    new Date(clock.now().getTime() - 29 * day),
  )
  expect(await prune()).toBe(0)
  expect(await replayWebhooks(test_.database, id, new Date(0))).toBe(2)
  await run(
    `update plinth.webhook_deliveries set next_attempt_at = null where delivered_at is null and sealed_payload <> ''
    or endpoint = $1 and sealed_payload <> ''`,
    off.id,
  )
  await run(
    `update plinth.webhook_deliveries set created_at = $1`,
    new Date(clock.now().getTime() - 31 * day),
  )
  expect(await prune(40)).toBe(0)
  expect(await prune()).toBe(3)
  const left = await run(`select endpoint from plinth.webhook_deliveries`)
  expect(left).toEqual([{ endpoint: id }])
})

test('an address that is removed is told no more, and what was made for it is gone', async () => {
  const { id } = await add()
  await run(`insert into items values (70, 'a', 'x')`)
  await tail.settle()
  expect(await removeWebhookEndpoint(test_.database, id)).toBe(true)
  expect(await removeWebhookEndpoint(test_.database, id)).toBe(false)
  expect(await removeWebhookEndpoint(test_.database, 'nonsense')).toBe(false)
  await run(`insert into items values (71, 'a', 'x')`)
  await sendAll()
  expect(received).toEqual([])
  expect(await run('select from plinth.webhook_deliveries')).toEqual([])
})

test('several senders share the work without sending anything twice', async () => {
  await add()
  await run(`insert into items select n, 'a', 'x' from generate_series(1000, 1199) n`)
  await tail.settle()
  due()
  const work = async () => {
    while ((await send()) > 0);
  }
  await Promise.all([work(), work(), work()])
  expect(received).toHaveLength(200)
  expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(200)
})
