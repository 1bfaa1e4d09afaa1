import { expect, test } from 'vitest'
import { createActorMessages } from '../../database/index.ts'
import { createChangeDecoder, formatInstant } from './decode-changes.ts'
import { createFrameReader } from './read-frames.ts'
import type { StreamedChunk } from './streamed-chunk.ts'

const text = (value: string) => Buffer.from(`${value}\0`)
const int16 = (value: number) => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}
const int32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const int64 = (value: bigint) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}
const message = (type: string, ...parts: Buffer[]) => Buffer.concat([Buffer.from(type), ...parts])

const beginAt = (microseconds: bigint) => message('B', int64(0x1_0000_0100n), int64(microseconds), int32(77))
const begin = beginAt(0n)
const commit = message('C', Buffer.of(0), int64(0x1_0000_0100n), int64(0x1_0000_0200n), int64(0n))
const relation = (identity: string, columns: readonly (readonly [string, boolean])[]) =>
  message(
    'R',
    int32(42),
    text('public'),
    text('items'),
    Buffer.from(identity),
    int16(columns.length),
    ...columns.flatMap(([name, key]) => [Buffer.of(key ? 1 : 0), text(name), int32(25), int32(-1)]),
  )
/** Null is SQL NULL, undefined a large value that was not sent. */
const tuple = (...values: readonly (string | null | undefined)[]) =>
  Buffer.concat([
    int16(values.length),
    ...values.map((value) => {
      if (value === null) return Buffer.from('n')
      if (value === undefined) return Buffer.from('u')
      return Buffer.concat([Buffer.from('t'), int32(Buffer.byteLength(value)), Buffer.from(value)])
    }),
  ])
const logical = (prefix: string, content: string) =>
  message('M', Buffer.of(1), int64(0n), text(prefix), int32(Buffer.byteLength(content)), Buffer.from(content))

const actors = createActorMessages('secret of tests')

function decode(...messages: readonly Buffer[]): StreamedChunk[] {
  const chunks: StreamedChunk[] = []
  const decoder = createChangeDecoder(actors, (chunk) => chunks.push(chunk))
  for (const each of messages) decoder.decode(each)
  return chunks
}

const full = relation('f', [
  ['id', true],
  ['name', true],
  ['doc', true],
])

test('an insert, an update and a delete come with their images, in their order', () => {
  const [transaction] = decode(
    begin,
    full,
    message('I', int32(42), Buffer.from('N'), tuple('1', 'Ada', null)),
    message(
      'U',
      int32(42),
      Buffer.from('O'),
      tuple('1', 'Ada', null),
      Buffer.from('N'),
      tuple('1', '', '{}'),
    ),
    message('D', int32(42), Buffer.from('O'), tuple('1', '', '{}')),
    commit,
  )
  expect(transaction).toMatchObject({
    transaction: { xid: 77, position: '1/100', actor: null },
    index: 0,
    isLast: true,
    end: 0x1_0000_0200n,
    messages: [],
  })
  expect(transaction!.changes.map(({ operation, before, after }) => [operation, before, after])).toEqual([
    ['insert', null, { id: '1', name: 'Ada', doc: null }],
    ['update', { id: '1', name: 'Ada', doc: null }, { id: '1', name: '', doc: '{}' }],
    ['delete', { id: '1', name: '', doc: '{}' }, null],
  ])
  expect(transaction!.changes[0]!.relation).toMatchObject({ schema: 'public', table: 'items', oid: 42 })
})

test('a large value that an update left alone is taken from the image before', () => {
  const [transaction] = decode(
    begin,
    full,
    message(
      'U',
      int32(42),
      Buffer.from('O'),
      tuple('1', 'a', 'long'),
      Buffer.from('N'),
      tuple('1', 'b', undefined),
    ),
    commit,
  )
  expect(transaction!.changes[0]!.after).toEqual({ id: '1', name: 'b', doc: 'long' })
})

