import { type Caller, type ProjectDatabase, quoteName, type Statement } from '@plinth/platform/database'
import { draftRow, insertOf, type Row, type World } from './create-world.ts'
import type { TableDescription } from './read-tables.ts'

export const verbs = ['select', 'insert', 'update', 'delete'] as const
export type Verb = (typeof verbs)[number]

/** What came of one attempt. `none`: no error, and no row. `denied`: refused. Other SQLSTATEs count as refused too. */
export type Result = 'allowed' | 'none' | 'denied'

/** One cell of the matrix. */
export interface Attempt {
  readonly table: string
  readonly subject: string
  readonly verb: Verb
  /** Whose row it is to the subject. */
  readonly row: 'own' | 'other'
  readonly result: Result
}

export interface Subject {
  readonly name: string
  readonly caller: Caller
}

export interface IsolationOptions {
  readonly database: ProjectDatabase
  readonly tables: readonly TableDescription[]
  readonly subjects: readonly Subject[]
  readonly own: World
  readonly other: World
}

/** Tries every verb on every table as every subject, on a row of their world and on one of a stranger's. */
export async function measureIsolation(options: IsolationOptions): Promise<readonly Attempt[]> {
  const attempts: Attempt[] = []
  for (const table of options.tables) {
    for (const subject of options.subjects) {
      for (const verb of verbs) {
        for (const row of ['own', 'other'] as const) {
          const result = await attempt(statementOf(table, verb, options[row]), subject, options.database)
          attempts.push({ table: table.name, subject: subject.name, verb, row, result })
        }
      }
    }
  }
  return attempts
}

/** The matrix as a table that a person can read and a review can compare. */
export function renderMatrix(attempts: readonly Attempt[]): string {
  const lines = new Map<string, string[]>()
  for (const { table, subject, verb, row, result } of attempts) {
    const line = lines.get(`${table} | ${subject}`) ?? []
    line.push(`${verb} ${row}: ${result}`)
    lines.set(`${table} | ${subject}`, line)
  }
  return `${[...lines].map(([name, cells]) => `${name} | ${cells.join(' | ')}`).join('\n')}\n`
}

async function attempt(
  statement: Statement,
  { caller }: Subject,
  database: ProjectDatabase,
): Promise<Result> {
  try {
    const { rowCount } = await database.asCaller(caller, statement, { rollback: true })
    return (rowCount ?? 0) > 0 ? 'allowed' : 'none'
  } catch {
    return 'denied'
  }
}

function statementOf(table: TableDescription, verb: Verb, world: World): Statement {
  const row = world.rows.get(table.name)!
  if (verb === 'insert') return insertOf(table, freshDraft(table, world))
  const name = `public.${quoteName(table.name)}`
  const condition = table.key.map((column, index) => `${quoteName(column)} = $${index + 1}`).join(' and ')
  const keys = table.key.map((column) => row[column])
  const same = quoteName(table.key[0]!)
  const texts = {
    select: `select 1 from ${name} where ${condition}`,
    update: `update ${name} set ${same} = ${same} where ${condition}`,
    delete: `delete from ${name} where ${condition}`,
  }
  return { text: texts[verb], values: keys }
}

/** The same references with new values, so that only a policy or a constraint can stand in the way. */
function freshDraft(table: TableDescription, world: World): Row {
  const rows = new Map(world.rows)
  rows.delete(table.name)
  return draftRow(table, rows, world.values[table.name] ?? {})
}
