import { waitFor } from '@plinth/testing'
import { useRewind, useTail } from '@plinth/testing/tail'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { databaseErrors } from '../database/index.ts'
import { verifyJournal } from '../journal/index.ts'

const schema = `
create table shops (id text primary key, name text);
create table items (id int primary key, shop_id text not null references shops, stock int not null, sku text unique);
create table notes (id int primary key, shop_id text not null, item_id int references items, body text);
insert into shops values ('a', 'A'), ('b', 'B');
insert into items select n, 'b', 0, 'b' || n from generate_series(10000000, 10000999) n;`

const test_ = useTail(schema, {
  journalled: ['shops', 'items', 'notes'],
  tenant: { table: 'shops', column: 'shop_id' },
})
const { run } = test_
const { rewind, preview, head } = useRewind(test_)
const failing = (code: string) => expect.objectContaining({ code })

/** Sessions of other writers. */
const writers: pg.Client[] = []
async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: test_.database.addresses.ownerDirect })
  client.on('error', () => undefined)
  await client.connect()
  writers.push(client)
  return client
}
let neighbour: pg.Client
beforeAll(async () => {
  neighbour = await connect()
})
afterAll(() => Promise.all(writers.map((client) => client.end())))

/** A neighbour who writes all the time while `work` runs; gives how often, and the longest wait in milliseconds. */
async function besideNeighbour<T>(work: () => Promise<T>) {
  let done = false
  let writes = 0
  let longest = 0
  const [{ before }] = (await run(`select sum(stock)::int as before from items where shop_id = 'b'`)) as [
    { before: number },
  ]
  const writing = (async () => {
    while (!done) {
      const began = performance.now()
      await neighbour.query(`update items set stock = stock + 1 where id = $1`, [
        10_000_000 + (writes % 1000),
      ])
      await neighbour.query(`insert into notes values ($1, 'b', $2, 'n') on conflict (id) do nothing`, [
        20_000_000 + writes,
        10_000_000 + (writes % 1000),
      ])
      longest = Math.max(longest, performance.now() - began)
      writes += 1
    }
  })()
  const result = await work().finally(() => {
    done = true
  })
  await writing
  const [{ after }] = (await run(`select sum(stock)::int as after from items where shop_id = 'b'`)) as [
    { after: number },
  ]
  expect(after - before).toBe(writes)
  return { result, writes, longest }
}

/** Rows that came and rows that changed since the point; then everything back. */
async function rewindMany(rows: number) {
  await run(`insert into items select n, 'a', 0, 'a' || n from generate_series(1, $1::int / 2) n`, rows)
  await test_.tail.settle(300_000)
  const point = await head('a')
  const hash = () =>
    run(
      `select count(*)::int as n, md5(string_agg(i::text, ',' order by id)) as hash from items i where shop_id = 'a'`,
    )
  const before = await hash()
  await run(`update items set stock = 7 where shop_id = 'a'`)
  await run(
    `insert into items select n, 'a', 1, 'a' || n from generate_series($1::int / 2 + 1, $1::int) n`,
    rows,
  )
  await test_.tail.settle(300_000)
  const { result, writes, longest } = await besideNeighbour(() => rewind('a', point))
  expect(await hash()).toEqual(before)
  return { result, writes, longest }
}

test('a neighbour writes all the time, and nothing of it is lost', async () => {
  const { result, writes } = await rewindMany(4_000)
  expect(result).toMatchObject({ undone: 4_000, journalled: true })
  expect(writes).toBeGreaterThan(20)
  expect(await verifyJournal(test_)).toMatchObject({ sound: true })
})

test('while the rewind holds its rows, a neighbour’s statement waits for nothing', async () => {
  await run(`insert into items values (400001, 'a', 1, 'held')`)
  const point = await head('a')
  await run(`update items set stock = 2 where id = 400001`)
  const waits = async () => {
    // The rewind holds root and rows by now, and its transaction goes on.
    await neighbour.query(`set lock_timeout = '100ms'`)
    await neighbour.query(`update items set stock = stock + 1 where shop_id = 'b'`)
    await neighbour.query(`insert into items values (400002, 'b', 1, 'free')`)
    await neighbour.query(`delete from items where id = 400002`)
    await expect(neighbour.query(`update items set stock = 3 where id = 400001`)).rejects.toMatchObject({
      code: '55P03',
    })
    await expect(neighbour.query(`insert into items values (400003, 'a', 1, 'new')`)).rejects.toMatchObject({
      code: '55P03',
    })
    await neighbour.query('reset lock_timeout')
  }
  let settled = 0
  const tail = {
    settle: async () => {
      settled += 1
      // The first time before the rows are held, the second time after.
      if (settled === 2) await waits()
      return test_.tail.settle()
    },
  }
  await rewind('a', point, { tail })
  expect(settled).toBeGreaterThan(2)
  expect(await run('select stock from items where id = 400001')).toEqual([{ stock: 1 }])
})

