import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** What `plinth status --json` says of one system. */
export interface SystemStatus {
  readonly api_url: string
  readonly anon_key: string
  readonly service_role_key: string
  readonly db_url: string
}

/** A Plinth that runs as its users run it: by its command, on a folder of its own. */
export interface Plinth {
  readonly systems: Readonly<Record<string, SystemStatus>>
  /** What it printed at its start. */
  readonly banner: string
  readonly pid: number
  /** Stops it as Ctrl-C would, and waits. */
  stop(): Promise<void>
  /** `kill -9` of the server process, and waits. */
  kill(): Promise<void>
}

export const launcher = fileURLToPath(new URL('../../bin/plinth.js', import.meta.url))

export interface StartOptions {
  readonly dataDir: string
  readonly port?: number
  readonly arguments?: readonly string[]
  /** Variables on top of the person's own: settings of systems. */
  readonly environment?: Readonly<Record<string, string>>
}

/** The environment of a person who works on a data folder. */
export const environmentOf = (dataDir: string) => ({
  ...process.env,
  PLINTH_DATA_DIR: dataDir,
})

/** An empty data folder and what removes it. */
export async function createDataDir() {
  const dataDir = await mkdtemp(join(tmpdir(), 'plinth-acceptance-'))
  return { dataDir, remove: () => rm(dataDir, { recursive: true, force: true }) }
}

/** Starts a server and waits until it answers. */
export async function startPlinth({
  dataDir,
  port = 0,
  arguments: given = [],
  environment: settings = {},
}: StartOptions): Promise<Plinth> {
  const environment = { ...environmentOf(dataDir), ...settings, PLINTH_PORT: String(port) }
  const child = spawn(process.execPath, [launcher, 'start', ...given], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const banner = await readBanner(child)
  const { stdout } = await promisify(execFile)(process.execPath, [launcher, 'status', '--json'], {
    env: environment,
  })
  const ended = once(child, 'exit')
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await ended
  }
  const { systems } = JSON.parse(stdout) as Pick<Plinth, 'systems'>
  return { systems, banner, pid: child.pid!, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

/** The server is ready when it has printed its banner, whose last line names the help. */
async function readBanner(child: ChildProcess): Promise<string> {
  let complaints = ''
  child.stderr!.on('data', (text) => {
    complaints += text
    process.stderr.write(text)
  })
  const lines: string[] = []
  for await (const line of createInterface(child.stdout!)) {
    lines.push(line)
    if (line.includes('plinth --help')) {
      child.stdout!.resume()
      return lines.join('\n')
    }
  }
  throw new Error(`Plinth did not start:\n${lines.join('\n')}\n${complaints}`)
}
