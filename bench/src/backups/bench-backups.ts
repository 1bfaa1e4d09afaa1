import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress, createZstdDecompress } from 'node:zlib'
import { type BackupsOffer, backups, backupsOffer } from '@plinth/platform/backups'
import {
  newDatabaseSecrets,
  type ProjectDatabase,
  startEmbeddedEngine,
  withPinnedClient,
} from '@plinth/platform/database'
import { createLog, newKey } from '@plinth/platform/kernel'
import { openProject, prepareDatabase } from '@plinth/platform/project'
import { defineSystem } from '@plinth/platform/system'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { alone, type Figure } from '../figure.ts'

/** Rows of the large tenant, and rows of it that change between two backups. */
const rows = 1_000_000
const changes = 1_000
/** Tenants of a thousand rows, all of which change in a slot. */
const tenants = 500
const log = createLog('error')
/** A slot is seen to once: the next five minutes come when they are wanted. */
let ahead = 0
const clock = { now: () => new Date(Date.now() + ahead) }
const actor = { user: null, role: 'owner', requestId: null, via: 'bench', reason: null }

const schema = `
  create table public.shops (id text primary key);
  create table public.items (id bigint primary key, shop_id text not null references public.shops, name text not null,
    stock int not null, price numeric(12, 2) not null, updated_at timestamptz not null default now());
  create index on public.items (shop_id);
  alter table public.shops enable row level security; alter table public.items enable row level security;`

const stalls = defineSystem({
  name: 'stalls',
  summary: 'Shops with items.',
  tenant: { table: 'shops', column: 'shop_id' },
  uses: [backups({ schedule: false, rehearse: false })],
  migrations: async () => ({
    name: 'stalls',
    migrations: [{ name: '001_initial_schema', checksum: schema, sql: schema }],
  }),
  functions: [],
  jobs: [],
  realtimeTables: [],
  journalledTables: ['shops', 'items'],
})

/** What backups and restores take beside bare COPY, and what a slot costs. */
export async function* benchBackups(): AsyncIterable<Figure> {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-bench-backups-'))
  const engine = await startEmbeddedEngine({ dataDir: join(folder, 'data'), log })
  const cluster = { url: engine.adminUrl(), directUrl: engine.adminUrl() }
  const secrets = {
    keysFile: join(folder, 'keys.json'),
    database: newDatabaseSecrets(),
    sealingKey: newKey(),
  }
  const project = await openProject({
    system: stalls,
    addresses: await prepareDatabase(stalls, cluster, secrets),
    cluster,
    secrets,
    logicalReplication: true,
    dataDir: folder,
    environment: {},
    url: 'http://127.0.0.1/stalls',
    redisUrl: undefined,
    clock,
    log,
  })
  try {
    await project.start({ jobs: false })
    while (!project.tail.holds()) await new Promise((resolve) => setTimeout(resolve, 50))
    const offer = project.offer(backupsOffer)
    yield* benchOne(project.database, offer, join(folder, 'copy.zst'))
    yield* benchMany(project.database, offer)
  } finally {
    await project.close()
    await engine.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const fill = (database: ProjectDatabase, shop: string, from: number, count: number) =>
  withPinnedClient(database.addresses.ownerDirect, 'bench', async (client) => {
    await client.query('insert into public.shops values ($1)', [shop])
    await client.query(
      `insert into public.items select n, $1, 'item number ' || n, n % 90, n % 1000 + 0.5
       from generate_series($2::bigint, $3::bigint) n`,
      [shop, from, from + count - 1],
    )
  })

async function* benchOne(
  database: ProjectDatabase,
  offer: BackupsOffer,
  file: string,
): AsyncIterable<Figure> {
  await fill(database, 'large', 1, rows)
  await offer.runSlot([])
  const bare = await seconds(() => copyOut(database, file))
  let full = await offer.create({ tenant: 'large', kind: 'full' })
  const taken = await seconds(async () => {
    full = await offer.create({ tenant: 'large', kind: 'full' })
  })
  yield against(`full backup of ${rows} rows`, taken, bare, 'COPY TO, compressed', 'ratio ≥ 0.5')
  await database.asOwner({
    text: `update public.items set stock = stock + 1 where id % ${rows / changes} = 0`,
  })
  await offer.runSlot([])
  const incremental = await seconds(() => offer.create({ tenant: 'large' }))
  yield alone(
    `incremental backup of ${changes} changes`,
    (100 * incremental) / taken,
    '% of a full one',
    '≤ 2 %',
  )
  await database.asOwner({ text: 'delete from public.items' })
  const restored = await seconds(() => offer.restore({ id: full.id }, actor))
  await database.asOwner({ text: 'delete from public.items' })
  const copied = await seconds(() => copyIn(database, file))
  yield against(`restore of ${rows} rows`, restored, copied, 'COPY FROM, same indexes', 'ratio ≥ 0.4')
}

async function* benchMany(database: ProjectDatabase, offer: BackupsOffer): AsyncIterable<Figure> {
  const names = Array.from({ length: tenants }, (_, place) => `shop${place}`)
  for (const [place, name] of names.entries()) await fill(database, name, 10_000_000 + place * 1_000, 1_000)
  for (const name of names) await offer.create({ tenant: name })
  await database.asOwner({
    text: `update public.items set stock = stock + 1 where shop_id <> 'large' and id % 100 = 0`,
  })
  const busy = process.cpuUsage()
  const slot = await seconds(() => offer.runSlot(names))
  const used = process.cpuUsage(busy)
  yield alone(`slot of ${tenants} tenants that changed`, slot, 's', '< 60 s of one core')
  yield alone('the same, of the server', (used.user + used.system) / 1_000_000, 's of CPU', null)
  ahead += 300_000
  const idle = process.cpuUsage()
  await offer.runSlot(names)
  const idled = process.cpuUsage(idle)
  yield alone('idle slot, a tenant', (idled.user + idled.system) / 1_000 / tenants, 'ms of CPU', '< 1 ms')
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1_000
}

const against = (name: string, value: number, bare: number, what: string, goal: string): Figure => ({
  name,
  value,
  unit: 's',
  ratio: bare / value,
  against: what,
  goal,
})

const copyOut = (database: ProjectDatabase, file: string) =>
  withPinnedClient(database.addresses.ownerDirect, 'bench', async (client) => {
    const query = `copy (select * from public.items where shop_id = 'large') to stdout`
    await pipeline(
      client.query(copyTo(query)) as Readable,
      createZstdCompress(),
      createWriteStream(file, { flush: true }),
    )
  })

const copyIn = (database: ProjectDatabase, file: string) =>
  withPinnedClient(database.addresses.ownerDirect, 'bench', async (client) => {
    await pipeline(
      createReadStream(file),
      createZstdDecompress(),
      client.query(copyFrom('copy public.items from stdin')),
    )
  })
