import type { Catalogue } from '../catalogue/model.ts'
import { restErrors } from '../errors.ts'
import type { PlannedCall, PlannedRead } from '../plan/model.ts'
import { type CallInput, planCall, rowsetOfCall } from '../plan/plan-call.ts'
import { planRead } from '../plan/plan-read.ts'
import type { PlanSettings, RestRequest } from '../request/rest-request.ts'
import { answerText, bodyText, noBody } from './answer-text.ts'
import { callText } from './call-text.ts'
import { type CompiledStatement, countParts, embedPermissions, permissionTo } from './compile.ts'
import { atMostAffected, exactlyOne } from './guards.ts'
import { outputsOf, rowsText, type Source } from './rows-text.ts'
import { Parameters } from './statement-text.ts'
import { returningText } from './write-text.ts'

/** Plans the call of a function and writes its one statement. */
export function compileCall(
  request: RestRequest,
  catalogue: Catalogue,
  settings: PlanSettings,
): CompiledStatement {
  const call = planCall(catalogue, request.schema, request.name, inputOf(request))
  const { returned, volatility, settings: functionSettings } = call.function
  const reads = request.method !== 'POST' || volatility !== 'volatile'
  const rawType = rawTypeOf(request, call)
  const { reads: embedded, ...compiled } =
    returned.kind === 'rows'
      ? compileRows(request, call, catalogue, settings)
      : compileValues(request, call, rawType)
  return {
    ...compiled,
    contentType: rawType,
    settings: functionSettings,
    readOnly: reads,
    permissions: [permissionTo('call', call.function), ...embedded],
    keyOf: undefined,
    nothing: returned.kind === 'void',
  }
}

/** Formats of single values, and the types that have them; of `text/plain` every type. */
const scalarFormats: ReadonlyMap<string, string | undefined> = new Map([
  ['text/plain', undefined],
  ['text/xml', 'xml'],
  ['application/octet-stream', 'bytea'],
])

/**
 * The media type that a function's value has as it is, without JSON around it: that of its domain, any one where the
 * domain is called `*\/*`, or the format of its type. Undefined when the request wants JSON or CSV; PGRST107 when the
 * function has nothing that it wants.
 */
function rawTypeOf({ format }: RestRequest, { function: { returned } }: PlannedCall): string | undefined {
  const mediaType = returned.kind === 'scalar' ? returned.mediaType : undefined
  if (mediaType === '*/*')
    return format.accepted?.find((type) => !type.includes('*')) ?? 'application/octet-stream'
  if (format.kind !== 'raw') return undefined
  const found = format.accepted!.find((type) => {
    if (returned.kind !== 'scalar') return false
    const baseType = scalarFormats.get(type)
    return (
      type === mediaType || (scalarFormats.has(type) && (baseType ?? returned.baseType) === returned.baseType)
    )
  })
  if (found === undefined) throw restErrors.PGRST107({ types: format.accepted!.join(', ') })
  return found.startsWith('text/') ? `${found}; charset=utf-8` : found
}

type CompiledParts = Pick<CompiledStatement, 'text' | 'bindings' | 'estimate'> & {
  /** To read what is embedded in the rows. */
  readonly reads: readonly string[]
}

function inputOf({ method, query, call }: RestRequest): CallInput {
  if (method !== 'POST') return { kind: 'texts', texts: query.callArguments }
  return call!.kind === 'texts' ? call! : { kind: 'body', body: call! }
}

function compileRows(
  request: RestRequest,
  call: PlannedCall,
  catalogue: Catalogue,
  settings: PlanSettings,
): CompiledParts {
  const { window } = request
  const read = planRead(rowsetOfCall(call), request.query, {
    catalogue,
    ...settings,
    maxRows: call.function.many ? settings.maxRows : undefined,
    limited: window.limit !== undefined,
    skips: window.offset > 0,
    filtersRoot: true,
  })
  const parameters = new Parameters()
  const { source, prefix } = sourceOf(request, call, read, parameters)
  const rows = rowsText(read, source, parameters)
  const { total, hidden, estimate } = countParts(request, read, source, parameters, settings.maxRows)
  const one = !call.function.many
  const body =
    request.method === 'HEAD'
      ? noBody
      : bodyText(request.format, outputsOf(read), parameters, 'r.*', one && request.format.kind !== 'csv')
  const guard = guardOf(request, call, parameters)
  return {
    text: `${prefix}${answerText({ body, total, hidden, guard })} from (${rows}) r`,
    bindings: parameters.bindings,
    estimate: prefix === '' ? estimate : undefined,
    reads: embedPermissions(read),
  }
}

/** A function that is read twice, for the page and for the count, runs once: its rows are kept in a CTE. */
function sourceOf(
  { preferences }: RestRequest,
  call: PlannedCall,
  read: PlannedRead,
  parameters: Parameters,
): { source: Source; prefix: string } {
  const text = callText(call, parameters)
  const windowed = read.limit !== undefined || read.offset !== undefined || read.aggregated
  const twice = preferences.count !== undefined && windowed
  if (!twice) return { source: { text, computedAsColumns: false }, prefix: '' }
  const columns = returningText({ ...read, fields: [{ kind: 'star' }, ...read.fields] })
  return {
    source: { text: 'src', computedAsColumns: true },
    prefix: `with src as materialized (select ${columns} from ${text} as t) `,
  }
}

function compileValues(request: RestRequest, call: PlannedCall, rawType: string | undefined): CompiledParts {
  const { many, returned } = call.function
  const parameters = new Parameters()
  const text = callText(call, parameters, returned.kind === 'scalar' && returned.type === 'record')
  const window = windowText(request, many, parameters)
  const body =
    request.method === 'HEAD' || returned.kind === 'void'
      ? noBody
      : rawType !== undefined
        ? rawText(returned)
        : bodyText(request.format, ['value'], parameters, 'r.value', !many && request.format.kind !== 'csv')
  const guard = guardOf(request, call, parameters)
  const total = request.preferences.count ? '(select count(*)::int from src)' : undefined
  const values = `select t.value from ${text} as t(value)`
  const [prefix, rows] =
    total === undefined ? ['', values] : [`with src as materialized (${values}) `, 'select value from src']
  return {
    text: `${prefix}${answerText({ body, total, guard })} from (${rows}${window}) r`,
    bindings: parameters.bindings,
    estimate: undefined,
    reads: [],
  }
}

/** Values one after the other; bytes stay bytes. */
function rawText(returned: PlannedCall['function']['returned']): string {
  return returned.kind === 'scalar' && returned.baseType === 'bytea'
    ? `coalesce(string_agg(r.value::bytea, ''), '')`
    : `coalesce(string_agg(r.value::text, ''), '')`
}

function windowText({ window }: RestRequest, many: boolean, parameters: Parameters): string {
  if (!many) return ''
  const limit = window.limit === undefined ? '' : ` limit ${parameters.bind({ from: 'limit' })}`
  return window.offset === 0 ? limit : `${limit} offset ${parameters.bind({ from: 'offset' })}`
}

function guardOf(request: RestRequest, call: PlannedCall, parameters: Parameters): string | undefined {
  const { preferences, format } = request
  const counts = call.function.many || call.function.returned.kind === 'rows'
  const guards = format.kind === 'object' && counts ? [exactlyOne()] : []
  if (preferences.handling === 'strict' && preferences['max-affected'] !== undefined) {
    if (!call.function.many) throw restErrors.PGRST128()
    guards.push(atMostAffected(parameters))
  }
  return guards.length > 0 ? guards.join(' + ') : undefined
}
