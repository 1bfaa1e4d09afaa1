import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A Redis of a test's own, empty and in memory. */
export interface TestRedis {
  readonly url: string
  readonly port: number
  /** Sends it a signal: `SIGSTOP` lets it hang. */
  kill(signal: NodeJS.Signals): void
  stop(): Promise<void>
}

/** `redis-server`, or Valkey's, which is the same to its clients. */
export const findRedis = (): string | undefined =>
  ['redis-server', 'valkey-server'].find((program) => !spawnSync(program, ['--version']).error)

/** Starts one on `port`, or on one that is free. It may take a moment until it answers. */
export async function startRedis(port?: number): Promise<TestRedis> {
  const program = findRedis()
  if (!program) throw new Error('Neither redis-server nor valkey-server is on this machine.')
  const folder = await mkdtemp(join(tmpdir(), 'plinth-redis-'))
  const chosen = port ?? (await freePort())
  const options = ['--port', String(chosen), '--dir', folder, '--save', '', '--bind', '127.0.0.1']
  const redis: ChildProcess = spawn(program, options, { stdio: 'ignore' })
  const ended = once(redis, 'exit')
  return {
    url: `redis://127.0.0.1:${chosen}`,
    port: chosen,
    kill: (signal) => redis.kill(signal),
    stop: async () => {
      redis.kill()
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
