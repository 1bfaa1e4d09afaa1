import type { Relation, Settings } from '../catalogue/model.ts'
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
  /** What a caller with scopes of its own has to have: `items:read`, `items:write`, `place_order:call`. */
  readonly permissions: readonly string[]
  /** Settings of the function for its transaction. */
  readonly settings?: Settings
  /** Set when a row's address is answered. */
  readonly keyOf: Relation | undefined
  /** Set when the function decides the type of the body. */
  readonly contentType?: string | undefined
  /** The function answers nothing: 204. */
  readonly nothing: boolean
}

/** An estimated count is exact up to this many rows, unless the server's maximum of rows says another number. */
const exactUpTo = 1_000

/** Most rows that are counted where the planner may not be asked; the total of more rows is this number. */
const countedUpTo = 100_000

export interface CountParts {
  readonly total: string | undefined
  /** Set with `estimate`: true for a caller from whom the planner's figures must be kept. */
  readonly hidden: string | undefined
  readonly estimate: CompiledStatement['estimate']
}

const uncounted: CountParts = { total: undefined, hidden: undefined, estimate: undefined }

/**
 * How the rows of a read are counted, as the request prefers. The planner's figures are made from all rows of a table,
 * so it is asked only about tables whose policies do not bind the caller: elsewhere its estimate would tell how many
 * rows there are that the caller may not see.
 */
export function countParts(
  request: RestRequest,
  read: PlannedRead,
  source: Source,
  parameters: Parameters,
  maxRows: number | undefined,
): CountParts {
  const { count } = request.preferences
  if (count === undefined) return uncounted
  // An aggregate's one row is no total: `select('count', { count: 'exact', head: true })` asks for that of the table.
  const windowed = read.limit !== undefined || read.offset !== undefined || read.aggregated
  if (count === 'exact') {
    const total = windowed
      ? `(select count(*)::int from (${countedText(read, source, parameters)}) c)`
      : 'count(*)::int'
    return { ...uncounted, total }
  }
  const counted = countedText(read, source, parameters)
  const upTo = (most: string) => `(select count(*)::int from (${counted} limit ${most}) c)`
  const hidden = source.computedAsColumns || request.isCall ? undefined : hiddenRowsText(read)
  if (hidden === undefined) return { ...uncounted, total: upTo(`${countedUpTo}`) }
  const own = new Parameters()
  const text = `explain (format json) ${countedText(read, source, own)}`
  const estimate = { text, bindings: own.bindings }
  if (count === 'planned') {
    return { total: `case when ${hidden} then ${upTo(`${countedUpTo}`)} end`, hidden, estimate }
  }
  const most = `case when ${hidden} then ${countedUpTo} else ${(maxRows ?? exactUpTo) + 1} end`
  return { total: upTo(most), hidden, estimate }
}

/**
 * SQL that is true when policies hide rows from the current role in one of the tables that are counted; undefined when
 * something else may: a view, or a function.
 */
function hiddenRowsText(read: PlannedRead): string | undefined {
  const relations = countedRelations(read)
  if (relations.some((relation) => relation?.kind !== 'table')) return undefined
  const ids = [...new Set(relations.map((relation) => relation!.id))]
  return `(${ids.map((id) => `pg_catalog.row_security_active(${id}::oid)`).join(' or ')})`
}

const countedRelations = (read: PlannedRead): (Relation | undefined)[] => [
  read.rowset.relation,
  ...embeddedRelations(read),
]

const embeddedRelations = (read: PlannedRead): (Relation | undefined)[] =>
  read.embeds.flatMap(({ relationship, read: embedded }) => [
    ...(relationship.computedBy ? [undefined] : []),
    ...(relationship.junction ? [relationship.junction.relation] : []),
    ...countedRelations(embedded),
  ])

/** The permissions to read all that a read embeds, and its root. */
export const readPermissions = (read: PlannedRead): readonly string[] => [
  ...(read.rowset.relation ? [permissionTo('read', read.rowset.relation)] : []),
  ...embedPermissions(read),
]

/** The permissions to read all that a read embeds. */
export const embedPermissions = (read: PlannedRead): readonly string[] =>
  embeddedRelations(read).flatMap((relation) => (relation ? [permissionTo('read', relation)] : []))

/** As a key's permissions name it; `public` goes without saying. */
export const permissionTo = (
  what: 'read' | 'write' | 'call',
  { schema, name }: { readonly schema: string; readonly name: string },
): string => `${schema === 'public' ? name : `${schema}.${name}`}:${what}`

/** Totals up to this are exact when the count is an estimated one. */
export const exactEstimateLimit = (maxRows: number | undefined): number => maxRows ?? exactUpTo
