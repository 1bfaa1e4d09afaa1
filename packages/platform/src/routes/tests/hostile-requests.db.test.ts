import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { clerk, useSampleRoutes } from './sample-routes.ts'

const test = useSampleRoutes()
const { ask } = test

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
    const answer = await post(confirm, { parts: Array(2900).fill(1) })
    expect(answer.body.error).toContain('and 2890 more')
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
    const { app, keys } = test
    const headers = new Headers({ apikey: keys.anonKey })
    headers.append('apikey', keys.serviceRoleKey)
    expect((await app.request('/sample/bookings/8', { headers })).status).toBe(401)
  })

  it('says which route is not there: unknown_route', async () => {
    expect(await ask('/bookings')).toMatchObject({ status: 404, body: { code: 'unknown_route' } })
  })
})
