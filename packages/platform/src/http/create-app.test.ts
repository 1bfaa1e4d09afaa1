import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog, systemClock } from '../kernel/index.ts'
import { createApp } from './create-app.ts'
import { openProjectKeys } from './keys/create-project-keys.ts'
import type { ProjectKeys } from './keys/project-keys.ts'
import { listen } from './listen.ts'
import { createProjectDirectory } from './project-directory.ts'
import { renderPlainError } from './render-error.ts'
import type { Surface, SurfaceEnv } from './surface.ts'

/** A surface that tells what reached it, and fails on demand. */
function echoSurface(): Surface {
  const app = new Hono<SurfaceEnv>()
  app.get('/fail', () => {
    throw new Error('the password is hunter2')
  })
  app.all('/open/:name', (c) =>
    c.json({ caller: c.var.caller, name: c.req.param('name'), from: c.var.clientAddress }),
  )
  app.all('/:name', async (c) =>
    c.json({
      caller: c.var.caller,
      name: c.req.param('name'),
      bytes: (await c.req.arrayBuffer()).byteLength,
    }),
  )
  return {
    path: '/echo/v1',
    app,
    needsKey: (path) => !path.startsWith('/open/'),
    renderError: renderPlainError,
  }
}

describe('the HTTP side', () => {
  let folder: string
  let shops: ProjectKeys
  let courses: ProjectKeys
  let app: ReturnType<typeof createApp>

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-http-'))
    shops = await openProjectKeys('shops', join(folder, 'shops'), systemClock)
    courses = await openProjectKeys('courses', join(folder, 'courses'), systemClock)
    const host = (name: string, keys: ProjectKeys) => ({
      name,
      keys,
      functionNames: new Set<string>(),
      surfaces: [echoSurface()],
    })
    const directory = createProjectDirectory([host('shops', shops), host('courses', courses)])
    app = createApp({ directory, health: [], clock: systemClock, log: silentLog, bodyLimitBytes: 1000 })
  })
  afterAll(() => rm(folder, { recursive: true }))

  const withKey = (apikey: string, bearer?: string) => ({
    headers: { apikey, ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) },
  })

  it('brings a request to the surface of its project as the key’s role', async () => {
    const response = await app.request('/shops/echo/v1/items', withKey(shops.anonKey))
    expect(await response.json()).toMatchObject({ name: 'items', caller: { role: 'anon' } })
  })

  it('finds the project at the root by the key', async () => {
    const response = await app.request('/echo/v1/items', withKey(courses.serviceRoleKey))
    expect(await response.json()).toMatchObject({
      caller: { role: 'service_role', claims: { ref: 'courses' } },
    })
  })

  it('takes the bearer token before the key', async () => {
    const token = await shops.sign({ sub: 'ada', role: 'authenticated' })
    const response = await app.request('/shops/echo/v1/items', withKey(shops.anonKey, token))
    expect(await response.json()).toMatchObject({ caller: { role: 'authenticated', claims: { sub: 'ada' } } })
  })

  it('takes the key from the query string, where a WebSocket puts it', async () => {
    const response = await app.request(`/shops/echo/v1/items?apikey=${shops.anonKey}`)
    expect(response.status).toBe(200)
  })

  it.each([
    ['no key', {}, 401, 'missing_key'],
    ['a key of another project', () => withKey(courses.anonKey), 401, 'invalid_key'],
    [
      'a token of another project',
      async () => withKey(shops.anonKey, await courses.sign({ sub: 'ada', role: 'authenticated' })),
      401,
      'invalid_token',
    ],
    [
      'a role that is not for requests',
      async () => withKey(shops.anonKey, await shops.sign({ role: 'owner_shops' })),
      401,
      'invalid_token',
    ],
    [
      'an expired token',
      async () => withKey(shops.anonKey, await shops.sign({ role: 'authenticated', exp: 1000 })),
      401,
      'expired_token',
    ],
  ])('refuses %s', async (_case, init, status, code) => {
    const response = await app.request(
      '/shops/echo/v1/items',
      typeof init === 'function' ? await init() : init,
    )
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ code })
  })

  it('needs no key where the surface says so', async () => {
    expect((await app.request('/shops/echo/v1/open/door')).status).toBe(200)
  })

  it.each([
    [0, 'unknown'],
    [1, '203.0.113.9'],
    [2, '198.51.100.7'],
    [3, '2001:db8::7'],
    [4, 'unknown'],
    [9, 'unknown'],
  ])('behind %i trusted proxies believes that many last addresses', async (trustedProxies, from) => {
    const echo = { name: 'shops', keys: shops, functionNames: new Set<string>(), surfaces: [echoSurface()] }
    const directory = createProjectDirectory([echo])
    const behind = createApp({ directory, health: [], clock: systemClock, log: silentLog, trustedProxies })
    const headers = { 'x-forwarded-for': 'forged, [2001:db8::7]:4711, 198.51.100.7:52000, 203.0.113.9' }
    expect(await (await behind.request('/shops/echo/v1/open/door', { headers })).json()).toMatchObject({
      from,
    })
  })

  it.each([
    ['/nowhere/echo/v1/items', 'unknown_project'],
    ['/', 'unknown_project'],
    ['/shops/nothing/here', 'not_found'],
  ])('answers 404 at %s', async (path, code) => {
    const response = await app.request(path)
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ code })
  })

  it('refuses a body over the limit, with and without a length', async () => {
    const body = 'x'.repeat(1001)
    const post = (init: RequestInit) =>
      app.request('/shops/echo/v1/items', {
        method: 'POST',
        ...init,
        headers: { apikey: shops.anonKey, ...init.headers },
      })
    const stream = new Blob([body]).stream()
    expect((await post({ body, headers: { 'content-length': '1001' } })).status).toBe(413)
    expect((await post({ body: stream, duplex: 'half' } as RequestInit)).status).toBe(413)
    expect(await (await post({ body: 'x'.repeat(1000) })).json()).toMatchObject({ bytes: 1000 })
  })

  it('hides what failed inside, and names the request', async () => {
    const response = await app.request('/shops/echo/v1/fail', {
      headers: { apikey: shops.anonKey, 'x-request-id': 'from-the-client' },
    })
    expect(response.status).toBe(500)
    const text = await response.text()
    expect(text).not.toContain('hunter2')
    expect(JSON.parse(text)).toMatchObject({ code: 'internal', request_id: 'from-the-client' })
  })

  it.each(['/courses/../shops/echo/v1/items', '/shops/echo/v1/../../../shops/echo/v1/items'])(
    'sees %s as the address that it comes to, with that project’s key',
    async (path) => {
      const text = await overSocket(path, shops.anonKey)
      expect(text).toContain('"ref":"shops"')
      expect(await overSocket(path, courses.anonKey)).toContain('invalid_key')
    },
  )

  it.each([
    '/shops%2Fecho/v1/items',
    '/shops/echo%2fv1/items',
    '/shops/echo/v1/%2e%2e%2f%2e%2e%2fcourses/echo/v1/items',
    '//shops/echo/v1/items',
    '/shops//echo/v1/items',
    '/SHOPS/echo/v1/items',
    '/shops\\echo/v1/items',
    '/shops/echo/v1;x/items',
  ])('finds nothing at %s, whoever asks', async (path) => {
    expect(await overSocket(path, shops.serviceRoleKey)).toMatch(/^HTTP\/1\.1 40[04] /)
  })

  it('names a request anew when its name is not a plain one', async () => {
    for (const given of ['<script>alert(1)</script>', 'short', 'x'.repeat(65), 'line one two']) {
      const text = await overSocket('/shops/nothing', shops.anonKey, `x-request-id: ${given}\r\n`)
      expect(text).not.toContain(given)
      expect(text).toMatch(/^x-request-id: [\w-]{36}\r$/m)
    }
  })

  it('trusts no host name: it chooses a project of this server or none', async () => {
    const ask = (host: string) => overSocket('/echo/v1/open/door', undefined, '', host)
    expect(await ask('shops.example.com')).toContain('"name":"door"')
    expect(await ask('evil.example')).toContain('unknown_project')
    expect(await ask('shops.example.com/courses')).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('lets browsers of other origins in, answers their preflight, and names the request', async () => {
    const listening = await listen({ app, host: '127.0.0.1', port: 0 })
    const url = `http://127.0.0.1:${listening.port}/shops/echo/v1/items`
    const asked = {
      origin: 'https://shop.example',
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': 'apikey,prefer',
    }
    const preflight = await fetch(url, { method: 'OPTIONS', headers: asked })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH')
    expect(preflight.headers.get('access-control-allow-headers')).toContain('prefer')
    for (const headers of [{ apikey: shops.anonKey }, { apikey: 'wrong' }]) {
      const answer = await fetch(url, { headers: { ...headers, 'x-request-id': 'from-the-client' } })
      expect(answer.headers.get('access-control-allow-origin')).toBe('*')
      expect(answer.headers.get('access-control-expose-headers')).toContain('Content-Range')
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('x-request-id')).toBe('from-the-client')
    }
    await listening.stop(0)
  })

  it('refuses a body over the limit on a real socket, with and without a length', async () => {
    const listening = await listen({ app, host: '127.0.0.1', port: 0 })
    const post = (body: string | ReadableStream) =>
      fetch(`http://127.0.0.1:${listening.port}/shops/echo/v1/items`, {
        method: 'POST',
        headers: { apikey: shops.anonKey },
        body,
        duplex: 'half',
      } as RequestInit)
    const [large, fitting] = ['x'.repeat(1001), 'x'.repeat(1000)]
    const streamed = (text: string) => new Blob([text]).stream()
    expect([(await post(large)).status, (await post(streamed(large))).status]).toEqual([413, 413])
    expect(await (await post(fitting)).json()).toMatchObject({ bytes: 1000 })
    expect(await (await post(streamed(fitting))).json()).toMatchObject({ bytes: 1000 })
    await listening.stop(0)
  })

  /** What comes back for a path as it stands: fetch would tidy it up first. */
  async function overSocket(path: string, apikey?: string, headers = '', host = 'x'): Promise<string> {
    const listening = await listen({ app, host: '127.0.0.1', port: 0 })
    const key = apikey === undefined ? '' : `apikey: ${apikey}\r\n`
    const text = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${key}${headers}Connection: close\r\n\r\n`
    const socket = connect(listening.port, '127.0.0.1', () => socket.write(text))
    const answered = (await socket.toArray()).join('')
    await listening.stop(0)
    return answered
  }
})
