import { readFileSync } from 'node:fs'
import pg from 'pg'
import type { MigrationSet } from '../database/index.ts'
import { placeOf } from '../kernel/index.ts'
import type { SystemDeclaration } from '../system/index.ts'
import { projectErrors } from './errors.ts'

interface Table {
  readonly name: string
  readonly guarded: boolean
  readonly columns: readonly string[]
}

const text = readFileSync(new URL('./check-tables.sql', import.meta.url), 'utf8')

/**
 * Refuses a table without row security, and a declaration that names a table or column that does not exist. Run it after
 * the migrations. Fails with `invalid_declaration`, which names the file and the line.
 */
export async function checkTables(system: SystemDeclaration, own: MigrationSet, url: string): Promise<void> {
  const tables = await readTables(url)
  const place = placeOf(system) ?? `system ${system.name}`
  const refuse = (problem: string, at = place) => {
    throw projectErrors.invalid_declaration({ place: at, problem })
  }
  const requireTable = (name: string, what: string) =>
    tables.find((table) => table.name === name) ?? refuse(`${what}: there is no table ${name} in public`)
  const requireColumn = (table: Table | undefined, column: string, what: string) => {
    if (table && !table.columns.includes(column))
      refuse(`${what}: table ${table.name} has no column ${column}`)
  }

  const open = tables.find(({ guarded }) => !guarded)
  if (open)
    refuse(
      `table ${open.name} has no row security: alter table public.${open.name} enable row level security`,
      findTable(own, open.name) ?? place,
    )
  const { tenant } = system
  if (tenant) {
    requireColumn(requireTable(tenant.table, 'tenant'), tenant.key ?? 'id', 'tenant')
    if (!tables.some(({ columns }) => columns.includes(tenant.column)))
      refuse(`tenant: no table has a column ${tenant.column}`)
  }
  for (const name of system.realtimeTables) requireTable(name, 'realtimeTables')
  for (const name of system.journalledTables) requireTable(name, 'journalledTables')
  for (const [name, { columns, subject }] of Object.entries(system.personalColumns ?? {})) {
    const table = requireTable(name, 'personalColumns')
    for (const column of [...columns, subject]) requireColumn(table, column, 'personalColumns')
  }
}

async function readTables(url: string): Promise<readonly Table[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'plinth check' })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Table>(text)).rows
  } finally {
    await client.end()
  }
}

/** Where a migration creates the table. */
function findTable({ migrations }: MigrationSet, name: string): string | undefined {
  const creation = new RegExp(
    `create\\s+table\\s+(if\\s+not\\s+exists\\s+)?("?public"?\\.)?"?${name}"?[\\s(]`,
    'i',
  )
  for (const { sql, file } of migrations) {
    const at = sql.search(creation)
    if (at >= 0 && file) return `${file}:${sql.slice(0, at).split('\n').length}`
  }
  return undefined
}
