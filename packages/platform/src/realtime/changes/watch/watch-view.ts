import { createHash } from 'node:crypto'
import type { Session } from '../../channels/session.ts'
import { realtimeErrors } from '../../errors.ts'
import { type BindingContext, requireColumns, requireTable } from '../bindings.ts'
import type { ColumnDescription, TableDescription } from '../describe-table.ts'
import { compileFilter, type Filter } from '../filters/compile-filter.ts'

/** Which rows and columns a client keeps a copy of. */
export interface WatchRequest {
  readonly schema: string
  readonly table: string
  readonly filter?: string | undefined
  readonly columns?: readonly string[] | undefined
}

/** A watch that was checked. */
export interface WatchView {
  readonly table: TableDescription
  readonly filter: Filter | null
  /** What is shown, the key always among it. */
  readonly columns: readonly ColumnDescription[]
  readonly key: readonly ColumnDescription[]
}

/** The same for copies that hold the same rows in the same form, under the same rights and policies. */
export function copyName(session: Session, view: WatchView): string {
  const columns = view.columns.map(({ name, type }) => [name, type])
  const content = [session.key, view.table.oid, view.table.state, view.filter?.text ?? null, columns]
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 16)
}

/**
 * Checks a watch. Fails with `table_not_published`, `table_not_readable`, `malformed_filter`, `malformed_join` or
 * `unwatchable_table`.
 */
export async function prepareView(
  context: BindingContext,
  role: string,
  request: WatchRequest,
): Promise<WatchView> {
  const table = await requireTable(context.catalogue, request.schema, request.table, role)
  const name = `${table.schema}.${table.table}`
  const unwatchable = (problem: string) => realtimeErrors.unwatchable_table({ table: name, problem })
  requireColumns(table, role, request.columns)
  const key = table.columns.filter(({ isKey }) => isKey)
  if (key.length === 0) throw unwatchable('it has no primary key')
  if (!table.fullImages) throw unwatchable('its changes do not carry the row before them')
  if (!key.every(({ readers }) => readers.includes(role))) throw unwatchable('its key may not be read')
  const wanted = request.columns && new Set(request.columns)
  const columns = table.columns.filter(
    ({ name: column, isKey, readers, generated }) =>
      readers.includes(role) && !generated && (isKey || !wanted || wanted.has(column)),
  )
  const filter = request.filter ? await compileFilter(context.database, table, role, request.filter) : null
  return { table, filter, columns, key }
}
