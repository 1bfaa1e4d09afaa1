import fc from 'fast-check'
import { type Body, type HttpCase, type SequenceCase, type Text, textOf } from '../case.ts'
import type { Target } from '../target.ts'
import { callerHeaders } from './callers.ts'
import { longText } from './large.ts'
import { pictures } from './pictures.ts'
import { wild } from './values.ts'

const system = 'everything'
const base = `/${system}/storage/v1`
const bucket = fc.constantFrom('open', 'open', 'closed', 'closed', 'nothing', '__proto__', '')
const name = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('a.png', 'b/c.txt', 'picture.png', 'picture.jpg', 'd/e/f', 'ü.txt'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '..',
      '../x',
      '%2e%2e/x',
      'a//b',
      '/',
      '%00',
      '%zz',
      '.',
      'a%2Fb',
      '%F0%9F%90%98',
      'a b',
      '*',
    ),
  },
  fc.string({ maxLength: 12 }).map((text) => encodeURIComponent(text.toWellFormed())),
)
const at = fc.tuple(bucket, name).map(([of, each]) => `${of}/${each}`)
const type = fc.constantFrom(
  'image/png',
  'image/jpeg',
  'text/plain',
  'image/svg+xml',
  'text/html',
  'application/json',
  'multipart/form-data; boundary=x',
  'multipart/form-data',
  'x',
)
const file: fc.Arbitrary<Body> = fc.oneof<fc.MaybeWeightedArbitrary<Body>[]>(
  { weight: 4, arbitrary: pictures },
  { weight: 3, arbitrary: fc.string({ maxLength: 200 }) },
  { weight: 1, arbitrary: longText(2_000_000) },
  {
    weight: 2,
    arbitrary: fc
      .string({ maxLength: 60 })
      .map(
        (text) => `--x\r\nContent-Disposition: form-data; name=""; filename="a"\r\n\r\n${text}\r\n--x--\r\n`,
      ),
  },
)

/** Files uploaded, read, signed, rendered, moved and removed; resumable uploads broken off anywhere. */
export function storageCases(target: Target): fc.Arbitrary<HttpCase | SequenceCase> {
  const caller = callerHeaders(target, system)
  return fc.oneof<fc.MaybeWeightedArbitrary<HttpCase | SequenceCase>[]>(
    { weight: 3, arbitrary: uploads(caller) },
    { weight: 3, arbitrary: reads(target, caller) },
    { weight: 3, arbitrary: commands(target, caller) },
    { weight: 2, arbitrary: rendered(caller) },
    { weight: 2, arbitrary: resumable(caller) },
  )
}

type Callers = ReturnType<typeof callerHeaders>

const uploads = (caller: Callers): fc.Arbitrary<HttpCase> =>
  fc
    .record({
      method: fc.constantFrom('POST', 'POST', 'PUT'),
      at,
      type,
      file,
      caller,
      more: fc.dictionary(
        fc.constantFrom('x-upsert', 'cache-control', 'x-metadata', 'content-encoding', 'if-none-match'),
        fc.constantFrom('true', 'false', '3600', 'max-age=x', 'e30=', 'e', 'gzip', '*', ''),
        { maxKeys: 2 },
      ),
    })
    .map(({ method, at: path, type: given, file: body, caller: who, more }) => ({
      kind: 'http',
      method,
      target: `${base}/object/${path}`,
      headers: { ...who, ...more, 'content-type': given },
      body,
    }))

