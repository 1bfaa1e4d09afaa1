import { type ProjectDatabase, quoteName } from '../../../database/index.ts'
import { AppError } from '../../../kernel/index.ts'
import type { RowImage } from '../../../tail/index.ts'
import { realtimeErrors } from '../../errors.ts'
import type { ColumnDescription, TableDescription } from '../describe-table.ts'
import { conditionSql } from './filter-sql.ts'
import { type Condition, columnOf, parseFilter } from './parse-filter.ts'
import { type ImageTest, quickTest } from './quick-test.ts'

/**
 * What a filter needs: nothing but the row (`quick`); the database, for types that only it can compare (`comparison`);
 * or the database for a pattern, which may take any time (`pattern`).
 */
export type FilterCost = 'quick' | 'comparison' | 'pattern'

/** A filter of one table, as one role may use it. */
export interface Filter {
  readonly text: string
  readonly conditions: readonly { readonly condition: Condition; readonly column: ColumnDescription }[]
  readonly cost: FilterCost
  /** Tells without the database where the cost is `quick`; undefined for a column that the row does not have. */
  quick(image: RowImage): boolean | undefined
}

/** Milliseconds that checking a filter's values may take: PostgreSQL compiles its patterns. */
const longestCheck = 500

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
    throw realtimeErrors.malformed_filter({ filter: text.slice(0, 200), problem: problemOf(cause) }, cause)
  })
  const tests = conditions.map(({ condition, column }, index) =>
    quickTest(condition, column, canonical[index]!),
  )
  const isQuick = tests.every((test) => test !== undefined)
  const isPattern = conditions.some(({ condition }) => patterns.has(condition.operator))
  return {
    text,
    conditions,
    cost: isQuick ? 'quick' : isPattern ? 'pattern' : 'comparison',
    quick: isQuick ? allOf(tests) : () => undefined,
  }
}

const patterns = new Set<string>(['like', 'ilike', 'match', 'imatch'])

/** What is wrong with a filter's values, in our words: the database's own are not for clients. */
function problemOf(cause: unknown): string {
  const code = String((cause as { code?: unknown }).code)
  if (code === '2201B') return 'its regular expression is not valid'
  if (code.startsWith('22') || code.startsWith('23')) return 'its value does not fit the type of the column'
  if (code === '42883') return 'the type of the column does not have this operator'
  if (code === '57014') return 'its pattern takes too long'
  return 'the database does not take it'
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
    { readOnly: true, statementTimeout: longestCheck },
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
