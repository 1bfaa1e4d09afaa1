import { service, waitFor } from '@plinth/testing'
import { type Listening, listenTo, useRealtime } from '@plinth/testing/realtime'
import type { SupabaseClient } from '@supabase/supabase-js'
import { expect, it } from 'vitest'
import { openProjectDatabase } from '../../database/index.ts'
import { silentLog } from '../../kernel/index.ts'
import type { RowImage } from '../../tail/index.ts'
import { sessionOf } from '../channels/session.ts'
import { createTableCatalogue } from './describe-table.ts'
import { compileFilter } from './filters/compile-filter.ts'
import { rowJson } from './row-values.ts'
import { readSnapshot } from './watch/read-snapshot.ts'
import { prepareView } from './watch/watch-view.ts'

/** By column: its type, and its values in two rows, the second one greater where the type has an order. */
const columns: Readonly<Record<string, readonly [type: string, low: string, high: string]>> = {
  small: ['int2', '-3', '4'],
  whole: ['int4', '2', '10'],
  large: ['int8', '-9007199254740991', '9007199254740991'],
  exact: ['numeric', '1.50', '10.250'],
  rounded: ['numeric(6,2)', '2', '10.1'],
  single: ['float4', '0.1', '1e20'],
  real: ['float8', '-0.30000000000000004', 'Infinity'],
  yes: ['boolean', 'false', 'true'],
  words: ['text', 'a "quoted", (b)', 'z\\é€😀'],
  short: ['varchar(5)', 'ab', 'b'],
  padded: ['char(5)', 'ab', 'b'],
  mood: ['public.mood', 'calm', 'angry'],
  part: ['public.percent', '7', '70'],
  id_of: ['uuid', '11111111-1111-4111-8111-111111111111', 'aaaaaaaa-1111-4111-8111-111111111111'],
  day: ['date', '0044-03-15 BC', '2026-02-28'],
  hour: ['time', '01:02:03.5', '23:59:59.999999'],
  at: ['timestamptz', '0044-03-15 10:00:00+00 BC', '2026-03-29 01:59:59.123456+02'],
  at_end: ['timestamptz', '2026-01-01 00:00:00+05:30', 'infinity'],
  local: ['timestamp', '2026-03-29 01:59:59', '2026-03-29 02:00:00.1'],
  span: ['interval', '-00:00:01', '1 mon 2 days'],
  host: ['inet', '10.0.0.1', '10.0.0.2/8'],
  net: ['cidr', '10.0.0.0/8', '192.168.0.0/24'],
  bits: ['bit varying', '0101', '1'],
  raw: ['bytea', '\\x00ff', '\\xff'],
  doc: ['jsonb', '{"a": [1, 2.50, null]}', '{"b": "x"}'],
  during: ['int4range', '[1,5)', '[2,9)'],
  many: ['int[]', '{1,NULL,3}', '{2}'],
  bounded: ['int[]', '[2:3]={7,8}', '{9}'],
  flags: ['boolean[]', '{t,f,NULL}', '{t,t}'],
  labels: ['text[]', '{"a,b","c\\"d","",NULL,"NULL"}', '{{b},{c}}'],
  parts: ['public.percent[]', '{1,2}', '{3}'],
  times: ['timestamptz[]', '{"2026-01-01 00:00:00+00"}', '{"2026-01-02 00:00:00+00",infinity}'],
  docs: ['jsonb[]', '{"{\\"a\\": 1}"}', '{"[1, 2]",NULL}'],
  tags: ['public.tags', '{a,b}', '{c}'],
  pair: ['public.pair', '(1,"x, y")', '(2,)'],
}
const plain = ['eq', 'neq', 'lt', 'lte', 'gt', 'gte', 'in', 'isdistinct'] as const
const signs = { eq: '=', neq: '<>', lt: '<', lte: '<=', gt: '>', gte: '>=', isdistinct: 'is distinct from' }

