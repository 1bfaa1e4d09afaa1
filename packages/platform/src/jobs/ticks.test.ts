import { describe, expect, it } from 'vitest'
import { nextTick, ticksBetween, ticksToRun } from './ticks.ts'

const at = (text: string) => new Date(text)
const times = (ticks: readonly Date[]) => ticks.map((tick) => tick.toISOString())

describe('AT-11: a daily job in local time', () => {
  const nightly = (line: string, zone: string) => ({ line, zone, catchUp: 'all' as const })

  it.each([
    ['New York springs forward over 02:30', '30 2 * * *', 'America/New_York', '2026-03-07T12:00:00Z', 3],
    ['New York falls back over 01:30', '30 1 * * *', 'America/New_York', '2026-10-31T12:00:00Z', 3],
    [
      'Lord Howe falls back by half an hour over 01:45',
      '45 1 * * *',
      'Australia/Lord_Howe',
      '2026-04-03T00:00:00Z',
      3,
    ],
    ['São Paulo had no midnight', '0 0 * * *', 'America/Sao_Paulo', '2018-11-02T12:00:00Z', 3],
  ])('runs once a day when %s', (_case, line, zone, from, days) => {
    const until = new Date(at(from).getTime() + days * 24 * 3_600_000)
    expect(ticksBetween(nightly(line, zone), at(from), until)).toHaveLength(days)
  })

  it('runs right after a time that was skipped', () => {
    expect(nextTick(nightly('30 2 * * *', 'America/New_York'), at('2026-03-08T00:00:00Z'))).toEqual(
      at('2026-03-08T07:00:00Z'),
    )
  })

  it('runs the first time of two', () => {
    expect(nextTick(nightly('30 1 * * *', 'America/New_York'), at('2026-11-01T00:00:00Z'))).toEqual(
      at('2026-11-01T05:30:00Z'),
    )
  })
})

describe('catching up', () => {
  const every5 = (catchUp: 'skip' | 'once' | 'all') => ({ line: '*/5 * * * *', catchUp })
  const [stopped, started] = [at('2026-01-01T00:00:00Z'), at('2026-01-01T00:17:00Z')]

  it('all: runs every tick that passed', () => {
    expect(times(ticksToRun(every5('all'), stopped, started))).toEqual([
      '2026-01-01T00:05:00.000Z',
      '2026-01-01T00:10:00.000Z',
      '2026-01-01T00:15:00.000Z',
    ])
  })
  it('once: runs the last one', () => {
    expect(times(ticksToRun(every5('once'), stopped, started))).toEqual(['2026-01-01T00:15:00.000Z'])
  })
  it('skip: runs none that was missed, and the one that is due', () => {
    expect(ticksToRun(every5('skip'), stopped, started)).toEqual([])
    expect(times(ticksToRun(every5('skip'), stopped, at('2026-01-01T00:15:30Z')))).toEqual([
      '2026-01-01T00:15:00.000Z',
    ])
  })
  it('nothing is due before the first tick', () => {
    expect(ticksToRun(every5('all'), stopped, at('2026-01-01T00:04:59Z'))).toEqual([])
  })
})

it('refuses a line that means nothing', () => {
  const from = at('2026-01-01T00:00:00Z')
  expect(() => nextTick({ line: '61 * * * *', catchUp: 'skip' }, from)).toThrow()
  expect(() => nextTick({ line: '* * * * * *', catchUp: 'skip' }, from)).toThrow()
  expect(() => nextTick({ line: '0 2 * * *', zone: 'Mars/Olympus', catchUp: 'skip' }, from)).toThrow()
})
