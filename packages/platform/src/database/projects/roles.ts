import type pg from 'pg'
import { newSecret } from '../../kernel/index.ts'
import { quoteName, quoteText } from '../sql.ts'

/** The cluster's names for one system: PostgreSQL's roles belong to the cluster, so they carry the system's name. */
export const databaseName = (system: string): string => `plinth_${system}`
export const ownerRole = (system: string): string => `owner_${system}`
export const authenticatorRole = (system: string): string => `authenticator_${system}`

/** What a system's roles log in with, and what proves to the tail who acts: see `ActorMessages`. */
export interface DatabaseSecrets {
  readonly owner: string
  readonly authenticator: string
  readonly actor: string
}

export const newDatabaseSecrets = (): DatabaseSecrets => ({
  owner: newSecret(),
  authenticator: newSecret(),
  actor: newSecret(),
})

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
 * Creates a system's login roles, or gives them today's passwords: `owner_<system>` owns the database and everything
 * in it; `authenticator_<system>` can do nothing but become anon, authenticated or service_role.
 */
export async function createSystemRoles(
  client: pg.Client,
  system: string,
  secrets: DatabaseSecrets,
): Promise<void> {
  await createLogin(client, ownerRole(system), 'login', secrets.owner)
  await createLogin(client, authenticatorRole(system), 'login noinherit', secrets.authenticator)
  const authenticator = quoteName(authenticatorRole(system))
  await client.query(`grant anon, authenticated, service_role to ${authenticator}`)
  await client.query(`grant ${quoteName(ownerRole(system))} to current_user`)
  await client.query(`alter role ${authenticator} set statement_timeout = ${statementTimeout}`)
  await client.query(
    `alter role ${authenticator} set idle_in_transaction_session_timeout = ${idleTransactionTimeout}`,
  )
}

async function createLogin(
  client: pg.Client,
  name: string,
  attributes: string,
  password: string,
): Promise<void> {
  const verb = (await roleExists(client, name)) ? 'alter' : 'create'
  await client.query(`${verb} role ${quoteName(name)} ${attributes} password ${quoteText(password)}`)
}

async function roleExists(client: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [name])
  return rowCount === 1
}
