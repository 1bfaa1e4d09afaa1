import { setImmediate as turn } from 'node:timers/promises'
import { cache, cacheOffer } from '@plinth/platform/cache'
import { serviceCaller, sql } from '@plinth/platform/database'
import { keys, keysOffer } from '@plinth/platform/keys'
import { kv, kvOffer } from '@plinth/platform/kv'
import type { Project } from '@plinth/platform/project'
import { defineSystem } from '@plinth/platform/system'
import { alone, type Figure, median } from '../figure.ts'
import { type BenchProject, openBenchProject } from './open-bench-project.ts'

const schema = `
  create table public.notes (id int primary key, text text not null);
  alter table public.notes enable row level security;
  create policy "everybody" on public.notes for select to authenticated using (true);
  insert into public.notes select n, 'note ' || n from generate_series(1, 1000) n;
  create table public.bare (key text primary key, value jsonb not null);
  alter table public.bare enable row level security;
  insert into public.bare select 'key ' || n, '{"theme": "dark"}' from generate_series(1, 1000) n;`

const system = defineSystem({
  name: 'services',
  summary: 'What the small services cost.',
  tenant: null,
  uses: [keys({ callsPerHour: 1_000_000_000 }), kv(), cache()],
  migrations: async () => ({
    name: 'services',
    migrations: [{ name: '001_services.sql', sql: schema, checksum: schema }],
  }),
  functions: [],
  jobs: [],
  realtimeTables: [],
  journalledTables: ['notes'],
})

const rounds = 9
const warmRounds = 2
const callsOfRound = 400
const atOnce = 16

/** What a limit on a key costs, a rush on a cold key, how soon nodes forget, and a value by key. */
export async function* benchServices(): AsyncIterable<Figure> {
  const bench = await openBenchProject(system, 2)
  try {
    yield* measureKeys(bench)
    yield* measureKv(bench.nodes[0]!)
    yield* measureStampede(bench.nodes[0]!)
    yield* measureInvalidation(bench.nodes)
  } finally {
    await bench.close()
  }
}

/** Rates of several kinds of work in turns, so that what else the machine does falls on all alike. */
async function compare<Kind extends string>(
  kinds: Readonly<Record<Kind, () => Promise<unknown>>>,
): Promise<Readonly<Record<Kind, number[]>>> {
  const names = Object.keys(kinds) as Kind[]
  const rates = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Kind, number[]>
  for (let round = -warmRounds; round < rounds; round += 1) {
    for (const name of names) {
      const began = performance.now()
      const worker = async () => {
        for (let call = 0; call < callsOfRound / atOnce; call += 1) await kinds[name]()
      }
      await Promise.all(Array.from({ length: atOnce }, worker))
      if (round >= 0) rates[name].push((callsOfRound / (performance.now() - began)) * 1000)
    }
  }
  return rates
}

const ratioOf = (rates: readonly number[], others: readonly number[]): number =>
  median(rates.map((rate, round) => rate / others[round]!))

async function* measureKeys({ app, nodes }: BenchProject): AsyncIterable<Figure> {
  const project = nodes[0]!
  const { key } = await project.offer(keysOffer).create({ name: 'bench', permissions: ['notes:read'] })
  const seconds = Math.floor(Date.now() / 1000)
  const token = await project.keys.sign({
    sub: '5c6c2ea8-63d8-4a4f-9d1c-0a51a0a3f0a1',
    role: 'authenticated',
    aud: 'authenticated',
    iat: seconds,
    exp: seconds + 3_600,
  })
  const get = async (headers: Record<string, string>) => {
    const answer = await app.request('/services/rest/v1/notes?select=text&id=eq.7', { headers })
    if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
    await answer.arrayBuffer()
  }
  const { user, limited } = await compare({
    user: () => get({ apikey: project.keys.anonKey, authorization: `Bearer ${token}` }),
    limited: () => get({ apikey: key }),
  })
  const against = 'the same row by a user’s token, without a limit'
  const ratio = ratioOf(limited, user)
  yield alone('keys: a row by a user’s token', median(user), 'calls/s', null)
  yield {
    name: 'keys: by a key, counted and logged',
    value: median(limited),
    unit: 'calls/s',
    ratio,
    against,
    goal: 'ratio ≥ 0.9',
  }
  const few = await project
    .offer(keysOffer)
    .create({ name: 'few', permissions: ['notes:read'], rateLimit: 1_000 })
  const statuses = await Promise.all(
    Array.from({ length: 5_000 }, async () => {
      const answer = await app.request('/services/rest/v1/notes?select=text&id=eq.7', {
        headers: { apikey: few.key },
      })
      return answer.status
    }),
  )
  const passed = statuses.filter((status) => status !== 429).length
  yield alone('keys: of 5,000 calls at once with a limit of 1,000', passed, 'calls', '1,000')
}

