import { quoteName } from '../../database/index.ts'
import type { PlannedCondition, PlannedValue } from '../plan/model.ts'
import { comparisons, searches } from '../request/filter.ts'
import type { Parameters } from './statement-text.ts'

/** How the rows of a rowset are reached in SQL. */
export interface Scope {
  readonly alias: string
  /** The rows come from a CTE that computed the computed fields already, because it lost the row's type. */
  readonly computedAsColumns: boolean
}

const jsonTypes = new Set(['json', 'jsonb'])

/** SQL of a column or computed field, and of the path into it. */
export function valueText(value: PlannedValue, scope: Scope, parameters: Parameters): string {
  const base =
    value.computed && !scope.computedAsColumns
      ? `${quoteName(value.computed.schema)}.${quoteName(value.computed.name)}(${scope.alias}.*)`
      : `${scope.alias}.${quoteName(value.name)}`
  if (value.steps.length === 0) return base
  const json = jsonTypes.has(value.baseType) ? base : `to_jsonb(${base})`
  const steps = value.steps.map(({ asText, key }) => {
    const parameter =
      typeof key === 'number' ? parameters.constant(key, 'int') : parameters.constant(key, 'text')
    return `${asText ? '->>' : '->'}${parameter}`
  })
  return `(${json}${steps.join('')})`
}

/** SQL of a condition on the rows of a scope. */
export function conditionText(condition: PlannedCondition, scope: Scope, parameters: Parameters): string {
  switch (condition.kind) {
    case 'tree': {
      const members = condition.members.map((member) => conditionText(member, scope, parameters))
      return negate(`(${members.join(` ${condition.joiner} `)})`, condition.negated)
    }
    case 'embed':
      return embedNullText(condition)
    case 'value':
      return negate(comparisonText(condition, scope, parameters), condition.negated)
  }
}

const negate = (text: string, negated: boolean): string => (negated ? `not (${text})` : text)

function embedNullText({ embed, isNull }: Extract<PlannedCondition, { kind: 'embed' }>): string {
  if (embed.spread) return `${embed.alias}."~" is ${isNull ? 'not true' : 'true'}`
  return `${embed.alias}.j is ${isNull ? 'null' : 'not null'}`
}

function comparisonText(
  { value, operation }: Extract<PlannedCondition, { kind: 'value' }>,
  scope: Scope,
  parameters: Parameters,
): string {
  const left = valueText(value, scope, parameters)
  switch (operation.kind) {
    case 'is':
      return `${left} is ${operation.value === 'not_null' ? 'not null' : operation.value}`
    case 'in':
      return `${left} = any (${parameters.slot(operation.slot)})`
    case 'compare': {
      const right = parameters.slot(operation.slot)
      const operator = comparisons[operation.operator]
      return `${left} ${operator} ${operation.quantifier ? `${operation.quantifier} (${right})` : right}`
    }
    case 'search': {
      const language =
        operation.language === undefined ? '' : `${parameters.slot(operation.language)}::regconfig, `
      const isVector = value.baseType === 'tsvector' && value.steps.length === 0
      const document = isVector ? left : `to_tsvector(${language}${left})`
      return `${document} @@ ${searches[operation.operator]}(${language}${parameters.slot(operation.slot)})`
    }
  }
}
