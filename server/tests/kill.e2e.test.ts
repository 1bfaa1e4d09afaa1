import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

const program = fileURLToPath(new URL('./serve-notes.ts', import.meta.url))
const kills = 20
const writers = 4
const acknowledgedBetweenKills = 25

interface Served {
  readonly child: ChildProcess
  readonly url: string
  readonly serviceRoleKey: string
}

let folder: string
let served: Served
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plinth-kill-'))
  served = await serve()
})
afterAll(async () => {
  served.child.kill('SIGTERM')
  await once(served.child, 'exit')
  await rm(folder, { recursive: true, force: true })
})

async function serve(): Promise<Served> {
  const environment = { ...process.env, PLINTH_DATA_DIR: folder, PLINTH_PORT: '0' }
  const child = spawn(process.execPath, [program], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string]
  return { child, ...(JSON.parse(line) as Pick<Served, 'url' | 'serviceRoleKey'>) }
}

const ask = (path: string, init: RequestInit = {}) =>
  fetch(`${served.url}/notes/rest/v1/${path}`, {
    ...init,
    headers: { apikey: served.serviceRoleKey, 'content-type': 'application/json' },
    signal: AbortSignal.timeout(20_000),
  })

/** Writes until told to stop, and notes what was acknowledged; a request that fails may or may not have been done. */
async function write(acknowledged: string[], stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const id = randomUUID()
    const body = JSON.stringify({ id, body: 'kept', author_id: '11111111-1111-4111-8111-111111111111' })
    const answer = await ask('notes', { method: 'POST', body }).catch(() => undefined)
    if (answer?.status === 201) acknowledged.push(id)
  }
}

async function killServer(): Promise<void> {
  const ended = once(served.child, 'exit')
  served.child.kill('SIGKILL')
  await ended
  served = await serve()
}

async function killPostgres(): Promise<void> {
  const pid = Number.parseInt(await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8'), 10)
  process.kill(pid, 'SIGKILL')
}

it(`loses no acknowledged write when server or PostgreSQL is killed ${kills} times`, {
  timeout: 360_000,
}, async () => {
  const acknowledged: string[] = []
  const stop = new AbortController()
  const writing = Array.from({ length: writers }, () => write(acknowledged, stop.signal))
  for (let kill = 0; kill < kills; kill++) {
    const wanted = acknowledged.length + acknowledgedBetweenKills
    await expect
      .poll(() => acknowledged.length, { timeout: 60_000, interval: 10 })
      .toBeGreaterThanOrEqual(wanted)
    await (kill % 2 === 0 ? killServer() : killPostgres())
  }
  stop.abort()
  await Promise.all(writing)
  await expect.poll(async () => (await ask('notes?limit=1')).status, { timeout: 30_000 }).toBe(200)
  const present = (await (await ask('notes?select=id')).json()) as { id: string }[]
  const found = new Set(present.map(({ id }) => id))
  expect(acknowledged.filter((id) => !found.has(id))).toEqual([])
  expect(acknowledged.length).toBeGreaterThanOrEqual(kills * acknowledgedBetweenKills)
})
