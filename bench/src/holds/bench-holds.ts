import { randomUUID } from 'node:crypto'
import { type ProjectDatabase, type Statement, sql } from '@plinth/platform/database'
import { readHoldsMigrations } from '@plinth/platform/holds'
import { createRandom } from '@plinth/testing/random'
import { alone, type Figure, median } from '../figure.ts'
import { openBenchDatabase } from '../open-bench-database.ts'

const connections = 20
const callsAtOnce = 400
const rounds = 9
const warmRounds = 2
const plenty = 1_000_000_000
const end = '2100-01-01T00:00:00Z'
const [events, seats, people] = [50, 100, 10_000]

/** Holds on one hot pool and on a thousand, beside a bare conditional UPDATE; and a rush for the seats of fifty events. */
export async function* benchHolds(): AsyncIterable<Figure> {
  const { database, close } = await openBenchDatabase('sample', [readHoldsMigrations()], {
    connections: { requests: 1, owner: connections },
  })
  try {
    await database.asOwner(sql`
      create table public.bare (id uuid primary key, units bigint not null check (units >= 0)) with (fillfactor = 50)`)
    yield* compare(database, 'one hot pool', 1)
    yield* compare(database, 'a thousand pools', 1_000)
    yield* rush(database)
  } finally {
    await close()
  }
}

async function* compare(database: ProjectDatabase, name: string, count: number): AsyncIterable<Figure> {
  const things = await layPools(database, count, plenty)
  await database.asOwner(sql`
    insert into public.bare (id, units) select t.id, ${plenty} from unnest(${things}::uuid[]) t (id)`)
  const random = createRandom(3)
  const kinds = { bare: bareOf, hold: holdOf }
  const rates = { bare: [] as number[], hold: [] as number[] }
  for (let round = -warmRounds; round < rounds; round += 1) {
    for (const kind of ['bare', 'hold'] as const) {
      const statements = Array.from({ length: callsAtOnce }, () =>
        kinds[kind](things[random(things.length)]!),
      )
      const began = performance.now()
      await Promise.all(statements.map((statement) => database.asOwner(statement)))
      if (round >= 0) rates[kind].push((callsAtOnce / (performance.now() - began)) * 1000)
    }
  }
  yield alone(`holds: bare conditional UPDATE, ${name}`, median(rates.bare), 'calls/s', null)
  yield {
    name: `holds: a hold, ${name}`,
    value: median(rates.hold),
    unit: 'calls/s',
    ratio: median(rates.hold.map((rate, round) => rate / rates.bare[round]!)),
    against: 'bare conditional UPDATE of one row',
    goal: 'ratio ≥ 0.5',
  }
}

/** 10,000 people want one of 5,000 seats, all at once. */
async function* rush(database: ProjectDatabase): AsyncIterable<Figure> {
  const things = await layPools(database, events, seats)
  const random = createRandom(5)
  const outcomes = new Map<string, number>()
  const began = performance.now()
  const wishes = Array.from({ length: people }, () => things[random(events)]!)
  // Each connection takes the next of the line: who waits longer than 5 s for one would be told so instead of served.
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (let thing = wishes.pop(); thing; thing = wishes.pop()) {
        const outcome = await seatOf(database, thing)
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      }
    }),
  )
  const seconds = (performance.now() - began) / 1000
  const { rows } = await database.asOwner<{ over: string; held: string }>(sql`
    select coalesce(sum(greatest(p.held - ${seats}, 0)), 0) as over, sum(p.held) as held from plinth.pools p where p.thing = any (${things}::uuid[])`)
  const rushed = `${people.toLocaleString('en')} people for ${(events * seats).toLocaleString('en')} seats of ${events} events`
  yield alone(`holds: ${rushed}`, people / seconds, 'people/s', null)
  yield alone('holds: seats held in the rush', Number(rows[0]!.held), 'seats', null)
  yield alone('holds: seats oversold in the rush', Number(rows[0]!.over), 'seats', '0')
  const failures = [...outcomes].filter(([outcome]) => outcome !== 'held' && outcome !== 'full')
  yield alone(
    'holds: deadlocks and other errors in the rush',
    failures.reduce((sum, [, count]) => sum + count, 0),
    'errors',
    '0',
  )
}

async function seatOf(database: ProjectDatabase, thing: string): Promise<string> {
  try {
    const { rows } = await database.asOwner<{ short: object | null }>(holdOf(thing))
    return rows[0]!.short === null ? 'held' : 'full'
  } catch (error) {
    return String((error as { code?: string }).code)
  }
}

async function layPools(database: ProjectDatabase, count: number, units: number): Promise<readonly string[]> {
  const things = Array.from({ length: count }, () => randomUUID())
  await database.asOwner(sql`
    select plinth.set_on_hand('seat', ${things}::uuid[], array_fill(${units}::bigint, array[${count}::integer]))`)
  return things
}

const bareOf = (thing: string): Statement => ({
  name: 'bench_bare',
  text: 'update public.bare set units = units - 1 where id = $1 and units >= 1',
  values: [thing],
})

const holdOf = (thing: string): Statement => ({
  name: 'bench_hold',
  text: `select plinth.try_hold('seat', $1, $2, 1, '${end}') as short`,
  values: [thing, randomUUID()],
})
