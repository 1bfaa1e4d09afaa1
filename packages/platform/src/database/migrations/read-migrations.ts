import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'

/** One released change of a schema. */
export interface Migration {
  /** File name without its ending: `001_initial_schema`. */
  readonly name: string
  readonly sql: string
  /** SHA-256 of the file's text, hexadecimal. */
  readonly checksum: string
}

/** The migrations that one owner (a capability or a system) brings along, in order. */
export interface MigrationSet {
  /** Unique per database: `platform`, `auth`, `shops`. */
  readonly name: string
  readonly migrations: readonly Migration[]
}

const fileName = /^(\d{3}_[a-z0-9_]+)\.sql$/

/** Reads `NNN_name.sql` files of a folder in the order of their numbers. */
export async function readMigrations(name: string, folder: URL): Promise<MigrationSet> {
  const names = (await readdir(folder)).flatMap((file) => fileName.exec(file)?.[1] ?? []).sort()
  const migrations = names.map(async (migration) => {
    const text = await readFile(new URL(`${migration}.sql`, folder), 'utf8')
    return { name: migration, sql: text, checksum: createHash('sha256').update(text).digest('hex') }
  })
  return { name, migrations: await Promise.all(migrations) }
}
