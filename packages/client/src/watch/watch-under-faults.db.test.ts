import { actor, clusterAddress, createRandom, type Random, service, waitFor } from '@plinth/testing'
import { useRealtime } from '@plinth/testing/realtime'
import pg from 'pg'
import { expect, it } from 'vitest'
import { type Watch, type WatchEvent, watch } from './watch.ts'

const seed = `
create table public.tally (id int primary key, owner uuid, n int not null default 0);
alter table public.tally enable row level security;
create policy own on public.tally for all to authenticated
  using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
`
const test = useRealtime({
  seed,
  connections: { requests: 20, owner: 4 },
  tables: ['tally'],
  limits: { keptBytes: 250_000 },
})
const ada = actor('ada')
const bob = actor('bob')

interface TallyRow extends Record<string, unknown> {
  readonly id: number
  readonly n: number
}

const seconds = Number(process.env.PLINTH_TEST_FAULT_SECONDS ?? 6)
const seedNumber = 20_261_120

/** Between two snapshots, each update of a row must count its tally up by one: nothing is missed, nothing comes twice. */
function createAuditor() {
  const tallies = new Map<number, number>()
  const problems: string[] = []
  let updates = 0
  let snapshots = 0
  return {
    problems,
    counts: () => ({ updates, snapshots }),
    hear: (event: WatchEvent<TallyRow>) => {
      if (event.type === 'snapshot') {
        snapshots += 1
        tallies.clear()
        for (const { id, n } of event.rows) tallies.set(id, n)
        return
      }
      for (const { type, row } of event.changes) {
        const before = tallies.get(row.id)
        if (type === 'remove') tallies.delete(row.id)
        else tallies.set(row.id, row.n)
        if (type === 'insert' && before !== undefined) problems.push(`row ${row.id} came twice`)
        if (type !== 'update') continue
        updates += 1
        if (row.n !== before! + 1) problems.push(`row ${row.id} went from ${before} to ${row.n}`)
      }
    },
  }
}

async function writeAtRandom(random: Random, until: number): Promise<void> {
  const pick = <T>(of: readonly T[]): T => of[random(of.length)]!
  while (performance.now() < until) {
    const id = random(40)
    const owner = pick([ada, ada, bob]).userId
    const statements = [
      `insert into tally (id, owner) values (${id}, '${owner}') on conflict do nothing`,
      `update tally set n = n + 1 where id = ${id}`,
      `update tally set n = n + 1 where id between ${id} and ${id + 3}`,
      `update tally set owner = '${owner}', n = n + 1 where id = ${id}`,
      `delete from tally where id = ${id}`,
    ]
    await test.database.asCaller(service, { text: pick(statements) }).catch((error: unknown) => {
      // Writers that touch several rows may deadlock; PostgreSQL undoes one of them.
      if ((error as { code?: string }).code !== '40P01') throw error
    })
  }
}

async function failAtRandom(random: Random, until: number): Promise<void> {
  const admin = new pg.Client({ connectionString: clusterAddress() })
  await admin.connect()
  try {
    while (performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 100 + random(500)))
      if (random(10) < 8) test.served.cut()
      else
        await admin.query(
          `select pg_terminate_backend(active_pid) from pg_replication_slots where database = $1 and active`,
          [new URL(test.addresses.replication).pathname.slice(1)],
        )
    }
  } finally {
    await admin.end()
  }
}

async function expectEqual(live: Watch<TallyRow>, user: typeof ada): Promise<void> {
  const { rows } = await test.database.asCaller<TallyRow>(user, {
    text: 'select id, n from tally order by id',
  })
  const wanted = JSON.stringify(rows.map(({ id, n }) => [id, n]))
  const now = () =>
    JSON.stringify([...live.rows.values()].map(({ id, n }) => [id, n]).sort(([a], [b]) => a! - b!))
  await waitFor(() => now() === wanted, { timeout: 20_000, what: `the copy ${now()} to become ${wanted}` })
}

it(`AT-32: random disconnects under writers for ${seconds} s leave every copy equal to the table, nothing doubled`, {
  timeout: seconds * 1_000 + 40_000,
}, async () => {
  const random = createRandom(seedNumber)
  const auditors = [createAuditor(), createAuditor(), createAuditor()]
  const users = [ada, bob, ada]
  const watches = await Promise.all(
    users.map(async (user, index) => {
      const client = await test.served.client(user.userId)
      return watch<TallyRow>(client, { table: 'tally', columns: ['id', 'n'] }, auditors[index]!.hear)
    }),
  )
  await Promise.all(watches.map((live) => live.ready))
  const until = performance.now() + seconds * 1_000
  await Promise.all([
    ...[1, 2, 3].map((writer) => writeAtRandom(createRandom(seedNumber + writer), until)),
    failAtRandom(random, until),
  ])
  for (const [index, live] of watches.entries()) await expectEqual(live, users[index]!)
  for (const auditor of auditors) {
    expect(auditor.problems).toEqual([])
    expect(auditor.counts().updates).toBeGreaterThan(10)
    expect(auditor.counts().snapshots).toBeGreaterThan(0)
  }
  await Promise.all(watches.map((live) => live.close()))
})