/** Reading by every door: keys, public addresses, signatures, with conditions and ranges. */
const reads = ({ signed }: Target, caller: Callers): fc.Arbitrary<HttpCase> =>
  fc
    .record({
      method: fc.constantFrom('GET', 'GET', 'HEAD', 'DELETE', 'OPTIONS'),
      path: fc.oneof(
        fc
          .tuple(
            fc.constantFrom(
              '',
              'public/',
              'authenticated/',
              'info/',
              'info/public/',
              'sign/',
              'upload/sign/',
            ),
            at,
          )
          .map(([door, where]) => `/object/${door}${where}`),
        fc
          .tuple(fc.constantFrom('public/', 'authenticated/', 'sign/'), at)
          .map(([door, where]) => `/render/image/${door}${where}`),
        fc.constantFrom(
          ...signed,
          ...signed.map((url) => `${url}x`),
          ...signed.map((url) => url.replace('/open/', '/closed/')),
        ),
        at.map((where) => `/cdn/${where}`),
      ),
      query: fc.constantFrom(
        '',
        '',
        'download=',
        'download=%0d%0ax',
        'width=10',
        'width=0&height=-1',
        'quality=x',
        'token=a.b.c',
      ),
      more: fc.dictionary(
        fc.constantFrom('range', 'if-none-match', 'if-modified-since', 'if-range', 'accept'),
        fc.constantFrom(
          'bytes=0-1',
          'bytes=-5',
          'bytes=5-1',
          'bytes=0-0,2-3',
          'bytes=99999999999999999999-',
          '*',
          '"x"',
          'Thu, 01 Jan 1970 00:00:00 GMT',
          'image/avif,image/webp',
          'x',
        ),
        { maxKeys: 2 },
      ),
      caller,
    })
    .map(({ method, path, query, more, caller: who }) => ({
      kind: 'http',
      method,
      target: `${base}${path}${query ? `${path.includes('?') ? '&' : '?'}${query}` : ''}`,
      headers: { ...who, ...more },
    }))

const members = [
  'prefix',
  'prefixes',
  'paths',
  'limit',
  'offset',
  'sortBy',
  'search',
  'expiresIn',
  'transform',
  'bucketId',
  'sourceKey',
  'destinationKey',
  'destinationBucket',
  'id',
  'name',
  'public',
  'file_size_limit',
  'allowed_mime_types',
  'with_delimiter',
  'cursor',
  'upsert',
  '__proto__',
]

/** What is asked by JSON: lists, signatures, moves, buckets. */
const commands = ({ ids }: Target, caller: Callers): fc.Arbitrary<HttpCase> => {
  const value = fc.oneof(
    fc.constantFrom<unknown>(
      'open',
      'closed',
      'a.png',
      'b/c.txt',
      ['a.png', 'b/c.txt'],
      1,
      60,
      1_000_000,
      '1GB',
      '1.5 XB',
      ['image/*', 'x'],
      { column: 'name', order: 'desc' },
      { width: 10, height: 1e9 },
      true,
      null,
    ),
    wild(ids),
  )
  return fc
    .record({
      call: fc.constantFrom(
        ['POST', '/object/list/open'],
        ['POST', '/object/list-v2/closed'],
        ['POST', '/object/sign/open'],
        ['POST', '/object/sign/open/a.png'],
        ['POST', '/object/upload/sign/open/new.txt'],
        ['POST', '/object/move'],
        ['POST', '/object/copy'],
        ['DELETE', '/object/open'],
        ['POST', '/bucket'],
        ['PUT', '/bucket/closed'],
        ['GET', '/bucket'],
        ['GET', '/bucket/open'],
        ['POST', '/bucket/fuzz/empty'],
        ['DELETE', '/bucket/fuzz'],
        ['POST', '/bucket/open/lifecycle'],
        ['GET', '/vector/x'],
        ['GET', '/nothing'],
      ),
      body: fc.oneof<fc.MaybeWeightedArbitrary<Text>[]>(
        {
          weight: 8,
          arbitrary: fc
            .dictionary(fc.constantFrom(...members), value, { maxKeys: 6 })
            .map((fields) => JSON.stringify(fields)),
        },
        { weight: 1, arbitrary: fc.json() },
        { weight: 1, arbitrary: longText(1_500_000) },
      ),
      caller,
    })
    .map(({ call: [method, path], body, caller: who }) => ({
      kind: 'http',
      method: method!,
      target: `${base}${path}`,
      headers: { ...who, 'content-type': 'application/json' },
      ...(method === 'GET' ? {} : { body }),
    }))
}

