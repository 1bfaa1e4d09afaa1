import { expect, test } from 'vitest'
import { tailErrors } from '../errors.ts'
import { createUnreadableWatch } from './unreadable.ts'

const withCode = (code: string) => Object.assign(new Error('of PostgreSQL'), { code })
const tooLarge = withCode('54000')

test('a transaction that ends the stream three times with an error of its data is suspected', () => {
  const watch = createUnreadableWatch()
  for (const expected of [null, null, 7n]) {
    expect(watch.note(tooLarge, 7n)).toBe(true)
    expect(watch.suspect()).toBe(expected)
  }
  watch.clear()
  expect(watch.suspect()).toBeNull()
})

test('another one in between begins anew', () => {
  const watch = createUnreadableWatch()
  for (const during of [7n, 7n, 8n, 7n]) watch.note(tailErrors.tail_protocol({ problem: 'nonsense' }), during)
  expect(watch.suspect()).toBeNull()
})

test.each([
  ['a lost connection', new Error('The connection of the stream was lost')],
  ['a server that goes down', withCode('57P01')],
  ['a server without memory', withCode('53200')],
  ['a slot that somebody holds', withCode('55006')],
  ['a connection that was reset', withCode('ECONNRESET')],
])('%s says nothing about a transaction', (_, error) => {
  const watch = createUnreadableWatch()
  for (let count = 0; count < 5; count += 1) expect(watch.note(error, 7n)).toBe(false)
  expect(watch.suspect()).toBeNull()
})

test('nor does an error between transactions', () => {
  const watch = createUnreadableWatch()
  for (let count = 0; count < 5; count += 1) watch.note(tooLarge, null)
  expect(watch.suspect()).toBeNull()
})
