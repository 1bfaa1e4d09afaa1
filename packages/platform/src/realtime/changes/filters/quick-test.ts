import type { RowImage } from '../../../tail/index.ts'
import type { ColumnDescription } from '../describe-table.ts'
import type { Condition, FilterOperator } from './parse-filter.ts'

/** Answers for one image; undefined when the image does not have the column. */
export type ImageTest = (image: RowImage) => boolean | undefined

/** Types whose equal values always have equal texts, so that the database need not be asked. */
const exactTypes = new Set(['int2', 'int4', 'int8', 'uuid', 'bool', 'text', 'varchar'])
const integerTypes = new Set(['int2', 'int4', 'int8'])

/**
 * A test that needs no database, or undefined when only the database knows the type's rules. `values` are the
 * condition's values as the database writes them.
 */
export function quickTest(condition: Condition, column: ColumnDescription, values: readonly string[]) {
  const test = positiveTest(condition.operator, column, values)
  if (!test || !condition.negated) return test && forColumn(column.name, test)
  return forColumn(column.name, (value) => value !== null && !test(value))
}

type ValueTest = (value: string | null) => boolean

const forColumn =
  (name: string, test: ValueTest): ImageTest =>
  (image) => {
    const value = image[name]
    return value === undefined ? undefined : test(value)
  }

function positiveTest(
  operator: FilterOperator,
  column: ColumnDescription,
  values: readonly string[],
): ValueTest | undefined {
  const exact = (exactTypes.has(column.type) || column.kind === 'e') && column.deterministic
  const [value] = values as [string]
  if (exact && operator === 'eq') return (found) => found === value
  if (exact && operator === 'neq') return (found) => found !== null && found !== value
  if (exact && operator === 'in') {
    const wanted = new Set(values)
    return (found) => found !== null && wanted.has(found)
  }
  if (!integerTypes.has(column.type)) return undefined
  const bound = BigInt(value)
  if (operator === 'lt') return (found) => found !== null && BigInt(found) < bound
  if (operator === 'lte') return (found) => found !== null && BigInt(found) <= bound
  if (operator === 'gt') return (found) => found !== null && BigInt(found) > bound
  if (operator === 'gte') return (found) => found !== null && BigInt(found) >= bound
  return undefined
}
