import { gzipSync } from 'node:zlib'
import { actor, service, stranger } from '@plinth/testing'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { sql } from '../../database/index.ts'
import type { CallerSource } from '../../http/index.ts'
import { defineErrors } from '../../kernel/index.ts'
import {
  type AccessCheck,
  bareEnvelope,
  createRoutesSurface,
  dataEnvelope,
  defineFunction,
  defineRoute,
  definersFor,
  redirect,
  reply,
  sendFile,
} from '../index.ts'
import { useRoutes } from './host-routes.ts'

const ada = actor('ada')
const bob = actor('bob')
const clerk = actor('clerk')

const bookingErrors = defineErrors({
  no_such_booking: { status: 404, message: 'There is no booking {id}.', hint: 'It may be somebody else’s.' },
  slot_taken: { status: 409, message: 'The slot is taken.', hint: 'Choose another one.' },
})

/** A certificate is for its owner, and for anybody who has its token. */
const isOwner: AccessCheck = async ({ userId, params }) => userId !== null && params['id'] === userId
const holdsToken: AccessCheck = ({ query }) => query.get('token') === 'let-me-in'

const booking = z.object({ id: z.string(), note: z.string().nullable() })
const { defineRoute: defineShoutingRoute } = definersFor<{ shout(text: string): string }>()

const routes = [
  defineRoute({
    method: 'PUT',
    path: '/bookings/:id',
    summary: 'Changes a booking.',
    access: 'user',
    params: z.object({ id: z.string().max(20) }),
    query: z.object({
      notify: z.stringbool().default(false),
      tag: z.union([z.string(), z.array(z.string())]).optional(),
    }),
    body: z.object({ note: z.string().max(100) }),
    responses: {
      200: booking.extend({ notified: z.boolean(), tags: z.int() }),
      202: z.object({ later: z.literal(true) }),
    },
    handle: async (_context, { params, query, body }) => {
      if (params.id === 'none') throw bookingErrors.no_such_booking({ id: params.id })
      if (params.id === 'later') return reply(202, { later: true }, { 'x-queue': 'long' })
      return { id: params.id, note: body.note, notified: query.notify, tags: [query.tag ?? []].flat().length }
    },
  }),
  defineRoute({
    method: ['GET', 'DELETE'],
    path: '/bookings/:id',
    summary: 'Reads or cancels a booking.',
    access: { permission: 'bookings:read' },
    responses: { 200: booking, 204: null },
    handle: async ({ request }, { params }) =>
      request.method === 'DELETE' ? undefined : { id: params['id'] ?? '', note: null },
  }),
  defineRoute({
    method: 'GET',
    path: '/bookings/mine',
    summary: 'Reads one’s own.',
    access: { role: 'customer' },
    responses: { 200: z.object({ roles: z.array(z.string()) }) },
    handle: async ({ roles }) => ({ roles: [...(await roles())] }),
  }),
  defineRoute({
    method: 'GET',
    path: '/certificates/:id',
    summary: 'Gives a certificate.',
    access: { anyOf: [isOwner, holdsToken, { permission: 'certificates:read' }] },
    responses: { 200: 'application/pdf' },
    handle: async () =>
      sendFile(new Uint8Array([37, 80, 68, 70]), { type: 'application/pdf', name: 'Zoë’s "best"\r\n.pdf' }),
  }),
  defineRoute({
    method: 'GET',
    path: '/calendar.ics',
    summary: 'Gives a calendar.',
    access: 'public',
    responses: { 200: 'text/calendar' },
    handle: async () =>
      sendFile('BEGIN:VCALENDAR', { type: 'text/calendar; charset=utf-8', name: 'events.ics', inline: true }),
  }),
  defineRoute({
    method: 'GET',
    path: '/stream',
    summary: 'Streams numbers.',
    access: 'public',
    responses: { 200: 'text/event-stream' },
    handle: async () => {
      const lines = ReadableStream.from(
        ['data: 1\n\n', 'data: 2\n\n'].map((line) => new TextEncoder().encode(line)),
      )
      return new Response(lines, { headers: { 'content-type': 'text/event-stream' } })
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/go',
    summary: 'Leads elsewhere.',
    access: 'public',
    query: z.object({ to: z.string() }),
    responses: { 303: null },
    handle: async ({ cookies }, { query }) => {
      cookies.set('seen', 'yes; really', { maxAge: 60 })
      cookies.delete('old')
      return redirect(query.to)
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/make-server-7dc8476e/files/:id/confirm',
    summary: 'Confirms an upload.',
    access: 'public',
    body: z.object({ parts: z.array(z.string()).default([]) }).loose(),
    envelope: bareEnvelope,
    responses: { 201: z.object({ fileId: z.string(), keys: z.array(z.string()), polluted: z.boolean() }) },
    handle: async (_context, { params, body }) => ({
      fileId: params['id'] ?? '',
      keys: Object.keys(body),
      polluted: ({} as { evil?: unknown }).evil !== undefined,
    }),
  }),
  defineRoute({
    method: 'POST',
    path: '/bodies/text',
    summary: 'Takes text.',
    access: 'public',
    accepts: ['text'],
    body: z.string().max(50),
    responses: { 200: z.object({ length: z.int() }) },
    handle: async (_context, { body }) => ({ length: body.length }),
  }),
  defineRoute({
    method: 'POST',
    path: '/bodies/bytes',
    summary: 'Takes bytes.',
    access: 'public',
    accepts: ['bytes'],
    bodyLimit: 100,
    body: z.instanceof(Uint8Array),
    responses: { 200: z.object({ length: z.int() }) },
    handle: async (_context, { body }) => ({ length: body.byteLength }),
  }),
  defineRoute({
    method: 'POST',
    path: '/bodies/form',
    summary: 'Takes forms and files.',
    access: 'public',
    body: z.object({ name: z.union([z.string(), z.array(z.string())]), file: z.instanceof(File).optional() }),
    responses: { 200: z.object({ names: z.array(z.string()), file: z.string().nullable() }) },
    handle: async (_context, { body }) => ({
      names: [body.name].flat(),
      file: body.file ? `${body.file.name} ${await body.file.text()}` : null,
    }),
  }),
  defineRoute({
    method: 'POST',
    path: '/slots',
    summary: 'Takes a slot.',
    access: 'public',
    responses: { 204: null },
    handle: async ({ db }) => {
      await db.query(sql`select plinth.refuse('slot_taken', 409, 'Slot 9 is taken.', '{"slot": 9}')`)
      return undefined
    },
  }),
  defineShoutingRoute({
    method: 'GET',
    path: '/shout/:word/*',
    summary: 'Shouts.',
    access: 'public',
    responses: { 200: z.object({ said: z.string(), below: z.string() }) },
    handle: async ({ shout, subPath }, { params }) => ({ said: shout(params['word'] ?? ''), below: subPath }),
  }),
  defineRoute({
    method: 'GET',
    path: '/undeclared',
    summary: 'Answers what it does not declare.',
    access: 'public',
    responses: { 200: booking },
    handle: async () => reply(299, { secret: 'hunter2' }),
  }),
]

const scopedKey: CallerSource = {
  name: 'scoped key',
  identify: ({ header }) =>
    header('x-api-key') === undefined
      ? null
      : { role: 'service_role', claims: { role: 'service_role' }, permissions: [header('x-api-key')!] },
}

const test = useRoutes({
  routes,
  functions: [
    defineFunction({
      name: 'served',
      summary: 'Only for the service.',
      access: 'service',
      input: z.object({}),
      output: z.object({}),
      handle: async () => ({}),
    }),
  ],
  errors: bookingErrors,
  callers: [scopedKey],
  roles: {
    of: async (_database, userId) => (userId === clerk.userId ? ['clerk', 'customer'] : []),
    permissions: { clerk: ['bookings:read'], customer: [] },
  },
  envelope: {
    ...dataEnvelope,
    failure: (error, { requestId, details }) => ({ ok: false, ...details, code: error.code, id: requestId }),
  },
  extendContext: () => ({ shout: (text: string) => text.toUpperCase() }),
})

const { ask } = test
const hosted = () => ({ app: test.app, keys: test.keys })

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
    const { app } = hosted()
    const init = { method: 'PUT', body, duplex: 'half' } as RequestInit
    const answer = await app.request('/sample/bookings/7', { ...init, headers: { 'x-api-key': 'none' } })
    expect([answer.status, pulled]).toEqual([403, 0])
  })
})

