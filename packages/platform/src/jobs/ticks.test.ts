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
    ['Berlin springs forward over 02:30', '30 2 * * *', 'Europe/Berlin', '2026-03-27T12:00:00Z', 4],
    ['Berlin falls back over 02:30', '30 2 * * *', 'Europe/Berlin', '2026-10-23T12:00:00Z', 4],
    ['Lord Howe springs forward', '15 2 * * *', 'Australia/Lord_Howe', '2026-10-02T00:00:00Z', 4],
    ['Havana had no midnight', '30 0 * * *', 'America/Havana', '2026-03-06T12:00:00Z', 4],
    ['Apia had no 30 December', '0 9 * * *', 'Pacific/Apia', '2011-12-29T00:00:00Z', 4],
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

it.each([
  ['New York falls back', 'America/New_York', '2026-11-01T03:00:00Z'],
  ['New York springs forward', 'America/New_York', '2026-03-08T04:00:00Z'],
  ['Lord Howe falls back by half an hour', 'Australia/Lord_Howe', '2026-04-04T12:00:00Z'],
  ['Lord Howe springs forward by half an hour', 'Australia/Lord_Howe', '2026-10-03T12:00:00Z'],
])('a job of every ten minutes keeps its pace while %s', (_case, zone, from) => {
  const until = new Date(at(from).getTime() + 6 * 3_600_000)
  const ticks = ticksBetween({ line: '*/10 * * * *', zone, catchUp: 'all' }, at(from), until)
  const gaps = ticks.map((tick, index) => tick.getTime() - (ticks[index - 1] ?? at(from)).getTime())
  expect(new Set(gaps)).toEqual(new Set([600_000]))
  expect(ticks).toHaveLength(36)
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
  it('years without a server are caught up in an instant, and at most a thousand ticks', () => {
    const minutely = (catchUp: 'once' | 'all') => ({ line: '* * * * *', zone: 'Europe/Berlin', catchUp })
    const began = performance.now()
    const [after, now] = [at('2016-01-01T00:00:00Z'), at('2026-01-01T00:00:30Z')]
    expect(times(ticksToRun(minutely('once'), after, now))).toEqual(['2026-01-01T00:00:00.000Z'])
    const all = ticksToRun(minutely('all'), after, now)
    expect([all.length, all.at(-1)]).toEqual([1000, at('2026-01-01T00:00:00Z')])
    expect(performance.now() - began).toBeLessThan(5_000)
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
