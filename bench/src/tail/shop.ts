import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  applyMigrations,
  type Engine,
  newDatabaseSecrets,
  openProjectDatabase,
  type ProjectDatabase,
  provisionProject,
  readPlatformMigrations,
  serviceCaller,
  sql,
} from '@plinth/platform/database'
import { createJournal, publishTables, readJournalMigrations } from '@plinth/platform/journal'
import { createLog, newKey, systemClock } from '@plinth/platform/kernel'
import { createTail, readTailMigrations, type Tail } from '@plinth/platform/tail'
import { readWebhookMigrations } from '@plinth/platform/webhooks'

/** How the changes of a shop are kept. */
export type JournalKind = 'none' | 'tail' | 'triggers'

export interface Shop {
  readonly kind: JournalKind
  readonly database: ProjectDatabase
  /** Makes the tail that journals this shop; only one at a time. */
  createTail(): Tail
  /** Places orders on all connections until `milliseconds` have passed; gives how many. */
  placeOrders(milliseconds: number): Promise<number>
}

const log = createLog('error')
const clients = 8
const read = (name: string) => readFile(new URL(name, import.meta.url), 'utf8')
const tables = ['shops', 'items', 'orders', 'order_lines', 'stock_history']

/** A shop of its own database, with its journal kept in one of the ways that are compared. */
export async function openShop(engine: Engine, folder: string, kind: JournalKind): Promise<Shop> {
  const system = `bench${kind}`
  const cluster = { url: engine.adminUrl(), directUrl: engine.adminUrl() }
  const addresses = await provisionProject(cluster, system, newDatabaseSecrets())
  await applyMigrations(
    addresses,
    await Promise.all([
      readPlatformMigrations(),
      readTailMigrations(),
      readJournalMigrations(),
      readWebhookMigrations(),
    ]),
  )
  const database = openProjectDatabase({
    system,
    addresses,
    log,
    connections: { requests: clients, owner: 4 },
  })
  await database.asOwner({ text: await read('shop-orders.sql') })
  if (kind === 'tail')
    await publishTables(database, {
      journalled: tables,
      realtime: [],
      tenant: { table: 'shops', column: 'shop_id' },
    })
  if (kind === 'triggers') await database.asJournal({ text: await read('trigger-journal.sql') })
  const key = newKey()
  const journalFolder = join(folder, 'journal', system)
  await mkdir(journalFolder, { recursive: true })
  const offers = await readOffers(database)
  return {
    kind,
    database,
    createTail: () => {
      const journal = createJournal({ database, key, folder: journalFolder, clock: systemClock, log })
      return createTail({ database, log, durable: [journal] })
    },
    placeOrders: (milliseconds) => placeOrders(database, offers, milliseconds),
  }
}

interface Offer {
  readonly id: string
  readonly items: readonly string[]
}

async function readOffers(database: ProjectDatabase): Promise<Offer[]> {
  const { rows } = await database.asOwner<Offer>(
    sql`select shop_id as id, array_agg(id::text order by id) as items from public.items group by shop_id order by shop_id`,
  )
  return rows
}

async function placeOrders(
  database: ProjectDatabase,
  offers: readonly Offer[],
  milliseconds: number,
): Promise<number> {
  const caller = serviceCaller('bench')
  const until = performance.now() + milliseconds
  let placed = 0
  const work = async (worker: number) => {
    for (let turn = worker; performance.now() < until; turn += 1) {
      const offer = offers[(turn * 7 + worker * 5) % offers.length]!
      const items = [offer.items[turn % 50], offer.items[(turn + 1) % 50]]
      await database.asCaller(caller, {
        name: 'place_order',
        text: 'select place_order($1, $2)',
        values: [offer.id, items],
      })
      placed += 1
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, worker) => work(worker)))
  return placed
}
