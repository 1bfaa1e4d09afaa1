import { request } from 'node:http'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { perform } from '@plinth/testing/raw-sockets'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, userCaller } from '../../database/index.ts'
import { silentLog } from '../../kernel/index.ts'
import {
  type CallerSource,
  createApp,
  createProjectDirectory,
  createUpgrades,
  defineCors,
  type HostedProject,
  httpErrors,
  type ProjectKeys,
  type RootSurfaceEnv,
  type SurfaceEnv,
} from '../index.ts'
import { hostSurfaces, namedSurface, onSocket } from './host-surfaces.ts'

const secretKey: CallerSource = {
  name: 'secret key',
  identify: ({ header }) => {
    const key = header('x-api-key')
    if (key === undefined) return null
    if (key !== 'sk_good') throw httpErrors.invalid_key()
    return { role: 'service_role', claims: { role: 'service_role' }, permissions: ['orders:read'] }
  },
}
const session: CallerSource = {
  name: 'session',
  isAmbient: true,
  identify: ({ cookie }): Caller | null => (cookie('session') ? userCaller(cookie('session')!) : null),
}
const shop = 'https://shop.example'

describe('the surfaces of a project', () => {
  let keys: ProjectKeys
  let hosted: Awaited<ReturnType<typeof hostSurfaces>>
  const late = new Hono<SurfaceEnv>().all('*', async (c) => {
    const aborted = await new Promise((resolve) =>
      c.var.deadline?.addEventListener('abort', () => resolve('aborted')),
    )
    return c.text(String(aborted))
  })
  const options = new Hono<SurfaceEnv>().options('*', (c) => c.body(null, 204, { 'tus-version': '1.0.0' }))
  const text = new Hono<SurfaceEnv>()
    .get('/long', (c) => c.json({ text: 'all the same '.repeat(1000) }))
    .get('/short', (c) => c.json({ text: 'short' }))
    .get('/image', (c) => c.body('x'.repeat(9000), 200, { 'content-type': 'image/png' }))
    .get('/events', (c) => c.body('data: x\n\n'.repeat(900), 200, { 'content-type': 'text/event-stream' }))
    .get('/kept', (c) => c.json({ text: 'x'.repeat(9000) }, 200, { 'cache-control': 'public, no-transform' }))
    .get('/stream', (c) =>
      c.body(new Blob(['y'.repeat(9000)]).stream(), 200, { 'content-type': 'text/csv', vary: 'Accept' }),
    )
  const dashboard = new Hono<RootSurfaceEnv>().get('/', (c) => c.text(`page for ${c.var.clientAddress}`))
  beforeAll(async () => {
    hosted = await hostSurfaces(
      [
        {
          name: 'kronium',
          callers: [secretKey, session],
          cors: defineCors({ origins: [shop], credentials: true }),
          surfaces: [
            namedSurface('/auth'),
            namedSurface('/auth/v1'),
            namedSurface('/bookings', {
              takesScopedCallers: true,
              bodyLimit: (path) => (path === '/large' ? 2000 : 10),
            }),
            namedSurface('/closed', { needsKey: (_, method) => method !== 'GET' }),
            namedSurface('/late', { app: late, timeLimit: () => 20 }),
            namedSurface('/files', { app: options, answersOptions: true }),
          ],
        },
        {
          name: 'shops',
          functionNames: new Set(['make-server']),
          surfaces: [
            namedSurface('/functions/v1'),
            namedSurface('/auth/v1'),
            namedSurface('/make-server'),
            namedSurface('/text', { app: text }),
            namedSurface('/secrets', { app: text, compresses: false }),
          ],
        },
      ],
      { rootSurfaces: [{ path: '/dashboard', app: dashboard }] },
    )
    keys = hosted.keys[0]!
  })
  afterAll(() => hosted.remove())

  const ask = async (path: string, init?: RequestInit) => {
    const response = await hosted.app.request(path, init)
    return {
      status: response.status,
      headers: response.headers,
      body: JSON.parse((await response.text()) || 'null'),
    }
  }
  const served = <T>(work: (url: string) => Promise<T>) => onSocket(hosted.app, work)

  it.each([
    ['/kronium/auth/v1/token', '/auth/v1', '/token'],
    ['/kronium/auth/login', '/auth', '/login'],
    ['/kronium/auth', '/auth', '/'],
    ['/kronium/auth/', '/auth', '/'],
    ['/kronium/authority', undefined, undefined],
    ['/bookings/7', '/bookings', '/7'],
    ['/make-server/files/1/confirm', '/make-server', '/files/1/confirm'],
    ['/functions/v1/make-server/health', '/functions/v1', '/make-server/health'],
    ['/auth/v1/user', undefined, undefined],
  ])('%s is answered by the longest path that fits', async (path, surface, below) => {
    expect((await ask(path)).body).toMatchObject(surface ? { surface, path: below } : { code: /./ })
  })

  it('pages of the server stand beside the projects', async () => {
    expect(await (await hosted.app.request('/dashboard')).text()).toContain('page for')
    expect((await ask('/dashboards')).body).toMatchObject({ code: 'unknown_project' })
  })

  it('two at one address are refused at the start: address_taken', () => {
    const project = { name: 'a', keys, functionNames: new Set<string>() }
    const app = (...surfaces: readonly string[]) =>
      createApp({
        directory: createProjectDirectory<HostedProject>([
          { ...project, surfaces: surfaces.map((path) => namedSurface(path)) },
        ]),
        health: [],
        clock: { now: () => new Date() },
        log: undefined as never,
        rootSurfaces: [{ path: '/docs', app: dashboard }],
      })
    expect(() => app('/x', '/x')).toThrow(expect.objectContaining({ code: 'address_taken' }))
    expect(() => app('/x', '/y')).not.toThrow()
    project.name = 'docs'
    expect(() => app('/x')).toThrow(expect.objectContaining({ code: 'address_taken' }))
  })

  it('say by path and method whether they need a key', async () => {
    expect((await ask('/kronium/closed')).status).toBe(200)
    expect((await ask('/kronium/closed', { method: 'POST' })).body).toMatchObject({ code: 'missing_key' })
  })

  it('have body limits of their own, also for what comes without a length', async () => {
    const send = (path: string, size: number) => {
      const body = new Blob(['x'.repeat(size)])
      const known = { method: 'POST', body, headers: { 'content-length': String(size) } }
      const streamed = { method: 'POST', body: body.stream(), duplex: 'half' } as RequestInit
      return Promise.all(
        [known, streamed].map(async (init) => (await ask(`/kronium/bookings${path}`, init)).status),
      )
    }
    expect(await send('', 10)).toEqual([200, 200])
    expect(await send('', 11)).toEqual([413, 413])
    expect(await send('/large', 2000)).toEqual([200, 200])
    expect(await send('/large', 2001)).toEqual([413, 413])
  })

  it('answer in time or not at all: answer_too_slow', async () => {
    expect(await ask('/kronium/late')).toMatchObject({ status: 504, body: { code: 'answer_too_slow' } })
  })

  it('get OPTIONS when they ask for it, and never a browser’s preflight', async () => {
    const plain = await ask('/kronium/files/1', { method: 'OPTIONS' })
    expect([plain.status, plain.headers.get('tus-version')]).toEqual([204, '1.0.0'])
    const headers = { origin: shop, 'access-control-request-method': 'PATCH' }
    const preflight = await ask('/kronium/files/1', { method: 'OPTIONS', headers })
    expect(preflight.headers.get('tus-version')).toBeNull()
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH')
    expect((await ask('/kronium/bookings', { method: 'OPTIONS' })).status).toBe(204)
  })

  describe('callers', () => {
    const callerOf = async (headers: Record<string, string>, method = 'GET') =>
      (await ask('/kronium/bookings', { method, headers: { host: 'plinth.example', ...headers } })).body
    const cookie = 'theme=dark; session=ada'

    it('come from a source, before the project’s own keys', async () => {
      expect(await callerOf({ 'x-api-key': 'sk_good', apikey: keys.anonKey })).toMatchObject({
        caller: { role: 'service_role', permissions: ['orders:read'] },
      })
      const elsewhere = await ask('/kronium/closed', { headers: { 'x-api-key': 'sk_good' } })
      expect(elsewhere).toMatchObject({ status: 403, body: { code: 'key_out_of_scope' } })
      expect(await callerOf({ 'x-api-key': 'sk_bad', apikey: keys.serviceRoleKey })).toMatchObject({
        code: 'invalid_key',
      })
    })

    it('come from a cookie where nothing says more than anon', async () => {
      expect(await callerOf({ cookie, apikey: keys.anonKey })).toMatchObject({
        caller: { claims: { sub: 'ada' } },
      })
      const token = await keys.sign({ sub: 'bob', role: 'authenticated' })
      expect(await callerOf({ cookie, authorization: `Bearer ${token}` })).toMatchObject({
        caller: { claims: { sub: 'bob' } },
      })
      expect(await callerOf({ cookie, apikey: keys.serviceRoleKey })).toMatchObject({
        caller: { role: 'service_role' },
      })
    })

    it.each([
      ['its own origin', { origin: 'https://plinth.example' }, true],
      ['an origin that the project allows', { origin: shop }, true],
      ['its own page, by the referer', { referer: 'https://plinth.example/page' }, true],
      ['a stranger’s page', { origin: 'https://evil.example' }, false],
      ['a host that only begins alike', { origin: 'https://plinth.example.evil.example' }, false],
      ['a sandboxed frame', { origin: 'null' }, false],
      ['nowhere', {}, false],
    ])('with a cookie from %s may change something: %s', async (_case, headers, may) => {
      expect(await callerOf({ cookie, ...headers }, 'POST')).toMatchObject(
        may ? { caller: { claims: { sub: 'ada' } } } : { code: 'csrf_refused' },
      )
    })
  })

  describe('pages of other origins', () => {
    const allowed = (origin: string, init: RequestInit = {}, path = '/kronium/bookings') =>
      served(async (url) => {
        const { headers } = await fetch(`${url}${path}`, { ...init, headers: { origin, ...init.headers } })
        return ['origin', 'credentials'].map((name) => headers.get(`access-control-allow-${name}`))
      })
    const preflight = { method: 'OPTIONS', headers: { 'access-control-request-method': 'POST' } }

    it('read answers, and send cookies, only where the project allows them', async () => {
      expect(await allowed(shop)).toEqual([shop, 'true'])
      expect(await allowed('https://evil.example')).toEqual([null, null])
      expect((await allowed(shop, preflight))[0]).toBe(shop)
      expect((await allowed('https://evil.example', preflight))[0]).toBeNull()
    })

    it('read answers of a project that says nothing, without cookies', async () => {
      expect(await allowed('https://evil.example', {}, '/shops/make-server')).toEqual(['*', null])
    })

    it.each([
      ['cookies from everywhere', { credentials: true }],
      ['an origin with a path', { origins: ['https://a.example/'] }],
      ['a host without a scheme', { origins: ['a.example'] }],
      ['null', { origins: ['null'] }],
    ])('cannot be allowed by %s: invalid_cors', (_case, settings) => {
      expect(() => defineCors(settings)).toThrow(expect.objectContaining({ code: 'invalid_cors' }))
    })
  })

  describe('answers', () => {
    /** The answer as it is on the wire: fetch would unpack it. */
    const get = (path: string, headers: Record<string, string>, method = 'GET') =>
      served(
        (url) =>
          new Promise<{ headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
            const asked = request(`${url}/shops${path}`, { headers, method }, async (response) => {
              const body = Buffer.concat(await response.toArray())
              resolve({ headers: response.headers, body })
            })
            asked.on('error', reject).end()
          }),
      )

    it.each([
      ['br, gzip', 'br', brotliDecompressSync],
      ['gzip;q=0.5, *;q=0.1', 'br', brotliDecompressSync],
      ['gzip, br;q=0', 'gzip', gunzipSync],
    ] as const)('go out packed for clients that take %s', async (accepted, encoding, unpack) => {
      const plain = await get('/text/long', {})
      const { headers, body } = await get('/text/long', { 'accept-encoding': accepted })
      expect(headers).toMatchObject({ 'content-encoding': encoding, vary: 'Accept-Encoding' })
      expect(headers['content-length']).toBe(String(body.length))
      expect(body.length).toBeLessThan(plain.body.length / 10)
      expect(unpack(body).equals(plain.body)).toBe(true)
    })

    it.each([
      ['that are short', '/text/short', 'br'],
      ['that are packed already', '/text/image', 'br'],
      ['that are events', '/text/events', 'br'],
      ['that must not be changed', '/text/kept', 'br'],
      ['that hold secrets', '/secrets/long', 'br'],
      ['for clients that take nothing', '/text/long', 'identity'],
      ['for clients that refuse', '/text/long', 'br;q=0, gzip;q=0.0'],
    ])('%s go out as they are', async (_case, path, accepted) => {
      const plain = await get(path, {})
      const { headers, body } = await get(path, { 'accept-encoding': accepted })
      expect(headers['content-encoding']).toBeUndefined()
      expect(body.equals(plain.body)).toBe(true)
    })

    it('that are streams arrive whole', async () => {
      const { body } = await get('/text/stream', { 'accept-encoding': 'br' })
      expect(String(body)).toBe('y'.repeat(9000))
    })

    it('that are asked for in one go come in order, packed and plain', async () => {
      const asked = (path: string, headers = '') =>
        `GET /shops/text/${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`
      const packed = asked('long', 'Accept-Encoding: gzip\r\n')
      const text = await served((url) =>
        perform(Number(new URL(url).port), [
          { say: packed + asked('short') + packed + asked('short', 'Connection: close\r\n') },
          'drain',
        ]),
      )
      expect(text.match(/content-encoding: gzip|"short"/gi)).toEqual([
        expect.stringMatching(/gzip/i),
        '"short"',
        expect.stringMatching(/gzip/i),
        '"short"',
      ])
    })

    it('that nobody waits for any more do no harm', async () => {
      const asked = 'GET /shops/text/long HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br\r\n\r\n'
      await served(async (url) => {
        const port = Number(new URL(url).port)
        const attempts = Array.from({ length: 90 }, (_, attempt) =>
          perform(port, [
            { say: asked.repeat(1 + (attempt % 3)) },
            ...(attempt % 2 ? (['end'] as const) : []),
            'reset',
          ]),
        )
        await Promise.all(attempts)
        expect((await fetch(`${url}/shops/text/long`)).status).toBe(200)
      })
    })

    it('to HEAD have no body', async () => {
      expect((await get('/text/long', { 'accept-encoding': 'br' }, 'HEAD')).body).toHaveLength(0)
    })
  })
})