const test = useRealtime({
  seed: `create type public.mood as enum ('calm', 'cross', 'angry'); create type public.pair as (n int, word text);
    create domain public.tags as text[]; create domain public.percent as int check (value between 0 and 100);
    create table public.kinds (id int primary key, ${Object.entries(columns)
      .map(([name, [type]]) => `${name} ${type}`)
      .join(', ')});
    create table public.ends (id int primary key);`,
  tables: ['kinds', 'ends'],
  limits: {
    joinsPerSecond: { connection: 10_000, address: 10_000, project: 10_000 },
    channels: { connection: 1_000 },
  },
})
const names = Object.keys(columns)
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`
const insert = (id: number, values: readonly string[]) =>
  test.database.asCaller(service, {
    text: `insert into kinds values (${[id, ...values].join(', ')})`,
  })
const inserts = () =>
  Promise.all([
    insert(
      1,
      Object.values(columns).map(([type, low]) => `${literal(low)}::${type}`),
    ),
    insert(
      2,
      Object.values(columns).map(([type, , high]) => `${literal(high)}::${type}`),
    ),
    insert(
      3,
      Object.values(columns).map(() => 'null'),
    ),
  ])

/** Messages of one connection come in their order. */
async function heardAll(client: SupabaseClient): Promise<void> {
  const end = await listenTo(client, { table: 'ends' })
  await test.database.asCaller(service, {
    text: `insert into ends select coalesce(max(id), 0) + 1 from ends`,
  })
  await waitFor(() => end.changes.length === 1)
}

it('values of every type have the form that the database gives them as JSON', async () => {
  const images: RowImage[] = []
  const stop = test.served.tail.subscribe({
    name: 'test',
    handle: ({ changes }) => images.push(...changes.map(({ after }) => after!)),
  })
  await test.served.tail.synchronise()
  await inserts()
  await test.served.tail.synchronise()
  stop()
  const { rows } = await test.database.asOwner<{ row: Record<string, unknown> }>({
    text: 'select to_json(k) as row from kinds k order by id',
  })
  const catalogue = createTableCatalogue({ database: test.database, carry: () => Promise.resolve() })
  const table = await catalogue.find('public', 'kinds')
  const context = { database: test.database, catalogue }
  const view = await prepareView(context, 'service_role', { schema: 'public', table: 'kinds' })
  const snapshot = await readSnapshot(test.database, {
    session: sessionOf({ role: 'service_role' }),
    view,
    limit: 10,
    timeout: 5_000,
  })
  expect([...snapshot.rows].sort()).toEqual(images.map((image) => rowJson(table!.columns, image)).sort())
  await test.database.asOwner({ text: 'delete from kinds' })
  const told = images.map((image) => JSON.parse(rowJson(table!.columns, image)) as Record<string, unknown>)
  told.sort((one, other) => Number(one.id) - Number(other.id))
  // Composite values stay PostgreSQL's text.
  const wrong = names.filter(
    (name) =>
      name !== 'pair' &&
      rows.some(({ row }, index) => JSON.stringify(row[name]) !== JSON.stringify(told[index]![name])),
  )
  expect(wrong.map((name) => [name, told.map((row) => row[name])])).toEqual([])
})

it('filters let through what the database does, for every type and operator', async () => {
  await inserts()
  const cases: { filter: string; expected: number[] | null }[] = []
  for (const [name, [type, low, high]] of Object.entries(columns)) {
    for (const operator of plain) {
      for (const not of ['', 'not.']) {
        const quote = (value: string) => `"${value.replace(/["\\]/g, '\\$&')}"`
        const given =
          operator === 'in' ? `(${quote(low)},${quote(high)})` : quote(operator === 'lt' ? high : low)
        const condition =
          operator === 'in'
            ? `${name} in (${literal(low)}::${type}, ${literal(high)}::${type})`
            : `${name} ${signs[operator]} ${literal(operator === 'lt' ? high : low)}::${type}`
        const found = await test.database
          .asOwner<{ id: number }>({
            text: `select id from kinds where ${not ? `not (${condition})` : condition} order by id`,
          })
          .catch(() => null)
        cases.push({
          filter: `${name}=${not}${operator}.${given}`,
          expected: found?.rows.map(({ id }) => id) ?? null,
        })
      }
    }
  }
  await test.database.asOwner({ text: 'delete from kinds' })
  await test.served.tail.synchronise()
  const client = await test.served.client()
  const listening: Listening[] = []
  for (const { filter } of cases) listening.push(await listenTo(client, { table: 'kinds', filter }))
  await inserts()
  await heardAll(client)
  const problems = cases.flatMap(({ filter, expected }, index) => {
    const { status, changes } = listening[index]!
    const told = changes.map((change) => (change.new as { id: number }).id).sort()
    const got =
      status === 'SUBSCRIBED' ? told : status.startsWith('CHANNEL_ERROR malformed_filter') ? null : status
    return JSON.stringify(got) === JSON.stringify(expected)
      ? []
      : [`${filter}: ${JSON.stringify({ expected, got })}`]
  })
  expect(problems).toEqual([])
}, 60_000)

it('a database that is away is not taken for a mistake in the filter', async () => {
  const catalogue = createTableCatalogue({ database: test.database, carry: () => Promise.resolve() })
  const table = await catalogue.find('public', 'kinds')
  const away = openProjectDatabase({
    system: 'sample',
    addresses: { ...test.addresses, requests: 'postgres://nobody:x@127.0.0.1:1/away' },
    log: silentLog,
  })
  await expect(compileFilter(away, table!, 'anon', 'whole=eq.1')).rejects.toMatchObject({
    code: 'database_unavailable',
  })
  await away.close()
})
