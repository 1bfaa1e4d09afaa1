import type { Catalogue, Relationship } from '../catalogue/model.ts'
import { restErrors } from '../errors.ts'
import { bounds } from '../request/bounds.ts'
import { type Field, parseFieldPath, parsePath } from '../request/field.ts'
import type { Condition, LogicTree } from '../request/filter.ts'
import { type OrderTerm, parseOrder } from '../request/order.ts'
import type { RestQuery } from '../request/query.ts'
import { type EmbedItem, type FieldItem, parseSelect, type SelectItem } from '../request/select.ts'
import { findRelationship } from './find-relationship.ts'
import type {
  Bound,
  PlannedCondition,
  PlannedEmbed,
  PlannedField,
  PlannedOrder,
  PlannedRead,
  Rowset,
  SpreadColumn,
} from './model.ts'
import { resolveValue, rowsetOfRelation } from './resolve-value.ts'

export interface ReadOptions {
  readonly catalogue: Catalogue
  readonly aggregates: boolean
  readonly maxRows: number | undefined
  /** Whether the root takes a limit and an offset from the request's window. */
  readonly limited: boolean
  readonly skips: boolean
  /** Conditions of the root decide what is written, not what is read back. */
  readonly filtersRoot: boolean
}

/** The clauses of a query string by the path of the resource that they belong to. */
interface Clauses {
  readonly conditions: Map<string, (Condition & { readonly resolved: Field })[]>
  readonly trees: Map<string, LogicTree[]>
  readonly orders: Map<string, OrderTerm[]>
  readonly limits: Map<string, number>
  readonly offsets: Map<string, number>
}

/** Plans what is selected from `rowset`, with every embed, filter, order and limit in its place. */
export function planRead(rowset: Rowset, query: RestQuery, options: ReadOptions): PlannedRead {
  return new ReadPlanner(sortByResource(query), options).planRoot(rowset, parseSelect(query.select ?? '*'))
}

/** Plans only the root's conditions: what an update or delete is about. */
export function planRootConditions(
  rowset: Rowset,
  query: RestQuery,
  options: ReadOptions,
): PlannedCondition[] {
  return new ReadPlanner(sortByResource(query), options).planRootConditions(rowset)
}

/** Plans only the root's order. */
export function planRootOrder(rowset: Rowset, query: RestQuery, options: ReadOptions): PlannedOrder[] {
  return new ReadPlanner(sortByResource(query), options).planRootOrder(rowset)
}

const join = (path: readonly string[]): string => path.join('\0')

function sortByResource(query: RestQuery): Clauses {
  const clauses: Clauses = {
    conditions: new Map(),
    trees: new Map(),
    orders: new Map(),
    limits: new Map(query.limits.map(({ path, clause: slot }) => [join(parsePath(path)), slot])),
    offsets: new Map(query.offsets.map(({ path, clause: slot }) => [join(parsePath(path)), slot])),
  }
  for (const condition of query.filters) {
    const { path, field } = parseFieldPath(condition.field)
    append(clauses.conditions, join(path), { ...condition, resolved: field })
  }
  for (const { path, clause: tree } of query.trees) append(clauses.trees, join(parsePath(path)), tree)
  for (const { path, clause: text } of query.orders)
    clauses.orders.set(join(parsePath(path)), parseOrder(text))
  return clauses
}

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}

class ReadPlanner {
  readonly #clauses: Clauses
  readonly #options: ReadOptions
  readonly #visited = new Set<string>([''])
  #aliases = 0

  constructor(clauses: Clauses, options: ReadOptions) {
    this.#clauses = clauses
    this.#options = options
  }

