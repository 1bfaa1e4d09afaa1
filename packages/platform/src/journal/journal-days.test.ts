import { expect, test } from 'vitest'
import { dayAfter } from './create-journal.ts'
import type { JournalDay } from './journal-session.ts'

/** The days under which entries are kept while the clock says these ones. */
const daysOf = (...clock: readonly number[]) => {
  let last: JournalDay | null = null
  return clock.map((today) => {
    last = dayAfter(last, today)
    return last.day
  })
}

test('a day of the journal is the day of the clock', () => {
  expect(daysOf(9_800, 9_800, 9_801, 9_830)).toEqual([9_800, 9_800, 9_801, 9_830])
})

test('a clock that is put back over midnight begins no new day', () => {
  expect(daysOf(9_801, 9_800, 9_801, 9_802)).toEqual([9_801, 9_801, 9_801, 9_802])
})

test('after a clock that was far ahead days go on one by one, so that they still grow old', () => {
  expect(daysOf(9_800, 36_500, 9_800, 9_800, 9_801, 9_803)).toEqual([
    9_800, 36_500, 36_501, 36_501, 36_502, 36_503,
  ])
})