/** A picture with bytes changed, and the server asked to make another size of it. */
const rendered = (caller: Callers): fc.Arbitrary<SequenceCase> =>
  fc
    .record({
      file: pictures,
      caller,
      side: fc.constantFrom('1', '7', '5000', '5001', '0', '-1', 'x', ''),
      resize: fc.constantFrom('cover', 'contain', 'fill', 'x'),
      format: fc.constantFrom('', 'origin', 'webp', 'avif', 'png', 'x'),
      n: fc.nat({ max: 20 }),
    })
    .map(({ file: body, caller: who, side, resize, format, n }) => ({
      kind: 'sequence',
      requests: [
        {
          kind: 'http',
          method: 'POST',
          target: `${base}/object/open/drawn-${n}.png`,
          headers: { ...who, 'content-type': 'image/png', 'x-upsert': 'true' },
          body,
        },
        {
          kind: 'http',
          method: 'GET',
          target: `${base}/render/image/public/open/drawn-${n}.png?width=${side}&height=3&resize=${resize}${format && `&format=${format}`}`,
          headers: {},
        },
      ],
    }))

const inBase64 = (text: string) => Buffer.from(text).toString('base64')

/** tus 1.0: made, continued at any offset with any bytes, asked for, given up. */
const resumable = (caller: Callers): fc.Arbitrary<SequenceCase> => {
  const tus = { 'tus-resumable': '1.0.0' }
  const metadata = fc
    .record({
      bucketName: fc.constantFrom('open', 'closed', 'nothing', ''),
      objectName: fc.constantFrom('big.bin', '../x', '', 'a/b'),
      contentType: fc.constantFrom('text/plain', 'x', ''),
      cacheControl: fc.constantFrom('3600', 'x'),
    })
    .map((fields) =>
      Object.entries(fields)
        .map(([key, value]) => `${key} ${inBase64(value)}`)
        .join(','),
    )
  const given = fc.oneof(
    { weight: 8, arbitrary: metadata },
    fc.constantFrom('', ',', 'bucketName', 'a b c', 'a ='),
  )
  const length = fc.constantFrom('10', '0', '100000', '-1', 'x', '99999999999999999999', '')
  const patch = fc
    .record({
      offset: fc.constantFrom('0', '5', '10', '-1', 'x', '99999999999'),
      part: longText(100_000),
      type: fc.constantFrom(
        'application/offset+octet-stream',
        'application/offset+octet-stream',
        'text/plain',
      ),
      method: fc.constantFrom('PATCH', 'PATCH', 'PATCH', 'HEAD', 'DELETE', 'POST', 'GET'),
    })
    .map(({ offset, part, type: kind, method }) => ({ offset, part, kind, method }))
  return fc
    .record({
      caller,
      metadata: given,
      length,
      first: fc.constantFrom('', 'hello'),
      parts: fc.array(patch, { maxLength: 3 }),
    })
    .map(({ caller: who, metadata: described, length: long, first, parts }) => ({
      kind: 'sequence',
      requests: [
        {
          kind: 'http',
          method: 'POST',
          target: `${base}/upload/resumable`,
          headers: {
            ...who,
            ...tus,
            'upload-length': long,
            'upload-metadata': described,
            ...(first ? { 'content-type': 'application/offset+octet-stream' } : {}),
          },
          ...(first ? { body: first } : {}),
        },
        ...parts.map(
          ({ offset, part, kind, method }): HttpCase => ({
            kind: 'http',
            method,
            target: { location: `${base}/upload/resumable/x` },
            headers: { ...who, ...tus, 'upload-offset': offset, 'content-type': kind },
            ...(method === 'PATCH' || method === 'POST' ? { body: textOf(part).slice(0, 20_000) } : {}),
          }),
        ),
      ],
    }))
}
