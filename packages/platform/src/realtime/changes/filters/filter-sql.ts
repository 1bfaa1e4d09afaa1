import { quoteName } from '../../../database/index.ts'
import type { ColumnDescription } from '../describe-table.ts'
import { type Condition, operators } from './parse-filter.ts'

/** A condition as SQL over the table's own columns; values are parameters, cast by the column's type. */
export function conditionSql(
  condition: Condition,
  column: ColumnDescription,
  parameter: (value: unknown) => string,
): string {
  const name = quoteName(column.name)
  const sqlText = comparisonSql(condition, name, column.declared, parameter)
  return condition.negated ? `not (${sqlText})` : sqlText
}

function comparisonSql(
  { operator, values }: Condition,
  name: string,
  type: string,
  parameter: (value: unknown) => string,
): string {
  const symbol = operators[operator]
  if (operator === 'is') return `${name} is ${values[0]!.toLowerCase()}`
  if (operator === 'in')
    return `${name} in (${values.map((value) => `${parameter(value)}::text::${type}`).join(', ')})`
  const asText = ['like', 'ilike', 'match', 'imatch'].includes(operator)
  if (asText) return `${name}::text ${symbol} ${parameter(values[0])}::text`
  return `${name} ${symbol} ${parameter(values[0])}::text::${type}`
}
