import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../../kernel/index.ts'
import type { Account, Program } from './choose-account.ts'
import { explainFailure } from './explain-failure.ts'
import { type Settings, serverArguments } from './server-settings.ts'

/** A running PostgreSQL server that is a child of this process. */
export interface Postmaster {
  /** Resolves when it is gone, with how it went. */
  readonly ended: Promise<string>
  /** Fast shutdown, waited for; what does not end in time is ended harder and recovers at the next start. */
  stop(): Promise<void>
}

/** Milliseconds that a fast shutdown (with its checkpoint) and an immediate one get. */
const patience = { fast: 60_000, immediate: 10_000 }
const readyLine = /database system is ready to accept connections/
const recoveryLine = /database system was (interrupted|not properly shut down)/
const rememberedLines = 20

/**
 * Starts PostgreSQL and resolves when it takes connections; crash recovery is waited out, however long it takes.
 * It runs in a session of its own: a Ctrl-C in the terminal reaches only the server, which stops it in good order.
 */
export async function startPostmaster(options: {
  program: string
  account: Account
  folder: string
  cluster: string
  port: number
  settings: Settings
  log: Log
  /** Ends the start, and the server with it. */
  signal: AbortSignal
}): Promise<Postmaster> {
  const { log, signal } = options
  const args = serverArguments(options.cluster, options.port, options.settings)
  const child = options.account.start(options.program, args, { detached: true })
  child.stdout.resume()
  // Whatever ends this process in its own time takes PostgreSQL along; only a kill -9 leaves it behind.
  const end = () => child.kill('SIGINT')
  process.once('exit', end)
  signal.addEventListener('abort', end, { once: true })

  const lastLines: string[] = []
  const ready = Promise.withResolvers<true>()
  createInterface({ input: child.stderr }).on('line', (line) => {
    lastLines.push(line)
    if (lastLines.length > rememberedLines) lastLines.shift()
    forward(line, log)
    if (readyLine.test(line)) ready.resolve(true)
  })
  const ended = whenGone(child).finally(() => {
    process.off('exit', end)
    signal.removeEventListener('abort', end)
  })

  const outcome = await Promise.race([ready.promise, ended])
  if (outcome !== true) throw explainFailure(lastLines, options, outcome)
  return { ended, stop: () => stop(child, ended) }
}

async function stop(child: Program, ended: Promise<unknown>): Promise<void> {
  const steps = [
    ['SIGINT', patience.fast],
    ['SIGQUIT', patience.immediate],
    ['SIGKILL', patience.immediate],
  ] as const
  for (const [signal, wait] of steps) {
    child.kill(signal)
    // One that was suspended hears nothing until it goes on.
    child.kill('SIGCONT')
    const timer = new AbortController()
    const tooLong = delay(wait, false, { signal: timer.signal }).catch(() => false)
    const gone = await Promise.race([ended.then(() => true), tooLong])
    timer.abort()
    if (gone) return
  }
}

/** Milliseconds to wait, after the process ended, for the rest of its log: orphaned children may hold it open. */
const logPatience = 300

function whenGone(child: Program): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => {
      const how = signal ? `it was ended by ${signal}` : `it ended with code ${code}`
      const timer = setTimeout(() => resolve(how), logPatience)
      child.once('close', () => {
        clearTimeout(timer)
        resolve(how)
      })
    })
  })
}

/** PostgreSQL's log in ours. An ERROR or FATAL concerns one session, whose client hears it. */
function forward(line: string, log: Log): void {
  const [, severity = 'LOG', message = line] = /^([A-Z]+)\d?:\s+([\s\S]*)$/.exec(line) ?? []
  if (severity === 'PANIC') log.error(`postgres: ${message}`)
  else if (severity === 'WARNING' || recoveryLine.test(line)) log.warn(`postgres: ${message}`)
  else if (severity === 'LOG' || severity === 'FATAL') log.info(`postgres: ${message}`)
  else log.debug(`postgres: ${severity} ${message}`)
}
