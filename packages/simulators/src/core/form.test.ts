import { expect, it } from 'vitest'
import { readForm } from './form.ts'

const plain = (text: string) => JSON.parse(JSON.stringify(readForm(text)))

it.each([
  ['a=1&b=x+y%26', { a: '1', b: 'x y&' }],
  ['a[b][c]=1&a[b][d]=2', { a: { b: { c: '1', d: '2' } } }],
  ['a[]=1&a[]=2', { a: { 0: '1', 1: '2' } }],
  ['a[1][p]=y&a[0][p]=x', { a: { 0: { p: 'x' }, 1: { p: 'y' } } }],
  ['metadata[6735]=z', { metadata: { 6735: 'z' } }],
  ['a=1&a=2', { a: '2' }],
  ['a[b=1&[c]=2&=3', {}],
])('%s', (text, form) => {
  expect(plain(text)).toEqual(form)
})

it('takes names that objects have of themselves as any other', () => {
  const form = readForm('__proto__[polluted]=1&constructor[prototype][x]=1')
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  expect(Object.keys(form)).toEqual(['__proto__', 'constructor'])
})
