import type { SupabaseClient } from '@supabase/supabase-js'
import { watch } from '../watch/watch.ts'
import type { OfflineTransport, SendOutcome } from './offline-transport.ts'
import type { OfflineTable, Problem, QueuedWrite, Row } from './queued-write.ts'

/** What supabase-js answers a write with, as far as it is needed here. */
interface Answer {
  readonly data: unknown
  readonly error: { readonly code?: string; readonly message: string } | null
  readonly status: number
}

/** A request of supabase-js before it is sent. */
interface Sendable extends PromiseLike<Answer> {
  setHeader(name: string, value: string): Sendable
}

/** Statuses that say nothing about the write: nobody answered, or who did asks to come again. */
const passing = new Set([0, 408, 425, 429, 502, 503, 504])

/** The server through supabase-js. Tokens go along explicitly: without a session supabase-js would send its key. */
export function supabaseTransport(client: SupabaseClient): OfflineTransport {
  return {
    send: async (write, of, token) => {
      const request = requestOf(client, write, of)
        .setHeader('Authorization', `Bearer ${token}`)
        .setHeader('Idempotency-Key', write.id)
      return outcomeOf(write, await request)
    },
    read: async (table, key, of, token) => {
      const { data, error } = await (client
        .from(table)
        .select('*')
        .eq(of.key, key)
        .maybeSingle()
        .setHeader('Authorization', `Bearer ${token}`) as unknown as Sendable)
      if (error) throw new Error(error.message)
      return data as Row | null
    },
    watch: (table, user, start, sink) =>
      watch<Row>(
        client,
        { table },
        { user, start, listener: sink.event, reached: sink.reached, failed: sink.failed },
      ),
  }
}

function requestOf(client: SupabaseClient, write: QueuedWrite, of: OfflineTable | undefined): Sendable {
  const { kind, target, key, values, version } = write
  if (kind === 'call' || !of) return client.rpc(target, values) as unknown as Sendable
  const table = client.from(target)
  const answered = `${of.key},${of.version}`
  if (kind === 'insert') return table.insert(values).select(answered).single() as unknown as Sendable
  const change = kind === 'update' ? table.update(values) : table.delete()
  return change.eq(of.key, key).eq(of.version, version).select(answered).single() as unknown as Sendable
}

function outcomeOf({ kind }: QueuedWrite, { data, error, status }: Answer): SendOutcome {
  if (!error) return { type: 'done', row: kind === 'call' ? null : (data as Row) }
  const problem: Problem = { code: error.code || 'unreachable', message: error.message, status }
  if (status === 401) return { type: 'unauthorized' }
  if (passing.has(status) || status >= 500)
    return { type: 'later', serverFailed: !passing.has(status), problem }
  if (problem.code === 'PGRST116') return { type: 'missed' }
  // It was done before, and answered with more than the server keeps.
  if (problem.code === 'answer_not_kept') return { type: 'done', row: null }
  return { type: 'refused', problem }
}
