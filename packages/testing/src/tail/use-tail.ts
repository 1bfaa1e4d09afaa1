import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ProjectDatabase, type Statement, sql, withPinnedClient } from '@plinth/platform/database'
import {
  createJournal,
  createWitness,
  noteSchemaChanges,
  type PublishedTables,
  publishTables,
  readJournalMigrations,
  type Witness,
} from '@plinth/platform/journal'
import { newKey, silentLog, systemClock } from '@plinth/platform/kernel'
import {
  createTail,
  type DurableConsumer,
  readTailMigrations,
  type Tail,
  type TailOptions,
  type TransactionChunk,
} from '@plinth/platform/tail'
import { readWebhookMigrations } from '@plinth/platform/webhooks'
import { clusterAddress, useTestDatabase, waitFor } from '@plinth/testing'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll } from 'vitest'

export interface TestTail {
  readonly database: ProjectDatabase
  /** How the tables name their tenant. */
  readonly tenants: PublishedTables['tenant']
  readonly tail: Tail
  readonly key: Buffer
  readonly folder: string
  /** Runs SQL as the owner. */
  run(text: string, ...values: unknown[]): Promise<Record<string, unknown>[]>
  /** Runs SQL as the journal's role. */
  asJournal(text: string, ...values: unknown[]): Promise<Record<string, unknown>[]>
  /** Runs SQL as an administrator of the cluster, in the maintenance database, on a connection of its own. */
  asAdministrator<Row extends object = Record<string, unknown>>(
    text: string,
    ...values: unknown[]
  ): Promise<Row[]>
  /** The entries of the journal, everything committed so far included, without positions and hashes. */
  entries(tenant?: string): Promise<TestEntry[]>
  /** Another process's tail on the same database. */
  createTail(options?: Partial<TailOptions>): Tail
  createJournal(): DurableConsumer
  /** What a process sees of the journal, kept in the folder. */
  createWitness(): Witness
}

export interface TestEntry {
  readonly tenant: string
  readonly sequence: number
  readonly relation: string
  readonly key: string
  readonly operation: string
  readonly before: Record<string, unknown> | null
  readonly after: Record<string, unknown> | null
}

/** A database of its own for the test file, with these tables, a tail and its journal; `running: false` leaves it off. */
export function useTail(
  schema: string,
  published: Partial<PublishedTables> = {},
  { running = true } = {},
): TestTail {
  const test = useTestDatabase({
    migrations: [readTailMigrations(), readJournalMigrations(), readWebhookMigrations()],
    seed: schema,
  })
  const key = newKey()
  let folder = ''
  let tail: Tail | undefined

  const made: TestTail = {
    get database() {
      return test.database
    },
    get tail() {
      return tail!
    },
    get folder() {
      return folder
    },
    key,
    tenants: published.tenant ?? null,
    run: async (text, ...values) => (await test.database.asOwner({ text, values } satisfies Statement)).rows,
    asJournal: async (text, ...values) => (await test.database.asJournal({ text, values })).rows,
    asAdministrator: async <Row extends object>(text: string, ...values: unknown[]) => {
      const ask = (client: pg.Client) => client.query<Row>(text, values)
      return (await withPinnedClient(clusterAddress(), 'test', ask)).rows
    },
    entries: async (tenant) => {
      await tail!.settle()
      const { rows } = await test.database.asOwner<TestEntry>(sql`
        select tenant, sequence::int, relation, key, operation, before, after from plinth_journal.entries
        where ${tenant ?? null}::text is null or tenant = ${tenant ?? null} order by tenant, sequence`)
      return rows
    },
    createTail: (options = {}) => createTail({ database: test.database, log: silentLog, ...options }),
    createJournal: () =>
      createJournal({ database: test.database, key, folder, clock: systemClock, log: silentLog }),
    createWitness: () => createWitness({ key, folder, clock: systemClock, log: silentLog }),
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-tail-'))
    await noteSchemaChanges({ directUrl: clusterAddress() }, test.addresses)
    await publishTables(test.database, {
      journalled: [],
      realtime: [],
      tenant: null,
      ...published,
    })
    tail = made.createTail({ durable: [made.createJournal()], gatherMilliseconds: 0 })
    if (!running) return
    tail.start()
    await waitFor(() => tail!.holds(), { timeout: 30_000, what: 'the stream' })
  })
  afterAll(async () => {
    await tail?.stop()
    await rm(folder, { recursive: true, force: true })
  })
  return made
}

/** What a test leaves behind: undone after it, the last first. `listen` collects what a tail hands out until then. */
export function useStops() {
  const stops: (() => unknown)[] = []
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop()
  })
  return {
    stops,
    listen: (tail: Tail, from: (chunk: TransactionChunk) => void = () => undefined) => {
      const seen: TransactionChunk[] = []
      const handle = (chunk: TransactionChunk) => {
        seen.push(chunk)
        from(chunk)
      }
      stops.push(tail.subscribe({ name: 'test', handle }))
      return seen
    },
  }
}
