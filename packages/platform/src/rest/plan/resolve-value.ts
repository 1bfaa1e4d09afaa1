import { nearestName as nearest } from '../../kernel/index.ts'
import type { Relation } from '../catalogue/model.ts'
import { restErrors } from '../errors.ts'
import type { Field } from '../request/field.ts'
import type { PlannedValue, Rowset } from './model.ts'

export const rowsetOfRelation = (relation: Relation): Rowset => ({
  name: relation.name,
  relation,
  columns: relation.columns,
  computed: relation.computed,
})

/** Finds a field in a rowset; 42703 with the nearest name when there is none. */
export function resolveValue(rowset: Rowset, field: Field): PlannedValue {
  const column = rowset.columns.get(field.name)
  if (column) return { name: column.name, computed: undefined, baseType: column.baseType, steps: field.steps }
  const computed = rowset.computed.get(field.name)
  if (computed) return { name: computed.name, computed, baseType: computed.baseType, steps: field.steps }
  throw unknownColumn(rowset, field.name)
}

function unknownColumn(rowset: Rowset, name: string): Error {
  const near = nearest(name, [...rowset.columns.keys(), ...rowset.computed.keys()])
  return restErrors['42703']({
    column: `${rowset.name}.${name}`,
    hint: near === undefined ? null : `Perhaps you meant to reference the column "${rowset.name}.${near}".`,
  })
}
