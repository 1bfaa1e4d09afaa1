import { quoteName } from '../../database/index.ts'
import { quoteRelation } from '../catalogue/build-catalogue.ts'
import type { JoinPair } from '../catalogue/model.ts'
import type {
  PlannedCondition,
  PlannedEmbed,
  PlannedField,
  PlannedOrder,
  PlannedRead,
} from '../plan/model.ts'
import type { Parameters } from './statement-text.ts'
import { conditionText, type Scope, valueText } from './value-text.ts'

/** Where the root's rows come from. */
export interface Source {
  /** What stands after FROM, without the alias. */
  readonly text: string
  readonly computedAsColumns: boolean
  /** Column aliases: `(v)`. */
  readonly columns?: string
}

/** The select that gives the rows of a read: fields, embeds, filters, order, limit. */
export function rowsText(read: PlannedRead, source: Source, parameters: Parameters): string {
  const scope = { alias: read.alias, computedAsColumns: source.computedAsColumns }
  return selectText(read, scope, `${source.text} as ${read.alias}${source.columns ?? ''}`, [], parameters)
}

/** The rows that a read would have without its limit, one empty row each: for counting. */
export function countedText(read: PlannedRead, source: Source, parameters: Parameters): string {
  const scope = { alias: read.alias, computedAsColumns: source.computedAsColumns }
  const asked = embedsOf(read.where)
  const joins = read.embeds
    .filter((embed) => embed.inner || asked.has(embed))
    .map((embed) => joinText(embed, scope, parameters))
  const from = [`${source.text} as ${read.alias}${source.columns ?? ''}`, ...joins].join(' ')
  const group = read.aggregated ? groupText(read, scope, parameters) : ''
  return `select 1 from ${from}${whereText(read.where, [], scope, parameters)}${group}`
}

/** Names of the columns that a read's rows have, in order. */
export function outputsOf(read: PlannedRead): string[] {
  return read.fields.flatMap((field) => {
    if (field.kind === 'star') return [...read.rowset.columns.keys()]
    if (field.kind === 'value') return [field.output]
    return field.embed.spread ? field.embed.columns.map(({ output }) => output) : [field.embed.output]
  })
}

function selectText(
  read: PlannedRead,
  scope: Scope,
  from: string,
  joined: readonly string[],
  parameters: Parameters,
): string {
  const fields = read.fields.flatMap((field) => fieldTexts(field, read, scope, parameters))
  const joins = read.embeds.map((embed) => ` ${joinText(embed, scope, parameters)}`).join('')
  const where = whereText(read.where, joined, scope, parameters)
  const group = read.aggregated ? groupText(read, scope, parameters) : ''
  const order = orderText(read.order, scope, parameters)
  return `select ${fields.join(', ')} from ${from}${joins}${where}${group}${order}${windowText(read, parameters)}`
}

function fieldTexts(field: PlannedField, read: PlannedRead, scope: Scope, parameters: Parameters): string[] {
  switch (field.kind) {
    case 'star':
      if (!read.aggregated && !scope.computedAsColumns) return [`${scope.alias}.*`]
      return [...read.rowset.columns.keys()].map((name) => `${scope.alias}.${quoteName(name)}`)
    case 'value':
      if (read.spread && !field.value) return [`true as ${quoteName(countMark(field.output))}`]
      return [
        `${plainFieldText(read.spread ? withoutAggregate(field) : field, scope, parameters)} as ${quoteName(field.output)}`,
      ]
    case 'embed':
      return embedExpressions(field.embed, read).map(({ text, output }) => `${text} as ${quoteName(output)}`)
  }
}

function plainFieldText(
  { value, cast, aggregate, aggregateCast }: Extract<PlannedField, { kind: 'value' }>,
  scope: Scope,
  parameters: Parameters,
): string {
  const plain = value ? castText(valueText(value, scope, parameters), cast) : '*'
  return castText(aggregate ? `${aggregate}(${plain})` : plain, aggregateCast)
}

const castText = (text: string, type: string | undefined): string =>
  type === undefined ? text : `cast(${text} as ${type})`

/** The parent of a spread read takes its aggregates. */
const withoutAggregate = (field: Extract<PlannedField, { kind: 'value' }>): typeof field => ({
  ...field,
  aggregate: undefined,
  aggregateCast: undefined,
})

/** json has no equality, so a grouped embed is jsonb. */
function embedExpressions(embed: PlannedEmbed, parent: PlannedRead): EmbedExpression[] {
  if (!embed.spread) {
    const json = parent.aggregated ? `${embed.alias}.j::jsonb` : `${embed.alias}.j`
    const text = embed.toMany ? `coalesce(${json}, '[]')` : json
    return [{ text, output: embed.output, isAggregate: false }]
  }
  return embed.columns.map(({ output, aggregate, aggregateCast, selected }) => {
    const column = `${embed.alias}.${quoteName(selected ? output : countMark(output))}`
    if (aggregate === undefined) return { text: column, output, isAggregate: false }
    if (parent.spread)
      return { text: column, output: selected ? output : countMark(output), isAggregate: true }
    return { text: castText(`${aggregate}(${column})`, aggregateCast), output, isAggregate: true }
  })
}

interface EmbedExpression {
  readonly text: string
  readonly output: string
  readonly isAggregate: boolean
}

