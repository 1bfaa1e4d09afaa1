import { readFileSync } from 'node:fs'
import type { ProjectDatabase, Statement } from '../../database/index.ts'
import { buildCatalogue } from './build-catalogue.ts'
import type { Catalogue } from './model.ts'
import type { CatalogueRows } from './rows.ts'

const sqlFile = (name: string): string => readFileSync(new URL(`./sql/${name}.sql`, import.meta.url), 'utf8')

const queries = {
  relations: sqlFile('relations'),
  keys: sqlFile('keys'),
  views: sqlFile('views'),
  functions: sqlFile('functions'),
  types: sqlFile('types'),
  roleSettings: sqlFile('role-settings'),
  fingerprint: sqlFile('fingerprint'),
}

/** Schemas whose names requests may use. */
export interface Exposure {
  /** In the order of preference: the first one is the default. */
  readonly schemas: readonly string[]
  /** Searched for computed fields and types besides the exposed ones. */
  readonly extraSearchPath: readonly string[]
}

/** Reads the whole catalogue in one transaction. */
export async function readCatalogue(database: ProjectDatabase, exposure: Exposure): Promise<Catalogue> {
  const rows = await database.transactionAsOwner(async ({ query }) => {
    const schemas = [exposure.schemas, exposure.extraSearchPath]
    const ask = async (text: string, values: readonly unknown[] = []) =>
      (await query({ text, values } satisfies Statement)).rows as never
    await query({ text: "select set_config('search_path', '', true)" })
    const [fingerprint, relations, keys, views, functions, types, roleSettings] = await Promise.all([
      ask(queries.fingerprint),
      ask(queries.relations),
      ask(queries.keys),
      ask(queries.views),
      ask(queries.functions, schemas),
      ask(queries.types, [schemas.flat()]),
      ask(queries.roleSettings),
    ])
    const [{ fingerprint: version }] = fingerprint as [{ fingerprint: string }]
    return {
      fingerprint: version,
      exposed: exposure.schemas,
      relations,
      keys,
      views,
      functions,
      types,
      roleSettings,
    } satisfies CatalogueRows
  })
  return buildCatalogue(rows)
}

/** The fingerprint that a catalogue read now would have. */
export async function readFingerprint(database: ProjectDatabase): Promise<string> {
  const { rows } = await database.asOwner<{ fingerprint: string }>({ text: queries.fingerprint })
  return rows[0]!.fingerprint
}
