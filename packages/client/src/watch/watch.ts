import type { RealtimeChannel, SupabaseClient } from '@supabase/supabase-js'
import { createEventQueue } from './event-queue.ts'
import { createRowCopy, type WatchChange, type WireChange } from './row-copy.ts'
import { finalError, type WatchError } from './watch-error.ts'

export type { WatchChange } from './row-copy.ts'

/** Which rows to keep a copy of. */
export interface WatchQuery {
  readonly table: string
  /** Default `public`. */
  readonly schema?: string
  /** As for `postgres_changes`: `status=eq.open`, several joined by commas. Default: every row that may be read. */
  readonly filter?: string
  /** Columns of the copy; the primary key always comes along. Default: all that may be read. */
  readonly columns?: readonly string[]
}

/** What happened to a copy. */
export type WatchEvent<Row> =
  /** The copy begins, or begins anew after too long an absence: these are all of its rows. */
  | { readonly type: 'snapshot'; readonly rows: readonly Row[] }
  /** One transaction. */
  | { readonly type: 'changes'; readonly changes: readonly WatchChange<Row>[] }

/**
 * A live copy of rows. Iterate it for what happens (`for await (const event of watch)`), or read `rows`, which is
 * always the newest state. Iterating may begin late or be slow: what is too much is folded into one snapshot.
 */
export interface Watch<Row> extends AsyncIterable<WatchEvent<Row>> {
  /** The rows now, by a text made of their primary key. */
  readonly rows: ReadonlyMap<string, Row>
  /** Resolves with the first snapshot; rejects with a `WatchError` when the server refuses. */
  readonly ready: Promise<void>
  /** Ends the watch; iterations end too. */
  close(): Promise<void>
}

/** A copy that was kept elsewhere, to go on from. */
export interface CopyStart<Row> {
  /** Columns of the primary key. */
  readonly key: readonly string[]
  readonly rows: readonly Row[]
  /** The server tells what happened since; when it no longer knows, it sends a snapshot. */
  readonly resume: string
}

/** For whoever keeps the copy elsewhere. */
export interface WatchOptions<Row> {
  readonly start?: CopyStart<Row> | undefined
  /**
   * Whose copy it is: with another one's token the server gives nothing. supabase-js sends its key when it cannot renew a
   * token, and would be given what strangers see.
   */
  readonly user?: string
  readonly listener?: (event: WatchEvent<Row>) => void
  /** Called after the events of each message: the copy, as it is now, resumes here; not at all without `resume`. */
  readonly reached?: (at: { readonly key: readonly string[]; readonly resume: string | undefined }) => void
  /** The server refused the watch, or ended it. */
  readonly failed?: (error: WatchError) => void
}

/** Events that may wait for a slow reader before they are folded into a snapshot. */
const mostWaiting = 10_000
/** Pause before joining anew after the server closed the channel, milliseconds. */
const retryMilliseconds = 500

interface SnapshotFrame<Row> {
  readonly first: boolean
  readonly last: boolean
  readonly key: readonly string[]
  readonly rows: readonly Row[]
}

interface ChangesFrame<Row> {
  /** Null while the copy is not at a point from which it can be resumed. */
  readonly position: string | null
  readonly changes: readonly WireChange<Row>[]
}

/**
 * Keeps a copy of the rows that the client's user may see and the filter lets through: a snapshot, then every
 * transaction that changes them, once and in order. After a lost connection it goes on where it was, or begins anew.
 * Needs a Plinth server: other Supabase servers do not answer.
 */
