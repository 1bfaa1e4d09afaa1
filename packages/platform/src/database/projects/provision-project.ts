import pg from 'pg'
import type { ProjectAddresses } from '../project-database.ts'
import { quoteName } from '../sql.ts'
import {
  authenticatorRole,
  createRequestRoles,
  createSystemRoles,
  type DatabaseSecrets,
  databaseName,
  ownerRole,
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

/** Makes sure that a system's roles and database exist, and says how to reach them. Safe to repeat and to race. */
export async function provisionProject(
  cluster: ClusterAddresses,
  system: string,
  secrets: DatabaseSecrets,
  database = databaseName(system),
): Promise<ProjectAddresses> {
  await withClusterLock(cluster.directUrl, async (client) => {
    await createRequestRoles(client)
    await createSystemRoles(client, system, secrets)
    await createDatabase(client, database, ownerRole(system))
    await closeToOthers(client, database, authenticatorRole(system))
  })
  return projectAddresses(cluster, system, secrets, database)
}

/** How a system's database is reached; whether it is there is not looked at. */
export function projectAddresses(
  cluster: ClusterAddresses,
  system: string,
  secrets: DatabaseSecrets,
  database = databaseName(system),
): ProjectAddresses {
  const owner = { user: ownerRole(system), password: secrets.owner, database }
  return {
    requests: addressAs(cluster.url, {
      user: authenticatorRole(system),
      password: secrets.authenticator,
      database,
    }),
    owner: addressAs(cluster.url, owner),
    ownerDirect: addressAs(cluster.directUrl, owner),
    actorSecret: secrets.actor,
    replication: addressAs(cluster.directUrl, { database }),
  }
}

/** Runs `work` on the maintenance database while no other node or test changes roles of the cluster. */
export async function withClusterLock<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'plinth provisioning' })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [clusterLock])
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Only the owner and the authenticator may enter a system's database: PostgreSQL lets everyone in by default. */
export async function closeToOthers(
  client: pg.Client,
  database: string,
  authenticator: string,
): Promise<void> {
  await client.query(`revoke all on database ${quoteName(database)} from public`)
  await client.query(`grant connect on database ${quoteName(database)} to ${quoteName(authenticator)}`)
}

async function createDatabase(client: pg.Client, database: string, owner: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [database])
  if (rowCount === 1) return
  await client.query(
    `create database ${quoteName(database)} owner ${quoteName(owner)} template template0 encoding 'UTF8'`,
  )
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
