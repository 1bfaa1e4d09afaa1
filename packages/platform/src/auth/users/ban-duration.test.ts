import { expect, it } from 'vitest'
import { banEnd } from './ban-duration.ts'

const at = new Date('2026-01-15T12:00:00Z')

it.each([
  ['300ms', '2026-01-15T12:00:00.300Z'],
  ['2h45m', '2026-01-15T14:45:00.000Z'],
  ['1.5h', '2026-01-15T13:30:00.000Z'],
  ['1000000µs', '2026-01-15T12:00:01.000Z'],
])('a ban of %s ends at %s', (duration, end) => {
  expect(banEnd(duration, at)?.toISOString()).toBe(end)
})

it('lifts a ban with none', () => {
  expect(banEnd('none', at)).toBeNull()
})

it('ends a ban of an eternity in a hundred years', () => {
  expect(banEnd(`${'9'.repeat(40)}h`, at)?.getUTCFullYear()).toBe(2126)
})

it.each(['', '5', '5d', '-1h', '1h ', 'h', '1h30', `${'1h'.repeat(60)}`])('refuses %j', (duration) => {
  expect(() => banEnd(duration, at)).toThrow(expect.objectContaining({ code: 'validation_failed' }))
})
