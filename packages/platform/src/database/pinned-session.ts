import pg from 'pg'

/**
 * The owner of a database decides the settings of every session in it (`alter database … set`), a superuser's included,
 * unless the session says them itself. These are the ones that would change what our statements mean or where they end.
 * Names that a statement does not qualify are PostgreSQL's own; values are written the same way everywhere.
 */
const pinned: SessionSettings = {
  role: 'none',
  search_path: 'pg_catalog,pg_temp',
  local_preload_libraries: '',
  default_transaction_read_only: 'off',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  transform_null_equals: 'off',
  standard_conforming_strings: 'on',
  row_security: 'on',
  synchronous_commit: 'on',
  statement_timeout: 0,
  lock_timeout: 0,
  idle_in_transaction_session_timeout: 0,
  idle_session_timeout: 0,
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: 1,
}

/** Settings by name; times are milliseconds. */
export type SessionSettings = Readonly<Record<string, string | number>>

/** How `pg` opens sessions that take nothing from the database's owner, with `settings` beside. Never through a pooler. */
export function pinnedConfig(url: string, settings: SessionSettings = {}): pg.ClientConfig {
  const address = new URL(url)
  const given = address.searchParams.get('options')
  address.searchParams.delete('options')
  const own = Object.entries({ ...pinned, ...settings }).map(
    ([name, value]) => `-c ${name}=${String(value).replaceAll(/[\\ ]/g, '\\$&')}`,
  )
  // The last one counts, so what the address says cannot take ours back.
  return { connectionString: address.href, options: [given, ...own].filter(Boolean).join(' ') }
}

/**
 * A client whose sessions are {@link pinnedConfig}'s; the caller connects and ends it. A connection that is lost fails
 * the statement under way, nothing else.
 */
export function createPinnedClient(
  url: string,
  applicationName: string,
  settings: SessionSettings = {},
  config: pg.ClientConfig = {},
): pg.Client {
  const client = new pg.Client({
    ...pinnedConfig(url, settings),
    application_name: applicationName,
    connectionTimeoutMillis: connectMilliseconds,
    ...config,
  })
  client.on('error', () => undefined)
  return client
}

const connectMilliseconds = 10_000

/**
 * For sessions with long transactions: from PostgreSQL 17 on, the owner of a database may also decide how long any of them
 * lasts. Older servers refuse to be told of that setting, so it cannot be pinned as the others are.
 */
export async function liftTransactionTimeout(client: pg.Client): Promise<void> {
  await client.query(
    `select pg_catalog.set_config(name, '0', false) from pg_catalog.pg_settings where name = 'transaction_timeout'`,
  )
}

/** Runs `work` on a {@link createPinnedClient} of its own. */
export async function withPinnedClient<T>(
  url: string,
  applicationName: string,
  work: (client: pg.Client) => Promise<T>,
  settings: SessionSettings = {},
): Promise<T> {
  const client = createPinnedClient(url, applicationName, settings)
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}
