import { randomInt } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { hasCode } from '../../kernel/index.ts'
import { engineErrors } from './errors.ts'

const portFile = 'postgres-port'

/**
 * Below the range that Linux (32768 on) and macOS (49152 on) give to outgoing connections, so that a remembered
 * port is still free at the next start.
 */
const range = { from: 20_000, to: 30_000 }

/**
 * A free loopback port: the one of the last start when it still is, so that `db_url` stays the same.
 * Fails with `loopback_missing`.
 */
export async function choosePort(folder: string): Promise<number> {
  const remembered = Number(await readFile(join(folder, portFile), 'utf8').catch(() => ''))
  if (remembered >= range.from && remembered < range.to && (await isFree(remembered))) return remembered
  let port = randomPort()
  while (!(await isFree(port))) port = randomPort()
  return port
}

export async function rememberPort(folder: string, port: number): Promise<void> {
  await writeFile(join(folder, portFile), `${port}\n`)
}

const randomPort = () => randomInt(range.from, range.to)

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => {
      if (hasCode(error, 'EADDRINUSE')) resolve(false)
      else reject(engineErrors.loopback_missing({ reason: error.message }, error))
    })
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
