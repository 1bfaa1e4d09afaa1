import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Figure, median } from '../figure.ts'
import { accountOf, type Served, stormers } from './storm-accounts.ts'

const program = fileURLToPath(new URL('./serve-notes.ts', import.meta.url))
const stormProgram = fileURLToPath(new URL('./storm-process.ts', import.meta.url))
const rounds = 7
const roundMilliseconds = 8_000
const readsPerSecond = 100

/** What a storm of sign-ins, each from another address, does to everybody else's reads: their p99 beside that of a calm server. */
export async function* benchStorm(): AsyncIterable<Figure> {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-bench-storm-'))
  const environment = {
    ...process.env,
    PLINTH_DATA_DIR: folder,
    PLINTH_PORT: '0',
    PLINTH_TRUSTED_PROXIES: '1',
  }
  const child = spawn(process.execPath, [program], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    yield* measure(JSON.parse(line) as Served)
  } finally {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
}

async function* measure(served: Served): AsyncIterable<Figure> {
  await Promise.all(Array.from({ length: stormers }, (_, number) => createAccount(served, number)))
  await readFor(served, roundMilliseconds)
  const calm: number[] = []
  const stormy: number[] = []
  let signedIn = 0
  for (let round = 0; round < rounds; round++) {
    const storm = await prepareStorm(served)
    calm.push(p99(await readFor(served, roundMilliseconds)))
    storm.begin()
    stormy.push(p99(await readFor(served, roundMilliseconds)))
    signedIn += await storm.end()
  }
  const ratios = stormy.map((value, round) => value / calm[round]!)
  yield figure('reads on a calm server: p99', median(calm), 'ms', null, null)
  yield figure('reads in a storm of sign-ins: p99', median(stormy), 'ms', median(ratios), '< 3 × calm')
  const seconds = (rounds * roundMilliseconds) / 1000
  yield figure(`sign-ins meanwhile, ${stormers} clients`, signedIn / seconds, 'sign-ins/s', null, null)
}

const figure = (
  name: string,
  value: number,
  unit: string,
  ratio: number | null,
  goal: string | null,
): Figure => ({
  name,
  value,
  unit,
  ratio,
  against: ratio === null ? null : 'the calm server',
  goal,
})

/** Latencies in milliseconds of reads that are sent at a steady pace, whether or not earlier ones were answered. */
async function readFor({ url, anonKey }: Served, milliseconds: number): Promise<number[]> {
  const reads: Promise<number>[] = []
  const until = performance.now() + milliseconds
  for (let next = performance.now(); next < until; next += 1000 / readsPerSecond) {
    await delay(Math.max(0, next - performance.now()))
    reads.push(time(() => fetch(`${url}/rest/v1/notes?select=id&limit=1`, { headers: { apikey: anonKey } })))
  }
  return Promise.all(reads)
}

async function time(ask: () => Promise<Response>): Promise<number> {
  const started = performance.now()
  const answer = await ask()
  await answer.arrayBuffer()
  if (!answer.ok) throw new Error(`A read was answered with ${answer.status}.`)
  return performance.now() - started
}

const p99 = (latencies: readonly number[]): number =>
  [...latencies].sort((a, b) => a - b)[Math.floor(latencies.length * 0.99)]!

async function createAccount({ url, serviceRoleKey }: Served, number: number): Promise<void> {
  const headers = { apikey: serviceRoleKey, 'content-type': 'application/json' }
  const body = JSON.stringify({ ...accountOf(number), email_confirm: true })
  const answer = await fetch(`${url}/auth/v1/admin/users`, { method: 'POST', headers, body })
  if (!answer.ok) throw new Error(`An account was answered with ${answer.status}.`)
}

interface Storm {
  begin(): void
  /** Gives how many sign-ins were answered with a session. */
  end(): Promise<number>
}

/** A program that has started already when the storm begins: its start is no part of what sign-ins cost. */
async function prepareStorm(served: Served): Promise<Storm> {
  const child = spawn(process.execPath, [stormProgram, JSON.stringify(served)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface(child.stdout)
  await once(lines, 'line')
  return {
    begin: () => child.stdin.write('begin\n'),
    end: async () => {
      const counted = once(lines, 'line')
      child.stdin.end()
      const [line] = (await counted) as [string]
      return Number(line)
    },
  }
}
