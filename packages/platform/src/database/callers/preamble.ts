import { type ActorMessages, actorMessagePrefix } from './actor-message.ts'
import { actorOf, type Caller } from './caller.ts'
import type { FrameStep } from './transaction-query.ts'

/** Names carry their schema: the owner decides what else the path of a request's session finds first. */
const settings = `select pg_catalog.set_config('role', $1, true),
  pg_catalog.set_config('request.jwt.claims', $2, true),
  pg_catalog.set_config('request.method', $3, true),
  pg_catalog.set_config('request.path', $4, true),
  pg_catalog.set_config('request.headers', $5, true),
  pg_catalog.set_config('request.cookies', $6, true),
  pg_catalog.set_config('search_path', $7, true),
  pg_catalog.set_config('statement_timeout', coalesce($8, pg_catalog.current_setting('statement_timeout')), true)`

const reading = { name: 'plinth_read_preamble', text: settings }

/** The message assigns a transaction id and is written to the WAL, so only writing transactions send it. */
const writing = {
  name: 'plinth_write_preamble',
  text: `${settings}, pg_catalog.pg_logical_emit_message(true, '${actorMessagePrefix}', $9)`,
}

export const preambles = [reading, writing]

/**
 * The statement that turns a fresh transaction into one of `caller`, valid until it ends; one that writes says who acts.
 * `statementTimeout` in milliseconds holds for each statement after it.
 */
export function preambleOf(
  caller: Caller,
  writes: ActorMessages | false,
  statementTimeout?: number,
): FrameStep {
  const values = [
    caller.role,
    JSON.stringify(caller.claims),
    caller.request?.method ?? '',
    caller.request?.path ?? '',
    JSON.stringify(caller.request?.headers ?? {}),
    JSON.stringify(caller.request?.cookies ?? {}),
    caller.searchPath ?? 'public, extensions',
    statementTimeout === undefined ? null : String(Math.round(statementTimeout)),
  ]
  if (!writes) return { statement: reading, values }
  return { statement: writing, values: [...values, writes.write(actorOf(caller))] }
}
