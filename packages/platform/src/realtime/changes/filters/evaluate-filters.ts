import { type ProjectDatabase, quoteName } from '../../../database/index.ts'
import type { RowImage } from '../../../tail/index.ts'
import type { TableDescription } from '../describe-table.ts'
import { compositeText } from '../row-values.ts'
import type { Filter } from './compile-filter.ts'
import { conditionSql } from './filter-sql.ts'

/** A filter and the images that it is applied to: those that its subscriber may see. */
export interface FilterTask {
  readonly filter: Filter
  /** Indexes into `images`. */
  readonly picks: readonly number[]
}

export interface EvaluateRequest {
  readonly table: TableDescription
  readonly role: string
  readonly images: readonly RowImage[]
  readonly tasks: readonly FilterTask[]
  /** Milliseconds that it may take (SQLSTATE 57014 beyond it). */
  readonly timeout: number
}

/**
 * Lets the database apply filters to images: for each task, the picks that pass. No image is touched by a filter that
 * does not pick it: CASE decides the order, which WHERE does not.
 */
export async function evaluateFilters(
  database: ProjectDatabase,
  { table, role, images, tasks, timeout }: EvaluateRequest,
): Promise<readonly ReadonlySet<number>[]> {
  const type = `${quoteName(table.schema)}.${quoteName(table.table)}`
  const names = new Set(tasks.flatMap(({ filter }) => filter.conditions.map(({ column }) => column.name)))
  const used = [...new Set(tasks.flatMap(({ picks }) => picks))]
  const places = new Map(used.map((pick, place) => [pick, place + 1]))
  const texts = used.map((pick) =>
    compositeText(table.columns, images[pick]!, ({ name, kind }) => names.has(name) || kind === 'd'),
  )
  const values: unknown[] = [texts]
  const parameter = (value: unknown) => `$${values.push(value)}`
  const sets = tasks.map(({ filter, picks }) => {
    const picked = `${parameter(picks.map((pick) => places.get(pick)))}::int[]`
    const conditions = filter.conditions.map(({ condition, column }) =>
      conditionSql(condition, column, parameter),
    )
    return `array(select plinth_n::int from unnest($1::text[]) with ordinality x(plinth_i, plinth_n),
      lateral unnest(array[case when plinth_n = any (${picked}) then plinth_i::${type} end]) as t
      where case when plinth_n = any (${picked}) then ${conditions.join(' and ')} else false end)`
  })
  const { rows } = await database.asCaller<number[][] & object>(
    { role, claims: {} },
    { text: `select ${sets.join(', ')}`, values, rowMode: 'array' },
    { readOnly: true, statementTimeout: timeout },
  )
  return rows[0]!.map((set) => new Set(set.map((place) => used[place - 1]!)))
}
