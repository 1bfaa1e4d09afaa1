import { expect, test } from 'vitest'
import { readCallBody, readRows } from './body.ts'
import { Slots } from './filter.ts'

const latin1 = Buffer.from('{"name":"café"}', 'latin1')

test.each(['application/json', 'text/csv', 'application/x-www-form-urlencoded'])(
  'rows of %s that are not UTF-8 are refused, not altered',
  (type) => {
    expect(() => readRows(type, latin1, false)).toThrow(expect.objectContaining({ code: 'PGRST102' }))
  },
)
test.each(['application/json', 'text/plain'])('neither is a call by %s', (type) => {
  expect(() => readCallBody(type, latin1, new Slots())).toThrow(expect.objectContaining({ code: 'PGRST102' }))
})
test('bytes may be any bytes', () => {
  expect(readCallBody('application/octet-stream', latin1, new Slots())).toMatchObject({ value: latin1 })
})
