import { createHash } from 'node:crypto'
import type pg from 'pg'
import { databaseErrors } from '../errors.ts'
import { withPinnedClient } from '../pinned-session.ts'
import type { ProjectAddresses } from '../project-database.ts'
import { quoteName, quoteText } from '../sql.ts'
import {
  authenticatorRole,
  createReplicator,
  createRequestRoles,
  createSystemRoles,
  type DatabaseSecrets,
  databaseName,
  journalRole,
  ownerRole,
  replicatorRole,
  roleExists,
} from './roles.ts'

/** Where a cluster is reached by its administrator. */
export interface ClusterAddresses {
  /** For requests; host and port may be a transaction pooler's. */
  readonly url: string
  /** Straight to PostgreSQL. */
  readonly directUrl: string
}

/** Taken in the maintenance database while roles change: two databases that alter one role at once collide. */
const clusterLock = 7_077_000

/**
 * Makes sure that a system's roles and database exist, and says how to reach them. Safe to repeat and to race. The
 * administrator's session is in the maintenance database and enters no system's. Fails with `database_of_other_secrets` for
 * a database that another data folder made.
 */
export async function provisionProject(
  cluster: ClusterAddresses,
  system: string,
  secrets: DatabaseSecrets,
  database = databaseName(system),
): Promise<ProjectAddresses> {
  const hasReplicator = await withClusterLock(cluster.directUrl, async (client) => {
    // Before a role gets another password: nodes that work on this database would be locked out.
    await requireOwnSecrets(client, database, secrets)
    await createRequestRoles(client)
    await createSystemRoles(client, system, secrets)
    const made = await createReplicator(client, secrets.replicator)
    await createDatabase(client, database, ownerRole(system))
    await admitRoles(client, database, system)
    await noteSecrets(client, database, secrets)
    return made
  })
  return projectAddresses(cluster, system, secrets, { database, hasReplicator })
}

/**
 * How a system's database is reached; whether it is there is not looked at. Without `hasReplicator` (default: true) the
 * administrator reads the WAL himself.
 */
export function projectAddresses(
  cluster: ClusterAddresses,
  system: string,
  secrets: DatabaseSecrets,
  { database = databaseName(system), hasReplicator = true } = {},
): ProjectAddresses {
  const owner = { user: ownerRole(system), password: secrets.owner, database }
  const authenticator = { user: authenticatorRole(system), password: secrets.authenticator, database }
  const replicator = hasReplicator ? { user: replicatorRole, password: secrets.replicator } : {}
  return {
    requests: addressAs(cluster.url, authenticator),
    owner: addressAs(cluster.url, owner),
    ownerDirect: addressAs(cluster.directUrl, owner),
    journal: addressAs(cluster.directUrl, { user: journalRole(system), password: secrets.journal, database }),
    replication: addressAs(cluster.directUrl, { ...replicator, database }),
    actorSecret: secrets.actor,
  }
}

/** Throws a system's database away, with whoever is connected to it. Its roles stay. Safe to repeat. */
export async function dropProject(
  { directUrl }: Pick<ClusterAddresses, 'directUrl'>,
  system: string,
): Promise<void> {
  const database = databaseName(system)
  await withClusterLock(directUrl, async (client) => {
    await client.query(
      'select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = $1 and not active',
      [database],
    )
    await client.query(`drop database if exists ${quoteName(database)} with (force)`)
  })
}

/** Runs `work` on the maintenance database while no other node or test changes roles of the cluster. */
export function withClusterLock<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return withPinnedClient(url, 'plinth provisioning', async (client) => {
    await client.query('select pg_advisory_lock($1)', [clusterLock])
    return work(client)
  })
}

/** Only a system's own roles may enter its database, and the one that reads the WAL: PostgreSQL lets everyone in. */
export async function admitRoles(client: pg.Client, database: string, system: string): Promise<void> {
  const replicator = (await roleExists(client, replicatorRole)) ? [replicatorRole] : []
  const admitted = [authenticatorRole(system), journalRole(system), ...replicator].map(quoteName)
  const name = quoteName(database)
  await client.query(`revoke all on database ${name} from public`)
  await client.query(`grant connect on database ${name} to ${admitted.join(', ')}`)
  await client.query(`grant create on database ${name} to ${quoteName(journalRole(system))}`)
}

async function createDatabase(client: pg.Client, database: string, owner: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [database])
  if (rowCount === 1) return
  await client.query(
    `create database ${quoteName(database)} owner ${quoteName(owner)} template template0 encoding 'UTF8'`,
  )
}

/** Stands in the comment of a database; the cluster keeps that where its roles are. */
const secretsMark = 'Plinth, secrets '

/** Tells secrets apart and says nothing of them. */
const markOf = ({ actor }: DatabaseSecrets): string =>
  secretsMark + createHash('sha256').update(`secrets of a data folder ${actor}`).digest('hex').slice(0, 16)

async function requireOwnSecrets(
  client: pg.Client,
  database: string,
  secrets: DatabaseSecrets,
): Promise<void> {
  const mark = await readMark(client, database)
  if (mark?.startsWith(secretsMark) && mark !== markOf(secrets))
    throw databaseErrors.database_of_other_secrets({ database })
}

async function noteSecrets(client: pg.Client, database: string, secrets: DatabaseSecrets): Promise<void> {
  // A comment of somebody else stays.
  if ((await readMark(client, database)) !== null) return
  await client.query(`comment on database ${quoteName(database)} is ${quoteText(markOf(secrets))}`)
}

async function readMark(client: pg.Client, database: string): Promise<string | null> {
  const { rows } = await client.query<{ mark: string | null }>(
    `select pg_catalog.shobj_description(oid, 'pg_database') as mark from pg_catalog.pg_database where datname = $1`,
    [database],
  )
  return rows[0]?.mark ?? null
}

/** The same server with another login or database. */
export function addressAs(
  url: string,
  change: { readonly user?: string; readonly password?: string; readonly database?: string },
): string {
  const address = new URL(url)
  if (change.user !== undefined) address.username = encodeURIComponent(change.user)
  if (change.password !== undefined) address.password = encodeURIComponent(change.password)
  if (change.database !== undefined) address.pathname = `/${encodeURIComponent(change.database)}`
  return address.href
}
