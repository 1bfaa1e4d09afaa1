import { quoteName } from '../../database/index.ts'
import { castTypeFinder } from './cast-types.ts'
import type {
  Argument,
  CallableFunction,
  Catalogue,
  Column,
  ComputedField,
  Relation,
  Relationship,
  Returned,
  Settings,
} from './model.ts'
import { findRelationships } from './relationships.ts'
import type { ArgumentRow, CatalogueRows, ColumnRow, FunctionRow, KeyRow, RelationRow } from './rows.ts'
import { resolveShownColumns, type ShownColumn } from './view-columns.ts'

/** Makes the catalogue that requests are planned against from what PostgreSQL's own catalogue says. */
export function buildCatalogue(rows: CatalogueRows): Catalogue {
  const shown = resolveShownColumns(rows.views)
  const computed = new Map<number, Map<string, ComputedField>>()
  const relations = new Map(
    rows.relations.map((row) => {
      const fields = new Map<string, ComputedField>()
      computed.set(row.rowType, fields)
      return [row.id, toRelation(row, primaryKeyOf(row, rows.keys, shown), fields)]
    }),
  )
  const byRowType = new Map(rows.relations.map((row) => [row.rowType, relations.get(row.id)!]))
  const columnNames = new Map(
    rows.relations.map((row) => [row.id, new Map(row.columns.map((column) => [column.number, column.name]))]),
  )
  const relationships = findRelationships({
    relations,
    columnNames,
    keys: rows.keys,
    shown,
    exposed: new Set(rows.exposed),
  })
  for (const row of rows.functions) addComputed(row, byRowType, computed, relationships)
  return assemble(rows, relations, relationships, byRowType)
}

function assemble(
  rows: CatalogueRows,
  relations: ReadonlyMap<number, Relation>,
  relationships: ReadonlyMap<number, Relationship[]>,
  byRowType: ReadonlyMap<number, Relation>,
): Catalogue {
  const byName = new Map(
    [...relations.values()].map((relation) => [keyOf(relation.schema, relation.name), relation]),
  )
  const bySchema = Map.groupBy(
    [...relations.values()].filter((relation) => relation.kind !== 'type'),
    (relation) => relation.schema,
  )
  const callable = rows.functions
    .filter((row) => row.exposed && isCallable(row))
    .map((row) => toFunction(row, byRowType))
  const roleSettings = new Map<string, Map<string, string>>()
  for (const { role, name, value } of rows.roleSettings) {
    roleSettings.set(role, (roleSettings.get(role) ?? new Map<string, string>()).set(name, value))
  }
  const functions = Map.groupBy(callable, (found) => keyOf(found.schema, found.name))
  return {
    fingerprint: rows.fingerprint,
    relation: (schema, name) => byName.get(keyOf(schema, name)),
    relations: (schema) => bySchema.get(schema) ?? [],
    relationshipsOf: (from) =>
      (relationships.get(from.id) ?? []).filter((relationship) => relationship.to.schema === from.schema),
    functions: (schema, name) => functions.get(keyOf(schema, name)) ?? [],
    functionNames: (schema) => [
      ...new Set(callable.filter((found) => found.schema === schema).map((found) => found.name)),
    ],
    castType: castTypeFinder(rows.types),
    roleSettings: (role) => roleSettings.get(role) ?? noSettings,
  }
}

const noSettings: Settings = new Map()

/** Settings that PostgREST applies for a function's whole transaction (its `db-hoisted-tx-settings`). */
const hoisted = new Set([
  'statement_timeout',
  'plan_filter.statement_cost_limit',
  'default_transaction_isolation',
])

function hoistedSettings({ settings }: FunctionRow): Settings {
  if (!settings) return noSettings
  const all = settings.map((line) => {
    const split = line.indexOf('=')
    return [line.slice(0, split), line.slice(split + 1)] as const
  })
  return new Map(all.filter(([name]) => hoisted.has(name)))
}

const keyOf = (schema: string, name: string): string => `${schema}\0${name}`

function toRelation(
  row: RelationRow,
  primaryKey: readonly string[],
  computed: ReadonlyMap<string, ComputedField>,
): Relation {
  return {
    id: row.id,
    schema: row.schema,
    name: row.name,
    kind: row.kind === 'c' ? 'type' : row.kind === 'v' || row.kind === 'm' ? 'view' : 'table',
    ordinary: row.kind === 'r',
    comment: row.comment,
    columns: new Map(row.columns.map((column) => [column.name, toColumn(column)])),
    primaryKey,
    computed,
    updatable: (row.events & 4) !== 0,
    insertable: (row.events & 8) !== 0,
    deletable: (row.events & 16) !== 0,
  }
}

