import { nearestName as nearest } from '../../kernel/index.ts'
import type { Column, Relation } from '../catalogue/model.ts'
import { restErrors } from '../errors.ts'
import type { RowsBody } from '../request/body/read-body.ts'
import { parseNames } from '../request/field.ts'
import type { Preferences } from '../request/preferences.ts'
import type { RestQuery } from '../request/query.ts'
import type { PlannedCondition, PlannedConflict, PlannedWrite, WriteWindow } from './model.ts'
import { planRootConditions, planRootOrder, type ReadOptions } from './plan-read.ts'
import { resolveValue, rowsetOfRelation } from './resolve-value.ts'

export interface WriteRequest {
  readonly method: 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  readonly relation: Relation
  readonly query: RestQuery
  readonly body: RowsBody | undefined
  readonly preferences: Preferences
  /** Refuses to update or delete a whole table (21000). */
  readonly safeUpdate: boolean
}

/** Plans what a POST, PATCH, PUT or DELETE on a table does to it. */
export function planWrite(request: WriteRequest, options: ReadOptions): PlannedWrite {
  refuseReadOnly(request)
  switch (request.method) {
    case 'POST':
      return planInsert(request, planConflict(request), [])
    case 'PUT':
      return planPut(request, options)
    case 'PATCH': {
      const { columns, defaults, isArray } = planPayload(request)
      return {
        kind: 'update',
        relation: request.relation,
        columns,
        defaults,
        isArray,
        ...planTarget(request, options),
      }
    }
    case 'DELETE':
      return { kind: 'delete', relation: request.relation, ...planTarget(request, options) }
  }
}

function refuseReadOnly({ method, relation }: WriteRequest): void {
  const [verb, possible] =
    method === 'DELETE'
      ? ['delete from', relation.deletable]
      : method === 'PATCH'
        ? ['update', relation.updatable]
        : ['insert into', relation.insertable]
  if (!possible) throw restErrors['55000']({ verb, relation: relation.name })
}

function planInsert(
  request: WriteRequest,
  conflict: PlannedConflict | undefined,
  where: readonly PlannedCondition[],
): PlannedWrite {
  const payload = planPayload(request)
  const empty = payload.columns.length === 0 && request.body!.isArray
  const { columns, defaults, isArray } = empty ? rowsOfDefaults(request.relation) : payload
  return { kind: 'insert', relation: request.relation, columns, defaults, isArray, conflict, where }
}

/** Rows without a key: one column is named, so that there are as many rows as in the body, and takes its default. */
function rowsOfDefaults(relation: Relation) {
  const column = [...relation.columns.values()].find((candidate) => !candidate.generated)
  return { columns: column ? [column] : [], defaults: true, isArray: true }
}

function planPayload({ relation, query, body, preferences }: WriteRequest) {
  const names = query.columns === undefined ? body!.keys : parseNames(query.columns, 'columns parameter')
  return {
    columns: names.map((name) => columnOf(relation, name)),
    defaults: preferences.missing === 'default' && query.columns !== undefined,
    isArray: body!.isArray,
  }
}

function columnOf(relation: Relation, name: string): Column {
  const column = relation.columns.get(name)
  if (column) return column
  const near = nearest(name, relation.columns.keys())
  throw restErrors.PGRST204({
    column: name,
    table: relation.name,
    hint: near === undefined ? null : `Perhaps you meant the column '${near}'.`,
  })
}

function planConflict({ relation, query, preferences }: WriteRequest): PlannedConflict | undefined {
  const { resolution } = preferences
  if (resolution === undefined) return undefined
  const rowset = rowsetOfRelation(relation)
  const names =
    query.onConflict === undefined
      ? relation.primaryKey
      : parseNames(query.onConflict, 'on_conflict parameter')
  const columns = names.map((name) => {
    resolveValue({ ...rowset, computed: new Map() }, { name, steps: [] })
    return relation.columns.get(name)!
  })
  if (columns.length === 0) return undefined
  return { columns, resolution: resolution === 'merge-duplicates' ? 'merge' : 'ignore' }
}

function planPut(request: WriteRequest, options: ReadOptions): PlannedWrite {
  const { relation, query } = request
  if (query.limit !== undefined || query.offset > 0) throw restErrors.PGRST114()
  const where = planRootConditions(rowsetOfRelation(relation), query, options)
  const named = where.map((condition) => (isKeyEquality(condition) ? condition.value.name : undefined))
  const key = relation.primaryKey
  const exact = key.length > 0 && named.length === key.length && key.every((name) => named.includes(name))
  if (!exact) throw restErrors.PGRST105()
  const columns = key.map((name) => relation.columns.get(name)!)
  return planInsert(request, { columns, resolution: 'merge' }, where)
}

function isKeyEquality(
  condition: PlannedCondition,
): condition is Extract<PlannedCondition, { kind: 'value' }> {
  if (condition.kind !== 'value' || condition.negated || condition.value.steps.length > 0) return false
  const { operation } = condition
  return operation.kind === 'compare' && operation.operator === 'eq' && operation.quantifier === undefined
}

function planTarget(
  { relation, query, method, safeUpdate }: WriteRequest,
  options: ReadOptions,
): { where: PlannedCondition[]; window: WriteWindow | undefined } {
  const rowset = rowsetOfRelation(relation)
  const where = planRootConditions(rowset, query, options)
  if (safeUpdate && where.length === 0) {
    throw restErrors['21000']({ verb: method === 'PATCH' ? 'UPDATE' : 'DELETE' })
  }
  if (!options.limited && !options.skips) return { where, window: undefined }
  if (relation.primaryKey.length === 0) throw restErrors.PGRST109()
  return { where, window: { key: relation.primaryKey, order: planRootOrder(rowset, query, options) } }
}