test('what the tenant itself writes before its rows are held is taken back as well', async () => {
  await run(`insert into items values (500001, 'a', 1, 'first')`)
  const point = await head('a')
  await run(`update items set stock = 2 where id = 500001`)
  let settled = 0
  const tail = {
    settle: async () => {
      settled += 1
      const position = await test_.tail.settle()
      // The rewind has looked at the journal; it does not hold the rows yet.
      if (settled === 1)
        await run(
          `insert into items values (500002, 'a', 1, 'late'); insert into notes values (1, 'a', 500002, 'late')`,
        )
      return position
    },
  }
  await rewind('a', point, { tail })
  expect(await run(`select id, stock from items where id in (500001, 500002)`)).toEqual([
    { id: 500001, stock: 1 },
  ])
  expect(await run(`select from notes where id = 1`)).toEqual([])
})

test('who waits for a row that is rewound writes afterwards, and finds it', async () => {
  await run(`insert into items values (600001, 'a', 1, 'one')`)
  const point = await head('a')
  await run(`update items set stock = 2 where id = 600001`)
  const writer = await connect()
  let writing: Promise<unknown> | undefined
  let settled = 0
  const tail = {
    settle: async () => {
      settled += 1
      if (settled === 2) {
        writing = writer.query(`insert into notes values (10, 'a', 600001, 'waits')`)
        await waitFor(async () => (await waiting()) > 0, { what: 'the writer to wait' })
      }
      return test_.tail.settle()
    },
  }
  const waiting = async () =>
    (
      await test_.asAdministrator(
        `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%waits%' and pid <> pg_backend_pid()`,
      )
    ).length
  await rewind('a', point, { tail })
  await writing
  expect(await run(`select body, stock from notes n join items i on i.id = item_id where n.id = 10`)).toEqual(
    [{ body: 'waits', stock: 1 }],
  )
})

test('somebody who holds a row and waits for the tenant is let through first', async () => {
  await run(`insert into items values (700001, 'a', 1, 'circle')`)
  const point = await head('a')
  await run(`update items set stock = 2 where id = 700001`)
  await head('a')
  const writer = await connect()
  await writer.query('begin')
  await writer.query(`update items set stock = 3 where id = 700001`)
  const rewinding = rewind('a', point, { lockMilliseconds: 20_000 })
  const [{ pid }] = (await writer.query('select pg_backend_pid() as pid')).rows
  const isWaiting = (condition: string) => async () =>
    (
      await test_.asAdministrator(
        `select from pg_stat_activity where wait_event_type = 'Lock' and datname <> 'postgres' and ${condition}`,
      )
    ).length === 1
  await waitFor(isWaiting(`application_name like 'plinth rewind%'`), { what: 'the rewind to wait' })
  // A new row of the tenant waits for its root, which the rewind holds.
  const inserting = writer.query(`insert into items values (700002, 'a', 1, 'behind')`)
  await inserting
  await writer.query('commit')
  expect(pid).toBeGreaterThan(0)
  expect(await rewinding).toMatchObject({ journalled: true })
  expect(await run(`select id, stock from items where id in (700001, 700002)`)).toEqual([
    { id: 700001, stock: 1 },
  ])
})

test('two rewinds of one tenant at once: one of them is told', async () => {
  await run(`insert into items values (800001, 'a', 1, 'two')`)
  const point = await head('a')
  await run(`update items set stock = 2 where id = 800001`)
  const outcomes = await Promise.allSettled([rewind('a', point), rewind('a', point)])
  const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'done'))
  expect(codes).toContain('done')
  expect(codes.every((code) => code === 'done' || code === 'rewind_busy')).toBe(true)
  expect(await run('select stock from items where id = 800001')).toEqual([{ stock: 1 }])
})

test('after the commit the answer is success, also when the journal does not catch up', async () => {
  await run(`insert into items values (900001, 'a', 1, 'slow')`)
  const point = await head('a')
  await run(`update items set stock = 2 where id = 900001`)
  let broken = false
  const tail = {
    settle: async () => {
      const [row] = await run('select stock from items where id = 900001')
      broken ||= row!.stock === 1
      if (broken) throw databaseErrors.database_unavailable()
      return test_.tail.settle()
    },
  }
  const applied = await rewind('a', point, { tail })
  expect(applied).toMatchObject({ journalled: false, undoneBy: null })
  expect(await run('select stock from items where id = 900001')).toEqual([{ stock: 1 }])
})

test('somebody who does not let go is waited for no longer than asked', async () => {
  await run(`insert into items values (910001, 'a', 1, 'kept')`)
  const point = await head('a')
  await run(`update items set stock = 2 where id = 910001`)
  await head('a')
  const writer = await connect()
  await writer.query('begin; update items set stock = 3 where id = 910001')
  await expect(rewind('a', point, { lockMilliseconds: 100 })).rejects.toEqual(failing('rewind_busy'))
  await writer.query('rollback')
  expect(await preview('a', point)).toMatchObject({ undone: 1 })
})

test.runIf(process.env.PLINTH_TEST_LONG === '1')(
  'a rewind of a million rows succeeds beside a neighbour who never waits long',
  async () => {
    await run(`delete from notes where shop_id = 'a'`)
    await run(`delete from items where shop_id = 'a'`)
    const { result, writes, longest } = await rewindMany(1_000_000)
    expect(result.undone).toBe(1_000_000)
    expect(writes).toBeGreaterThan(100)
    process.stdout.write(`a neighbour wrote ${writes} times and waited ${Math.round(longest)} ms at most\n`)
  },
  900_000,
)
