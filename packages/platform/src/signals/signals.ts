import pg from 'pg'
import { type Log, messageOf } from '../kernel/index.ts'

export interface SignalListener {
  /** A transaction that notified the channel has been committed. Must be quick and must not throw. */
  heard(payload: string): void
  /** Signals may be missing, from some moment in the past until now. */
  missed(): void
}

/** Signals of one project's database, as this node hears them. */
export interface Signals {
  /** Adds a listener. To be called before {@link Signals.start}; a channel is `plinth_` and lower-case letters. */
  subscribe(channel: string, listener: SignalListener): void
  /** True while signals arrive: what was committed a moment ago has been heard. */
  isLive(): boolean
  /** Connects where there are listeners; connects again by itself. */
  start(): Promise<void>
  stop(): Promise<void>
}

export interface SignalsOptions {
  /** Straight to PostgreSQL: a transaction pooler forgets LISTEN. */
  readonly url: string
  readonly system: string
  readonly log: Log
  /** Milliseconds between two questions whether the connection still lives, and for the answer. Default 3,000. */
  readonly pulse?: number
}

/** Milliseconds until a lost connection is made again. */
const reconnectAfter = 500

export function createSignals({ url, system, log, pulse = 3_000 }: SignalsOptions): Signals {
  const listeners = new Map<string, SignalListener[]>()
  let client: pg.Client | undefined
  let isLive = false
  let isStopped = false
  let timer: NodeJS.Timeout | undefined

  function lose(from: pg.Client, problem: string): void {
    if (client !== from) return
    client = undefined
    if (isLive)
      log.warn(
        { system, problem },
        'signals between nodes are lost: nothing is remembered until they are back',
      )
    isLive = false
    clearTimeout(timer)
    from.end().catch(() => undefined)
    tellMissed()
    if (!isStopped) timer = setTimeout(connect, reconnectAfter)
  }

  function tellMissed(): void {
    for (const each of listeners.values()) for (const listener of each) listener.missed()
  }

  /** Any role of the database may notify: what it says must not end the process. */
  function hear(listener: SignalListener, payload: string): void {
    try {
      listener.heard(payload)
    } catch (error) {
      log.warn({ system, problem: messageOf(error) }, 'a signal could not be read')
    }
  }

  async function connect(): Promise<void> {
    const next = new pg.Client({
      connectionString: url,
      application_name: `plinth signals ${system}`,
      keepAlive: true,
      connectionTimeoutMillis: pulse,
      query_timeout: pulse,
    })
    client = next
    next.on('error', (error) => lose(next, error.message))
    next.on('end', () => lose(next, 'the connection ended'))
    next.on('notification', ({ channel, payload = '' }) => {
      for (const listener of listeners.get(channel) ?? []) hear(listener, payload)
    })
    try {
      await next.connect()
      for (const channel of listeners.keys()) await next.query(`listen ${pg.escapeIdentifier(channel)}`)
      if (client !== next) return
      isLive = true
      tellMissed()
      timer = setTimeout(beat, pulse, next)
    } catch (error) {
      lose(next, messageOf(error))
    }
  }

  /** A connection that is cut without a word is noticed within two pulses. */
  function beat(from: pg.Client): void {
    from.query('select').then(
      () => {
        if (client === from && !isStopped) timer = setTimeout(beat, pulse, from)
      },
      (error: unknown) => lose(from, messageOf(error)),
    )
  }

  return {
    subscribe: (channel, listener) => {
      listeners.set(channel, [...(listeners.get(channel) ?? []), listener])
    },
    isLive: () => isLive,
    start: async () => {
      if (listeners.size > 0 && !client) await connect()
    },
    stop: async () => {
      isStopped = true
      isLive = false
      clearTimeout(timer)
      const last = client
      client = undefined
      await last?.end().catch(() => undefined)
    },
  }
}
