import { readFile } from 'node:fs/promises'
import { withPinnedClient } from '../pinned-session.ts'
import { databaseName, replicatorRole, systemRoles } from '../projects/roles.ts'

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
  /** Whether it may let others set `session_replication_role`. */
  readonly mayGrantTriggersOff: boolean
  /** How many of the systems' databases exist. */
  readonly databasesPresent: number
  /** Null as long as there is no `service_role`. */
  readonly serviceRoleBypassesRls: boolean | null
  /** Roles that the server needs and that exist, but that somebody else made and never handed over. */
  readonly rolesWithoutAdmin: readonly string[]
}

export async function readClusterFacts(url: string, systems: readonly string[]): Promise<ClusterFacts> {
  const statement = await readFile(new URL('cluster-facts.sql', import.meta.url), 'utf8')
  return withPinnedClient(url, 'plinth start-up check', async (client) => {
    const { rows } = await client.query<ClusterFacts>(statement, [
      systems.map((system) => databaseName(system)),
      ['anon', 'authenticated', 'service_role', replicatorRole, ...systems.flatMap(systemRoles)],
    ])
    return rows[0]!
  })
}