  planRoot(rowset: Rowset, items: readonly SelectItem[]): PlannedRead {
    const { limited, skips } = this.#options
    const read = this.#planRead(rowset, items, [], {
      limit: limited ? { from: 'limit' } : undefined,
      offset: skips ? { from: 'offset' } : undefined,
    })
    this.#refuseUnknownResources()
    return read
  }

  planRootConditions(rowset: Rowset): PlannedCondition[] {
    return this.#planConditions(rowset, [], [])
  }

  planRootOrder(rowset: Rowset): PlannedOrder[] {
    return this.#planOrder(rowset, [], [])
  }

  #planRead(
    rowset: Rowset,
    items: readonly SelectItem[],
    path: readonly string[],
    window: Pick<PlannedRead, 'limit' | 'offset'>,
    spread = false,
  ): PlannedRead {
    const alias = `t${this.#aliases++}`
    const embeds: PlannedEmbed[] = []
    const fields: PlannedField[] = []
    this.#addressAliased(items, path)
    for (const item of items) {
      if (item.kind !== 'embed') fields.push(...this.#planField(rowset, item))
      else {
        const embed = this.#planEmbed(rowset, item, path)
        embeds.push(embed)
        if (!embed.hidden) fields.push({ kind: 'embed', embed })
      }
    }
    refuseTooManyColumns(rowset, fields)
    const aggregated = !spread && fields.some(isAggregate)
    if (aggregated && !this.#options.aggregates && !fields.every(isAggregate)) throw restErrors.PGRST123()
    const filtered = path.length > 0 || this.#options.filtersRoot
    return {
      rowset,
      alias,
      fields,
      embeds,
      where: filtered ? this.#planConditions(rowset, path, embeds) : [],
      order: this.#planOrder(rowset, path, embeds),
      ...window,
      aggregated,
      spread,
    }
  }

  #planField(rowset: Rowset, item: Exclude<SelectItem, EmbedItem>): PlannedField[] {
    if (item.kind === 'star') return [{ kind: 'star' }]
    if (item.aggregate && !this.#options.aggregates) throw restErrors.PGRST123()
    if (isBareCount(rowset, item)) return [this.#planBareCount(item)]
    const value =
      item.name === undefined ? undefined : resolveValue(rowset, { name: item.name, steps: item.steps })
    return [
      {
        kind: 'value',
        output: item.alias ?? item.aggregate ?? defaultOutput(item),
        value,
        cast: this.#castType(item.cast),
        aggregate: item.aggregate,
        aggregateCast: this.#castType(item.aggregateCast),
      },
    ]
  }

  #planBareCount({ alias = 'count', cast }: FieldItem): PlannedField {
    return {
      kind: 'value',
      output: alias,
      value: undefined,
      cast: undefined,
      aggregate: 'count',
      aggregateCast: this.#castType(cast),
    }
  }

  #castType(name: string | undefined): string | undefined {
    if (name === undefined) return undefined
    const type = this.#options.catalogue.castType(name)
    if (type === undefined) throw restErrors['42704']({ type: name })
    return type
  }

  /**
   * Clauses may name an embed with an alias by its relation: they are the first one's, unless another embed has that name.
   */
  #addressAliased(items: readonly SelectItem[], path: readonly string[]): void {
    const embeds = items.filter((item) => item.kind === 'embed')
    const outputs = embeds.filter((item) => !item.spread).map(outputOf)
    const twice = outputs.find((output, index) => outputs.indexOf(output) !== index)
    if (twice !== undefined) throw restErrors['42712']({ name: twice })
    const taken = new Set(embeds.map(outputOf))
    for (const embed of embeds) {
      if (taken.has(embed.name)) continue
      taken.add(embed.name)
      moveClauses(this.#clauses, join([...path, embed.name]), join([...path, outputOf(embed)]))
    }
  }

  #planEmbed(parent: Rowset, item: EmbedItem, path: readonly string[]): PlannedEmbed {
    if (!parent.relation) {
      throw restErrors.PGRST200({ from: parent.name, to: item.name, details: null })
    }
    const relationship = findRelationship(this.#options.catalogue, parent.relation, item.name, item.hint)
    const output = outputOf(item)
    const here = [...path, output]
    const key = join(here)
    this.#visited.add(key)
    const toMany = relationship.cardinality.endsWith('to-many')
    const alias = `e${this.#aliases++}`
    const read = this.#planRead(
      rowsetOf(relationship),
      item.items,
      here,
      this.#window(key, toMany),
      item.spread,
    )
    const columns = item.spread ? spreadColumns(read) : []
    if (toMany && columns.some((column) => column.aggregate !== undefined)) {
      throw restErrors.PGRST127({
        details: 'Aggregates are not implemented for one-to-many or many-to-many spreads.',
      })
    }
    const hidden = read.fields.length === 0
    return {
      relationship,
      alias,
      name: item.name,
      output,
      toMany,
      inner: item.join === 'inner',
      spread: item.spread,
      columns,
      hidden,
      read,
    }
  }

  #window(key: string, toMany: boolean): { limit: Bound | undefined; offset: Bound | undefined } {
    const { maxRows } = this.#options
    const limit = this.#clauses.limits.get(key)
    const offset = this.#clauses.offsets.get(key)
    const most: Bound | undefined =
      maxRows !== undefined && toMany ? { from: 'constant', value: maxRows } : undefined
    return {
      limit: limit === undefined ? most : { from: 'slot', slot: limit },
      offset: offset === undefined ? undefined : { from: 'slot', slot: offset },
    }
  }

  #planConditions(
    rowset: Rowset,
    path: readonly string[],
    embeds: readonly PlannedEmbed[],
  ): PlannedCondition[] {
    const key = join(path)
    const conditions = (this.#clauses.conditions.get(key) ?? []).map((condition) =>
      planCondition(rowset, condition, condition.resolved, embeds),
    )
    const trees = (this.#clauses.trees.get(key) ?? []).map((tree) => planTree(rowset, tree, embeds))
    return [...conditions, ...trees]
  }

  #planOrder(rowset: Rowset, path: readonly string[], embeds: readonly PlannedEmbed[]): PlannedOrder[] {
    return (this.#clauses.orders.get(join(path)) ?? []).map(({ relation, field, direction, nulls }) => {
      if (relation === undefined) {
        return { value: resolveValue(rowset, field), embed: undefined, direction, nulls }
      }
      const embed = findEmbed(embeds, relation)
      if (!embed) throw restErrors.PGRST108({ name: relation })
      if (embed.toMany) {
        throw restErrors.PGRST118({
          name: relation,
          details: `'${rowset.name}' and '${relation}' do not form a many-to-one or one-to-one relationship`,
        })
      }
      return { value: resolveValue(embed.read.rowset, field), embed, direction, nulls }
    })
  }

  /** A clause of a resource that is not embedded would otherwise be ignored in silence. */
  #refuseUnknownResources(): void {
    for (const byPath of Object.values(this.#clauses) as Map<string, unknown>[]) {
      for (const key of byPath.keys()) {
        if (!this.#visited.has(key)) throw restErrors.PGRST108({ name: key.split('\0').at(-1) })
      }
    }
  }
}

