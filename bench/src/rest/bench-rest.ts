import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import {
  applyMigrations,
  newDatabaseSecrets,
  provisionProject,
  readPlatformMigrations,
  startEmbeddedEngine,
} from '@plinth/platform/database'
import { openProjectKeys } from '@plinth/platform/http'
import { createLog, systemClock } from '@plinth/platform/kernel'
import { SignJWT } from 'jose'
import pg from 'pg'
import { type Figure, median } from '../figure.ts'
import { benchStorm } from './bench-storm.ts'
import { type Asked, drive, request } from './drive.ts'
import { measurePlanning } from './measure-planning.ts'
import type { ServerInput } from './server-input.ts'

const rounds = 7
const roundMilliseconds = 2_000
/** Requests before the first measurement: the longer program has more for the compiler to learn. */
const warmRequests = 5_000
const connections = 16
const databaseConnections = 8

const programs = ['floor', 'surface', 'plinth', 'lite'] as const
type Program = (typeof programs)[number]

/** Reads through the rest surface, beside a handler written by hand and a peer on the same PostgreSQL; and planning. */
export async function* benchRest(): AsyncIterable<Figure> {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-bench-rest-'))
  const engine = await startEmbeddedEngine({ dataDir: join(folder, 'data'), log: createLog('error') })
  const servers = new Map<Program, Server>()
  try {
    const input = await prepare(engine.adminUrl(), folder)
    for (const program of programs) servers.set(program, await start(program, input))
    yield* compare('one row by key, under row security', servers, await asking(input, oneRow))
    yield* compare('a list of 25, under row security', servers, await asking(input, page))
    for (const server of servers.values()) await stop(server)
    servers.clear()
    yield* measurePlanning()
  } finally {
    for (const server of servers.values()) await stop(server)
    await engine.stop()
    await rm(folder, { recursive: true, force: true })
  }
  yield* benchStorm()
}

/** The user owns every hundredth row, this one among them. */
const oneRow = (number: number) => `/rest/v1/items?select=*&id=eq.${((number * 7) % 200) * 100 + 42}`
const page = () => '/rest/v1/items?select=*&order=id&limit=25'

/** Runs the servers in turn, so that what else the machine does falls on all alike; the ratio is the median of rounds. */
async function* compare(
  name: string,
  servers: ReadonlyMap<Program, Server>,
  asked: Asked,
): AsyncIterable<Figure> {
  await requireSameRows(servers, asked)
  const rates = new Map<Program, number[]>(programs.map((program) => [program, []]))
  for (const [program, { port }] of servers) await warm(program, port, asked)
  for (let round = 0; round < rounds; round += 1) {
    for (const [program, { port }] of servers) {
      const { requestsPerSecond } = await drive(
        port,
        addressed(program, asked),
        connections,
        roundMilliseconds,
      )
      rates.get(program)!.push(requestsPerSecond)
    }
  }
  const [floor, surface, plinth, lite] = programs.map((program) => rates.get(program)!)
  const figure = (
    who: string,
    own: number[],
    against: number[] | null,
    beside: string | null,
    goal: string | null,
  ) => ({
    name: `${name}: ${who}`,
    value: median(own),
    unit: 'requests/s',
    ratio: against && median(own.map((rate, round) => rate / against[round]!)),
    against: beside,
    goal,
  })
  yield figure('by hand', floor!, null, null, null)
  const hand = 'the handler written by hand'
  yield figure('the rest surface', surface!, floor!, hand, 'ratio ≥ 0.7')
  yield figure('the rest surface', surface!, lite!, '@supabase/lite', 'ratio ≥ 3')
  yield figure('the whole server', plinth!, floor!, hand, 'ratio ≥ 0.7')
  yield figure('the whole server', plinth!, lite!, '@supabase/lite', 'ratio ≥ 3')
}

/** A project's address carries its name; the others serve one project only. */
const addressed = (program: Program, asked: Asked): Asked =>
  program === 'plinth' ? { ...asked, path: (number) => `/bench${asked.path(number)}` } : asked

async function warm(program: Program, port: number, asked: Asked): Promise<void> {
  let sent = 0
  while (sent < warmRequests) {
    sent += (await drive(port, addressed(program, asked), connections, 1_000)).latencies.length
  }
}

async function requireSameRows(servers: ReadonlyMap<Program, Server>, asked: Asked): Promise<void> {
  const agent = new Agent()
  const found = new Map<Program, string>()
  for (const [program, { port }] of servers) {
    const rows = JSON.parse(await request(port, addressed(program, asked), 1, agent)) as { id: number }[]
    found.set(program, rows.map((row) => row.id).join())
  }
  agent.destroy()
  const answers = new Set(found.values())
  if (answers.size !== 1 || answers.has('')) throw new Error(`Different rows: ${JSON.stringify([...found])}`)
}

async function asking({ jwtSecret }: ServerInput, path: Asked['path']): Promise<Asked> {
  const token = await new SignJWT({ role: 'authenticated', aud: 'authenticated' })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject('00000000-0000-4000-8000-000000000042')
    .setExpirationTime('1h')
    .sign(Buffer.from(jwtSecret))
  return { path, headers: { apikey: token, authorization: `Bearer ${token}`, 'x-client-info': 'bench' } }
}

/** Two databases with the same rows: Plinth's own, which the floor shares, and one for the peer. */
async function prepare(adminUrl: string, folder: string): Promise<ServerInput & { readonly lite: string }> {
  const cluster = { url: adminUrl, directUrl: adminUrl }
  const addresses = await provisionProject(cluster, 'bench', newDatabaseSecrets())
  const { requests, owner } = addresses
  await applyMigrations(addresses, [await readPlatformMigrations()])
  const items = await readFile(new URL('./items.sql', import.meta.url), 'utf8')
  await run(owner, items)
  const keys = await openProjectKeys('bench', join(folder, 'keys.json'), systemClock)
  const lite = new URL(adminUrl)
  lite.pathname = '/lite'
  await run(adminUrl, 'create database lite')
  await run(lite.href, peerSchema, items)
  await mkdir(join(folder, 'lite'))
  return {
    requests,
    owner,
    jwtSecret: keys.jwtSecret,
    folder,
    connections: databaseConnections,
    lite: lite.href,
  }
}

const peerSchema = `
  create schema auth;
  create function auth.uid() returns uuid language sql stable
    as $$ select nullif(current_setting('request.jwt.claims', true)::json ->> 'sub', '')::uuid $$;
  grant usage on schema auth, public to anon, authenticated;`

async function run(url: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

interface Server {
  readonly child: ChildProcess
  readonly port: number
}

async function start(
  program: Program,
  { lite, ...input }: ServerInput & { readonly lite: string },
): Promise<Server> {
  const own = program === 'lite' ? { ...input, requests: lite, owner: lite } : input
  const file = fileURLToPath(new URL(`./serve-${program}.ts`, import.meta.url))
  const child = spawn(process.execPath, [file, JSON.stringify(own)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: join(input.folder, 'lite'),
    env: { ...process.env, NODE_ENV: 'production' },
  })
  const lines = createInterface(child.stdout!)
  const ended = once(child, 'exit').then(([code]) =>
    Promise.reject(new Error(`serve-${program} ended with ${code}`)),
  )
  ended.catch(() => undefined)
  for (;;) {
    const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string]
    if (/^\d+$/.test(line)) return { child, port: Number(line) }
  }
}

async function stop({ child }: Server): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
