import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { alone, type Figure, median } from '../figure.ts'
import { readUsage } from './read-process.ts'

const rounds = 3
const settleMilliseconds = 5_000
const idleMilliseconds = 15_000

const fiveProjects = [fileURLToPath(new URL('./five-projects.ts', import.meta.url))]
const everySystem = [fileURLToPath(new URL('../../../server/src/cli.ts', import.meta.url)), 'start']

/** From the start of the process to the moment it says it is ready, and what it uses when nobody asks anything. */
export async function* benchStart(): AsyncIterable<Figure> {
  yield* benchReadiness('start', everySystem)
  yield* benchReadiness('start, five projects', fiveProjects)
  yield* benchIdle()
}

async function* benchReadiness(name: string, program: readonly string[]): AsyncIterable<Figure> {
  const empty: number[] = []
  const existing: number[] = []
  for (let round = 0; round < rounds; round++) {
    const folder = await mkdtemp(join(tmpdir(), 'plinth-bench-'))
    empty.push(await timeStart(program, folder))
    existing.push(await timeStart(program, folder))
    await rm(folder, { recursive: true })
  }
  yield alone(`${name}: ready on an empty folder`, median(empty), 's', '< 8 s')
  yield alone(`${name}: ready on existing data`, median(existing), 's', '< 3 s')
}

async function* benchIdle(): AsyncIterable<Figure> {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-bench-'))
  const server = await start(fiveProjects, folder)
  await delay(settleMilliseconds)
  const before = await readUsage(server.pid!)
  const started = performance.now()
  await delay(idleMilliseconds)
  const seconds = (performance.now() - started) / 1000
  const after = await readUsage(server.pid!)
  await stop(server)
  await rm(folder, { recursive: true })
  const used = (part: 'server' | 'postgres') =>
    ((after[part].cpuSeconds - before[part].cpuSeconds) / seconds) * 100
  yield alone(
    'idle, five projects: CPU of server and PostgreSQL',
    used('server') + used('postgres'),
    '% of a core',
    '< 5 %',
  )
  yield alone('idle, five projects: memory of the server', after.server.memoryBytes / 2 ** 20, 'MiB', null)
  yield alone('idle, five projects: memory of PostgreSQL', after.postgres.memoryBytes / 2 ** 20, 'MiB', null)
}

async function timeStart(program: readonly string[], folder: string): Promise<number> {
  const started = performance.now()
  const server = await start(program, folder)
  const seconds = (performance.now() - started) / 1000
  await stop(server)
  return seconds
}

/** Ready is the first line on standard output. */
async function start(program: readonly string[], folder: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, program, {
    env: { ...process.env, PLINTH_DATA_DIR: folder, PLINTH_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const failed = once(child, 'exit').then(([code]) =>
    Promise.reject(new Error(`The server ended with ${code}.`)),
  )
  await Promise.race([once(createInterface(child.stdout!), 'line'), failed])
  child.stdout!.resume()
  failed.catch(() => undefined)
  return child
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}
