import { setTimeout as delay } from 'node:timers/promises'
import { type AppError, type Clock, hasCode, type Log, messageOf, systemClock } from '../../kernel/index.ts'
import { engineErrors } from './errors.ts'
import type { Postmaster } from './postmaster.ts'

/** More deaths than this within the window, and PostgreSQL is not started again. */
const limit = { deaths: 5, seconds: 60 }

/** Milliseconds before the second, third, … restart in a row: times how many there were. */
const pause = 200

/** A chosen port may be taken between looking and binding. */
const portAttempts = 5

export interface Running {
  readonly port: number
  stop(): Promise<void>
}

/**
 * A postmaster that is started again, on the same port, whenever it dies by itself; the pools reconnect.
 * (A backend that dies is PostgreSQL's own business: it restarts its processes by itself.)
 */
export async function keepRunning(options: {
  start: (port: number, signal: AbortSignal) => Promise<Postmaster>
  /** One that must be taken, or where to ask for a free one. */
  port: number | (() => Promise<number>)
  log: Log
  onGiveUp?: ((error: AppError) => void) | undefined
  clock?: Clock | undefined
}): Promise<Running> {
  const { start, log, clock = systemClock } = options
  const stopping = new AbortController()
  let { postmaster, port } = await startOnSomePort()
  const watching = watch()

  return {
    port,
    stop: async () => {
      stopping.abort()
      await postmaster.stop()
      await watching
    },
  }

  async function startOnSomePort(attempt = 1): Promise<{ postmaster: Postmaster; port: number }> {
    const chosen = typeof options.port === 'number' ? options.port : await options.port()
    try {
      return { postmaster: await start(chosen, stopping.signal), port: chosen }
    } catch (error) {
      const again = typeof options.port !== 'number' && attempt < portAttempts
      if (again && hasCode(error, 'postgres_port_in_use')) return startOnSomePort(attempt + 1)
      throw error
    }
  }

  async function watch(): Promise<void> {
    let deaths: number[] = []
    for (;;) {
      const reason = await postmaster.ended
      if (stopping.signal.aborted) return
      const now = clock.now().getTime()
      deaths = [...deaths.filter((at) => now - at < limit.seconds * 1000), now]
      if (deaths.length > limit.deaths) return giveUp(deaths.length, reason)
      log.error({ reason }, 'PostgreSQL died; starting it again')
      postmaster = await restart(pause * (deaths.length - 1))
      if (stopping.signal.aborted) await postmaster.stop()
    }
  }

  /** A start that fails counts as one more death. */
  async function restart(wait: number): Promise<Postmaster> {
    try {
      await delay(wait, undefined, { signal: stopping.signal })
      return await start(port, stopping.signal)
    } catch (error) {
      return { ended: Promise.resolve(messageOf(error)), stop: async () => {} }
    }
  }

  function giveUp(times: number, reason: string): void {
    const error = engineErrors.postgres_keeps_dying({ times, seconds: limit.seconds, reason })
    log.error(error.message)
    options.onGiveUp?.(error)
  }
}
