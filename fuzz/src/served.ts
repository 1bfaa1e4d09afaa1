import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { settings } from './everything.ts'

/** API keys of each system by name. */
export type Keys = Readonly<Record<string, { readonly anon: string; readonly service: string }>>

export interface Started {
  readonly port: number
  readonly keys: Keys
  /** A key of its own (`sk_…`) of each system that knows such keys. */
  readonly secretKeys: Readonly<Record<string, string>>
}

/** What the server measures of itself. */
export interface Readings {
  /** CPU milliseconds of the longest turn of its event loop since the last reading. */
  readonly longestTurn: number
  /** Bytes on the heap and beside it. */
  readonly memory: number
  readonly rss: number
  /** Connections that clients hold. */
  readonly sockets: number
  /** Database connections that requests hold. */
  readonly busy: number
}

/** A server in a process of its own, which is started again when it ends. */
export interface Served extends Started {
  readonly isRunning: boolean
  /** Last lines that it logged. */
  log(): string
  /** `settle` collects garbage first. */
  read(settle?: boolean): Promise<Readings>
  stop(): Promise<void>
}

const program = fileURLToPath(new URL('./server-process.ts', import.meta.url))
const logLength = 2_000
/** How long a server may take to stop. Milliseconds. */
const farewell = 20_000

/** An empty data folder, and what removes it. */
export async function createDataFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-fuzz-'))
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

export async function serve(dataDir: string): Promise<Served> {
  const child = fork(program, [], {
    env: {
      ...process.env,
      ...settings,
      PLINTH_DATA_DIR: dataDir,
      PLINTH_PORT: '0',
      // Requests say where they come from.
      PLINTH_TRUSTED_PROXIES: '1',
      NODE_ENV: 'production',
    },
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let logged = ''
  child.stderr!.on('data', (text) => {
    logged = (logged + String(text)).slice(-logLength)
  })
  const ended = once(child, 'exit')
  const started = await message<Started>(child, () => new Error(`The server did not start:\n${logged}`))
  return {
    ...started,
    get isRunning() {
      return child.exitCode === null && child.signalCode === null
    },
    log: () => logged,
    read: (settle = false) => {
      const answer = message<Readings>(child, () => new Error('The server ended.'))
      if (child.connected) child.send(settle ? 'settle' : 'read')
      return answer
    },
    stop: async () => {
      if (child.connected) child.disconnect()
      // One whose event loop is held does not hear of it.
      const cut = setTimeout(() => child.kill('SIGKILL'), farewell)
      await ended
      clearTimeout(cut)
    },
  }
}

function message<T>(child: ChildProcess, failure: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    if (!child.connected) reject(failure())
    const fail = () => reject(failure())
    child.once('exit', fail)
    child.once('message', (answer) => {
      child.off('exit', fail)
      resolve(answer as T)
    })
  })
}
