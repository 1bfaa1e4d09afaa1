import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { alone, type Figure, median } from '../figure.ts'
import { readUsage } from '../start/read-process.ts'
import { exchange } from './exchange.ts'

const rounds = 7
const megabyte = 1_000_000
const fileBytes = 100 * megabyte
const largeBytes = 2_000 * megabyte
const cli = fileURLToPath(new URL('../../../server/src/cli.ts', import.meta.url))
const bare = fileURLToPath(new URL('./serve-file.ts', import.meta.url))

interface Target {
  readonly url: string
  readonly headers: Record<string, string>
  readonly pid: number
  readonly databaseUrl: string
}

/** Files through the whole server beside the least that Node does for them, over loopback on one disk. */
export async function* benchStorage(): AsyncIterable<Figure> {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-bench-'))
  const server = await startServer(folder)
  try {
    const target = await targetOf(server, folder)
    await call(target, 'POST', '/bucket', Buffer.from('{"name":"bench","id":"bench"}'))
    yield* benchTransfers(target, folder)
    yield await benchMemory(target)
    yield* benchLists(target)
  } finally {
    server.kill('SIGTERM')
    await once(server, 'exit')
    await rm(folder, { recursive: true })
  }
}

async function* benchTransfers(target: Target, folder: string): AsyncIterable<Figure> {
  const bytes = randomBytes(fileBytes)
  const path = join(folder, 'bare.bin')
  const up: number[] = []
  const written: number[] = []
  for (let round = 0; round < rounds; round++) {
    // Other bytes in each round: equal ones are stored once.
    bytes.writeUInt32LE(round)
    up.push(await timed(() => call(target, 'POST', `/object/bench/up-${round}`, bytes)))
    written.push(await timed(() => writeDurably(path, bytes)))
  }
  yield compared('upload of 100 MB', up, written, 'writing it with hash and fsync', 'ratio ≥ 0.5')
  const plain = spawn(process.execPath, [bare, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = (await once(plain.stdout, 'data')) as [Buffer]
  const down: number[] = []
  const streamed: number[] = []
  for (let round = 0; round < rounds; round++) {
    down.push(await timed(() => call(target, 'GET', '/object/bench/up-6')))
    streamed.push(await timed(() => exchange(`http://127.0.0.1:${String(port).trim()}/`, 'GET', {})))
  }
  plain.kill()
  yield compared('download of 100 MB', down, streamed, 'a bare stream of Node', 'ratio ≥ 0.7')
}

async function benchMemory(target: Target): Promise<Figure> {
  const memory = async () => (await readUsage(target.pid)).server.memoryBytes
  const before = await memory()
  let peak = before
  const timer = setInterval(() => void memory().then((now) => (peak = Math.max(peak, now))), 200)
  const chunk = randomBytes(1_000_000)
  await exchange(`${target.url}/object/bench/large`, 'POST', target.headers, {
    chunk,
    times: largeBytes / chunk.length,
  })
  clearInterval(timer)
  return alone('memory that the server takes for an upload of 2 GB', (peak - before) / 2 ** 20, 'MiB', 'flat')
}

async function* benchLists(target: Target): AsyncIterable<Figure> {
  const client = new pg.Client({ connectionString: target.databaseUrl })
  await client.connect()
  await client.query(`
    insert into storage.objects (bucket_id, name, metadata)
    select 'bench', 'list/file-' || lpad(n::text, 5, '0'), jsonb_build_object('size', n, 'mimetype', 'image/png', 'eTag', md5(n::text))
    from generate_series(1, 10000) n`)
  await client.query('analyze storage.objects')
  await client.end()
  for (const limit of [10_000, 100]) {
    const body = Buffer.from(JSON.stringify({ prefix: 'list', limit }))
    const taken: number[] = []
    for (let round = 0; round < 3 * rounds; round++)
      taken.push(await timed(() => call(target, 'POST', '/object/list/bench', body)))
    yield alone(`list of ${limit} of 10,000 objects`, median(taken) * 1_000, 'ms', '< 50 ms')
  }
}

function compared(
  name: string,
  taken: readonly number[],
  peer: readonly number[],
  against: string,
  goal: string,
): Figure {
  const [ours, theirs] = [median(taken), median(peer)]
  return { name, value: fileBytes / megabyte / ours, unit: 'MB/s', ratio: theirs / ours, against, goal }
}

/** Seconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1_000
}

/** What an upload at least does: hash, write, synchronise. */
async function writeDurably(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'w')
  const hash = createHash('sha256')
  for (let at = 0; at < bytes.length; at += 65_536) {
    const chunk = bytes.subarray(at, at + 65_536)
    hash.update(chunk)
    await file.write(chunk)
  }
  hash.digest()
  await file.sync()
  await file.close()
}

const call = ({ url, headers }: Target, method: string, path: string, body?: Buffer) =>
  exchange(url + path, method, headers, body && { chunk: body, times: 1 })

const environmentFor = (folder: string) => ({
  ...process.env,
  PLINTH_DATA_DIR: folder,
  PLINTH_PORT: '0',
  PLINTH_SHOPS_STORAGE_FILE_SIZE_LIMIT: String(3_000 * megabyte),
})

async function startServer(folder: string): Promise<ChildProcess> {
  const server = spawn(process.execPath, [cli, 'start', 'shops'], {
    env: environmentFor(folder),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface(server.stdout!)) {
    if (!line.includes('plinth --help')) continue
    server.stdout!.resume()
    return server
  }
  throw new Error('the server did not start')
}

async function targetOf(server: ChildProcess, folder: string): Promise<Target> {
  const { stdout } = await promisify(execFile)(process.execPath, [cli, 'status', '--json'], {
    env: environmentFor(folder),
  })
  const { systems } = JSON.parse(stdout) as { systems: Record<string, Record<string, string>> }
  const { api_url, service_role_key: key, db_url } = systems.shops!
  return {
    url: `${api_url}/storage/v1`,
    headers: { apikey: key!, authorization: `Bearer ${key}`, 'content-type': 'application/octet-stream' },
    pid: server.pid!,
    databaseUrl: db_url!,
  }
}
