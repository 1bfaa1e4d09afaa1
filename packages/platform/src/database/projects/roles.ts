import type pg from 'pg'
import { newSecret } from '../../kernel/index.ts'
import { quoteName, quoteText } from '../sql.ts'

/** The cluster's names for one system: PostgreSQL's roles belong to the cluster, so they carry the system's name. */
export const databaseName = (system: string): string => `plinth_${system}`
export const ownerRole = (system: string): string => `owner_${system}`
export const authenticatorRole = (system: string): string => `authenticator_${system}`
export const journalRole = (system: string): string => `journal_${system}`
export const rewindRole = (system: string): string => `rewind_${system}`
export const replicatorRole = 'replicator'

/** All roles of a system, in the order in which they are made. */
export const systemRoles = (system: string): readonly string[] =>
  [ownerRole, authenticatorRole, journalRole, rewindRole].map((nameOf) => nameOf(system))

/** What a system's roles log in with, and what proves to the tail who acts: see `ActorMessages`. */
export interface SystemSecrets {
  readonly owner: string
  readonly authenticator: string
  readonly journal: string
  readonly actor: string
}

/** With the secret of the cluster, the same for all systems in it: who has it can copy the whole of it. */
export interface DatabaseSecrets extends SystemSecrets {
  readonly replicator: string
}

export const newSystemSecrets = (): SystemSecrets => ({
  owner: newSecret(),
  authenticator: newSecret(),
  journal: newSecret(),
  actor: newSecret(),
})

export const newDatabaseSecrets = (): DatabaseSecrets => ({ ...newSystemSecrets(), replicator: newSecret() })

const requestRoles = [
  { name: 'anon', attributes: 'nologin noinherit' },
  { name: 'authenticated', attributes: 'nologin noinherit' },
  { name: 'service_role', attributes: 'nologin noinherit bypassrls' },
]

/** Longest a request's statement may run, and an open transaction may idle, in milliseconds. */
const statementTimeout = 15_000
const idleTransactionTimeout = 15_000

/** Creates the roles that all systems share. The caller holds the cluster's lock. */
export async function createRequestRoles(client: pg.Client): Promise<void> {
  for (const { name, attributes } of requestRoles) {
    if (!(await roleExists(client, name))) await client.query(`create role ${name} ${attributes}`)
  }
}

/**
 * Creates a system's roles, or gives them today's passwords: `owner_<system>` owns the database and everything in it but
 * the journal; `authenticator_<system>` can do nothing but become anon, authenticated or service_role;
 * `journal_<system>` owns the journal and has the owner's rights, so that it can publish his tables;
 * `rewind_<system>` logs in nowhere and may switch triggers off. The caller holds the cluster's lock.
 */
export async function createSystemRoles(
  client: pg.Client,
  system: string,
  secrets: SystemSecrets,
): Promise<void> {
  await makeRole(client, ownerRole(system), 'login', secrets.owner)
  await makeRole(client, authenticatorRole(system), 'login noinherit', secrets.authenticator)
  await makeRole(client, journalRole(system), 'login inherit', secrets.journal)
  await makeRole(client, rewindRole(system), 'nologin')
  const [owner, authenticator, journal, rewind] = systemRoles(system).map(quoteName)
  await client.query(`grant anon, authenticated, service_role to ${authenticator}`)
  await client.query(`grant ${owner} to current_user`)
  await client.query(`grant ${owner}, ${rewind} to ${journal}`)
  await client.query(`alter role ${authenticator} set statement_timeout = ${statementTimeout}`)
  await client.query(
    `alter role ${authenticator} set idle_in_transaction_session_timeout = ${idleTransactionTimeout}`,
  )
  if (await isAllowed(client, maySwitchTriggersOff))
    await client.query(`grant set on parameter session_replication_role to ${rewind}`)
}

/**
 * Creates the login that reads the WAL, or gives it today's password. False where the administrator may not make such a
 * role (up to 15 it takes a superuser): then he has to read the WAL himself. The caller holds the cluster's lock.
 */
export async function createReplicator(client: pg.Client, password: string): Promise<boolean> {
  if (!(await isAllowed(client, mayMakeReplicator))) return false
  await makeRole(client, replicatorRole, 'login noinherit replication', password)
  return true
}

const maySwitchTriggersOff = `has_parameter_privilege('session_replication_role', 'set with grant option')`
const mayMakeReplicator = `exists (select from pg_roles where rolname = current_user
  and (rolsuper or rolreplication and current_setting('server_version_num')::int >= 160000))`

async function isAllowed(client: pg.Client, condition: string): Promise<boolean> {
  const { rows } = await client.query<{ allowed: boolean }>(`select ${condition} as allowed`)
  return rows[0]!.allowed
}

async function makeRole(
  client: pg.Client,
  name: string,
  attributes: string,
  password?: string,
): Promise<void> {
  const verb = (await roleExists(client, name)) ? 'alter' : 'create'
  const secret = password === undefined ? '' : ` password ${quoteText(password)}`
  await client.query(`${verb} role ${quoteName(name)} ${attributes}${secret}`)
}

export async function roleExists(client: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [name])
  return rowCount === 1
}
