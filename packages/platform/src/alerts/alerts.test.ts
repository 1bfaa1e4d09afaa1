import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DampedStatus, dampStatus, type Status } from './damp-status.ts'
import { type AlertRule, type RuleState, stepRule } from './step-rule.ts'

const damping = { worse: 2, better: 3 }
const statuses: readonly Status[] = ['ok', 'degraded', 'down']

const after = (seen: readonly Status[]): Status =>
  seen.reduce<DampedStatus | undefined>((state, status) => dampStatus(state, status, damping), undefined)!
    .status

describe('the status of a part', () => {
  it.each<[Status, readonly Status[]]>([
    ['down', ['down']],
    ['ok', ['ok', 'down']],
    ['down', ['ok', 'down', 'down']],
    ['down', ['ok', 'degraded', 'down']],
    ['degraded', ['ok', 'down', 'degraded']],
    ['ok', ['ok', 'down', 'ok', 'down', 'ok', 'down']],
    ['down', ['down', 'ok', 'ok']],
    ['ok', ['down', 'ok', 'ok', 'ok']],
    ['ok', ['down', 'degraded', 'ok', 'ok']],
    ['down', ['down', 'ok', 'ok', 'down', 'ok', 'ok']],
    ['degraded', ['degraded', 'ok', 'ok', 'down', 'ok']],
    ['down', ['degraded', 'ok', 'down', 'down']],
  ])('is %s after %j', (status, seen) => {
    expect(after(seen)).toBe(status)
  })

  it('is what was seen when that stays, and is never one that was not seen', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...statuses), { minLength: 1 }),
        fc.constantFrom(...statuses),
        (seen, last) => {
          expect(seen).toContain(after(seen))
          expect(after([...seen, last, last, last])).toBe(last)
        },
      ),
      { seed: 1 },
    )
  })
})

describe('a rule', () => {
  const rule: AlertRule = { name: 'waiting', summary: '', figure: 'x', above: 10, forSeconds: 60 }
  const closed: RuleState = { isOpen: false, beyondSince: null, withinSince: null }
  const play = (values: readonly (number | null)[], given: AlertRule = rule) => {
    const events: string[] = []
    let state = closed
    values.forEach((value, minute) => {
      const { event, ...next } = stepRule(given, state, value, minute * 30_000)
      state = next
      if (event) events.push(`${event} ${minute}`)
    })
    return events
  }

  it.each<[string, readonly (number | null)[], readonly string[]]>([
    ['within its bound', [1, 10, 5], []],
    ['beyond it for too short', [11, 11, 5, 11, 11, 5], []],
    ['beyond it for long enough', [11, 11, 11], ['began 2']],
    ['at its end', [11, 11, 11, 1, 1, 1, 1], ['began 2', 'ended 5']],
    ['going up and down', [11, 11, 11, 1, 11, 1, 11, 1, 1, 1], ['began 2', 'ended 9']],
    ['without a figure in between', [11, null, 11, null, 1, null, null, 1], ['began 2', 'ended 7']],
  ])('%s', (_case, values, events) => {
    expect(play(values)).toEqual(events)
  })

  it('takes a lower bound, no duration, and one of its own for the end', () => {
    const low: AlertRule = { name: 'stock', summary: '', figure: 'x', below: 2, endsAfterSeconds: 30 }
    expect(play([2, 1, 1, 3, 3], low)).toEqual(['began 1', 'ended 4'])
  })

  it('tells of beginning and end in turns, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer({ min: 0, max: 20 })), { maxLength: 100 }), (values) => {
        const events = play(values).map((event) => event.split(' ')[0])
        expect(events).toEqual(events.map((_, at) => (at % 2 === 0 ? 'began' : 'ended')))
      }),
      { seed: 2 },
    )
  })
})