/** PostgreSQL's own limit, which would be answered as a failure of the server. Spread embeds add their columns. */
function refuseTooManyColumns(rowset: Rowset, fields: readonly PlannedField[]): void {
  if (countColumns(rowset, fields) <= bounds.outputColumns) return
  throw restErrors.PGRST100({
    problem: 'failed to parse select parameter',
    column: 1,
    details: `more than ${bounds.outputColumns} columns`,
  })
}

const countColumns = ({ columns }: Rowset, fields: readonly PlannedField[]): number =>
  fields.reduce((sum, field) => {
    if (field.kind === 'star') return sum + columns.size
    const spread = field.kind === 'embed' && field.embed.spread ? field.embed.read : undefined
    return sum + (spread ? countColumns(spread.rowset, spread.fields) : 1)
  }, 0)

/** Name of an embed in its parent's object and in clauses. */
const outputOf = ({ alias, name }: EmbedItem): string => alias ?? name

/** The embed that a clause names, by its own name or its relation's. */
const findEmbed = (embeds: readonly PlannedEmbed[], name: string): PlannedEmbed | undefined =>
  embeds.find((one) => one.output === name) ?? embeds.find((one) => one.name === name)

/** Moves the clauses of a path, and of all paths below it, to another path. */
function moveClauses(clauses: Clauses, from: string, to: string): void {
  for (const byPath of Object.values(clauses) as Map<string, unknown>[]) {
    for (const [path, value] of [...byPath]) {
      if (path !== from && !path.startsWith(`${from}\0`)) continue
      const moved = `${to}${path.slice(from.length)}`
      const there = byPath.get(moved)
      byPath.delete(path)
      byPath.set(moved, Array.isArray(there) ? [...(there as unknown[]), ...(value as unknown[])] : value)
    }
  }
}