describe('a server with a public https address', () => {
  const cases = [
    ['that a proxy took by HTTPS', { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https' }, 1, 200],
    ['that a proxy took by HTTP', { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'http' }, 1, 403],
    ['that a proxy passed on in silence', { 'x-forwarded-for': '192.0.2.1' }, 1, 403],
    ['that claims a proxy where none is', { 'x-forwarded-proto': 'https' }, 0, 403],
    ['of this machine itself', {}, 0, 200],
  ] as const

  it.each(cases)(
    'answers a request %s so, and asks for HTTPS only over HTTPS',
    async (_case, headers, proxies, status) => {
      const rules = { publicUrl: 'https://plinth.example', trustedProxies: proxies }
      const project = { name: 'shops', surfaces: [namedSurface('/rest/v1')] }
      const { app, directory, remove } = await hostSurfaces([project], rules)
      const work = async (url: string) => {
        const answer = await fetch(`${url}/shops/rest/v1`, { headers })
        expect(answer.status).toBe(status)
        if (status === 403) expect(await answer.json()).toMatchObject({ code: 'https_required' })
        const isSecure = proxies === 1 && status === 200
        expect(answer.headers.has('strict-transport-security')).toBe(isSecure)
        expect((await fetch(`${url}/health/live`, { headers })).status).toBe(200)
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
        const upgrade = `GET /shops/rest/v1/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${lines.join('')}\r\n`
        const upgraded = await perform(Number(new URL(url).port), [{ say: upgrade }, 'drain'])
        expect(upgraded).toContain(status === 403 ? '"https_required"' : '"no_upgrade"')
      }
      await onSocket(app, work, createUpgrades({ directory, log: silentLog, ...rules }))
      await remove()
    },
  )
})
