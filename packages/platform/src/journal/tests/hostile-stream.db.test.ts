import { type ProjectDatabase, sql, userCaller } from '@plinth/platform/database'
import { hasCode, newKey } from '@plinth/platform/kernel'
import { createRandom, type Random, sample, stableId, waitFor } from '@plinth/testing'
import { type OwnCluster, startOwnCluster } from '@plinth/testing/tail'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eraseSubject, publishTables, verifyJournal } from '../index.ts'
import { type FaultKind, type FaultyNodes, isLostConnection, startFaultyNodes } from './play-faults.ts'

/**
 * The nightly form: so many minutes of large and small transactions, prepared ones, names that fit into no index, erasures,
 * kills of nodes and of PostgreSQL, and takeovers. `PLINTH_TEST_HOSTILE_MINUTES=60`.
 */
const minutes = Number(process.env.PLINTH_TEST_HOSTILE_MINUTES ?? 0)
const seed = Number(process.env.PLINTH_TEST_SEED ?? 20_261_121)
const rows = 20_000
const mostBytes = 600 * 1024 * 1024
/** A PostgreSQL that crashes again and again is not started any more. */
const crashMilliseconds = 60_000
/** Statement timeout, deadlock, and what somebody else has finished: others are in the way, which is no fault. */
const isPutOff = (error: unknown) => ['57014', '40P01', '42704', '55000'].some((code) => hasCode(error, code))

const schema = `
create table counters (id int primary key, shop_id text not null, person int not null, value bigint not null, note text);
insert into counters select n, 'shop ' || n % 50, n % 7000, 0, 'note ' || n from generate_series(1, ${rows}) n;
create table strangers (id int primary key, shop_id text not null);`

