import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, onTestFinished } from 'vitest'
import { type Log, silentLog } from '../../../kernel/index.ts'
import { type EmbeddedEngineOptions, startEmbeddedEngine } from '../start-embedded-engine.ts'

/** Tests do not lose power: they need not wait for the disk. */
export const quick = { fsync: 'off', max_connections: '20', shared_buffers: '16MB' }

export const isRoot = process.getuid?.() === 0

/** An empty folder that goes away with the test. */
export async function makeFolder(name = 'plinth engine '): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), name))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

let template: Promise<string> | undefined

/** Removes the template when the tests of a file have ended; the next file of the process makes its own. */
export function useClusterTemplate(): void {
  afterAll(async () => {
    const folder = await template
    template = undefined
    if (folder) await rm(folder, { recursive: true, force: true })
  })
}

/** A data folder with a cluster that was stopped in good order: made once for a test file, which calls `useClusterTemplate`. */
export async function makeClusterFolder(): Promise<string> {
  template ??= makeTemplate()
  const folder = await makeFolder()
  await promisify(execFile)('cp', ['-a', `${await template}/.`, folder])
  return folder
}

async function makeTemplate(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-template-'))
  const engine = await startEmbeddedEngine({ dataDir: folder, log: silentLog, settings: quick })
  await engine.stop()
  return folder
}

/** Starts an engine that is stopped with the test. */
export async function startEngine(options: Partial<EmbeddedEngineOptions> & { dataDir: string }) {
  const engine = await startEmbeddedEngine({ log: collectLog().log, settings: quick, ...options })
  onTestFinished(() => engine.stop())
  return engine
}

export interface LogLine {
  readonly level: number
  readonly msg: string
}

export function collectLog(): { log: Log; lines: LogLine[] } {
  const lines: LogLine[] = []
  return { lines, log: pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line)) }) }
}

/** One statement on a connection of its own. */
export async function query(url: string, text: string, values: unknown[] = []) {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text, values)).rows
  } finally {
    await client.end()
  }
}

export async function canQuery(url: string): Promise<boolean> {
  return query(url, 'select 1').then(
    () => true,
    () => false,
  )
}

/** The process number in a cluster's `postmaster.pid`, or undefined when there is none. */
export async function readPostmasterPid(dataDir: string): Promise<number | undefined> {
  const text = await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '')
  return Number.parseInt(text, 10) || undefined
}

/** False as well for one that ended and whose parent has not looked yet. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** How the start of a server process went: `url` or, when it failed, `code` and `message`. */
export interface Outcome {
  readonly url?: string
  readonly majorVersion?: number
  readonly uid?: number
  readonly code?: string
  readonly message?: string
}

export interface ServerProcess {
  readonly child: ChildProcess
  readonly outcome: Outcome
  /** Its log so far. */
  log(): string
  /** Sends a signal and waits until it is gone. */
  end(signal: NodeJS.Signals): Promise<void>
}

/** A process that runs the engine as a server would, started through `wrapper` (`['unshare', '--mount', …]`). */
export async function startServerProcess(
  options: Partial<EmbeddedEngineOptions> & { dataDir: string },
  { wrapper = [], env = {} }: { wrapper?: readonly string[]; env?: Record<string, string> } = {},
): Promise<ServerProcess> {
  const script = fileURLToPath(new URL('server-process.ts', import.meta.url))
  const [file, ...args] = [
    ...wrapper,
    process.execPath,
    script,
    JSON.stringify({ settings: quick, ...options }),
  ]
  const child = spawn(file!, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...env },
  })
  const stderr: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  const log = () => Buffer.concat(stderr).toString()
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'exit')
  }
  onTestFinished(() => end('SIGTERM'))
  const spoken = Promise.withResolvers<string>()
  createInterface({ input: child.stdout }).once('line', spoken.resolve)
  child.once('exit', () => spoken.reject(new Error(`The server process ended without a word:\n${log()}`)))
  return { child, outcome: JSON.parse(await spoken.promise), log, end }
}
