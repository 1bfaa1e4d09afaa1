import type { Relation } from '../catalogue/model.ts'
import type { PlannedRead } from '../plan/model.ts'
import type { RestRequest } from '../request/rest-request.ts'
import { countedText, type Source } from './rows-text.ts'
import { type Binding, Parameters } from './statement-text.ts'

/** The statement of a shape: what is sent to PostgreSQL for every request that differs in values only. */
export interface CompiledStatement {
  readonly text: string
  readonly bindings: readonly Binding[]
  /** Asks PostgreSQL's planner how many rows there are; set when the total may be an estimate. */
  readonly estimate: { readonly text: string; readonly bindings: readonly Binding[] } | undefined
  readonly readOnly: boolean
  /** Set when a row's address is answered. */
  readonly keyOf: Relation | undefined
  /** The function answers nothing: 204. */
  readonly nothing: boolean
}

/** An estimated count is exact up to this many rows, unless the server's maximum of rows says another number. */
const exactUpTo = 1_000

export interface CountParts {
  readonly total: string | undefined
  readonly estimate: CompiledStatement['estimate']
}

/** How the rows of a read are counted, as the request prefers. */
export function countParts(
  request: RestRequest,
  read: PlannedRead,
  source: Source,
  parameters: Parameters,
  maxRows: number | undefined,
): CountParts {
  const { count } = request.preferences
  if (count === undefined) return { total: undefined, estimate: undefined }
  // An aggregate's one row is no total: `select('count', { count: 'exact', head: true })` asks for that of the table.
  const windowed = read.limit !== undefined || read.offset !== undefined || read.aggregated
  if (count === 'exact') {
    const total = windowed
      ? `(select count(*)::int from (${countedText(read, source, parameters)}) c)`
      : 'count(*)::int'
    return { total, estimate: undefined }
  }
  const own = new Parameters()
  const text = `explain (format json) ${countedText(read, source, own)}`
  const estimate = { text, bindings: own.bindings }
  if (count === 'planned') return { total: undefined, estimate }
  const most = parameters.constant((maxRows ?? exactUpTo) + 1, 'int')
  const bounded = `${countedText(read, source, parameters)} limit ${most}`
  return { total: `(select count(*)::int from (${bounded}) c)`, estimate }
}

/** Totals up to this are exact when the count is an estimated one. */
export const exactEstimateLimit = (maxRows: number | undefined): number => maxRows ?? exactUpTo
