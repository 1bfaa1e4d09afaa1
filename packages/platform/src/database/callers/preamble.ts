import type { Statement } from '../sql.ts'
import { actorOf, type Caller } from './caller.ts'

/** Prefix of the logical message that carries a writing transaction's {@link Actor} to the tail. */
export const actorMessagePrefix = 'plinth.actor'

const settings = `select set_config('role', $1, true),
  set_config('request.jwt.claims', $2, true),
  set_config('request.method', $3, true),
  set_config('request.path', $4, true),
  set_config('request.headers', $5, true),
  set_config('request.cookies', $6, true),
  set_config('search_path', $7, true)`

const reading = { name: 'plinth_read_preamble', text: settings }

/** The message assigns a transaction id and is written to the WAL, so only writing transactions send it. */
const writing = {
  name: 'plinth_write_preamble',
  text: `${settings}, pg_logical_emit_message(true, '${actorMessagePrefix}', $8)`,
}

/** The statement that turns a fresh transaction into one of `caller`, valid until it ends. */
export function preambleOf(caller: Caller, writes: boolean): Statement {
  const values = [
    caller.role,
    JSON.stringify(caller.claims),
    caller.request?.method ?? '',
    caller.request?.path ?? '',
    JSON.stringify(caller.request?.headers ?? {}),
    JSON.stringify(caller.request?.cookies ?? {}),
    caller.searchPath ?? 'public, extensions',
  ]
  if (!writes) return { ...reading, values }
  return { ...writing, values: [...values, JSON.stringify(actorOf(caller))] }
}