describe.runIf(minutes > 0)(`${minutes} minutes of hostile data, kills and takeovers`, () => {
  const key = newKey()
  let cluster: OwnCluster
  let database: ProjectDatabase
  let nodes: FaultyNodes

  beforeAll(async () => {
    cluster = await startOwnCluster(schema, { max_prepared_transactions: '10' })
    database = cluster.database
    await publishTables(database, {
      journalled: ['counters', 'strangers'],
      realtime: [],
      tenant: { table: 'shops', column: 'shop_id' },
      personal: { counters: { columns: ['note'], subject: 'person' } },
    })
    nodes = await startFaultyNodes(cluster, key)
  }, 120_000)
  afterAll(async () => {
    nodes?.kill()
    await cluster?.stop()
  })

  test(
    'the journal is complete or has a gap, sound, and its nodes keep their bound of memory',
    async () => {
      const until = performance.now() + minutes * 60_000
      const random = createRandom(seed)
      const done: Record<string, number> = {}
      const count = (what: string) => {
        done[what] = (done[what] ?? 0) + 1
      }
      let mostResident = 0
      let crashedAt = Number.NEGATIVE_INFINITY
      const writing = Promise.all([0, 1, 2].map((worker) => write(createRandom(seed + worker + 1), worker)))
      const kinds = Object.keys(nodes.faults) as FaultKind[]
      const next = [...sample(random, kinds, kinds.length)]
      while (performance.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 1_000 + random(6_000)))
        const drawn = next.shift() ?? kinds[random(kinds.length)]!
        const isTooSoon = drawn === 'postgres' && performance.now() - crashedAt < crashMilliseconds
        const kind = isTooSoon ? 'walsender' : drawn
        if (kind === 'postgres') crashedAt = performance.now()
        await nodes.faults[kind](random)
        count(kind)
        mostResident = Math.max(mostResident, await nodes.residentBytes())
        await finishPrepared()
      }
      await writing
      await waitFor(finishPrepared, { timeout: 60_000, what: 'PostgreSQL' })
      await nodes.catchUp()
      process.stdout.write(
        `hostile stream: ${JSON.stringify(done)}, ${Math.round(mostResident / 1024 ** 2)} MB at the most\n`,
      )
      expect(mostResident).toBeLessThan(mostBytes)
      await expectComplete()
      const { problems, findings } = await verifyJournal({ database, key, folder: nodes.journalFolder })
      expect([problems, findings]).toEqual([[], []])

      async function write(own: Random, worker: number): Promise<void> {
        while (performance.now() < until) {
          const [what, work] = deeds[own(deeds.length)]!
          try {
            await work(own, worker)
            count(what)
          } catch (error) {
            if (!isLostConnection(error) && !isPutOff(error)) throw error
            await waitFor(nodes.isUp, { timeout: 60_000, what: 'PostgreSQL' })
          }
        }
      }
    },
    minutes * 60_000 + 600_000,
  )

  const update = (where: string, value: number) =>
    ({
      text: `update counters set value = value + 1, note = note || '!' where ${where}`,
      values: [value],
    }) as const

  /** What a writer does next; small transactions more often than others. */
  const deeds: readonly (readonly [string, (random: Random, worker: number) => Promise<unknown>])[] = [
    ...Array.from(
      { length: 12 },
      () =>
        [
          'small',
          (random: Random, worker: number) =>
            database.asCaller(userCaller(stableId(`worker ${worker}`)), update('id = $1', 1 + random(rows))),
        ] as const,
    ),
    ['large', (random) => database.asOwner(update('id % 2 = $1', random(2)))],
    [
      'prepared',
      async (random, worker) => {
        const client = new pg.Client({ connectionString: database.addresses.ownerDirect })
        client.on('error', () => undefined)
        await client.connect()
        const name = `'prepared ${worker} ${random(1_000_000)}'`
        try {
          await client.query('begin')
          const { text, values } = update('id % 500 = $1', random(500))
          await client.query(text, [...values])
          await client.query(`prepare transaction ${name}`)
          await new Promise((resolve) => setTimeout(resolve, random(500)))
          await client.query(`${random(3) === 0 ? 'rollback' : 'commit'} prepared ${name}`)
        } finally {
          await client.end().catch(() => undefined)
        }
      },
    ],
    [
      'unstorable',
      (random) =>
        database.asOwner(sql`insert into strangers select ${random(1_000_000_000)}::int, string_agg(md5(random()::text), '')
          from generate_series(1, 100) on conflict do nothing`),
    ],
    ['erasure', (random) => eraseSubject(database, String(random(7_000)))],
  ]

  /** What the tables say now is what the journal says happened, change by change. */
  async function expectComplete(): Promise<void> {
    const one = async (text: string) => Number((await database.asOwner<{ n: string }>({ text })).rows[0]!.n)
    const difference = `
      select count(*) as n from counters c
      left join (select key, count(*) as changes, max((after ->> 'value')::bigint) as last
        from plinth_journal.entries where relation = 'public.counters' group by key) j
        on j.key = format('["%s"]', c.id)
      where c.value <> coalesce(j.changes, 0) or c.value <> coalesce(j.last, 0)`
    expect(await one(difference)).toBe(0)
    const disorder = `
      select count(*) as n from (
        select (before ->> 'value')::bigint as was, (after ->> 'value')::bigint as value,
          row_number() over (partition by key order by sequence) as place
        from plinth_journal.entries where relation = 'public.counters') steps
      where value <> place or was <> place - 1`
    expect(await one(disorder)).toBe(0)
    expect(await one(`select count(*) as n from strangers`)).toBeGreaterThanOrEqual(
      await one(`select count(*) as n from plinth_journal.gaps where reason = 'unstorable'`),
    )
    expect(
      await one(
        `select count(*) as n from plinth_journal.gaps where reason not in ('beginning', 'unstorable')`,
      ),
    ).toBe(0)
  }

  /** Writers that died between preparing and finishing have left transactions that would keep everything waiting. */
  async function finishPrepared(): Promise<boolean> {
    const client = new pg.Client({ connectionString: database.addresses.ownerDirect })
    client.on('error', () => undefined)
    try {
      await client.connect()
      const { rows: left } = await client.query<{ gid: string }>('select gid from pg_prepared_xacts')
      for (const { gid } of left) await client.query(`rollback prepared ${pg.escapeLiteral(gid)}`)
      return true
    } catch (error) {
      if (!isLostConnection(error) && !isPutOff(error)) throw error
      return false
    } finally {
      await client.end().catch(() => undefined)
    }
  }
})
