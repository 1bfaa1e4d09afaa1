import { describe, expect, test } from 'vitest'
import { Slots } from '../filter.ts'
import { readCallBody, readRows } from './read-body.ts'

const latin1 = Buffer.from('{"name":"café"}', 'latin1')

test.each(['application/json', 'text/csv', 'application/x-www-form-urlencoded'])(
  'rows of %s that are not UTF-8 are refused, not altered',
  async (type) => {
    await expect(readRows(type, latin1, false)).rejects.toMatchObject({ code: 'PGRST102' })
  },
)
test.each(['application/json', 'text/plain'])('neither is a call by %s', async (type) => {
  await expect(readCallBody(type, latin1, new Slots())).rejects.toMatchObject({ code: 'PGRST102' })
})
test('bytes may be any bytes', async () => {
  expect(await readCallBody('application/octet-stream', latin1, new Slots())).toMatchObject({ value: latin1 })
})

describe('a body', () => {
  const rows = (type: string | null, text: string, mixed = false) => readRows(type, Buffer.from(text), mixed)
  test('of rows keeps its bytes and gives its keys', async () => {
    const text = '[{"a":1.0,"b":2},{"b":1,"a":2}]'
    expect(await rows(null, text)).toEqual({ json: Buffer.from(text), isArray: true, keys: ['a', 'b'] })
    expect(await rows('application/json; charset=utf-8', '{"__proto__":1}')).toMatchObject({
      isArray: false,
      keys: ['__proto__'],
    })
    expect(await rows('application/json', '[{"a":1},{"b":1}]', true)).toMatchObject({ keys: ['a'] })
  })
  test.each([
    ['application/json', ''],
    ['application/json', '{'],
    ['application/json', '"x"'],
    ['application/json', '[1]'],
    ['application/json', '[{"a":1},{"b":1}]'],
    ['application/json', `${'['.repeat(600)}${']'.repeat(600)}`],
    ['application/json', `{${Array.from({ length: 2000 }, (_, key) => `"${key}":1`).join(',')}}`],
    ['text/csv', 'a,b\n1'],
    ['application/x-www-form-urlencoded', 'a&'.repeat(2_000)],
    ['image/png', 'x'],
  ])('%s %j is refused', async (type, text) => {
    await expect(rows(type, text)).rejects.toMatchObject({ code: 'PGRST102' })
  })
  test('of a form is short', async () => {
    const form = 'application/x-www-form-urlencoded'
    await expect(rows(form, 'a'.repeat(300_000))).rejects.toMatchObject({ code: 'payload_too_large' })
  })
  test('brackets in strings do not nest', async () => {
    expect((await rows(null, JSON.stringify({ a: `\\"${'['.repeat(2_000)}` }))).keys).toEqual(['a'])
  })
  test('of a call may be anything that a function takes', async () => {
    const slots = new Slots()
    const read = (type: string | null, text: string) => readCallBody(type, Buffer.from(text), slots)
    expect(await read(null, '')).toMatchObject({ kind: 'json', keys: [], json: Buffer.from('{}') })
    expect(await read(null, '[1]')).toMatchObject({ kind: 'json', isObject: false })
    expect(await read('application/x-www-form-urlencoded', 'a=1&a=2')).toMatchObject({
      texts: [
        { name: 'a', slot: 0 },
        { name: 'a', slot: 1 },
      ],
    })
    expect(await read('text/plain', 'hi')).toEqual({
      kind: 'raw',
      type: 'text/plain',
      value: Buffer.from('hi'),
    })
    await expect(read('a/b', '')).rejects.toMatchObject({ code: 'PGRST102' })
  })
})
