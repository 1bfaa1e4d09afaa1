import pg from 'pg'
import type { Log } from '../../kernel/index.ts'

/** Stops listening. */
export interface ReloadListener {
  close(): Promise<void>
}

export interface ReloadListenerOptions {
  /** Straight to PostgreSQL: a transaction pooler forgets LISTEN. */
  readonly directUrl: string
  /** PostgREST's `db-channel`. Default `pgrst`. */
  readonly channel?: string
  readonly log: Log
  readonly reload: () => Promise<void>
}

/** How long to wait before connecting again. Milliseconds. */
const reconnectAfter = 2_000

/** Reloads on `NOTIFY pgrst, 'reload schema'`, as PostgREST does, and after a lost connection came back. */
export async function listenForReload(options: ReloadListenerOptions): Promise<ReloadListener> {
  const { directUrl, channel = 'pgrst', log, reload } = options
  let closed = false
  let client: pg.Client | undefined
  let timer: NodeJS.Timeout | undefined

  const reloadAndLog = () => {
    reload().catch((error: unknown) => log.warn({ err: error }, 'catalogue could not be reloaded'))
  }
  const lost = (from: pg.Client) => {
    if (closed || client !== from) return
    client = undefined
    timer = setTimeout(retry, reconnectAfter)
  }
  const connect = async () => {
    const next = new pg.Client({ connectionString: directUrl, application_name: 'plinth rest reload' })
    client = next
    next.on('error', () => lost(next))
    next.on('end', () => lost(next))
    next.on('notification', ({ payload }) => {
      if (payload === undefined || payload === '' || payload === 'reload schema') reloadAndLog()
    })
    await next.connect()
    await next.query(`listen ${pg.escapeIdentifier(channel)}`)
  }
  const retry = () => {
    connect().then(reloadAndLog, (error: unknown) => {
      log.warn({ err: error }, 'reload channel lost')
      const failed = client
      if (failed) lost(failed)
    })
  }

  await connect()
  return {
    close: async () => {
      closed = true
      clearTimeout(timer)
      await client?.end().catch(() => undefined)
    },
  }
}
