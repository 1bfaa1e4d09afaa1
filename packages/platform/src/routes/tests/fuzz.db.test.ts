import fc from 'fast-check'
import { expect, it } from 'vitest'
import { useSampleRoutes } from './sample-routes.ts'

const test = useSampleRoutes()

const pieces = fc.constantFrom(
  ...[
    'bookings',
    'mine',
    'certificates',
    'bodies',
    'text',
    'bytes',
    'form',
    'slots',
    'shout',
    'calendar.ics',
    'stream',
  ],
  ...[
    'functions',
    'v1',
    'served',
    'make-server-7dc8476e',
    'files',
    '1',
    'confirm',
    'openapi.json',
    '*',
    ':id',
    '',
    '.',
  ],
  ...['__proto__', 'constructor', '%2e%2e', '%2F', '%00', '%', '%zz', '%C0%AE', '\u{1F600}', ';', '~'],
)
const mosaic = fc
  .array(fc.oneof({ weight: 5, arbitrary: pieces }, fc.string({ maxLength: 12 })), { maxLength: 6 })
  .map((parts) => parts.join('/'))
const whole = fc.constantFrom(
  ...[
    'bookings/1',
    'bookings/mine',
    'certificates/1',
    'bodies/text',
    'bodies/bytes',
    'bodies/form',
    'shout/x/y',
  ],
  ...['make-server-7dc8476e/files/1/confirm', 'functions/v1/served', 'calendar.ics', 'openapi.json'],
)
const path = fc.oneof({ weight: 3, arbitrary: whole }, mosaic)
const query = fc.array(
  fc.oneof(
    fc.constantFrom('tag=a', 'notify=yes', 'notify', '=', '__proto__=1', 'apikey=x', '%'),
    fc.string(),
  ),
)
const contentType = fc.constantFrom(
  ...[
    'application/json',
    'application/json; charset=utf-16',
    'application/x-www-form-urlencoded',
    'text/plain',
    'a/b',
    '',
  ],
  ...[
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=x',
    'multipart/form-data; boundary="x"',
  ],
)
const body = fc.oneof(
  fc.json(),
  fc.string(),
  fc.uint8Array(),
  fc.constantFrom(
    '{"__proto__":{"a":1}}',
    '"\\ud800"',
    '{"note":"\\u0000"}',
    '[[[[',
    '-',
    '1e999',
    '\ufeff{}',
  ),
  fc.string().map((text) => `--x\r\ncontent-disposition: form-data; name="name"\r\n\r\n${text}\r\n--x--\r\n`),
)
const request = fc.record({
  method: fc.constantFrom(
    'GET',
    'POST',
    'POST',
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'HEAD',
    'OPTIONS',
    'QUERY',
    'X',
  ),
  path,
  query: query.map((parts) => parts.join('&')),
  contentType,
  body,
  key: fc.constantFrom('anon', 'service', 'none', 'wrong'),
})

it('no request makes a route fail inside, or answer without saying why', async () => {
  const statuses = new Set<number>()
  await fc.assert(
    fc.asyncProperty(request, async ({ method, path, query, contentType, body, key }) => {
      const url = `http://plinth.test/sample/${path}?${query}`
      fc.pre(URL.canParse(url))
      const keys = { anon: test.keys.anonKey, service: test.keys.serviceRoleKey, wrong: 'x.y.z' }
      const headers = {
        ...(contentType === '' ? {} : { 'content-type': contentType }),
        ...(key === 'none' ? {} : { apikey: keys[key as keyof typeof keys] }),
      }
      const hasBody = method !== 'GET' && method !== 'HEAD'
      const asked = hasBody ? { method, headers, body: body as string } : { method, headers }
      const answer = await test.app.request(new URL(url).href, asked)
      statuses.add(answer.status)
      expect(answer.status, `${method} ${url} ${contentType} ${String(body)}`).not.toBe(500)
      if (answer.status >= 400 && method !== 'HEAD') {
        expect(await answer.json()).toHaveProperty('code')
      }
    }),
    { numRuns: 600, seed: 20_261_121 },
  )
  expect([...statuses].sort()).toEqual(expect.arrayContaining([200, 204, 400, 401, 404, 405, 415]))
})
