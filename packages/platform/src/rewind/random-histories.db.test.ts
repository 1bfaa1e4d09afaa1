import { useRewind, useTail } from '@plinth/testing/tail'
import fc from 'fast-check'
import pg from 'pg'
import { expect, test } from 'vitest'
import { verifyJournal } from '../journal/index.ts'

const schema = `
create table shops (id text primary key, name text not null);
create table shelves (
  shop_id text not null references shops on delete cascade, place int not null, label text not null,
  primary key (shop_id, place), unique (shop_id, label));
create table items (
  id bigint generated always as identity primary key,
  shop_id text not null references shops on delete cascade,
  shelf int, parent bigint references items on delete set null,
  slot int not null, stock int not null, worth int generated always as (stock * 2) stored, doc jsonb,
  unique (shop_id, slot),
  foreign key (shop_id, shelf) references shelves (shop_id, place) on update cascade on delete cascade);
create table parts (
  id uuid primary key default gen_random_uuid(), shop_id text not null, item_id bigint not null references items on delete cascade,
  amount numeric not null);`

const test_ = useTail(schema, {
  journalled: ['shops', 'shelves', 'items', 'parts'],
  tenant: { table: 'shops', column: 'shop_id' },
})
const { rewind, preview, head } = useRewind(test_)
const tables = ['shops', 'shelves', 'items', 'parts']

/** `$1` is the tenant, `$2` and `$3` are small numbers that choose rows and values. A statement may find nothing to do. */
const operations = {
  addShop: `insert into shops values ($1, 'shop ' || ($2::int + $3::int)) on conflict (id) do update set name = excluded.name`,
  removeShop: `delete from shops where id = $1 and $2::int = $3::int`,
  addShelf: `insert into shelves select $1, $2::int, 'label ' || $3::int where exists (select from shops where id = $1)
    on conflict do nothing`,
  renumberShelf: `update shelves set place = place + 10 * (1 + $3::int) where shop_id = $1 and place % 4 = $2::int % 4`,
  removeShelf: `delete from shelves where shop_id = $1 and place % 5 = $2::int and $3::int >= 0`,
  addItem: `insert into items (shop_id, shelf, parent, slot, stock, doc)
    select $1, (select place from shelves where shop_id = $1 order by place offset $2::int % 3 limit 1),
      (select max(id) from items where shop_id = $1 and id % 3 = $3::int % 3), $2::int, $3::int,
      json_build_object('n', $3::int, 't', repeat('x', $2::int * 900))
    where exists (select from shops where id = $1) on conflict do nothing`,
  changeStock: `update items set stock = stock + 1 + $3::int where shop_id = $1 and slot % 3 = $2::int % 3`,
  swapSlots: '',
  removeItem: `delete from items where shop_id = $1 and slot = $2::int and $3::int >= 0`,
  addPart: `insert into parts (shop_id, item_id, amount)
    select $1, id, $3::int / 3.0 from items where shop_id = $1 and slot % 2 = $2::int % 2`,
  changeKey: `update parts set id = gen_random_uuid() where shop_id = $1 and amount < $2::int + $3::int`,
} as const
type Name = keyof typeof operations

const step = fc.record({
  tenant: fc.constantFrom('a', 'b'),
  name: fc.constantFrom(...(Object.keys(operations) as Name[])),
  x: fc.integer({ min: 0, max: 5 }),
  y: fc.integer({ min: 0, max: 5 }),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

interface Point {
  readonly sequence: number
  readonly rows: readonly unknown[]
}

let client: pg.Client

/** What a constraint refuses has not happened, which is a history as well. */
async function take({ tenant, name, x, y }: Step): Promise<void> {
  if (name === 'swapSlots') return swapSlots(tenant, x, y)
  await client.query(operations[name], [tenant, x, y]).catch((error: unknown) => {
    if (!(error instanceof pg.DatabaseError && error.code?.startsWith('23'))) throw error
  })
}

/** Two rows give each other their unique value, by way of a third one. */
async function swapSlots(tenant: string, x: number, y: number): Promise<void> {
  if (x === y) return
  await client.query('begin')
  const move = (from: number, to: number) =>
    client.query(`update items set slot = $3 where shop_id = $1 and slot = $2`, [tenant, from, to])
  await move(x, -1)
  await move(y, x)
  await move(-1, y)
  await client.query('commit')
}

async function rowsOf(tenant: string): Promise<unknown[]> {
  const each = tables.map(
    (table) =>
      `select '${table}' as "table", t::text as row from ${table} t where ${table === 'shops' ? 'id' : 'shop_id'} = $1`,
  )
  return (await client.query(`${each.join(' union all ')} order by 1, 2`, [tenant])).rows
}

const readPoint = async (tenant: string): Promise<Point> => ({
  sequence: await head(tenant),
  rows: await rowsOf(tenant),
})

test('a random history rewound to random points equals what was there, and its neighbour is not touched', async () => {
  client = new pg.Client({ connectionString: test_.database.addresses.ownerDirect })
  await client.connect()
  let changed = 0
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 30 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
        async (history, choices) => {
          const points: Point[] = [await readPoint('a')]
          for (const each of history) {
            await take(each)
            if (each.tenant === 'a') points.push(await readPoint('a'))
          }
          const neighbour = await rowsOf('b')
          for (const choice of choices) {
            const point = points[choice % points.length]!
            const present = await rowsOf('a')
            const { tables: expected } = await preview('a', point.sequence)
            const applied = await rewind('a', point.sequence, { removeTenant: true })
            expect(applied.tables).toEqual(expected)
            expect(await rowsOf('a')).toEqual(point.rows)
            expect(await rowsOf('b')).toEqual(neighbour)
            if (applied.undone > 0) changed += 1
            if (choice % 3 !== 0 || applied.undoneBy === null) continue
            await rewind('a', applied.undoneBy, { removeTenant: true })
            expect(await rowsOf('a')).toEqual(present)
          }
        },
      ),
      { seed: 5, numRuns: process.env.PLINTH_TEST_LONG === '1' ? 250 : 10 },
    )
    expect(changed).toBeGreaterThan(8)
    expect(await verifyJournal(test_)).toMatchObject({ sound: true })
  } finally {
    await client.end()
  }
}, 300_000)
