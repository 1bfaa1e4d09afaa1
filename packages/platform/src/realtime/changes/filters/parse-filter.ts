import { realtimeErrors } from '../../errors.ts'
import type { ColumnDescription, TableDescription } from '../describe-table.ts'

export const operators = {
  eq: '=',
  neq: '<>',
  lt: '<',
  lte: '<=',
  gt: '>',
  gte: '>=',
  in: '= any',
  like: 'like',
  ilike: 'ilike',
  match: '~',
  imatch: '~*',
  is: 'is',
  isdistinct: 'is distinct from',
} as const

export type FilterOperator = keyof typeof operators

/** One `column=operator.value` of a filter. */
export interface Condition {
  readonly column: string
  readonly negated: boolean
  readonly operator: FilterOperator
  /** One value; for `in` any number from one on. */
  readonly values: readonly string[]
}

const isWords = ['null', 'true', 'false', 'unknown']
const likeOperators = new Set<string>(['like', 'ilike'])
const longestFilter = 4_096
const mostValues = 100

/**
 * Reads `column=operator.value`, several of which are joined by commas and must all hold. Values that hold commas,
 * parentheses, quotes or outer spaces are quoted. Fails with `malformed_filter`.
 */
export function parseFilter(filter: string): readonly Condition[] {
  const fail = (problem: string) => realtimeErrors.malformed_filter({ filter: filter.slice(0, 200), problem })
  if (filter.length > longestFilter) throw fail(`it is longer than ${longestFilter} characters`)
  const conditions: Condition[] = []
  let rest = filter
  while (rest !== '') {
    const head = /^([^=,()"]+)=(not\.)?([a-z]+)\.(.*)$/s.exec(rest)
    if (!head) throw fail(`"${rest.slice(0, 40)}" is not column=operator.value`)
    const [, column, not, operator, tail] = head as unknown as [string, string, string?, string?, string?]
    if (!Object.hasOwn(operators, operator!)) throw fail(`there is no operator ${operator}`)
    const read = operator === 'in' ? readList(tail!, fail) : readScalar(tail!, fail)
    if (operator === 'is' && !isWords.includes(read.values[0]!.toLowerCase()))
      throw fail(`is takes ${isWords.join(', ')}`)
    if (likeOperators.has(operator!) && /(?:^|[^\\])(?:\\\\)*\\$/.test(read.values[0]!))
      throw fail('its pattern ends in a backslash that escapes nothing')
    conditions.push({
      column: column.trim(),
      negated: not !== undefined,
      operator: operator as FilterOperator,
      values: read.values,
    })
    if (read.rest === ',') throw fail('it ends in a comma')
    rest = read.rest.slice(1)
  }
  if (conditions.length > 20) throw fail('it has more than 20 conditions')
  return conditions
}

type Fail = (problem: string) => Error

interface Read {
  readonly values: readonly string[]
  /** Empty, or what follows and begins with a comma. */
  readonly rest: string
}

function readScalar(text: string, fail: Fail): Read {
  const { value, rest } = readValue(text, /^[^,]*/, fail)
  if (rest !== '' && !rest.startsWith(',')) throw fail(`"${rest.slice(0, 20)}" follows a quoted value`)
  return { values: [value], rest }
}

function readList(text: string, fail: Fail): Read {
  if (!text.startsWith('(')) throw fail('in takes a list in parentheses')
  const values: string[] = []
  let rest = text.slice(1)
  for (;;) {
    const read = readValue(rest, /^[^,()"]*/, fail)
    values.push(read.value)
    rest = read.rest.slice(1)
    if (read.rest.startsWith(')')) break
    if (!read.rest.startsWith(',')) throw fail('its list is not closed')
  }
  if (values.length === 1 && values[0] === '') throw fail('its list is empty')
  if (values.length > mostValues) throw fail(`in takes at most ${mostValues} values`)
  if (rest !== '' && !rest.startsWith(',')) throw fail(`"${rest.slice(0, 20)}" follows the list`)
  return { values, rest }
}

function readValue(
  text: string,
  bare: RegExp,
  fail: Fail,
): { readonly value: string; readonly rest: string } {
  if (!text.startsWith('"')) {
    const value = bare.exec(text)![0]
    return { value, rest: text.slice(value.length) }
  }
  const quoted = /^"((?:[^"\\]|\\.)*)"/s.exec(text)
  if (!quoted) throw fail('a quote is not closed')
  return { value: quoted[1]!.replace(/\\(.)/gs, '$1'), rest: text.slice(quoted[0].length) }
}

/** The column of a condition. Fails with `malformed_filter` when the role cannot read it or there is none. */
export function columnOf(
  condition: Condition,
  table: TableDescription,
  role: string,
  filter: string,
): ColumnDescription {
  const column = table.columns.find(({ name }) => name === condition.column)
  if (column?.readers.includes(role)) return column
  throw realtimeErrors.malformed_filter({
    filter: filter.slice(0, 200),
    problem: `there is no column ${condition.column}`,
  })
}