const rowsetOf = ({ to }: Relationship): Rowset => rowsetOfRelation(to)

const isAggregate = (field: PlannedField): boolean =>
  field.kind === 'value'
    ? field.aggregate !== undefined
    : field.kind === 'embed' && field.embed.columns.some((column) => column.aggregate !== undefined)

/** The columns that a spread read gives to its parent, in order, those of spread embeds inside it included. */
function spreadColumns({ rowset, fields }: PlannedRead): SpreadColumn[] {
  const plain = (output: string) => ({
    output,
    aggregate: undefined,
    aggregateCast: undefined,
    selected: true,
  })
  return fields.flatMap((field) => {
    if (field.kind === 'star') return [...rowset.columns.keys()].map(plain)
    if (field.kind === 'embed') return field.embed.spread ? field.embed.columns : [plain(field.embed.output)]
    const { output, value, aggregate, aggregateCast } = field
    return [{ output, aggregate, aggregateCast, selected: value !== undefined }]
  })
}

/**
 * `count` without parentheses counts rows where no column has that name, whether aggregates are allowed or not, as long
 * as nothing is grouped by: `comments(count)` is how Supabase's documentation counts what is embedded.
 */
const isBareCount = ({ columns, computed }: Rowset, item: FieldItem): boolean =>
  item.name === 'count' &&
  item.aggregate === undefined &&
  item.steps.length === 0 &&
  !columns.has('count') &&
  !computed.has('count')

/** The last key of a JSON path names the result; an index does not. */
function defaultOutput(item: FieldItem): string {
  const key = item.steps.findLast((step) => typeof step.key === 'string')
  return key ? String(key.key) : (item.name ?? 'count')
}

function planTree(rowset: Rowset, tree: LogicTree, embeds: readonly PlannedEmbed[]): PlannedCondition {
  return {
    kind: 'tree',
    joiner: tree.joiner,
    negated: tree.negated,
    members: tree.members.map((member) =>
      member.kind === 'tree'
        ? planTree(rowset, member, embeds)
        : planCondition(rowset, member, memberField(member.field), embeds),
    ),
  }
}

function memberField(text: string): Field {
  const { path, field } = parseFieldPath(text)
  if (path.length > 0) throw restErrors.PGRST108({ name: path.at(-1) })
  return field
}

/** A column of that name comes first; else the name may be an embed's, which can only be null or not. */
function planCondition(
  rowset: Rowset,
  { negated, operation }: Condition,
  field: Field,
  embeds: readonly PlannedEmbed[],
): PlannedCondition {
  const embed = rowset.columns.has(field.name) ? undefined : findEmbed(embeds, field.name)
  if (!embed) return { kind: 'value', value: resolveValue(rowset, field), negated, operation }
  if (operation.kind !== 'is' || !operation.value.endsWith('null')) {
    throw restErrors.PGRST120({
      name: field.name,
      details: 'Only is null or not is null filters are allowed on embedded resources',
    })
  }
  return { kind: 'embed', embed, isNull: (operation.value === 'null') !== negated }
}