test('without full images, what was not sent is left out and not taken for null', () => {
  const [transaction] = decode(
    begin,
    relation('d', [
      ['id', true],
      ['name', false],
      ['doc', false],
    ]),
    message('U', int32(42), Buffer.from('N'), tuple('1', null, undefined)),
    message('U', int32(42), Buffer.from('K'), tuple('1', null, null), Buffer.from('N'), tuple('2', 'b', 'c')),
    message('D', int32(42), Buffer.from('K'), tuple('2', null, null)),
    commit,
  )
  expect(transaction!.changes.map(({ before, after }) => [before, after])).toEqual([
    [null, { id: '1', name: null }],
    [{ id: '1' }, { id: '2', name: 'b', doc: 'c' }],
    [{ id: '2' }, null],
  ])
})

test('values stay the text that PostgreSQL wrote: no number rounded, no byte lost', () => {
  const values = ['9007199254740993', '0.1000000000000000055511151231257827', 'zwölf € 𝛑 "\\\n']
  const [transaction] = decode(
    begin,
    full,
    message('I', int32(42), Buffer.from('N'), tuple(...values)),
    commit,
  )
  expect(Object.values(transaction!.changes[0]!.after!)).toEqual(values)
})

test('the time of commit keeps its microseconds', () => {
  expect(formatInstant(0n)).toBe('2000-01-01T00:00:00.000000Z')
  expect(formatInstant(848_521_729_744_957n)).toBe('2026-11-20T20:28:49.744957Z')
  expect(formatInstant(848_521_729_000_001n)).toBe('2026-11-20T20:28:49.000001Z')
  const [transaction] = decode(beginAt(1n), commit)
  expect(transaction!.transaction.committedAt).toBe('2000-01-01T00:00:00.000001Z')
})

const ada = { user: 'ada', role: 'authenticated', requestId: 'r', via: null, reason: null }
const eve = { ...ada, user: 'eve' }

test('the actor is the one that the platform named, whatever else SQL says before or after it', () => {
  const [transaction] = decode(
    begin,
    logical('plinth.actor', JSON.stringify(eve)),
    logical('plinth.actor', createActorMessages('another secret').write(eve)),
    logical('plinth.actor', actors.write(ada)),
    logical('plinth.actor', actors.write(eve)),
    logical('other', 'content'),
    commit,
  )
  expect(transaction!.transaction.actor).toEqual(ada)
  // What proves it is not handed on: stored, it could be sent again.
  expect(transaction!.transaction.actorJson!.toString()).toBe(JSON.stringify(ada))
  expect(transaction!.messages).toEqual([{ prefix: 'other', content: Buffer.from('content') }])
})

test.each(['', 'null', '{', '[]', JSON.stringify(eve), `${'A'.repeat(63)}${JSON.stringify(eve)}`])(
  '%j is no actor',
  (content) => {
    const [transaction] = decode(begin, logical('plinth.actor', content), commit)
    expect(transaction).toMatchObject({ transaction: { actor: null, actorJson: null }, messages: [] })
  },
)

test('a table that was altered is described anew; earlier changes keep their own description', () => {
  const row = (...values: string[]) => message('I', int32(42), Buffer.from('N'), tuple(...values))
  const [transaction] = decode(
    begin,
    full,
    row('1', 'a', 'b'),
    relation('f', [['id', true]]),
    row('2'),
    commit,
  )
  expect(transaction!.changes.map(({ after }) => after)).toEqual([
    { id: '1', name: 'a', doc: 'b' },
    { id: '2' },
  ])
})

test.each([
  [
    'a change outside a transaction',
    [full, message('I', int32(42), Buffer.from('N'), tuple('1', null, null))],
  ],
  ['a row of a table that was not described', [begin, message('I', int32(7), Buffer.from('N'), tuple('1'))]],
  ['an unknown message', [begin, message('?')]],
  ['a change without its row', [begin, full, message('I', int32(42), Buffer.from('X'))]],
])('%s is a protocol failure', (_, messages) => {
  expect(() => decode(...messages)).toThrow(expect.objectContaining({ code: 'tail_protocol' }))
})

const insert = (value: string) => message('I', int32(42), Buffer.from('N'), tuple('1', value, null))