/** Name of the column that `count()` of a spread embed counts: true in each row that is there. */
const countMark = (output: string): string => `~${output}`

function groupText(read: PlannedRead, scope: Scope, parameters: Parameters): string {
  const terms = read.fields.flatMap((field) => {
    if (field.kind === 'star') return fieldTexts(field, read, scope, parameters)
    if (field.kind === 'embed') {
      return embedExpressions(field.embed, read).flatMap(({ text, isAggregate }) =>
        isAggregate ? [] : [text],
      )
    }
    return field.aggregate ? [] : [plainFieldText(field, scope, parameters)]
  })
  return terms.length > 0 ? ` group by ${terms.join(', ')}` : ''
}

function joinText(embed: PlannedEmbed, parent: Scope, parameters: Parameters): string {
  const { read, alias } = embed
  const { from, conditions } = relatedFrom(embed, parent, read.alias)
  const scope = { alias: read.alias, computedAsColumns: false }
  const rows = selectText(read, scope, from, conditions, parameters)
  const join = embed.inner ? 'inner join' : 'left join'
  if (embed.spread) return spreadJoinText(embed, rows, join)
  if (!embed.toMany) return `${join} lateral (select row_to_json(r.*) as j from (${rows}) r) ${alias} on true`
  const condition = embed.inner ? `${alias}.j is not null` : 'true'
  return `${join} lateral (select json_agg(r.*) as j from (${rows}) r) ${alias} on ${condition}`
}

/** The column `~` tells a row that is there from the row of nulls that a left join makes up. */
function spreadJoinText(
  { alias, columns: spread, toMany, inner }: PlannedEmbed,
  rows: string,
  join: string,
): string {
  if (!toMany) return `${join} lateral (select r.*, true as "~" from (${rows}) r) ${alias} on true`
  const columns = spread.map(({ output }) => {
    const name = quoteName(output)
    return `coalesce(json_agg(r.${name}), '[]') as ${name}, `
  })
  const condition = inner ? `${alias}."~"` : 'true'
  return `${join} lateral (select ${columns.join('')}count(*) > 0 as "~" from (${rows}) r) ${alias} on ${condition}`
}

/** What the other side of a relationship is selected from, and what ties it to the parent's row. */
function relatedFrom({ relationship }: PlannedEmbed, parent: Scope, alias: string) {
  const { to, pairs, junction, computedBy } = relationship
  if (computedBy) {
    const row = parent.computedAsColumns ? `${parent.alias}."~row"` : `${parent.alias}.*`
    return { from: `${quoteRelation(computedBy)}(${row}) as ${alias}`, conditions: [] }
  }
  const target = `${quoteRelation(to)} as ${alias}`
  if (!junction) return { from: target, conditions: pairs.map((pair) => pairText(parent.alias, alias, pair)) }
  const middle = `${alias}j`
  const through = junction.toPairs.map((pair) => pairText(middle, alias, pair)).join(' and ')
  return {
    from: `${target} inner join ${quoteRelation(junction.relation)} as ${middle} on ${through}`,
    conditions: junction.fromPairs.map((pair) => pairText(parent.alias, middle, pair)),
  }
}

const pairText = (left: string, right: string, [own, other]: JoinPair): string =>
  `${left}.${quoteName(own)} = ${right}.${quoteName(other)}`

/** ` where …` of conditions and of joins that are written as conditions, or nothing. */
export function whereText(
  conditions: readonly PlannedCondition[],
  joined: readonly string[],
  scope: Scope,
  parameters: Parameters,
): string {
  const all = [...joined, ...conditions.map((condition) => conditionText(condition, scope, parameters))]
  return all.length > 0 ? ` where ${all.join(' and ')}` : ''
}

/** ` order by …`, or nothing. A to-one embed's column is looked up by a subquery of its own. */
export function orderText(order: readonly PlannedOrder[], scope: Scope, parameters: Parameters): string {
  const terms = order.map(({ value, embed, direction, nulls }) => {
    const key = embed
      ? relatedValueText(embed, value, scope, parameters)
      : valueText(value, scope, parameters)
    return `${key}${direction ? ` ${direction}` : ''}${nulls ? ` nulls ${nulls}` : ''}`
  })
  return terms.length > 0 ? ` order by ${terms.join(', ')}` : ''
}

function relatedValueText(
  embed: PlannedEmbed,
  value: PlannedOrder['value'],
  parent: Scope,
  parameters: Parameters,
): string {
  const scope = { alias: `${embed.read.alias}o`, computedAsColumns: false }
  const { from, conditions } = relatedFrom(embed, parent, scope.alias)
  const own = embed.read.where.filter((condition) => embedsOf([condition]).size === 0)
  return `(select ${valueText(value, scope, parameters)} from ${from}${whereText(own, conditions, scope, parameters)} limit 1)`
}

function windowText({ limit, offset }: PlannedRead, parameters: Parameters): string {
  return (
    (limit ? ` limit ${parameters.bind(limit)}` : '') + (offset ? ` offset ${parameters.bind(offset)}` : '')
  )
}

function embedsOf(conditions: readonly PlannedCondition[]): Set<PlannedEmbed> {
  return new Set(
    conditions.flatMap((condition) => {
      if (condition.kind === 'embed') return [condition.embed]
      return condition.kind === 'tree' ? [...embedsOf(condition.members)] : []
    }),
  )
}
