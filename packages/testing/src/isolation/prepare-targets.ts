import { authenticatorRole, ownerRole, type ProjectDatabase } from '@plinth/platform/database'
import { hasCode } from '@plinth/platform/kernel'
import type pg from 'pg'
import { unusableDraft, type World } from './create-world.ts'
import { draftRow, hasKeyOf, insertOf, insertText, nameOf, type Row, recordOf } from './draft-row.ts'
import type { TableColumn, TableDescription } from './read-tables.ts'
import { runTrials, type Trial } from './run-trials.ts'

/** Whose row it is: the own tenant's, another tenant's, nobody's. */
export type Owner = 'own' | 'other' | 'nobody'

/** One row of a table, and what is tried with it. */
export interface Target {
  readonly owner: Owner
  readonly row: Row
  /** The values by which the row would be somebody else's; empty: nothing says whose a row is. */
  readonly move: Row
  readonly insert: Pick<Trial, 'row' | 'statement' | 'prepare'>
}

export interface TargetTable {
  readonly table: TableDescription
  readonly targets: readonly Target[]
}

export interface TargetOptions {
  readonly client: pg.Client
  readonly database: ProjectDatabase
  readonly tables: readonly TableDescription[]
  readonly own: World
  readonly other: World
  /** The column by which tables name their tenant, and the tenants' own table. */
  readonly tenant: { readonly table: string; readonly column: string } | null
}

/**
 * The rows that every table is measured with. Each has a draft that the service role can insert (where it has no right
 * to insert: the owner of the database); fails with the reason when there is none, because an insert that nobody can
 * make says nothing about those who may not.
 */
export async function prepareTargets(options: TargetOptions): Promise<readonly TargetTable[]> {
  const prepared: TargetTable[] = []
  for (const table of options.tables) {
    prepared.push({ table, targets: await targetsOf(table, options) })
  }
  return prepared
}

async function targetsOf(table: TableDescription, options: TargetOptions): Promise<readonly Target[]> {
  const { own, other, client, database } = options
  const [mine, theirs] = [own.rows.get(table.name)!, other.rows.get(table.name)!]
  const links = linksOf(table, options, mine, theirs)
  const target = async (owner: Owner, world: World, row: Row, nobody: Row = {}): Promise<Target> => {
    const given = { ...world.values[table.name], ...nobody }
    const moved = owner === 'own' ? theirs : mine
    return {
      owner,
      row,
      move: Object.fromEntries(links.map((column) => [column, moved[column]])),
      insert: await findInsert(client, database.system, table, row, draftRow(table, { ...world, given })),
    }
  }
  if (links.length === 0 && options.tenant?.table !== table.name) return [await target('nobody', own, mine)]
  const both = [await target('own', own, mine), await target('other', other, theirs)]
  const nobody = Object.fromEntries(ownersOf(table, options).map((column) => [column, null]))
  const row = await insertNobody(table, options, nobody)
  return row ? [...both, await target('nobody', own, row, nobody)] : both
}

/** Columns that say whose a row is: what it refers to, and what was given and differs. */
function linksOf(table: TableDescription, options: TargetOptions, mine: Row, theirs: Row): readonly string[] {
  const given = Object.keys(options.own.values[table.name] ?? {})
  const callers = table.columns.filter(({ caller }) => caller).map(({ name }) => name)
  const referring = table.foreign_keys.flatMap(({ columns }) => columns)
  return [...new Set([...referring, ...callers, ...given])].filter(
    (column) => JSON.stringify(mine[column]) !== JSON.stringify(theirs[column]),
  )
}

/** The columns that are empty in a row that belongs to nobody; none when every row belongs to somebody. */
function ownersOf(table: TableDescription, { tenant }: TargetOptions): readonly string[] {
  const named = table.columns.filter(({ name }) => name === tenant?.column)
  const users = table.foreign_keys.flatMap(({ schema, columns }) => (schema === 'auth' ? columns : []))
  const owners: readonly TableColumn[] =
    named.length > 0 ? named : table.columns.filter(({ name, caller }) => caller || users.includes(name))
  return owners.every(({ nullable }) => nullable) ? owners.map(({ name }) => name) : []
}

async function insertNobody(
  table: TableDescription,
  { own, database }: TargetOptions,
  nobody: Row,
): Promise<Row | undefined> {
  if (Object.keys(nobody).length === 0) return undefined
  const draft = draftRow(table, { ...own, number: 2, given: { ...own.values[table.name], ...nobody } })
  try {
    return (await database.asOwner<{ row: Row }>(insertOf(table, draft))).rows[0]!.row
  } catch (error) {
    // A constraint asks for an owner: such a row cannot be.
    if (['23502', '23514'].some((state) => hasCode(error, state))) return undefined
    throw error
  }
}

/** A second row like this one, or, where only one can be, this one in its own place. */
async function findInsert(
  client: pg.Client,
  system: string,
  table: TableDescription,
  row: Row,
  draft: Row,
): Promise<Target['insert']> {
  const columns = Object.keys(draft)
  const kept = [...new Set([...table.key, ...columns])]
  const candidates = [
    { row: draft, statement: insertText(table, columns) },
    {
      row,
      statement: insertText(table, kept),
      prepare: `delete from ${nameOf(table)} where ${hasKeyOf(table, recordOf(table))}`,
    },
  ]
  const { rows } = await client.query<{ granted: boolean }>(
    `select has_any_column_privilege('service_role', $1::regclass, 'insert') as granted`,
    [nameOf(table)],
  )
  const caller = rows[0]!.granted
    ? { role: 'service_role', login: authenticatorRole(system), claims: { role: 'service_role' } }
    : { role: 'none', login: ownerRole(system), claims: {} }
  const outcomes = await runTrials(
    client,
    candidates.map((candidate) => ({ ...caller, ...candidate })),
  )
  const usable = candidates.find(
    (_, index) => outcomes[index]!.state === null && outcomes[index]!.count === 1,
  )
  if (usable) return usable
  const { state, message } = outcomes[0]!
  throw unusableDraft(table, draft, state ? `${state} ${message}` : 'a trigger left no row')
}
