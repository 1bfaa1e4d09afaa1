import { actor, service, stranger } from '@plinth/testing'
import { describe, expect, it } from 'vitest'
import { createRoutesSurface } from '../index.ts'
import { clerk, sampleRoutes, useSampleRoutes } from './sample-routes.ts'

const ada = actor('ada')
const bob = actor('bob')
const test = useSampleRoutes()
const { ask } = test

describe('a route', () => {
  const put = (path: string, body: unknown, headers = {}) =>
    ask(path, { method: 'PUT', as: ada, body, headers })

  it('gets its path, query and body checked, and answers data', async () => {
    const answer = await put('/bookings/7?notify=yes&tag=a&tag=b', { note: 'hello' })
    const data = { id: '7', note: 'hello', notified: true, tags: 2 }
    expect(answer).toMatchObject({ status: 200, body: { success: true, data } })
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it.each([
    ['its path', '/bookings/a-name-that-is-far-too-long', { note: 'x' }],
    ['its query', '/bookings/7?notify=perhaps', { note: 'x' }],
    ['a name that is repeated', '/bookings/7?notify=yes&notify=no', { note: 'x' }],
    ['its body', '/bookings/7', { note: 5 }],
  ])('refuses %s when it does not fit', async (_case, path, body) => {
    expect(await put(path, body)).toMatchObject({ status: 400, body: { code: 'invalid_input' } })
  })

  it('answers another status that it declares, with headers, and nothing that it does not', async () => {
    const later = await put('/bookings/later', { note: '' })
    expect([later.status, later.headers.get('x-queue'), later.body.data]).toEqual([
      202,
      'long',
      { later: true },
    ])
    const undeclared = await ask('/undeclared')
    expect(undeclared).toMatchObject({ status: 500, body: { code: 'internal' } })
    expect(undeclared.text).not.toContain('hunter2')
  })

  it('fails in the shape of its system, with the facts of the error', async () => {
    const headers = { 'x-request-id': 'request-1' }
    expect((await put('/bookings/none', { note: '' }, headers)).body).toEqual({
      ok: false,
      id: 'request-1',
      code: 'no_such_booking',
    })
    expect(await ask('/slots', { method: 'POST' })).toMatchObject({
      status: 409,
      body: { code: 'slot_taken', slot: 9 },
    })
  })

  it('is found by its fixed parts before its named ones, and by method', async () => {
    expect((await ask('/bookings/mine', { as: clerk })).body.data).toEqual({ roles: ['clerk', 'customer'] })
    expect((await ask('/bookings/8', { as: clerk })).body.data).toEqual({ id: '8', note: null })
    expect((await ask('/bookings/8/', { as: clerk })).body.data).toEqual({ id: '8', note: null })
    expect(await ask('/bookings/8', { as: clerk, method: 'DELETE' })).toMatchObject({ status: 204, text: '' })
    const patched = await ask('/bookings/8', { as: clerk, method: 'PATCH', body: {} })
    expect(patched).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
    expect(patched.headers.get('allow')?.split(', ').sort()).toEqual(['DELETE', 'GET', 'PUT'])
  })

  it('answers HEAD as GET without a body, and OPTIONS without being run', async () => {
    const head = await ask('/bookings/8', { as: clerk, method: 'HEAD' })
    expect([head.status, head.text]).toEqual([200, ''])
    expect((await ask('/bookings/8', { method: 'OPTIONS' })).status).toBe(204)
  })

  it('answers below /functions/v1, too, where supabase-js looks for it', async () => {
    const path = '/functions/v1/make-server-7dc8476e/files/1/confirm'
    expect(await ask(path, { body: {} })).toMatchObject({
      status: 201,
      body: { fileId: '1', keys: ['parts'] },
    })
  })

  it('finds what its system’s capabilities add to its context', async () => {
    expect((await ask('/shout/hello/rest')).body.data).toEqual({ said: 'HELLO', below: '/rest' })
  })

  it('answers files under safe names', async () => {
    const certificate = await ask('/certificates/7?token=let-me-in')
    expect(certificate.headers.get('content-type')).toBe('application/pdf')
    const name = certificate.headers.get('content-disposition')
    expect(name).toBe(
      `attachment; filename="Zo__s _best___.pdf"; filename*=UTF-8''Zo%C3%AB%E2%80%99s%20%22best%22%0D%0A.pdf`,
    )
    const calendar = await ask('/calendar.ics')
    expect([calendar.text, calendar.headers.get('content-security-policy')]).toEqual([
      'BEGIN:VCALENDAR',
      'sandbox',
    ])
    expect(calendar.headers.get('cache-control')).toBeNull()
  })

  it('answers streams', async () => {
    expect((await ask('/stream')).text).toBe('data: 1\n\ndata: 2\n\n')
  })

  it('sets cookies, and leads elsewhere', async () => {
    const answer = await ask('/go?to=/next', { headers: { 'x-forwarded-proto': 'https' } })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/next'])
    expect(answer.headers.getSetCookie()).toEqual([
      'seen=yes%3B%20really; Max-Age=60; Path=/sample; HttpOnly; Secure; SameSite=Lax',
      'old=; Max-Age=0; Path=/sample; HttpOnly; Secure; SameSite=Lax',
    ])
  })

  it.each([
    'javascript:alert(1)',
    '//evil.example',
    '/\\evil.example',
    'data:text/html,x',
    'relative',
    '/a b',
    '/%0d%0a\r\n',
  ])('leads nobody to %j: invalid_redirect', async (to) => {
    const answer = await ask(`/go?to=${encodeURIComponent(to)}`)
    expect(answer).toMatchObject({ status: 500, body: { code: 'invalid_redirect' } })
  })
})

describe('access', () => {
  it.each([
    ['{ permission }', '/bookings/8', clerk, 200],
    ['{ permission }', '/bookings/8', ada, 403],
    ['{ permission }', '/bookings/8', service, 200],
    ['{ permission }', '/bookings/8', stranger, 401],
    ['{ role }', '/bookings/mine', clerk, 200],
    ['{ role }', '/bookings/mine', ada, 403],
    ['{ role }', '/bookings/mine', service, 200],
    ['an own check', `/certificates/${ada.userId}`, ada, 200],
    ['an own check', `/certificates/${ada.userId}`, bob, 403],
    ['an own check', `/certificates/${ada.userId}?token=let-me-in`, null, 200],
    ['an own check', `/certificates/${ada.userId}?token=wrong`, null, 401],
  ] as const)('by %s: %s', async (_kind, path, as, status) => {
    expect((await ask(path, { as })).status).toBe(status)
  })

  it('of a key with scopes ends with them, whatever its role', async () => {
    const byKey = (permission: string, path: string, method = 'GET') =>
      ask(path, { method, headers: { 'x-api-key': permission } }).then(({ status }) => status)
    expect(await byKey('bookings:read', '/bookings/8')).toBe(200)
    expect(await byKey('orders:read', '/bookings/8')).toBe(403)
    expect(await byKey('bookings:read', '/bookings/mine')).toBe(403)
    expect(await byKey('bookings:read', '/functions/v1/served', 'POST')).toBe(403)
    expect(await byKey('bookings:read', '/calendar.ics')).toBe(200)
  })

  it('is decided before the body is read', async () => {
    let pulled = 0
    const body = new ReadableStream(
      {
        pull: (controller) => {
          pulled += 1
          controller.enqueue(new Uint8Array(10))
        },
      },
      { highWaterMark: 0 },
    )
    const init = { method: 'PUT', body, duplex: 'half' } as RequestInit
    const answer = await test.app.request('/sample/bookings/7', { ...init, headers: { 'x-api-key': 'none' } })
    expect([answer.status, pulled]).toEqual([403, 0])
  })
})

describe('a declaration', () => {
  const declare = (...paths: readonly string[]) =>
    createRoutesSurface({
      database: { system: 'sample' } as never,
      clock: { now: () => new Date() },
      routes: paths.map((path) => ({ ...sampleRoutes[0]!, path })),
    })

  it.each([
    'bookings',
    '/',
    '/:id',
    '/a//b',
    '/a/:',
    '/a/*/b',
    '/rest/v1/x',
    '/auth/v1',
    '/openapi.json',
    '/a b',
    '/a/:id/:id',
  ])('of %s is refused: invalid_route', (path) => {
    expect(() => declare(path)).toThrow(expect.objectContaining({ code: 'invalid_route' }))
  })

  it('of a path that has another route is refused: duplicate_route', () => {
    expect(() => declare('/a/:id', '/a/:id')).toThrow(expect.objectContaining({ code: 'duplicate_route' }))
    expect(() => declare('/a/:id', '/a/:other')).toThrow(expect.objectContaining({ code: 'invalid_route' }))
    expect(() => declare('/a/:id', '/a/b', '/a/*', '/a')).not.toThrow()
  })
})
