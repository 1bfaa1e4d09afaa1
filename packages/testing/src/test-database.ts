import { createHash, randomUUID } from 'node:crypto'
import {
  addressAs,
  admitRoles,
  applyMigrations,
  type DatabaseSecrets,
  type MigrationSet,
  openProjectDatabase,
  ownerRole,
  type ProjectAddresses,
  type ProjectDatabase,
  projectAddresses,
  provisionProject,
  quoteName,
  readPlatformMigrations,
  withPinnedClient,
} from '@plinth/platform/database'
import { migrateJobQueue } from '@plinth/platform/jobs'
import { silentLog } from '@plinth/platform/kernel'
import pg from 'pg'
import { afterAll, beforeAll, inject } from 'vitest'

export interface TestDatabaseOptions {
  /** Whose roles the database belongs to. Default `sample`. */
  readonly system?: string
  /** What is applied after the platform's own migrations. */
  readonly migrations?: readonly (MigrationSet | Promise<MigrationSet>)[] | Promise<readonly MigrationSet[]>
  /** Prepares the job queue's own tables as well. Default false. */
  readonly queue?: boolean
  /** SQL that every database of this kind starts with, after the migrations. */
  readonly seed?: string
  readonly connections?: { readonly requests: number; readonly owner: number }
}

/** Filled before the first test of the file runs. */
export interface TestDatabase {
  readonly database: ProjectDatabase
  readonly addresses: ProjectAddresses
}

/** Roles are shared by all test files, so their secrets cannot differ. */
export const testSecrets: DatabaseSecrets = {
  owner: 'owner-of-tests',
  authenticator: 'authenticator-of-tests',
  journal: 'journal-of-tests',
  replicator: 'replicator-of-tests',
  actor: 'actor-of-tests',
}

/**
 * Gives this test file a database of its own, cloned from a template that is migrated once a run.
 * Afterwards it is dropped; a connection that was not given back fails the file.
 */
export function useTestDatabase(options: TestDatabaseOptions = {}): TestDatabase {
  let made: Awaited<ReturnType<typeof createTestDatabase>> | undefined
  beforeAll(async () => {
    made = await createTestDatabase(options)
  })
  afterAll(async () => {
    await made?.drop()
  })
  const present = () => {
    if (!made) throw new Error('The test database exists only while tests of the file run.')
    return made
  }
  return {
    get database() {
      return present().database
    },
    get addresses() {
      return present().database.addresses
    },
  }
}

/** As {@link useTestDatabase}, for a test that needs several databases or drops them itself. */
export async function createTestDatabase(options: TestDatabaseOptions = {}) {
  const system = options.system ?? 'sample'
  const cluster = { url: inject('clusterUrl'), directUrl: inject('clusterUrl') }
  const template = await prepareTemplate(cluster.url, system, options)
  const name = `test_${randomUUID().replaceAll('-', '')}`
  // The roles are there since the template was made.
  await withPinnedClient(cluster.url, 'test', async (client) => {
    await client.query(
      // Copied as files: otherwise all of it goes through the WAL, which every stream of the cluster has to read.
      `create database ${quoteName(name)} template ${quoteName(template)} owner ${quoteName(ownerRole(system))} strategy file_copy`,
    )
    await admitRoles(client, name, system)
  })
  const addresses = projectAddresses(cluster, system, testSecrets, { database: name })
  const { connections } = options
  const database = openProjectDatabase({
    system,
    addresses,
    log: silentLog,
    ...(connections ? { connections } : {}),
  })
  return { database, addresses, drop: () => dropTestDatabase(cluster.url, name, database) }
}

/** The template of these migrations and this seed, made the first time that a run asks for it. */
async function prepareTemplate(url: string, system: string, options: TestDatabaseOptions): Promise<string> {
  const { seed, queue = false } = options
  const sets = await Promise.all([readPlatformMigrations(), ...((await options.migrations) ?? [])])
  const provision = (draft: string) => provisionProject({ url, directUrl: url }, system, testSecrets, draft)
  const migrated = await makeTemplate(url, [system, sets, queue], async (draft) => {
    const addresses = await provision(draft)
    await applyMigrations(addresses, sets)
    if (queue) await migrateJobQueue(addresses.ownerDirect)
  })
  if (!seed) return migrated
  // Files with seeds of their own share what takes the time: the migrations.
  return makeTemplate(url, [migrated, seed], async (draft, client) => {
    await client.query(
      `create database ${quoteName(draft)} template ${quoteName(migrated)} owner ${quoteName(ownerRole(system))}`,
    )
    await runSeed((await provision(draft)).ownerDirect, seed)
  })
}

/** A template whose name says what went into it; under another name until it is complete. */
async function makeTemplate(
  url: string,
  content: unknown,
  make: (draft: string, client: pg.Client) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16)
  const template = `template_${hash}`
  await withTemplateLock(url, hash, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [template])
    if (rowCount === 1) return
    const draft = `draft_${hash}`
    await client.query(`drop database if exists ${quoteName(draft)} with (force)`)
    await make(draft, client)
    await client.query(`alter database ${quoteName(draft)} rename to ${quoteName(template)}`)
  })
  return template
}

async function withTemplateLock(url: string, hash: string, work: (client: pg.Client) => Promise<void>) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('select pg_advisory_lock(hashtext($1))', [hash])
    await work(client)
  } finally {
    await client.end()
  }
}

async function runSeed(url: string, seed: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(seed)
  } finally {
    await client.end()
  }
}

async function dropTestDatabase(url: string, name: string, database: ProjectDatabase) {
  const leaked = Object.values(database.usage()).reduce((sum, { busy }) => sum + busy, 0)
  const closing = database.close()
  // A pool waits for what it lent out; a leaked connection comes back when its database is dropped.
  if (leaked === 0) await closing
  await withPinnedClient(url, 'test', async (client) => {
    await client.query(
      'select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = $1 and not active',
      [name],
    )
    await client.query(`drop database if exists ${quoteName(name)} with (force)`)
  })
  if (leaked > 0) throw new Error(`The test leaked ${leaked} database connection(s): await every query.`)
}

/** The address of another database of the run's cluster, as its administrator. */
export const clusterAddress = (database?: string): string =>
  addressAs(inject('clusterUrl'), database ? { database } : {})

/** The address of a test's database for a superuser of the cluster. */
export const superuserAddress = ({ owner }: Pick<ProjectAddresses, 'owner'>): string =>
  clusterAddress(decodeURIComponent(new URL(owner).pathname.slice(1)))

/** Runs SQL in a test's database as a superuser of the cluster, on a connection of its own; gives the last rows. */
export const asSuperuser = <Row extends object = Record<string, unknown>>(
  addresses: Pick<ProjectAddresses, 'owner'>,
  text: string,
): Promise<Row[]> =>
  withPinnedClient(superuserAddress(addresses), 'test', async (client) => {
    const answers = [await client.query<Row>(text)].flat()
    return answers.at(-1)!.rows
  })
