import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { shownPath } from '../../kernel/index.ts'
import { databaseErrors } from '../errors.ts'

/** One released change of a schema. */
export interface Migration {
  /** File name without its ending: `001_initial_schema`. */
  readonly name: string
  readonly sql: string
  /** SHA-256 of the file's text, hexadecimal. */
  readonly checksum: string
  /** Its path, for a person; undefined when it was not read from a file. */
  readonly file?: string
}

/** The migrations that one owner (a capability or a system) brings along, in order. */
export interface MigrationSet {
  /** Unique per database: `platform`, `auth`, `shops`. */
  readonly name: string
  /** Who applies them and owns what they make. Default: the owner of the database. */
  readonly role?: 'owner' | 'journal'
  readonly migrations: readonly Migration[]
}

const fileName = /^((\d{3})_[a-z0-9_]+)\.sql$/

/**
 * Reads the `NNN_name.sql` files of a folder in the order of their numbers. Fails with `migration_misnamed` or
 * `migration_number_taken`: a file that is passed over would be missed only when its table is.
 */
export async function readMigrations(
  name: string,
  folder: URL,
  role: MigrationSet['role'] = 'owner',
): Promise<MigrationSet> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()
  const numbers = new Map<string, string>()
  const migrations = files.map(async (file) => {
    const url = new URL(file, folder)
    const [, migration, number] = fileName.exec(file) ?? []
    if (migration === undefined || number === undefined)
      throw databaseErrors.migration_misnamed({ file: shownPath(url) })
    const first = numbers.get(number)
    if (first) throw databaseErrors.migration_number_taken({ file: shownPath(url), number, first })
    numbers.set(number, file)
    const text = await readFile(url, 'utf8')
    const checksum = createHash('sha256').update(text).digest('hex')
    return { name: migration, sql: text, checksum, file: shownPath(url) }
  })
  return { name, role, migrations: await Promise.all(migrations) }
}
