import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { authenticatorRole, databaseName, ownerRole } from '../projects/roles.ts'

/** What a cluster is, and what the role of the address may do in it. */
export interface ClusterFacts {
  readonly majorVersion: number
  readonly walLevel: string
  readonly replicationSlots: number
  readonly walSenders: number
  /** A standby: nothing can be written there. */
  readonly readOnly: boolean
  readonly role: string
  readonly superuser: boolean
  readonly mayCreateDatabases: boolean
  readonly mayCreateRoles: boolean
  readonly bypassesRls: boolean
  readonly mayReplicate: boolean
  /** How many of the systems' databases exist. */
  readonly databasesPresent: number
  /** Null as long as there is no `service_role`. */
  readonly serviceRoleBypassesRls: boolean | null
  /** Roles that the server needs and that exist, but that somebody else made and never handed over. */
  readonly rolesWithoutAdmin: readonly string[]
}

/** Milliseconds until an address that does not answer counts as unreachable. */
const connectTimeout = 10_000

export async function readClusterFacts(url: string, systems: readonly string[]): Promise<ClusterFacts> {
  const statement = await readFile(new URL('cluster-facts.sql', import.meta.url), 'utf8')
  const roles = systems.flatMap((system) => [ownerRole(system), authenticatorRole(system)])
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeout,
    application_name: 'plinth start-up check',
  })
  client.on('error', () => {})
  await client.connect()
  try {
    const { rows } = await client.query<ClusterFacts>(statement, [
      systems.map((system) => databaseName(system)),
      ['anon', 'authenticated', 'service_role', ...roles],
    ])
    return rows[0]!
  } finally {
    await client.end()
  }
}