describe('what a request may send', () => {
  const post = (path: string, body: unknown, type?: string, headers = {}) =>
    ask(path, {
      method: 'POST',
      body,
      headers: { ...(type === undefined ? {} : { 'content-type': type }), ...headers },
    })
  const form = (parts: Record<string, string | File>) => {
    const made = new FormData()
    for (const [name, value] of Object.entries(parts)) made.append(name, value)
    return made
  }

  it('is text, bytes or a form by its content type', async () => {
    expect((await post('/bodies/text', 'hello', 'text/markdown')).body.data).toEqual({ length: 5 })
    expect((await post('/bodies/bytes', new Uint8Array(7), 'image/png')).body.data).toEqual({ length: 7 })
    const urlencoded = await post('/bodies/form', 'name=a+b&name=c', 'application/x-www-form-urlencoded')
    expect(urlencoded.body.data).toEqual({ names: ['a b', 'c'], file: null })
    const file = new File(['inside'], 'notes.txt')
    expect((await post('/bodies/form', form({ name: 'a', file }))).body.data).toEqual({
      names: ['a'],
      file: 'notes.txt inside',
    })
    expect((await post('/bodies/form', '{"name": "a"}')).body.data).toEqual({ names: ['a'], file: null })
  })

  it.each([
    ['an image for JSON', '/bodies/form', 'x', 'image/png'],
    ['JSON for text', '/bodies/text', '{}', 'application/json'],
    ['two types in one', '/bodies/form', '{}', 'application/json, text/plain'],
    ['no type at all', '/bodies/form', '{}', 'nonsense'],
    ['another alphabet', '/bodies/form', '{}', 'application/json; charset=utf-7'],
    ['another alphabet for text', '/bodies/text', 'x', 'text/plain; charset=iso-8859-1'],
  ])('is not %s: unsupported_media_type', async (_case, path, body, type) => {
    expect(await post(path, body, type)).toMatchObject({
      status: 415,
      body: { code: 'unsupported_media_type' },
    })
  })

  it('is not packed: unsupported_encoding', async () => {
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(1_000_000)))
    const answer = await post('/bodies/form', bomb, 'application/json', { 'content-encoding': 'gzip' })
    expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported_encoding' } })
  })

  it('has a size, by route', async () => {
    expect((await post('/bodies/bytes', new Uint8Array(101), 'a/b')).body.code).toBe('body_too_large')
    const large = { parts: ['x'.repeat(1_100_000)] }
    expect((await post('/make-server-7dc8476e/files/1/confirm', large)).body.code).toBe('body_too_large')
  })

  const confirm = '/make-server-7dc8476e/files/1/confirm'
  const boundary = 'multipart/form-data; boundary=x'
  const part = '--x\r\ncontent-disposition: form-data; name="name"\r\n\r\n1\r\n'
  it.each([
    ['nested too deep', confirm, `${'['.repeat(400_000)}`, 'application/json', 'invalid_json'],
    ['too many values', confirm, `[${'1,'.repeat(500_000)}1]`, 'application/json', 'too_many_values'],
    [
      'too many fields',
      '/bodies/form',
      'a&'.repeat(500_000),
      'application/x-www-form-urlencoded',
      'too_many_values',
    ],
    ['too many parts', '/bodies/form', part.repeat(10_000), boundary, 'too_many_values'],
    ['a form that breaks off', '/bodies/form', part, boundary, 'invalid_form'],
    ['a form without a boundary', '/bodies/form', part, 'multipart/form-data', 'invalid_form'],
    [
      'a part with endless headers',
      '/bodies/form',
      `--x\r\n${'a: b\r\n'.repeat(150_000)}`,
      boundary,
      'invalid_form',
    ],
    [
      'a form that is no text',
      '/bodies/form',
      new Uint8Array([0xff]),
      'application/x-www-form-urlencoded',
      'invalid_form',
    ],
  ])('is not %s', async (_case, path, body, type, code) => {
    expect((await post(path, body, type)).body.code).toBe(code)
  })

  it('has few names in its query string', async () => {
    const answer = await ask(`/go?to=/x${'&a=1'.repeat(1500)}`)
    expect(answer).toMatchObject({ status: 413, body: { code: 'too_many_values' } })
  })

  it('changes no prototype', async () => {
    const answer = await post(
      confirm,
      '{"__proto__": {"evil": 1}, "constructor": {"prototype": {"evil": 1}}}',
    )
    expect(answer.body.polluted).toBe(false)
    const fields = await post(
      confirm,
      '__proto__=1&__proto__.evil=1&constructor=2',
      'application/x-www-form-urlencoded',
    )
    expect(fields).toMatchObject({ status: 201, body: { polluted: false } })
    expect((await ask('/go?to=/x&__proto__=1&toString=2')).status).toBe(303)
  })

  it('names at most ten of its problems', async () => {
    const answer = await post(confirm, { parts: Array(3000).fill(1) })
    expect(answer.body.error).toContain('and 2990 more')
    expect(answer.text.length).toBeLessThan(2_000)
  })

  it.each(['x-http-method-override', 'x-http-method', 'x-method-override'])(
    '%s changes no method',
    async (name) => {
      const answer = await ask('/bookings/8', { as: clerk, headers: { [name]: 'DELETE' } })
      expect(answer.status).toBe(200)
      expect((await ask('/bookings/8?_method=DELETE', { as: clerk })).status).toBe(200)
    },
  )

  it.each([
    '/bookings/%2e%2e',
    '/bookings/a%2Fb',
    '/bookings/a%5Cb',
    '/bookings/%00',
    '/bookings/%zz',
    '/bookings/%C0%AE',
    '/%62ookings/8',
    '/bookings//8',
    '/bookings/8;x/y',
  ])('finds nothing at %s', async (path) => {
    expect((await ask(path, { as: clerk })).status).toBe(404)
  })

  it('may be one value where a header comes twice', async () => {
    const { app, keys } = hosted()
    const headers = new Headers({ apikey: keys.anonKey })
    headers.append('apikey', keys.serviceRoleKey)
    expect((await app.request('/sample/bookings/8', { headers })).status).toBe(401)
  })

  it('says which route is not there: unknown_route', async () => {
    expect(await ask('/bookings')).toMatchObject({ status: 404, body: { code: 'unknown_route' } })
  })
})

describe('a declaration', () => {
  const declare = (...paths: readonly string[]) =>
    createRoutesSurface({
      database: { system: 'sample' } as never,
      clock: { now: () => new Date() },
      routes: paths.map((path) => ({ ...routes[0]!, path })),
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
