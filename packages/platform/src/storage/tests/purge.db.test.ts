import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { useSystem } from '@plinth/testing/system'
import { afterAll, expect, it } from 'vitest'
import { filesSystem } from './serve-storage.ts'

const told: { readonly token: string | undefined; readonly urls: readonly string[] }[] = []
const cdn = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  told.push({ token: request.headers.authorization, ...JSON.parse(String(Buffer.concat(chunks))) })
  response.end()
})
await new Promise<void>((resolve) => cdn.listen(0, '127.0.0.1', resolve))
const purgeUrl = `http://127.0.0.1:${(cdn.address() as AddressInfo).port}/purge`
afterAll(() => cdn.close())

const system = useSystem(filesSystem({ purgeUrl, purgeToken: 'sesame' }))

it('a CDN is told of what was overwritten, moved and removed, and of what the service role names', async () => {
  const as = 'service'
  const at = (path: string) =>
    system.request(`/storage/v1${path.startsWith('/') ? path : `/object/${path}`}`, { as })
  const send = (method: string, path: string, body?: unknown, headers = {}) =>
    system.request(`/storage/v1${path}`, { method, as, body, headers })
  expect((await send('POST', '/object/closed/a.txt', 'one')).status).toBe(200)
  await system.jobs.runDue()
  expect(told).toEqual([])
  await send('PUT', '/object/closed/a.txt', 'two')
  await send('POST', '/object/move', { bucketId: 'closed', sourceKey: 'a.txt', destinationKey: 'b c.txt' })
  await send('DELETE', '/object/closed', { prefixes: ['b c.txt'] })
  expect((await send('DELETE', '/cdn/closed/b%20c.txt')).status).toBe(200)
  expect((await system.request('/storage/v1/cdn/closed', { method: 'DELETE' })).status).toBe(403)
  await system.jobs.runDue()
  const paths = told.map(({ urls }) =>
    urls.filter((url) => url.includes('/object/')).map((url) => url.split('/public/')[1]),
  )
  expect(paths.sort()).toEqual([
    ['closed/a.txt'],
    ['closed/a.txt', 'closed/b%20c.txt'],
    ['closed/b%20c.txt'],
    ['closed/b%20c.txt'],
  ])
  expect(told[0]!.token).toBe('Bearer sesame')
  expect((await at('closed/a.txt')).status).toBe(404)
})
