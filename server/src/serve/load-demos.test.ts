import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Project } from '@plinth/platform/project'
import { expect, it } from 'vitest'
import { loadDemos } from './load-demos.ts'

it('says which account could not be made', async () => {
  const server = createServer((_request, response) => response.writeHead(500).end('{"users": []}'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const demo = async (run: { createUser(email: string, password: string): Promise<string> }) => {
    await run.createUser('owner@example.test', 'secret')
    return { tryNext: [] }
  }
  const project = {
    name: 'shops',
    system: { demo },
    database: { addresses: {} },
    keys: {},
  } as unknown as Project
  const loading = loadDemos([project], `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  await expect(loading).rejects.toMatchObject({
    code: 'demo_account',
    message: expect.stringContaining('owner@example.test'),
  })
  server.close()
})
