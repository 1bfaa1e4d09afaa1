import type { JsonObject } from '../../kernel/index.ts'
import type { RowChange } from '../../tail/index.ts'
import { prepareMessage, type ServerMessage } from '../protocol/server-message.ts'
import type { BindingAudience } from './audience.ts'
import type { Side } from './batch-images.ts'
import type { Binding, ChangeEvent } from './bindings.ts'
import type { CheckedTable } from './check-changes.ts'
import type { TableDescription } from './describe-table.ts'
import type { Filter } from './filters/compile-filter.ts'
import { rowJson } from './row-values.ts'
import type { StreamTransaction } from './stream-transaction.ts'

const eventOf: Readonly<Record<RowChange['operation'], ChangeEvent>> = {
  insert: 'INSERT',
  update: 'UPDATE',
  delete: 'DELETE',
}

/** True when an audience sees an image of the change and one of its filters holds for it. */
export type Matches = (filter: Filter | null, side: Side) => boolean

/** Builds the messages of one change; whoever gets the same gets the same bytes, built once. */
export interface ChangeMessages {
  /** What a channel's bindings are told, or undefined when it is nothing. */
  forBindings(audience: BindingAudience, matches: Matches): ServerMessage | undefined
}

export function buildChangeMessages(
  { table, sees }: CheckedTable,
  transaction: StreamTransaction,
  change: RowChange,
): ChangeMessages {
  const event = eventOf[change.operation]
  const messages = new Map<string, ServerMessage>()
  const bodies = new Map<string, string>()

  function idsOf(audience: BindingAudience, matches: Matches): readonly number[] {
    const side = event === 'DELETE' ? 'before' : 'after'
    return audience.bindings
      .filter((binding) => concerns(binding, table, event))
      .filter(({ filter }) => matches(filter, side))
      .map(({ id }) => id)
  }

  function bodyOf(audience: BindingAudience, showOld: boolean): string {
    const { role } = audience.session.caller
    const select = selectOf(audience, table)
    const key = `${role}|${showOld}|${select ? [...select].join() : '*'}`
    const known = bodies.get(key)
    if (known) return known
    const body = dataJson(table, transaction, change, { role, showOld, select })
    bodies.set(key, body)
    return body
  }

  return {
    forBindings: (audience, matches) => {
      const ids = idsOf(audience, matches)
      if (ids.length === 0) return undefined
      const body = bodyOf(audience, sees(audience.session, change, 'before'))
      const key = `${audience.topic}\u0000${ids.join()}\u0000${body}`
      const known = messages.get(key)
      if (known) return known
      const payload = `{"ids":[${ids.join()}],"data":${body}}`
      const message = prepareMessage({ topic: audience.topic, event: 'postgres_changes', payload })
      messages.set(key, message)
      return message
    },
  }
}

const concerns = (binding: Binding, table: TableDescription, event: ChangeEvent): boolean =>
  binding.problem === null &&
  (binding.event === '*' || binding.event === event) &&
  (binding.schema === '*' || binding.schema === table.schema) &&
  (binding.table === null || binding.table === table.table)

/** One message serves all bindings of a channel, so it has every column that one of them asks for. */
function selectOf(audience: BindingAudience, table: TableDescription): ReadonlySet<string> | null {
  const bindings = audience.bindings.filter(
    (binding) => binding.table === null || binding.table === table.table,
  )
  if (bindings.some(({ select }) => select === null)) return null
  const key = table.columns.filter(({ isKey }) => isKey).map(({ name }) => name)
  return new Set([...key, ...bindings.flatMap(({ select }) => select ?? [])])
}

interface Shown {
  readonly role: string
  /** Whether the whole row before the change may be shown, or its key only. */
  readonly showOld: boolean
  readonly select: ReadonlySet<string> | null
}

function dataJson(
  table: TableDescription,
  transaction: StreamTransaction,
  change: RowChange,
  { role, showOld, select }: Shown,
): string {
  const columns = table.columns.filter(
    ({ name, readers }) => readers.includes(role) && (select === null || select.has(name)),
  )
  const old = showOld ? columns : columns.filter(({ isKey }) => isKey)
  // A row whose key did not change has no image before without full replica identity: its key is the present one.
  const before = change.before ?? change.after
  const parts = [
    `"schema":${JSON.stringify(table.schema)}`,
    `"table":${JSON.stringify(table.table)}`,
    `"commit_timestamp":${JSON.stringify(transaction.committedAt)}`,
    `"type":"${eventOf[change.operation]}"`,
    `"columns":${JSON.stringify(columns.map(({ name, type }): JsonObject => ({ name, type })))}`,
  ]
  if (change.after) parts.push(`"record":${rowJson(columns, change.after)}`)
  if (change.operation !== 'insert' && before) parts.push(`"old_record":${rowJson(old, before)}`)
  return `{${parts.join(',')},"errors":null}`
}
