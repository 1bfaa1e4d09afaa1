import { waitFor } from '@plinth/testing'
import { watchEventLoop } from '@plinth/testing/event-loop'
import { useStops, useTail } from '@plinth/testing/tail'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eraseSubject, showJournal, verifyJournal } from '../journal/index.ts'
import type { Tail } from '../tail/index.ts'
import { createWebhookConsumer } from './create-webhook-consumer.ts'
import { addWebhookEndpoint } from './webhook-endpoints.ts'

/** The form with a million rows, on a running server, is in acceptance/. */
const rows = 60_000
/** Persons: more than a slice of the stream has. */
const conversations = 6_000
/** Of the main thread's CPU time, milliseconds. Without slices it was seconds. */
const longestTurn = 100

const test_ = useTail(
  `create table messages (id int primary key, shop_id text not null, conversation_id int not null, text text);
   insert into messages select n, 'shop ' || n % 20, n % ${conversations}, 'message ' || n || repeat(' and on', 5)
   from generate_series(1, ${rows}) n;`,
  {
    journalled: ['messages'],
    tenant: { table: 'shops', column: 'shop_id' },
    personal: { messages: { columns: ['text'], subject: 'conversation_id' } },
  },
  { running: false },
)
const { run } = test_
const { listen } = useStops()
let tail: Tail

beforeAll(async () => {
  const webhooks = createWebhookConsumer({ database: test_.database, key: test_.key })
  await addWebhookEndpoint(
    test_.database,
    test_.key,
    { url: 'https://example.test/hook', tenant: 'shop 1' },
    { privateAddresses: true },
  )
  tail = test_.createTail({ durable: [test_.createJournal(), webhooks] })
  tail.start()
  await tail.settle(30_000)
})
afterAll(() => tail.stop())

test(`one update of ${rows} rows with personal columns is journalled and told while the event loop turns`, async () => {
  const loop = watchEventLoop()
  const before = process.memoryUsage().rss
  let most = before
  const chunks = listen(tail, () => {
    most = Math.max(most, process.memoryUsage.rss())
  })
  await run(`update messages set text = text || '!'`)
  const updating = loop.longestTurn()
  // Whoever erases a person waits for the transaction that is being stored, since it has values of that person.
  await waitFor(
    async () =>
      (
        await run(`select from pg_locks where relation = 'plinth_journal.erasures'::regclass
          and mode = 'ShareLock' and granted`)
      ).length > 0,
    { timeout: 30_000, what: 'the journal to begin' },
  )
  const erasing = eraseSubject(test_.database, '17')
  await tail.settle(100_000)
  const turn = Math.max(updating, loop.longestTurn())
  loop.stop()
  await erasing
  expect(turn).toBeLessThan(longestTurn)
  // The bar of 256 MB is for a server of its own; this process also has the tests' code, and garbage of the tests before.
  expect(most - before).toBeLessThan(384 * 1024 * 1024)

  expect(chunks.filter(({ changes }) => changes.length > 0)).toHaveLength(rows / 500)
  expect(
    await run(
      `select count(*)::int as entries, count(distinct position)::int as commits, count(distinct tenant)::int as tenants,
         count(distinct before -> '' ->> 'key')::int as persons from plinth_journal.entries`,
    ),
  ).toEqual([{ entries: rows, commits: 1, tenants: 20, persons: conversations }])
  expect(await run(`select count(*)::int as n from plinth.webhook_deliveries`)).toEqual([{ n: rows / 20 }])
  expect(await verifyJournal(test_)).toMatchObject({ sound: true, entries: rows })
}, 120_000)

test('who was erased stays closed, everybody else can be opened', async () => {
  const { database, key } = test_
  const textOf = async (id: number) => {
    const [entry] = await showJournal({ database, key, table: 'messages', rowKey: [String(id)] })
    return entry!.changes[0]
  }
  expect(await textOf(17)).toEqual({ column: 'text', from: '(erased)', to: '(erased)' })
  const text = `message 18${' and on'.repeat(5)}`
  expect(await textOf(18)).toEqual({ column: 'text', from: text, to: `${text}!` })
})