test('a large transaction comes in chunks, the same ones whenever it comes again', () => {
  const rows = Array.from({ length: 1_200 }, (_, n) => insert(String(n)))
  const messages = [begin, logical('plinth.actor', actors.write(ada)), full, ...rows, commit]
  const chunks = decode(...messages)
  expect(chunks.map(({ index, isLast, end, changes }) => [index, isLast, end, changes.length])).toEqual([
    [0, false, null, 500],
    [1, false, null, 500],
    [2, true, 0x1_0000_0200n, 200],
  ])
  expect(new Set(chunks.map(({ transaction }) => transaction)).size).toBe(1)
  expect(chunks[2]!.transaction.actor).toEqual(ada)
  expect(chunks.flatMap(({ changes }) => changes.map(({ after }) => after!['name']))).toEqual(
    rows.map((_, n) => String(n)),
  )
  // Rows that are large fill a chunk by their bytes.
  const large = decode(begin, full, ...Array.from({ length: 4 }, () => insert('x'.repeat(300_000))), commit)
  expect(large.map(({ changes }) => changes.length)).toEqual([2, 2])
  // A chunk that is just full is the last one when nothing follows it.
  expect(decode(begin, full, ...rows.slice(0, 500), commit)).toHaveLength(1)
})

test('who acts is said before the first change, or it is nobody', () => {
  const [late] = decode(begin, full, insert('a'), logical('plinth.actor', actors.write(ada)), commit)
  expect(late).toMatchObject({ transaction: { actor: null }, changes: { length: 1 }, messages: [] })
})

test('a truncate says which tables it emptied', () => {
  const truncate = message('T', int32(2), Buffer.of(0), int32(42), int32(42))
  const [transaction] = decode(begin, full, truncate, commit)
  expect(transaction!.truncated.map(({ table }) => table)).toEqual(['items', 'items'])
  expect(transaction!.changes).toEqual([])
  expect(() => decode(begin, truncate)).toThrow(expect.objectContaining({ code: 'tail_protocol' }))
})

test('types, origins and messages outside transactions are passed over', () => {
  const rest = [message('Y', int32(1), text('a'), text('b')), message('O', int64(1n), text('o'))]
  expect(decode(logical('plinth.actor', '{}'), ...rest, begin, ...rest, commit)).toHaveLength(1)
})

test('messages are cut from the stream wherever the network cuts it; those that are too large are passed over', () => {
  const bodies = ['', 'a', 'bb'.repeat(400), 'c', 'large'.repeat(300), 'd', 'large'.repeat(301)]
  const wire = Buffer.concat(
    bodies.map((body) => Buffer.concat([Buffer.from('d'), int32(4 + body.length), Buffer.from(body)])),
  )
  for (const size of [1, 2, 5, 7, 69, 70, 300, wire.length]) {
    const found: string[] = []
    const note = (type: number, body: Buffer, mark = '') =>
      found.push(`${String.fromCharCode(type)}${body}${mark}`)
    const read = createFrameReader(
      {
        onFrame: (type, bytes, start, end) => note(type, bytes.subarray(start, end)),
        onOversized: (type, beginning) => note(type, beginning, '…'),
      },
      1_000,
    )
    for (let at = 0; at < wire.length; at += size) read(Buffer.from(wire.subarray(at, at + size)))
    const beginning = `${'large'.repeat(13).slice(0, 64)}…`
    expect(found).toEqual(bodies.map((body) => (body.startsWith('large') ? `d${beginning}` : `d${body}`)))
  }
})

test('of a row that is too large the table is told, as of one that was emptied', () => {
  const chunks: StreamedChunk[] = []
  const decoder = createChangeDecoder(actors, (chunk) => chunks.push(chunk))
  for (const each of [begin, full, insert('a')]) decoder.decode(each)
  decoder.skip(insert('b'.repeat(100)).subarray(0, 39))
  decoder.skip(logical('any', 'c'.repeat(100)).subarray(0, 39))
  decoder.decode(commit)
  expect(chunks).toMatchObject([{ changes: { length: 1 }, truncated: [{ table: 'items' }], messages: [] }])
})
