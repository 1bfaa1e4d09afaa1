import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  applyMigrations,
  type Engine,
  newDatabaseSecrets,
  openProjectDatabase,
  type ProjectDatabase,
  provisionProject,
  readPlatformMigrations,
  sql,
  startEmbeddedEngine,
} from '@plinth/platform/database'
import {
  createJournal,
  noteSchemaChanges,
  publishTables,
  readJournalMigrations,
} from '@plinth/platform/journal'
import { createLog, newKey, systemClock } from '@plinth/platform/kernel'
import { type AppliedRewind, applyRewind } from '@plinth/platform/rewind'
import { createTail, readTailMigrations, type Tail } from '@plinth/platform/tail'
import { alone, type Figure, median } from '../figure.ts'

/** Rows of the tenant; each has a neighbour of as many. */
const sizes = [10_000, 100_000, 1_000_000]
const touched = 10_000
const rounds = 3
const catchUp = 600_000
const log = createLog('error')
const tenants = { table: 'shops', column: 'shop_id' }
const actor = { user: null, role: 'owner', requestId: null, via: 'bench', reason: null }

const schema = `
  create table public.shops (id text primary key);
  create table public.items (id bigint primary key, shop_id text not null references public.shops, name text not null,
    stock int not null, price numeric(12, 2) not null, updated_at timestamptz not null default now());
  create index on public.items (shop_id);`

interface Bench {
  readonly database: ProjectDatabase
  readonly tail: Tail
  readonly key: Buffer
}

/** What a rewind of ten thousand rows takes while the tenant has ten thousand, a hundred thousand and a million. */
export async function* benchRewind(): AsyncIterable<Figure> {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-bench-rewind-'))
  const engine = await startEmbeddedEngine({ dataDir: join(folder, 'data'), log })
  const bench = await openBench(engine, folder)
  try {
    const together: number[] = []
    for (const size of sizes) {
      await fill(bench, size)
      const time = await measure(bench, size, 'together')
      together.push(time)
      yield alone(`${touched} rows side by side rewound, of ${size}`, time / 1000, 's', '< 5 s')
      const scattered = await measure(bench, size, 'scattered')
      yield alone(`${touched} rows all over rewound, of ${size}`, scattered / 1000, 's', '< 5 s')
    }
    const [least, most] = [together[0]!, together.at(-1)!]
    yield {
      name: `rows side by side, of ${sizes.at(-1)}`,
      value: most / 1000,
      unit: 's',
      ratio: least / most,
      against: `of ${sizes[0]}`,
      goal: 'ratio ≥ 0.67 (flat within 1.5 ×)',
    }
  } finally {
    await bench.tail.stop()
    await bench.database.close()
    await engine.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function openBench(engine: Engine, folder: string): Promise<Bench> {
  const cluster = { url: engine.adminUrl(), directUrl: engine.adminUrl() }
  const addresses = await provisionProject(cluster, 'benchrewind', newDatabaseSecrets())
  const sets = [readPlatformMigrations(), readTailMigrations(), readJournalMigrations()]
  await applyMigrations(addresses, await Promise.all(sets))
  await noteSchemaChanges(cluster, addresses)
  const database = openProjectDatabase({ system: 'benchrewind', addresses, log })
  await database.asOwner({ text: schema })
  await publishTables(database, { journalled: ['shops', 'items'], realtime: [], tenant: tenants })
  const key = newKey()
  const journal = createJournal({
    database,
    key,
    folder: join(folder, 'journal'),
    clock: systemClock,
    log,
  })
  const tail = createTail({ database, log, durable: [journal] })
  tail.start()
  while (!tail.holds()) await new Promise((resolve) => setTimeout(resolve, 20))
  return { database, tail, key }
}

const tenantOf = (size: number) => `shop of ${size}`

async function fill({ database, tail }: Bench, size: number): Promise<void> {
  const tenant = tenantOf(size)
  await database.asOwner(sql`insert into public.shops values (${tenant})`)
  await database.asOwner(sql`
    insert into public.items select ${size}::bigint * 10 + n, ${tenant}, 'item ' || n, 1, 9.90
    from generate_series(1, ${size}::int) n`)
  await tail.settle(catchUp)
  await database.asOwner({ text: 'vacuum analyze public.items' })
}

/** Rows that are all over the table lie on a page each: a million rows are read from more pages than ten thousand. */
async function measure(
  { database, tail, key }: Bench,
  size: number,
  place: 'together' | 'scattered',
): Promise<number> {
  const tenant = tenantOf(size)
  const times: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const to = await readHead(database, tenant)
    await database.asOwner(sql`
      update public.items set stock = stock + 1, updated_at = now()
      where shop_id = ${tenant} and case when ${place === 'together'}
        then id > ${size}::bigint * 11 - ${touched} else id % (${size}::bigint / ${touched}) = 0 end`)
    await tail.settle(catchUp)
    const began = performance.now()
    const applied: AppliedRewind = await applyRewind({ database, tail, key, tenants, tenant, to, actor })
    times.push(performance.now() - began)
    if (applied.undone !== touched || !applied.journalled)
      throw new Error(`the rewind took back ${applied.undone} changes`)
  }
  return median(times)
}

async function readHead(database: ProjectDatabase, tenant: string): Promise<number> {
  const { rows } = await database.asJournal<{ sequence: number }>(
    sql`select sequence::int from plinth_journal.heads where tenant = ${tenant}`,
  )
  return rows[0]!.sequence
}
