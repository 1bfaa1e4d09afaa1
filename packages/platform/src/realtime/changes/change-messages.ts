import type { JsonObject } from '../../kernel/index.ts'
import type { CommittedTransaction, RowChange } from '../../tail/index.ts'
import { prepareMessage, type ServerMessage } from '../protocol/server-message.ts'
import type { BindingAudience, WatchAudience } from './audience.ts'
import type { Binding, ChangeEvent } from './bindings.ts'
import type { TableDescription } from './describe-table.ts'
import type { JudgedTable } from './judge-batch.ts'
import { rowJson } from './row-values.ts'

const eventOf: Readonly<Record<RowChange['operation'], ChangeEvent>> = {
  insert: 'INSERT',
  update: 'UPDATE',
  delete: 'DELETE',
}

/** Builds the messages of one change; whoever gets the same gets the same bytes, built once. */
export interface ChangeMessages {
  /** What a channel's bindings are told, or undefined when it is nothing. */
  forBindings(audience: BindingAudience): ServerMessage | undefined
  /** What becomes of the row in a watched copy: JSON objects, in order. */
  forWatch(audience: WatchAudience): readonly string[]
}

export function buildChangeMessages(
  judged: JudgedTable,
  transaction: CommittedTransaction,
  change: RowChange,
): ChangeMessages {
  const event = eventOf[change.operation]
  const messages = new Map<string, ServerMessage>()
  const bodies = new Map<string, string>()

  function idsOf(audience: BindingAudience): readonly number[] {
    const side = event === 'DELETE' ? 'before' : 'after'
    return audience.bindings
      .filter((binding) => concerns(binding, judged.table, event))
      .filter(({ filter }) => judged.matches(filter, audience.session, change, side))
      .map(({ id }) => id)
  }

  function bodyOf(audience: BindingAudience, showOld: boolean): string {
    const { role } = audience.session.caller
    const select = selectOf(audience, judged.table)
    const key = `${role}|${showOld}|${select ? [...select].join() : '*'}`
    const known = bodies.get(key)
    if (known) return known
    const body = dataJson(judged.table, transaction, change, { role, showOld, select })
    bodies.set(key, body)
    return body
  }

  return {
    forBindings: (audience) => {
      const ids = idsOf(audience)
      if (ids.length === 0) return undefined
      const showOld = judged.sees(audience, change, 'before')
      if (
        event === 'DELETE' ? judged.table.fullImages && !showOld : !judged.sees(audience, change, 'after')
      ) {
        return undefined
      }
      const body = bodyOf(audience, showOld)
      const key = `${audience.topic}\u0000${ids.join()}\u0000${body}`
      const known = messages.get(key)
      if (known) return known
      const payload = `{"ids":[${ids.join()}],"data":${body}}`
      const message = prepareMessage({ topic: audience.topic, event: 'postgres_changes', payload })
      messages.set(key, message)
      return message
    },
    forWatch: (audience) => watchOperations(judged, change, audience),
  }
}

const concerns = (binding: Binding, table: TableDescription, event: ChangeEvent): boolean =>
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
  transaction: CommittedTransaction,
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

function watchOperations(judged: JudgedTable, change: RowChange, audience: WatchAudience): readonly string[] {
  const { view, session } = audience
  const isIn = (side: 'before' | 'after') =>
    judged.matches(view.filter, session, change, side) && judged.sees(audience, change, side)
  const [was, is] = [isIn('before'), isIn('after')]
  const keyBefore = was && change.before ? rowJson(view.key, change.before) : null
  const keyAfter = is && change.after ? rowJson(view.key, change.after) : null
  const removed = keyBefore !== null && keyBefore !== keyAfter ? [`{"remove":${keyBefore}}`] : []
  if (!is || !change.after) return removed
  const kind = was && keyBefore === keyAfter ? 'update' : 'insert'
  return [...removed, `{"${kind}":${rowJson(view.columns, change.after)}}`]
}
