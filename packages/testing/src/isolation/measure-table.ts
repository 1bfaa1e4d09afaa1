import { authenticatorRole, type Caller, quoteName } from '@plinth/platform/database'
import type pg from 'pg'
import { hasKeyOf, nameOf, recordOf } from './draft-row.ts'
import type { Owner, Target, TargetTable } from './prepare-targets.ts'
import type { TableColumn, TableDescription } from './read-tables.ts'
import { type Outcome, runTrials, type Trial } from './run-trials.ts'

/**
 * What is tried. `update` and `delete` find the row by its key, for which PostgreSQL asks the policies of `select` too;
 * `update all`, `delete all` and `move` have no condition and stand before their own policies alone. `move` gives an own
 * row to the other tenant.
 */
export const verbs = ['select', 'insert', 'update', 'move', 'delete', 'update all', 'delete all'] as const
export type Verb = (typeof verbs)[number]

const unconditional: readonly Verb[] = ['move', 'update all', 'delete all']

/**
 * What came of it. `allowed`: the row was read or written. `none`: no error and no row. `denied`: SQLSTATE 42501. `-`:
 * nothing to try. Otherwise the SQLSTATE of the refusal: `PT404` of a trigger, `23503` of a constraint, which is asked
 * after the policies.
 */
export type Result = string

/** One cell of the matrix. */
export interface Attempt {
  readonly table: string
  readonly subject: string
  readonly verb: Verb
  readonly owner: Owner
  readonly result: Result
}

export interface Subject {
  readonly name: string
  readonly caller: Caller
}

/** Tries every verb on the rows of a table as every subject. */
export async function measureTable(
  client: pg.Client,
  system: string,
  { table, targets }: TargetTable,
  subjects: readonly Subject[],
): Promise<readonly Attempt[]> {
  const writable = await readWritableColumns(client, table, Object.keys(targets[0]!.move))
  const cells = subjects.flatMap((subject) =>
    targets.flatMap((target) =>
      verbs.map((verb) => ({
        subject,
        target,
        verb,
        trial: trialOf(table, target, verb, writable.get(subject.caller.role)!, targets),
      })),
    ),
  )
  const tried = cells.filter(({ trial }) => trial !== undefined)
  const outcomes = await runTrials(
    client,
    tried.map(({ subject, trial }) => ({
      role: subject.caller.role,
      login: authenticatorRole(system),
      claims: subject.caller.claims,
      ...trial!,
    })),
  )
  const results = new Map(tried.map((cell, index) => [cell, outcomes[index]!]))
  return cells.map((cell) => {
    const { subject, target, verb } = cell
    const outcome = results.get(cell)
    const result = outcome ? resultOf(outcome, verb, targets.indexOf(target), table) : '-'
    return { table: table.name, subject: subject.name, verb, owner: target.owner, result }
  })
}

/** For each role a column to write: a plain one if there is one, and one that it may write if there is any. */
async function readWritableColumns(
  client: pg.Client,
  table: TableDescription,
  links: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const weight = ({ name, generated, unique }: TableColumn) =>
    (generated ? 8 : 0) +
    (table.key.includes(name) ? 4 : 0) +
    (links.includes(name) ? 2 : 0) +
    (unique ? 1 : 0)
  const names = table.columns.toSorted((a, b) => weight(a) - weight(b)).map(({ name }) => name)
  const { rows } = await client.query<{ role: string; name: string }>(
    `select distinct on (r.role) r.role, c.name
     from unnest(array['anon', 'authenticated', 'service_role']) r (role)
     cross join unnest($2::text[]) with ordinality c (name, ord)
     order by r.role, has_column_privilege(r.role, $1::regclass, c.name, 'update') desc, c.ord`,
    [nameOf(table), names],
  )
  return new Map(rows.map(({ role, name }) => [role, name]))
}

type Try = Pick<Trial, 'row' | 'statement' | 'prepare' | 'probes'>

function trialOf(
  table: TableDescription,
  { owner, row, move, insert }: Target,
  verb: Verb,
  column: string,
  targets: readonly Target[],
): Try | undefined {
  const name = nameOf(table)
  const setting = (columns: readonly string[]) =>
    columns.map((each) => `${quoteName(each)} = (${recordOf(table)}).${quoteName(each)}`).join(', ')
  const set = `update ${name} set ${setting([column])}`
  const links = Object.keys(move)
  const found = hasKeyOf(table, recordOf(table, row))
  const probes = targets.map((target) => probe(table, target))
  switch (verb) {
    case 'select':
      return { row, statement: `select from ${name} where ${found}` }
    case 'insert':
      return insert
    case 'update':
      return { row, statement: `${set} where ${found}` }
    case 'delete':
      return { row, statement: `delete from ${name} where ${found}` }
    case 'update all':
      return { row, statement: set, probes }
    case 'delete all':
      return { row, statement: `delete from ${name}`, probes }
    case 'move':
      // A root table that names no person has nothing by which a row could be moved.
      if (owner !== 'own' || links.length === 0) return undefined
      return { row: { ...row, ...move }, statement: `update ${name} set ${setting(links)}`, probes }
  }
}

/** Where the row is stored and by which transaction: different after any change, null when it is gone. */
const probe = (table: TableDescription, { row }: Target): string =>
  `select xmin::text || ctid::text from ${nameOf(table)} where ${hasKeyOf(table, recordOf(table, row))}`

function resultOf(outcome: Outcome, verb: Verb, index: number, table: TableDescription): Result {
  const { state, message, count, touched } = outcome
  if (state === '42501') return 'denied'
  if (state?.startsWith('42'))
    throw new Error(`${table.name}: ${verb} could not be tried: ${state} ${message}`)
  if (state !== null) return state
  return (unconditional.includes(verb) ? touched[index] : count > 0) ? 'allowed' : 'none'
}
