import { quoteName } from '../../database/index.ts'
import { nearestName as nearest } from '../../kernel/index.ts'
import { quoteRelation } from '../catalogue/build-catalogue.ts'
import type { Catalogue, Relation } from '../catalogue/model.ts'
import { restErrors } from '../errors.ts'
import { planRead, type ReadOptions } from '../plan/plan-read.ts'
import { planWrite, type WriteRequest } from '../plan/plan-write.ts'
import { rowsetOfRelation } from '../plan/resolve-value.ts'
import type { PlanSettings, RequestHead, RestRequest } from '../request/rest-request.ts'
import { answerText, bodyText, noBody } from './answer-text.ts'
import { type CompiledStatement, countParts, permissionTo, readPermissions } from './compile.ts'
import { atMostAffected, exactlyOne, keyMatches } from './guards.ts'
import { outputsOf, rowsText } from './rows-text.ts'
import { Parameters } from './statement-text.ts'
import { insertedText, returningText, writeText } from './write-text.ts'

/** Plans a request about a table or view and writes its one statement. */
export function compileTable(
  request: RestRequest,
  catalogue: Catalogue,
  settings: PlanSettings,
): CompiledStatement {
  const relation = findRelation(catalogue, request)
  return request.method === 'GET' || request.method === 'HEAD'
    ? compileRead(request, relation, catalogue, settings)
    : compileWrite(request, relation, catalogue, settings)
}

/** The table or view that a request names; PGRST205 when there is none. */
export function findRelation(catalogue: Catalogue, head: Pick<RequestHead, 'schema' | 'name'>): Relation {
  const relation = catalogue.relation(head.schema, head.name)
  if (!relation || relation.kind === 'type') throw unknownTable(catalogue, head)
  return relation
}

function unknownTable(catalogue: Catalogue, { schema, name }: Pick<RequestHead, 'schema' | 'name'>): Error {
  const near = nearest(
    name,
    catalogue.relations(schema).map((relation) => relation.name),
  )
  return restErrors.PGRST205({
    table: `${schema}.${name}`,
    hint: near === undefined ? null : `Perhaps you meant the table '${schema}.${near}'`,
  })
}

function compileRead(
  request: RestRequest,
  relation: Relation,
  catalogue: Catalogue,
  settings: PlanSettings,
): CompiledStatement {
  const { window, format } = request
  const read = planRead(rowsetOfRelation(relation), request.query, {
    catalogue,
    ...settings,
    limited: window.limit !== undefined,
    skips: window.offset > 0,
    filtersRoot: true,
  })
  const parameters = new Parameters()
  const source = { text: quoteRelation(relation), computedAsColumns: false }
  const rows = rowsText(read, source, parameters)
  const { total, hidden, estimate } = countParts(request, read, source, parameters, settings.maxRows)
  const body = request.method === 'HEAD' ? noBody : bodyText(format, outputsOf(read), parameters)
  const guard = format.kind === 'object' ? exactlyOne() : undefined
  return {
    text: `${answerText({ body, total, hidden, guard })} from (${rows}) r`,
    bindings: parameters.bindings,
    estimate,
    readOnly: true,
    permissions: readPermissions(read),
    keyOf: undefined,
    nothing: false,
  }
}

function compileWrite(
  request: RestRequest,
  relation: Relation,
  catalogue: Catalogue,
  settings: PlanSettings,
): CompiledStatement {
  const { window, query, preferences } = request
  const options: ReadOptions = {
    catalogue,
    ...settings,
    maxRows: undefined,
    limited: window.limit !== undefined,
    skips: window.offset > 0,
    filtersRoot: true,
  }
  const write = planWrite(
    { ...(request as WriteSource), relation, query, body: request.rows, ...settings },
    options,
  )
  const parameters = new Parameters()
  const readBack = readBackText(request, relation, options, parameters)
  const source = writeText(write, readBack.returning, parameters)
  const merges = write.kind === 'insert' && write.conflict?.resolution === 'merge'
  return {
    text: `with src as (${source}) ${answerText({
      body: readBack.body,
      location: readBack.location,
      total: preferences.count ? 'count(*)::int' : undefined,
      inserted: merges ? insertedText : undefined,
      guard: guardOf(request, parameters),
    })} from ${readBack.from}`,
    bindings: parameters.bindings,
    estimate: undefined,
    readOnly: false,
    permissions: [
      permissionTo('write', relation),
      ...readBack.permissions,
      ...filterPermissions(request, relation),
    ],
    keyOf: readBack.location ? relation : undefined,
    nothing: false,
  }
}

/** Whoever chooses rows by their values learns these values. */
const filterPermissions = ({ method }: RestRequest, relation: Relation): readonly string[] =>
  method === 'POST' ? [] : [permissionTo('read', relation)]

type WriteSource = RestRequest & Pick<WriteRequest, 'method'>

/** What is read of the written rows: their representation, the address of the first, or only their number. */
function readBackText(
  request: RestRequest,
  relation: Relation,
  options: ReadOptions,
  parameters: Parameters,
) {
  const preferred = request.preferences.return
  if (preferred === 'representation') {
    const read = planRead(rowsetOfRelation(relation), request.query, {
      ...options,
      limited: false,
      skips: false,
      filtersRoot: false,
    })
    const rows = rowsText(read, { text: 'src', computedAsColumns: true }, parameters)
    const body = bodyText(request.format, outputsOf(read), parameters)
    return {
      returning: returningText(read),
      body,
      from: `(${rows}) r`,
      location: undefined,
      permissions: readPermissions(read),
    }
  }
  const key = relation.primaryKey
  if (preferred === 'headers-only' && request.method === 'POST' && key.length > 0) {
    const returning = key.map((name) => `t.${quoteName(name)}`).join(', ')
    const values = key.map((name) => `src.${quoteName(name)}`).join(', ')
    const location = `json_agg(json_build_array(${values})) -> 0`
    return { returning, body: noBody, from: 'src', location, permissions: [] }
  }
  return { returning: '1', body: noBody, from: 'src', location: undefined, permissions: [] }
}

function guardOf(request: RestRequest, parameters: Parameters): string | undefined {
  const { preferences, format, method } = request
  const guards = [
    ...(method === 'PUT' ? [keyMatches()] : []),
    ...(limitsAffected(request) && preferences['max-affected'] !== undefined
      ? [atMostAffected(parameters)]
      : []),
    ...(format.kind === 'object' ? [exactlyOne()] : []),
  ]
  return guards.length > 0 ? guards.join(' + ') : undefined
}

/** `max-affected` counts with handling=strict only, and not for inserts. */
const limitsAffected = ({ preferences, method }: RestRequest): boolean =>
  preferences.handling === 'strict' && (method === 'PATCH' || method === 'DELETE')
