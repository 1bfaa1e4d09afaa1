import { type ProjectDatabase, quoteName } from '../../database/index.ts'
import { AppError, messageOf } from '../../kernel/index.ts'
import type { RowImage } from '../../tail/index.ts'
import { realtimeErrors } from '../errors.ts'
import type { ColumnDescription, TableDescription } from './describe-table.ts'
import { type Condition, columnOf, conditionSql, type ImageTest, parseFilter, quickTest } from './filter.ts'

/** A filter of one table, as one role may use it. */
export interface Filter {
  readonly text: string
  readonly conditions: readonly { readonly condition: Condition; readonly column: ColumnDescription }[]
  /** Tells without the database; undefined when only the database can. */
  readonly quick: ImageTest | undefined
}

/** Checks a filter against the table's own types. Fails with `malformed_filter`. */
export async function compileFilter(
  database: ProjectDatabase,
  table: TableDescription,
  role: string,
  text: string,
): Promise<Filter> {
  const conditions = parseFilter(text).map((condition) => ({
    condition,
    column: columnOf(condition, table, role, text),
  }))
  const canonical = await castValues(database, role, conditions).catch((cause: unknown) => {
    // A database that is away says nothing about the filter.
    if (cause instanceof AppError) throw cause
    throw realtimeErrors.malformed_filter({ filter: text.slice(0, 200), problem: messageOf(cause) }, cause)
  })
  const tests = conditions.map(({ condition, column }, index) =>
    quickTest(condition, column, canonical[index]!),
  )
  return { text, conditions, quick: tests.every((test) => test !== undefined) ? allOf(tests) : undefined }
}

const allOf =
  (tests: readonly ImageTest[]): ImageTest =>
  (image: RowImage) => {
    for (const test of tests) {
      const answer = test(image)
      if (!answer) return answer
    }
    return true
  }

/** Each condition's values as the database writes them; it refuses what the type or the operator does not take. */
async function castValues(
  database: ProjectDatabase,
  role: string,
  conditions: Filter['conditions'],
): Promise<readonly (readonly string[])[]> {
  if (conditions.length === 0) return []
  const values: unknown[] = []
  const parameter = (value: unknown) => `$${values.push(value)}`
  const selected = conditions.map(({ condition, column }) => {
    const tried = `(select ${conditionSql(condition, column, parameter)} from (select null::${column.declared}) as t(${quoteName(column.name)}))`
    return `${tried} is null or true, ${castSql(condition, column, parameter)}`
  })
  const { rows } = await database.asCaller<unknown[] & object>(
    { role, claims: {} },
    { text: `select ${selected.join(', ')}`, values, rowMode: 'array' },
    { readOnly: true },
  )
  return conditions.map((_, index) => rows[0]![2 * index + 1] as string[])
}

function castSql(
  { operator, values }: Condition,
  column: ColumnDescription,
  parameter: (value: unknown) => string,
): string {
  const given = `${parameter(values)}::text[]`
  if (operator === 'match' || operator === 'imatch') return `array[('' ~ (${given})[1])::text]`
  if (operator === 'like' || operator === 'ilike' || operator === 'is') return given
  return `array(select format('%s', v::${column.declared}) from unnest(${given}) with ordinality u(v, n) order by n)`
}
