import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { readStatus, type ServerStatus, writeStatus } from './status-file.ts'

/** What a server of this process number left behind, with somebody who answers at its address. */
async function leaveWord(pid: number): Promise<ServerStatus> {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-status-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const answering = createServer((_request, response) => response.end('{}')).listen(0, '127.0.0.1')
  onTestFinished(() => void answering.close())
  await once(answering, 'listening')
  const url = `http://127.0.0.1:${(answering.address() as AddressInfo).port}`
  const status = {
    pid,
    url,
    data_dir: folder,
    systems: {},
    unavailable: {},
    clusters: {},
    try_next: [],
    without_changes: [],
  }
  await writeStatus(status)
  return status
}

it('is what a running server left, for its owner only', async () => {
  const status = await leaveWord(process.pid)
  expect(await readStatus(status.data_dir)).toEqual(status)
  expect((await stat(join(status.data_dir, 'server.json'))).mode & 0o777).toBe(0o600)
})

it('is not taken for true when its server was killed and another one answers at the address', async () => {
  const dead = spawn(process.execPath, ['--version'])
  await once(dead, 'exit')
  const { data_dir } = await leaveWord(dead.pid!)
  await expect(readStatus(data_dir)).rejects.toMatchObject({ code: 'not_running' })
})