export function watch<Row extends Record<string, unknown> = Record<string, unknown>>(
  client: Pick<SupabaseClient, 'channel' | 'getChannels' | 'removeChannel'>,
  query: WatchQuery,
  given: ((event: WatchEvent<Row>) => void) | WatchOptions<Row> = {},
): Watch<Row> {
  const { start, user, listener, reached, failed } = typeof given === 'function' ? { listener: given } : given
  const copy = createRowCopy<Row>()
  const queue = createEventQueue<WatchEvent<Row>>()
  const ready = Promise.withResolvers<void>()
  ready.promise.catch(() => undefined)
  let channel: RealtimeChannel | undefined
  let key: readonly string[] = start?.key ?? []
  let resume = start?.resume
  let incoming: Row[] = []
  let closed = false
  let retry: ReturnType<typeof setTimeout> | undefined
  if (start) copy.replace(start.key, start.rows)

  function tell(event: WatchEvent<Row>): void {
    if (queue.waiting >= mostWaiting) queue.collapse({ type: 'snapshot', rows: [...copy.rows.values()] })
    else queue.push(event)
    listener?.(event)
  }

  function onSnapshot({ first, last, key: columns, rows }: SnapshotFrame<Row>): void {
    if (first) {
      incoming = []
      resume = undefined
    }
    incoming.push(...rows)
    if (!last) return
    key = columns
    copy.replace(key, incoming)
    tell({ type: 'snapshot', rows: incoming })
    reached?.({ key, resume })
    incoming = []
    ready.resolve()
  }

  function onChanges({ position, changes }: ChangesFrame<Row>): void {
    resume = position ?? undefined
    const applied = copy.apply(changes)
    if (applied.length > 0) tell({ type: 'changes', changes: applied })
    reached?.({ key, resume })
    if (start) ready.resolve()
  }

  function fail(error: WatchError): void {
    ready.reject(error)
    queue.end(error)
    failed?.(error)
    close().catch(() => undefined)
  }

  function open(): void {
    const opened = client.channel(freeTopic(client, query), { config: { broadcast: { ack: false } } })
    channel = opened
    const request = {
      watch: query,
      user,
      get resume() {
        return resume
      },
    }
    opened.updateJoinPayload({ plinth: request })
    const on = opened.on.bind(opened) as (
      type: string,
      filter: object,
      callback: (payload: never) => void,
    ) => unknown
    on('plinth_snapshot', {}, (frame: SnapshotFrame<Row>) => isCurrent(opened) && onSnapshot(frame))
    on('plinth_changes', {}, (frame: ChangesFrame<Row>) => isCurrent(opened) && onChanges(frame))
    on('system', {}, ({ status, message }: { status: string; message: string }) => {
      const error = status === 'error' ? finalError(message) : undefined
      if (error) fail(error)
    })
    opened.subscribe((status, reason) => {
      if (closed || channel !== opened) return
      const error = status === 'CHANNEL_ERROR' && reason ? finalError(reason.message) : undefined
      if (error) fail(error)
      else if (status === 'CLOSED') openLater()
    })
  }

  /**
   * False for what answers a join that was given up: while the next one is on its way, the copy stays what that one says
   * it is. The changes that follow are those since then; on a newer copy they would take rows back in time.
   */
  const isCurrent = (of: RealtimeChannel): boolean => !closed && channel === of && of.state === 'joined'

  /** A channel that the server closed is gone for supabase-js; a token may have ended that was renewed meanwhile. */
  function openLater(): void {
    channel = undefined
    retry = setTimeout(open, retryMilliseconds)
  }

  async function close(): Promise<void> {
    closed = true
    clearTimeout(retry)
    queue.end()
    const open = channel
    channel = undefined
    if (open) await client.removeChannel(open)
  }

  open()
  return {
    rows: copy.rows,
    ready: ready.promise,
    close,
    [Symbol.asyncIterator]: () => queue[Symbol.asyncIterator](),
  }
}

/** The same topic for the same query, so that the server makes each message once for all who watch the same. */
function freeTopic(client: Pick<SupabaseClient, 'getChannels'>, query: WatchQuery): string {
  const name = `watch:${query.schema ?? 'public'}.${query.table}`
  const taken = new Set(client.getChannels().map(({ topic }) => topic))
  let number = 0
  while (taken.has(`realtime:${name}${number || ''}`)) number += 1
  return `${name}${number || ''}`
}
