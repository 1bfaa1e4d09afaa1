import { expect, test } from 'vitest'
import { type Attempt, afterAttempt, newStanding, pauseBefore, type TailStanding } from './tail-states.ts'

const turnedAway: Attempt = { kind: 'turned away' }
const failed = (heldMilliseconds = 0): Attempt => ({ kind: 'failed', problem: 'gone', heldMilliseconds })
const letGo: Attempt = { kind: 'let go' }
const held: TailStanding = { ...newStanding, state: 'following', hasHeld: true }
const after = (before: TailStanding, ...attempts: readonly Attempt[]) => attempts.reduce(afterAttempt, before)

test.each([
  ['a node that never held the stream stands by at once', newStanding, [turnedAway], 'standby'],
  ['a node that held it waits for its own lost connection', held, Array(10).fill(turnedAway), 'starting'],
  ['until it must be another node’s', held, Array(11).fill(turnedAway), 'standby'],
  ['one that stands by goes on to', { ...held, state: 'standby' } as TailStanding, [turnedAway], 'standby'],
  ['a stream that fails is broken', held, [failed()], 'broken'],
  ['also where another node held it before', newStanding, [turnedAway, failed()], 'broken'],
  ['one that was let go of is taken again', held, [letGo], 'starting'],
])('%s', (_, before, attempts, state) => {
  expect(after(before, ...attempts).state).toBe(state)
})

test('pauses grow with failures up to 5 s, and failures are forgotten when the stream was held for long', () => {
  const pausesOf = (attempts: readonly Attempt[]) =>
    attempts.map((_, count) => pauseBefore(after(held, ...attempts.slice(0, count + 1))))
  expect(pausesOf(Array(8).fill(failed()))).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000])
  expect(pausesOf([failed(), failed(), failed(30_000), failed()])).toEqual([100, 200, 100, 200])
  expect(pausesOf([failed(), failed(), letGo, failed()])).toEqual([100, 200, 100, 100])
  expect(pausesOf([failed(), turnedAway])).toEqual([100, 100])
  expect(pauseBefore(after(newStanding, turnedAway))).toBe(500)
})

test('why it is broken is told as long as it is', () => {
  expect(after(held, failed()).problem).toBe('gone')
  expect(after(held, failed(), turnedAway).problem).toBeNull()
})
