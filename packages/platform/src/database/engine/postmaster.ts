import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { AppError, Log } from '../../kernel/index.ts'
import { type Account, programEnvironment } from './choose-account.ts'
import { explainFailure } from './explain-failure.ts'
import { type Settings, serverArguments } from './server-settings.ts'

/** A running PostgreSQL server that is a child of this process. */
export interface Postmaster {
  /** Resolves when it is gone, however it went, with what its last words amount to. */
  readonly ended: Promise<AppError>
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
  const {
    file,
    args,
    options: as,
  } = options.account.command(
    options.program,
    serverArguments(options.cluster, options.port, options.settings),
  )
  const child = spawn(file, args, {
    ...as,
    cwd: '/',
    env: programEnvironment,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  // Whatever ends this process in its own time takes PostgreSQL along; only a kill -9 leaves it behind.
  const end = () => child.kill('SIGINT')
  process.once('exit', end)
  signal.addEventListener('abort', end, { once: true })

  const lastLines: string[] = []
  const ready = Promise.withResolvers<true>()
  createInterface({ input: child.stderr! }).on('line', (line) => {
    lastLines.push(line)
    if (lastLines.length > rememberedLines) lastLines.shift()
    forward(line, log)
    if (readyLine.test(line)) ready.resolve(true)
  })
  const ended = whenGone(child).then(() => {
    process.off('exit', end)
    signal.removeEventListener('abort', end)
    return explainFailure(lastLines, options)
  })

  const outcome = await Promise.race([ready.promise, ended])
  if (outcome !== true) {
    for (const line of lastLines) log.error(line)
    throw outcome
  }
  return { ended, stop: () => stop(child, ended) }
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  const steps = [
    ['SIGINT', patience.fast],
    ['SIGQUIT', patience.immediate],
    ['SIGKILL', patience.immediate],
  ] as const
  for (const [signal, wait] of steps) {
    child.kill(signal)
    const timer = new AbortController()
    const tooLong = delay(wait, false, { signal: timer.signal }).catch(() => false)
    const gone = await Promise.race([ended.then(() => true), tooLong])
    timer.abort()
    if (gone) return
  }
}

/** Milliseconds to wait, after the process ended, for the rest of its log: orphaned children may hold it open. */
const logPatience = 300

function whenGone(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
    child.once('exit', () => setTimeout(resolve, logPatience))
  })
}

/** PostgreSQL's log in ours. An ERROR or FATAL concerns one session, whose client hears it. */
function forward(line: string, log: Log): void {
  const [, severity = 'LOG', message = line] = /^([A-Z]+)\d?:\s+(.*)$/.exec(line) ?? []
  if (severity === 'PANIC') log.error(`postgres: ${message}`)
  else if (severity === 'WARNING' || recoveryLine.test(line)) log.warn(`postgres: ${message}`)
  else if (severity === 'LOG' || severity === 'FATAL') log.info(`postgres: ${message}`)
  else log.debug(`postgres: ${severity} ${message}`)
}
