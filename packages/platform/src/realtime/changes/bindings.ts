import { crc32 } from 'node:zlib'
import type { ProjectDatabase } from '../../database/index.ts'
import { AppError, type JsonObject } from '../../kernel/index.ts'
import { realtimeErrors } from '../errors.ts'
import type { TableCatalogue, TableDescription } from './describe-table.ts'
import { compileFilter, type Filter } from './filters/compile-filter.ts'

export type ChangeEvent = 'INSERT' | 'UPDATE' | 'DELETE'

/** What a client asks for in its join, as supabase-js writes it. */
export interface BindingRequest {
  readonly event: ChangeEvent | '*'
  /** Default `public`. */
  readonly schema?: string | undefined
  readonly table?: string | undefined
  readonly filter?: string | undefined
  readonly select?: readonly string[] | undefined
}

/** One listener of a channel for changes of a table, or of all published tables of a schema. */
export interface Binding {
  /** Unique in its channel, and the same in every channel that asks for the same. */
  readonly id: number
  readonly event: ChangeEvent | '*'
  readonly schema: string
  /** Null for every table of the schema. */
  readonly table: string | null
  readonly filter: Filter | null
  /** Columns that are shown; null for all that the role may read. */
  readonly select: readonly string[] | null
  /** Why nothing is shown for it; null when it is armed. */
  readonly problem: AppError | null
  /** The request with its id, as the join reply repeats it. */
  readonly echo: JsonObject
}

export interface BindingContext {
  readonly database: ProjectDatabase
  readonly catalogue: TableCatalogue
}

/**
 * Checks what a client asks for. A table that is not published, or that the role may not read, is a problem of its binding
 * alone. Fails with `malformed_filter` or `malformed_join`.
 */
export async function prepareBindings(
  context: BindingContext,
  role: string,
  requests: readonly BindingRequest[],
): Promise<readonly Binding[]> {
  const bindings: Binding[] = []
  const ids = new Set<number>()
  for (const request of requests) {
    const id = freeId(ids, request)
    ids.add(id)
    bindings.push(await prepareBinding(context, role, request, id))
  }
  return bindings
}

async function prepareBinding(
  context: BindingContext,
  role: string,
  request: BindingRequest,
  id: number,
): Promise<Binding> {
  const { event, schema = 'public' } = request
  const name = request.table === undefined || request.table === '*' ? null : request.table
  const filter = request.filter === '' ? undefined : request.filter
  const echo = {
    id,
    event,
    ...(request.schema === undefined ? {} : { schema: request.schema }),
    ...(request.table === undefined ? {} : { table: request.table }),
    ...(request.filter === undefined ? {} : { filter: request.filter }),
    ...(request.select === undefined ? {} : { select: request.select }),
  }
  if (name === null) {
    if (filter !== undefined)
      throw realtimeErrors.malformed_filter({ filter: filter.slice(0, 200), problem: 'it needs a table' })
    await context.catalogue.carry()
    return { id, event, schema, table: null, filter: null, select: null, problem: null, echo }
  }
  const binding = { id, event, schema, table: name, select: request.select ?? null, echo }
  const table = await requireTable(context.catalogue, schema, name, role).catch(problemOf)
  if (table instanceof AppError) return { ...binding, filter: null, problem: table }
  requireColumns(table, role, request.select)
  const compiled = filter === undefined ? null : await compileFilter(context.database, table, role, filter)
  return { ...binding, filter: compiled, problem: null }
}

const problems = new Set(['table_not_published', 'table_not_readable'])

function problemOf(error: unknown): AppError {
  if (error instanceof AppError && problems.has(error.code)) return error
  throw error
}

/** A table whose changes a role may follow. Fails with `table_not_published` or `table_not_readable`. */
export async function requireTable(
  catalogue: TableCatalogue,
  schema: string,
  name: string,
  role: string,
): Promise<TableDescription> {
  const table = await catalogue.find(schema, name)
  const shown = `${schema}.${name}`
  if (!table?.published) throw realtimeErrors.table_not_published({ table: shown })
  if (!table.columns.some(({ readers }) => readers.includes(role)))
    throw realtimeErrors.table_not_readable({ role, table: shown })
  return table
}

/** Fails with `malformed_join` when a column is not there for the role. */
export function requireColumns(table: TableDescription, role: string, names: readonly string[] = []): void {
  const missing = names.find(
    (name) => !table.columns.some((column) => column.name === name && column.readers.includes(role)),
  )
  if (missing !== undefined)
    throw realtimeErrors.malformed_join({ problem: `there is no column ${missing} in ${table.table}.` })
}

/** A small positive integer made of the request, so that clients who ask for the same get the same bytes. */
function freeId(taken: ReadonlySet<number>, request: BindingRequest): number {
  let id =
    crc32(JSON.stringify([request.event, request.schema, request.table, request.filter, request.select])) >>>
    1
  while (taken.has(id)) id += 1
  return id
}
