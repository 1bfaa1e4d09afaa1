import type { lookup } from 'node:dns'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import { getPublic } from './get-public.ts'

const server = createServer((request, response) => {
  if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end()
  else if (request.url === '/inside')
    response.writeHead(302, { location: 'http://169.254.169.254/latest' }).end()
  else if (request.url === '/file') response.writeHead(302, { location: 'file:///etc/passwd' }).end()
  else if (request.url === '/once') response.writeHead(301, { location: '/hello' }).end()
  else if (request.url === '/long') response.end('x'.repeat(5_000))
  else response.writeHead(200, { etag: '"1"' }).end(`hello ${request.headers['if-none-match'] ?? ''}`)
}).listen(0, '127.0.0.1')
afterAll(() => server.close())

const base = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const get = (url: string, privateAddresses = true, resolve?: typeof lookup) =>
  getPublic(url, {
    mostBytes: 1_000,
    privateAddresses,
    signal: AbortSignal.timeout(5_000),
    headers: { 'if-none-match': '"0"' },
    ...(resolve ? { resolve } : {}),
  })

describe('a URL that somebody gave us', () => {
  it('is read, also behind a redirect', async () => {
    expect(await get(`${base()}/hello`)).toEqual({ status: 200, etag: '"1"', body: 'hello "0"' })
    expect((await get(`${base()}/once`)).body).toBe('hello "0"')
  })

  it.each([
    'http://127.0.0.1/',
    'http://localhost/',
    'http://[::1]/',
    'http://10.0.0.1/',
    'http://169.254.169.254/',
    'http://0x7f000001/',
  ])('is not read from our own network: %s', async (url) => {
    await expect(get(url, false)).rejects.toMatchObject({ code: 'webhook_address_private' })
  })

  it('leads nowhere else by a name that resolves inside, or by a redirect', async () => {
    const inside = ((_host: string, _options: object, done: (error: null, found: object[]) => void) =>
      done(null, [{ address: '10.1.2.3', family: 4 }])) as never
    await expect(get('http://calendar.example/', false, inside)).rejects.toMatchObject({
      code: 'webhook_address_private',
    })
    await expect(get(`${base()}/file`)).rejects.toMatchObject({ code: 'webhook_url_invalid' })
    await expect(get('ftp://calendar.example/')).rejects.toMatchObject({ code: 'webhook_url_invalid' })
    await expect(get('http://user:secret@calendar.example/')).rejects.toMatchObject({
      code: 'webhook_url_invalid',
    })
  })

  it('ends: redirects in a circle and long answers are given up', async () => {
    await expect(get(`${base()}/loop`)).rejects.toThrow('redirects')
    await expect(get(`${base()}/long`)).rejects.toThrow('longer than 1000 bytes')
  })
})