async function* measureKv(project: Project): AsyncIterable<Figure> {
  const store = project.offer(kvOffer)
  await store.mset(
    Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`key ${n}`, { theme: 'dark' }])),
  )
  const service = serviceCaller('the bench')
  const bare = {
    name: 'bench_bare',
    text: 'select value from public.bare where key = $1',
  }
  let at = 0
  const key = () => `key ${1 + (at++ % 999)}`
  const rates = await compare({
    bare: () => project.database.asCaller(service, { ...bare, values: [key()] }, { readOnly: true }),
    get: () => store.get(key()),
  })
  yield {
    name: 'kv: get',
    value: median(rates.get),
    unit: 'gets/s',
    ratio: ratioOf(rates.get, rates.bare),
    against: 'a bare select by key as the same caller',
    goal: 'ratio ≥ 0.7',
  }
}

async function* measureStampede(project: Project): AsyncIterable<Figure> {
  const answers = project.offer(cacheOffer)
  let computed = 0
  const began = performance.now()
  await Promise.all(
    Array.from({ length: 1_000 }, () =>
      answers.remember('cold', { dependsOn: ['notes'], persistent: true }, async () => {
        computed += 1
        return (await project.database.asOwner(sql`select count(*) from public.notes`)).rows
      }),
    ),
  )
  yield alone('cache: computed for 1,000 callers of a cold key', computed, 'times', '1')
  yield alone('cache: until the last of them had it', performance.now() - began, 'ms', null)
}

const changes = 60

/** From the moment at which a plain consumer of the stream sees a change until a node no longer gives the old answer. */
async function* measureInvalidation(nodes: readonly Project[]): AsyncIterable<Figure> {
  const holder = nodes.find((node) => node.tail.holds()) ?? nodes[0]!
  let seenAt = 0
  holder.tail.subscribe({
    name: 'bench',
    handle: ({ changes: rows }) => {
      if (rows.some(({ relation }) => relation.table === 'notes')) seenAt = performance.now()
    },
  })
  const delays: number[][] = nodes.map(() => [])
  for (let change = 0; change < changes; change += 1) {
    for (const node of nodes)
      await node.offer(cacheOffer).remember('answer', { dependsOn: ['notes'] }, async () => change)
    seenAt = Number.POSITIVE_INFINITY
    const forgotten = nodes.map(async (node, place) => {
      // Nothing is kept in the database: what memory has not is asked for there and is not found.
      while ((await node.offer(cacheOffer).get('answer')) !== null) await turn()
      delays[place]!.push(performance.now() - seenAt)
    })
    await holder.database.asOwner(sql`update public.notes set text = ${`${change}`} where id = 1`)
    await Promise.all(forgotten)
  }
  for (const [place, node] of nodes.entries()) {
    const sorted = delays[place]!.toSorted((a, b) => a - b)
    const who = node === holder ? 'the node that has the stream' : 'another node'
    yield alone(`cache: forgotten after the stream’s delay, ${who}`, median(sorted), 'ms', null)
    yield alone(
      `cache: the same, 95th percentile, ${who}`,
      sorted[Math.floor(sorted.length * 0.95)]!,
      'ms',
      '≤ 20',
    )
  }
}
