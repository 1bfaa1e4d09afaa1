import fc from 'fast-check'

/**
 * What a client does on its socket, one after the other. `read` waits until the server says something or closes, `drain`
 * until it closes.
 */
export type Step = { readonly say: string } | 'read' | 'drain' | 'end' | 'reset' | 'close'

/** Targets that URL parsers throw at, or read as something else than it looks. */
export const hostileTargets: readonly string[] = [
  '//',
  '///',
  '//x',
  '//[',
  '//%',
  '/\\',
  '*',
  '?',
  '#',
  '%',
  '/%',
  '/%zz',
  '/%00',
  '/..',
  '/../..',
  'http://',
  'http://:99999/',
  'http://[/',
  'http://x:x@y/',
  'https://[::1]:1/x',
  'ftp://x/',
  'x:443',
  '/?apikey=%',
  '/?apikey=a.b.c',
  '/?vsn=__proto__',
  '/__proto__/constructor',
  `/${'a'.repeat(8_000)}`,
  `/?${'&'.repeat(8_000)}`,
  '/\u00ff\u0080',
]

const methods = ['GET', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'CONNECT', 'TRACE', 'PRI', 'get', 'G\u0000T', '']
const versions = ['HTTP/1.1', 'HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/1.1 x', 'http/1.1', '']

const handshake = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
const headerLines = [
  'Host: x\r\n',
  'Host: [\r\n',
  'Host: shops.x\r\nHost: y\r\n',
  handshake,
  `${handshake}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`,
  `${handshake}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n`,
  `${handshake}Sec-WebSocket-Version: 99\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`,
  `${handshake}Sec-WebSocket-Protocol: ,,\r\n`,
  'Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive, upgrade\r\n',
  'Upgrade: websocket\r\n',
  'Expect: 100-continue\r\n',
  'Expect: 200-maybe\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: -1\r\n',
  'Content-Length: 99999999999999999999\r\n',
  'Content-Length: 5\r\nContent-Length: 6\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n',
  'Authorization: Bearer \r\n',
  'Authorization: Bearer a.b.c\r\n',
  'apikey: \u00ff\r\n',
  'X-Forwarded-For: ,,,\r\n',
  'X-Request-Id: \u0001\r\n',
  'Accept: __proto__\r\n',
  'Accept: constructor\r\n',
  ': nothing\r\n',
  'no colon\r\n',
  ' folded\r\n',
  `X-Long: ${'x'.repeat(20_000)}\r\n`,
]
const bodies = ['', 'hello', '5\r\nhello\r\n0\r\n\r\n', 'zz\r\n', '0\r\n\r\n', '{"a":', '\u0000'.repeat(100)]

/** One request, from right to nonsense. `targets` are addresses that lead somewhere on the server under test. */
const requestTo = (targets: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.oneof({ weight: 6, arbitrary: fc.constant('GET') }, fc.constantFrom(...methods)),
      fc.constantFrom(...targets, ...targets, ...hostileTargets),
      fc.oneof({ weight: 8, arbitrary: fc.constant('HTTP/1.1') }, fc.constantFrom(...versions)),
      fc.array(fc.constantFrom(...headerLines), { maxLength: 4 }),
      fc.constantFrom(...bodies),
    )
    .map(
      ([method, target, version, lines, body]) =>
        `${method} ${target} ${version}\r\nHost: x\r\n${lines.join('')}\r\n${body}`,
    )

/** Bytes with no sense at all, and frames of WebSockets and TLS. */
const noise = fc.oneof(
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.constantFrom(
    '\r\n',
    '\n',
    '\r',
    '\u0016\u0003\u0001\u0002\u0000',
    '\u0081\u0085\u0000\u0000\u0000\u0000hello',
  ),
  fc.constantFrom('\u0088\u0000', '\u008f\u00ff', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'GET /\r\n', 'GET /'),
)

/** A text said in up to three pieces, so that it is interrupted at any byte. */
const inPieces = (text: fc.Arbitrary<string>): fc.Arbitrary<Step[]> =>
  fc.tuple(text, fc.nat(), fc.nat(), fc.boolean()).map(([whole, a, b, all]) => {
    const [first, second] = [a % (whole.length + 1), b % (whole.length + 1)].sort((x, y) => x - y)
    const pieces = all ? [whole] : [whole.slice(0, first), whole.slice(first, second)]
    return pieces.filter((piece) => piece !== '').map((say) => ({ say }))
  })

/**
 * A client's side of one connection: requests one behind the other, broken off anywhere, half closed, reset, upgraded,
 * or no HTTP at all.
 */
export const conversation = (targets: readonly string[]): fc.Arbitrary<Step[]> =>
  fc
    .tuple(
      fc.array(
        fc.oneof(
          { weight: 4, arbitrary: inPieces(requestTo(targets)) },
          { weight: 1, arbitrary: inPieces(noise) },
          { weight: 1, arbitrary: fc.constant<Step[]>(['read']) },
        ),
        { minLength: 1, maxLength: 4 },
      ),
      fc.constantFrom<Step>('end', 'reset', 'close', 'read'),
      fc.constantFrom<Step>('reset', 'close', 'read'),
    )
    .map(([parts, ...last]) => [...parts.flat(), ...last])
