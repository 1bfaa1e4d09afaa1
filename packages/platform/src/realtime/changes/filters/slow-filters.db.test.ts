import { actor, clusterAddress, service, waitFor } from '@plinth/testing'
import { listenTo, useRealtime } from '@plinth/testing/realtime'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'

const seed = `
create table public.posts (id int primary key, body text);
create table public.stuck (id int primary key, body text);
`
const test = useRealtime({
  seed,
  tables: ['posts', 'stuck'],
  limits: { filterMilliseconds: { statement: 3_000, user: 100 } },
})
const [ada, bob, eve] = [actor('ada'), actor('bob'), actor('eve')]
const admin = new pg.Client({ connectionString: clusterAddress() })
beforeAll(async () => {
  await admin.connect()
})
afterAll(() => admin.end())

const run = (text: string) => test.database.asCaller(service, { text })

/** PostgreSQL tries all ways of dividing a text among the groups, because no way gives the same text twice. */
const slowPattern = '^(a+)(a+)(a+)(a+)\\1\\2\\3\\4b$'
const slowText = `${'a'.repeat(401)}b`
const ids = (changes: readonly { new: unknown }[]) =>
  changes.map((change) => (change.new as { id: number }).id)

it('a filter that takes long holds up nobody else, and ends', async () => {
  const others = await listenTo(await test.served.client(bob.userId), { table: 'posts' })
  const likes = await listenTo(await test.served.client(ada.userId), {
    table: 'posts',
    filter: 'body=like.word%',
  })
  const slow = await listenTo(await test.served.client(eve.userId), {
    table: 'posts',
    filter: `body=match."${slowPattern.replaceAll('\\', '\\\\')}"`,
  })
  expect([others.status, likes.status, slow.status]).toEqual(['SUBSCRIBED', 'SUBSCRIBED', 'SUBSCRIBED'])
  await run(`insert into posts values (0, '${slowText}')`)
  const isRunning = async () => {
    const { rows } = await admin.query(
      `select from pg_stat_activity where state = 'active' and datname = $1 and query like '%plinth_n = any%'`,
      [new URL(test.addresses.requests).pathname.slice(1)],
    )
    return rows.length > 0
  }
  await waitFor(isRunning)
  for (let id = 1; id <= 20; id += 1) await run(`insert into posts values (${id}, 'word ${id}')`)
  const wanted = Array.from({ length: 20 }, (_, index) => index + 1)
  await waitFor(() => others.changes.length === 21 && likes.changes.length === 20)
  expect(ids(others.changes)).toEqual([0, ...wanted])
  expect(ids(likes.changes)).toEqual(wanted)
  expect(await isRunning()).toBe(true)
  await waitFor(() => slow.system.some(({ status }) => status === 'error'), { timeout: 10_000 })
  expect(slow.system.at(-1)?.message).toMatch(/^filter_too_slow: /)
  expect(slow.changes).toEqual([])
  expect(slow.channel.state).toBe('joined')
}, 30_000)

it('filters with patterns on one channel keep the order of its changes', async () => {
  await run('delete from posts')
  const client = await test.served.client(ada.userId)
  const heard: string[] = []
  const channel = client.channel('mixed')
  channel.on(
    'postgres_changes',
    { event: '*', schema: 'public', table: 'posts', filter: 'body=like.%x%' },
    ({ new: row }) => heard.push(`x${(row as { id: number }).id}`),
  )
  channel.on('postgres_changes', { event: 'INSERT', schema: 'public', table: 'posts' }, ({ new: row }) =>
    heard.push(`all${(row as { id: number }).id}`),
  )
  await new Promise<void>((resolve) => channel.subscribe((status) => status === 'SUBSCRIBED' && resolve()))
  await run(
    `insert into posts select n, case when n % 2 = 0 then 'x' else 'y' end from generate_series(1, 300) n`,
  )
  await run(`insert into posts values (301, 'axa')`)
  await waitFor(() => heard.includes('x301'))
  const wanted = Array.from({ length: 301 }, (_, index) => index + 1).flatMap((id) =>
    id % 2 === 0 || id === 301 ? [`x${id}`, `all${id}`] : [`all${id}`],
  )
  expect(heard).toEqual(wanted)
})

it('a pattern that ends in a lone backslash is refused when it is asked for', async () => {
  const client = await test.served.client(ada.userId)
  for (const [filter, status] of [
    ['body=like.a\\', 'CHANNEL_ERROR malformed_filter'],
    ['body=ilike.a\\\\\\', 'CHANNEL_ERROR malformed_filter'],
    ['body=like.a\\\\', 'SUBSCRIBED'],
  ] as const) {
    expect((await listenTo(client, { table: 'posts', filter })).status).toContain(status)
  }
})
