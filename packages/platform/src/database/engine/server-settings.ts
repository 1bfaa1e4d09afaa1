import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export type Settings = Readonly<Record<string, string>>

/**
 * What an operator may change with ALTER SYSTEM. Sized for a small machine that PostgreSQL shares with the server;
 * the connection budget of all systems together fits into `max_connections`.
 */
const defaults: Settings = {
  max_connections: '200',
  shared_buffers: '128MB',
  effective_cache_size: '1GB',
  maintenance_work_mem: '64MB',
  max_wal_size: '1GB',
  max_replication_slots: '32',
  max_wal_senders: '32',
  // A reader of changes that stays away keeps at most this much WAL; then its slot is lost, not the disk.
  max_slot_wal_keep_size: '4GB',
  jit: 'off',
  log_checkpoints: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
}

/** What the server relies on; given on the command line, which nothing inside the cluster overrides. */
const fixed: Settings = {
  listen_addresses: '127.0.0.1',
  // No socket file: /tmp is open to everybody, and a path in the data folder may be longer than sockets allow.
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  wal_level: 'logical',
  logging_collector: 'off',
  log_destination: 'stderr',
  log_line_prefix: '',
  log_min_messages: 'warning',
  // Statements may hold personal data, so a failing one is not copied into the log.
  log_min_error_statement: 'panic',
  lc_messages: 'C',
}

/** Command-line arguments for a server on `port`; `overrides` win over everything. */
export function serverArguments(cluster: string, port: number, overrides: Settings): string[] {
  const settings = { ...fixed, port: String(port), ...overrides }
  return ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

const ownFile = 'plinth.conf'

/** Makes a new cluster read our settings after those that initdb found out about the machine. */
export async function includeSettings(cluster: string): Promise<void> {
  await appendFile(join(cluster, 'postgresql.conf'), `\ninclude '${ownFile}'\n`)
}

/** Writes our settings anew, so that an update of Plinth brings its settings along. Returns the file. */
export async function writeSettings(cluster: string): Promise<string> {
  const file = join(cluster, ownFile)
  const lines = Object.entries(defaults).map(([name, value]) => `${name} = '${value}'`)
  await writeFile(file, `${[header, ...lines].join('\n')}\n`, { mode: 0o600 })
  return file
}

const header =
  '# Written by Plinth at each start. Change settings with ALTER SYSTEM, which wins over this file.'