function toColumn(row: ColumnRow): Column {
  const { number: _, ...column } = row
  return column
}

/** A view has the primary key of the one table whose key it shows whole. */
function primaryKeyOf(
  row: RelationRow,
  keys: readonly KeyRow[],
  shown: ReadonlyMap<number, readonly ShownColumn[]>,
): string[] {
  const names = new Map(row.columns.map((column) => [column.number, column.name]))
  const own = keys.find((key) => key.kind === 'p' && key.relation === row.id)
  if (own) return own.columns.map((column) => names.get(column)!)
  const columns = shown.get(row.id) ?? []
  const whole = keys
    .filter((key) => key.kind === 'p')
    .map((key) =>
      key.columns.map((number) =>
        columns.find((column) => column.relation === key.relation && column.relationColumn === number),
      ),
    )
    .filter((found): found is ShownColumn[] => found.every((column) => column !== undefined))
  return whole.length === 1 ? whole[0]!.map((column) => names.get(column.column)!) : []
}

const takesInput = (argument: ArgumentRow): boolean => 'ibv'.includes(argument.mode)

/** A function with an unnamed argument cannot be called by name, except when it is its only one. */
function isCallable(row: FunctionRow): boolean {
  const inputs = row.arguments.filter(takesInput)
  return inputs.length <= 1 || inputs.every((argument) => argument.name !== '')
}

function addComputed(
  row: FunctionRow,
  byRowType: ReadonlyMap<number, Relation>,
  computed: ReadonlyMap<number, Map<string, ComputedField>>,
  relationships: Map<number, Relationship[]>,
): void {
  const inputs = row.arguments.filter(takesInput)
  const from = inputs.length === 1 ? byRowType.get(Number(inputs[0]!.typeId)) : undefined
  if (!from) return
  const to = byRowType.get(row.returnType)
  if (!to) {
    if (row.many || row.returnKind === 'p') return
    computed
      .get(Number(inputs[0]!.typeId))!
      .set(row.name, { schema: row.schema, name: row.name, type: row.returns, baseType: row.returnBaseType })
    return
  }
  const relationship: Relationship = {
    from,
    to,
    cardinality: row.many && row.rows !== 1 ? 'one-to-many' : 'many-to-one',
    constraint: row.name,
    holdsKey: false,
    pairs: [],
    computedBy: { schema: row.schema, name: row.name },
  }
  relationships.set(from.id, [...(relationships.get(from.id) ?? []), relationship])
}

function toFunction(row: FunctionRow, byRowType: ReadonlyMap<number, Relation>): CallableFunction {
  const inputs = row.arguments.filter(takesInput)
  const required = inputs.length - row.defaults
  return {
    schema: row.schema,
    name: row.name,
    comment: row.comment,
    arguments: inputs.map((argument, index) => toArgument(argument, index < required)),
    returned: toReturned(row, byRowType),
    many: row.many,
    settings: hoistedSettings(row),
    volatility: row.volatility === 'v' ? 'volatile' : row.volatility === 's' ? 'stable' : 'immutable',
  }
}

/** A variadic argument may be left out: then there are none of them. */
function toArgument(row: ArgumentRow, required: boolean): Argument {
  const variadic = row.mode === 'v'
  return { name: row.name, type: row.type, baseType: row.baseType, required: required && !variadic, variadic }
}

function toReturned(row: FunctionRow, byRowType: ReadonlyMap<number, Relation>): Returned {
  const relation = byRowType.get(row.returnType)
  if (relation) return { kind: 'rows', relation, columns: relation.columns }
  const outputs = row.arguments.filter((argument) => 'obt'.includes(argument.mode))
  if (outputs.length > 0) {
    const columns = outputs.map((argument) => [argument.name, outputColumn(argument)] as const)
    return { kind: 'rows', relation: undefined, columns: new Map(columns) }
  }
  if (row.returns === 'void') return { kind: 'void' }
  const { returns: type, returnBaseType: baseType, returnMediaType } = row
  return { kind: 'scalar', type, baseType, mediaType: returnMediaType ?? undefined }
}

function outputColumn({ name, type, baseType }: ArgumentRow): Column {
  return { name, type, baseType, notNull: false, default: null, generated: false, comment: null, enum: null }
}

/** A relation's name as it stands in SQL text. */
export const quoteRelation = (relation: { readonly schema: string; readonly name: string }): string =>
  `${quoteName(relation.schema)}.${quoteName(relation.name)}`
