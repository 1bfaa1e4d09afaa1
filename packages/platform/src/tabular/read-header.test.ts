import { expect, it } from 'vitest'
import { readHeader } from './read-header.ts'

it('says where each column stands', () => {
  const { columns, places } = readHeader([' No ', 'Price', '', ''], 'sample')
  expect(columns).toEqual(['No', 'Price', '', ''])
  expect([...places]).toEqual([
    ['No', 0],
    ['Price', 1],
  ])
})

it('renames columns', () => {
  const { places } = readHeader(['Rechnung', '__proto__'], 'sample', { Rechnung: 'InvoiceNo' })
  expect([...places.keys()]).toEqual(['InvoiceNo', '__proto__'])
})

it.each([
  ['a name that stands twice', ['No', 'Price', 'No '], {}, 'import_duplicate_column', { column: 'No' }],
  ['a new name that is there', ['No', 'Nr'], { Nr: 'No' }, 'import_duplicate_column', { column: 'No' }],
  ['two columns with one new name', ['a', 'b'], { a: 'No', b: 'No' }, 'import_duplicate_column', {}],
  ['a column that is not there', ['No'], { Nr: 'No' }, 'import_unknown_column', { column: 'Nr' }],
  ['a member of every object', ['No'], { constructor: 'No' }, 'import_unknown_column', {}],
])('refuses %s', (_what, fields, names, code, details) => {
  expect(() => readHeader(fields, 'sample', names)).toThrow(
    expect.objectContaining({ code, details: expect.objectContaining(details) }),
  )
})

it('swaps two columns', () => {
  const { columns } = readHeader(['a', 'b'], 'sample', { a: 'b', b: 'a' })
  expect(columns).toEqual(['b', 'a'])
})
