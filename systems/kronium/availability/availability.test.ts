import { createRandom } from '@plinth/testing'
import { describe, expect, it } from 'vitest'
import { freeSlots, type Place, type SlotRules } from './free-slots.ts'
import { joined, type OpeningHours, openingsOf } from './open-times.ts'
import { clockOf, slotsByOracle } from './oracle.ts'
import { day, instantOf, isZone, minute, offsetsOf, repeatAfter, wallClock } from './zone-clock.ts'

/** Numbers from 0 to below 1, the same in every run. */
function createFractions(seed: number): () => number {
  const random = createRandom(seed)
  return () => random(2 ** 30) / 2 ** 30
}
const isLong = process.env['PLINTH_TEST_LONG'] === '1'
const zones = Intl.supportedValuesOf('timeZone')
const everyDay = (opens: number, closes: number) =>
  Array.from({ length: 7 }, (_, index) => ({ weekday: index + 1, opens, closes }))
const hoursIn = (zone: string, weekly: OpeningHours['weekly'], more: Partial<OpeningHours> = {}) => ({
  zone,
  weekly,
  overrides: new Map(),
  holidays: new Set<string>(),
  ...more,
})
const nineToFive = (zone: string) => hoursIn(zone, everyDay(9 * 60, 17 * 60))
const rules = (zone: string, from: string, days: number, more: Partial<SlotRules> = {}): SlotRules => ({
  duration: 60,
  bufferBefore: 0,
  bufferAfter: 0,
  step: 60,
  earliest: instantOf(zone, `${from}T00:00`),
  latest: instantOf(zone, `${from}T00:00`) + days * day,
  ...more,
})
const free: readonly Place[] = [{ id: 'one', busy: [] }]

describe('the clocks of a zone (AT-10)', () => {
  it.each([
    ['America/New_York', '2026-03-08', '09:00:00-04:00', '16:00:00-04:00'],
    ['America/New_York', '2026-11-01', '09:00:00-05:00', '16:00:00-05:00'],
    ['Australia/Lord_Howe', '2026-04-05', '09:00:00+10:30', '16:00:00+10:30'],
    ['Australia/Lord_Howe', '2026-10-04', '09:00:00+11:00', '16:00:00+11:00'],
    ['Africa/Casablanca', '2026-02-15', '09:00:00+00:00', '16:00:00+00:00'],
    ['Africa/Casablanca', '2026-03-22', '09:00:00+01:00', '16:00:00+01:00'],
    ['Antarctica/Troll', '2026-03-29', '09:00:00+02:00', '16:00:00+02:00'],
    ['Antarctica/Troll', '2026-10-25', '09:00:00+00:00', '16:00:00+00:00'],
    ['Asia/Kathmandu', '2026-05-05', '09:00:00+05:45', '16:00:00+05:45'],
  ])('slots of 9–17 in %s on %s are what the wall clock shows', (zone, date, first, last) => {
    const shown = freeSlots(nineToFive(zone), free, rules(zone, date, 1)).map(({ from }) =>
      wallClock(zone, from),
    )
    expect(shown).toHaveLength(8)
    expect([shown[0], shown.at(-1)]).toEqual([`${date}T${first}`, `${date}T${last}`])
  })

  it('an hour that is skipped is not offered, and one that is repeated is offered twice', () => {
    const night = hoursIn('America/New_York', everyDay(0, 240))
    const timesOn = (date: string) =>
      freeSlots(night, free, rules('America/New_York', date, 1))
        .map(({ from }) => wallClock('America/New_York', from))
        .filter((shown) => shown.startsWith(date))
        .map((shown) => shown.slice(11))
    expect(timesOn('2026-03-08')).toEqual(['00:00:00-05:00', '01:00:00-05:00', '03:00:00-04:00'])
    expect(timesOn('2026-11-01')).toEqual([
      '00:00:00-04:00',
      '01:00:00-04:00',
      '01:00:00-05:00',
      '02:00:00-05:00',
      '03:00:00-05:00',
    ])
  })

  it('days of a zone that skips one, and the zone of the process, change nothing', () => {
    // Samoa had no 30 December 2011.
    const slots = freeSlots(nineToFive('Pacific/Apia'), free, rules('Pacific/Apia', '2011-12-29', 2))
    expect(new Set(slots.map(({ from }) => wallClock('Pacific/Apia', from).slice(0, 10)))).toEqual(
      new Set(['2011-12-29', '2011-12-31']),
    )
  })

  it('offsets tile time without a gap in every zone (AT-9)', () => {
    const within = { from: Date.UTC(2020, 0), until: Date.UTC(2036, 0) }
    for (const zone of isLong ? zones : zones.filter((_, index) => index % 60 === 7)) {
      const spans = offsetsOf(zone, within)
      expect([spans[0]!.from, spans.at(-1)!.until]).toEqual([within.from, within.until])
      expect(spans.every((span, index) => index === 0 || span.from === spans[index - 1]!.until)).toBe(true)
    }
  })

  it('knows zones by their names, and repeats by the wall clock', () => {
    expect(['Europe/Oslo', 'UTC', '+01:00', 'Mars/Base', '../etc', ''].map(isZone)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ])
    const first = instantOf('Europe/Oslo', '2026-03-22T10:00')
    expect(wallClock('Europe/Oslo', repeatAfter('Europe/Oslo', first, 'weeks', 1))).toBe(
      '2026-03-29T10:00:00+02:00',
    )
    const last = instantOf('Europe/Oslo', '2026-01-31T10:00')
    expect(wallClock('Europe/Oslo', repeatAfter('Europe/Oslo', last, 'months', 1))).toBe(
      '2026-02-28T10:00:00+01:00',
    )
  })
})

describe('slots', () => {
  const at = (time: string) => Date.parse(`2026-06-01T${time}:00Z`)
  const monday = rules('UTC', '2026-06-01', 1)
  const times = (slots: readonly { from: number }[]) =>
    slots.map(({ from }) => new Date(from).toISOString().slice(11, 16))

  it('keep buffers, whoever has them', () => {
    const busy = [{ id: 'one', busy: [at('12:00'), at('13:00')] }]
    expect(times(freeSlots(nineToFive('UTC'), busy, monday))).toEqual([
      '09:00',
      '10:00',
      '11:00',
      '13:00',
      '14:00',
      '15:00',
      '16:00',
    ])
    expect(times(freeSlots(nineToFive('UTC'), busy, { ...monday, bufferAfter: 10 }))).toEqual([
      '09:00',
      '10:00',
      '13:00',
      '14:00',
      '15:00',
      '16:00',
    ])
    expect(times(freeSlots(nineToFive('UTC'), busy, { ...monday, bufferBefore: 10 }))).toEqual([
      '09:00',
      '10:00',
      '11:00',
      '14:00',
      '15:00',
      '16:00',
    ])
  })

  it('name who of a pool is free, in its order', () => {
    const pool = [
      { id: 'ann', busy: [at('09:00'), at('10:00')] },
      { id: 'bob', busy: [at('09:30'), at('11:00')] },
    ]
    const slots = freeSlots(nineToFive('UTC'), pool, { ...monday, latest: at('12:00') })
    expect(slots.map(({ places }) => places)).toEqual([['ann'], ['ann', 'bob']])
    expect(times(slots)).toEqual(['10:00', '11:00'])
  })

  it('follow overrides before holidays before weekdays', () => {
    const hours = hoursIn('UTC', everyDay(540, 600), {
      overrides: new Map([
        ['2026-06-02', [{ opens: 600, closes: 660 }]],
        ['2026-06-03', []],
        ['2026-06-05', [{ opens: 720, closes: 780 }]],
      ]),
      holidays: new Set(['2026-06-04', '2026-06-05']),
    })
    const slots = freeSlots(hours, free, rules('UTC', '2026-06-01', 6))
    expect(slots.map(({ from }) => new Date(from).toISOString().slice(8, 16))).toEqual([
      '01T09:00',
      '02T10:00',
      '05T12:00',
      '06T09:00',
    ])
  })

  it('begin on the grid of the opening, whenever one asks, and not before the notice is over', () => {
    const asked = freeSlots(nineToFive('UTC'), free, { ...monday, step: 45, earliest: at('10:07') })
    expect(times(asked).slice(0, 2)).toEqual(['10:30', '11:15'])
    expect(freeSlots(nineToFive('UTC'), free, { ...monday, earliest: monday.latest })).toEqual([])
  })
})

/** A week, a pool and rules that somebody could have. */
function drawCase(random: () => number, zone: string, from: number, days: number) {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const weekly = Array.from({ length: 7 }, (_, index) => {
    const opens = Math.floor(random() * 20) * 60 + pick([0, 0, 15, 30])
    return { weekday: index + 1, opens, closes: Math.min(1440, opens + 60 + Math.floor(random() * 12) * 60) }
  }).concat(random() < 0.3 ? everyDay(0, 150) : [], random() < 0.3 ? everyDay(1350, 1440) : [])
  const date = new Date(from + day).toISOString().slice(0, 10)
  const pool = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, place) => ({
    id: `place ${place}`,
    busy: Array.from({ length: Math.floor(random() * 6) }, () => {
      const start = from + Math.floor(random() * days * 96) * 15 * minute
      return [start, start + (1 + Math.floor(random() * 12)) * 15 * minute]
    }).flat(),
  }))
  const hours = hoursIn(zone, weekly, {
    overrides:
      random() < 0.3 ? new Map([[date, random() < 0.5 ? [] : [{ opens: 60, closes: 300 }]]]) : new Map(),
    holidays: random() < 0.2 ? new Set([date]) : new Set(),
  })
  const drawn: SlotRules = {
    duration: pick([15, 30, 45, 60, 90, 240]),
    bufferBefore: pick([0, 0, 10, 30]),
    bufferAfter: pick([0, 0, 15, 45]),
    step: pick([5, 15, 20, 30, 45, 60]),
    earliest: from,
    latest: from + days * day,
  }
  return { hours, pool, drawn }
}

describe('the engine says what the oracle says (AT-9, AT-10)', () => {
  const years = { from: Date.UTC(2021, 0), until: Date.UTC(2036, 0) }
  /** Days around each change of the clock, and as many that have none. */
  const windowsOf = (zone: string, random: () => number) => [
    ...offsetsOf(zone, years)
      .slice(1)
      .map(({ from }) => from - 2 * day),
    ...Array.from({ length: 4 }, () => years.from + Math.floor(random() * 5_000) * day),
  ]
  const compare = (zone: string, from: number, random: () => number) => {
    const { hours, pool, drawn } = drawCase(random, zone, Math.floor(from / minute) * minute, 4)
    const found = freeSlots(hours, pool, drawn)
    expect(found, `${zone} ${new Date(from).toISOString()} ${JSON.stringify(drawn)}`).toEqual(
      slotsByOracle(hours, pool, drawn),
    )
    return found.length
  }

  it('in a seeded sample of zones and days', () => {
    const random = createFractions(20)
    const sample = [
      'America/New_York',
      'Australia/Lord_Howe',
      'Africa/Casablanca',
      'Antarctica/Troll',
      'Asia/Gaza',
    ]
    let slots = 0
    for (const zone of sample)
      for (const from of windowsOf(zone, random).slice(0, 3)) slots += compare(zone, from, random)
    expect(slots).toBeGreaterThan(200)
  }, 30_000)

  it.runIf(isLong)(
    'in every zone over fifteen years, at each change of its clock',
    { timeout: 3_600_000 },
    () => {
      const random = createFractions(21)
      let slots = 0
      for (const zone of zones)
        for (const from of windowsOf(zone, random)) slots += compare(zone, from, random)
      expect(slots).toBeGreaterThan(100_000)
    },
  )

  it('an opening is joined over midnight, and the oracle’s clock is the engine’s', () => {
    const hours = hoursIn('Europe/Oslo', [...everyDay(1320, 1440), ...everyDay(0, 120)])
    const open = joined(openingsOf(hours, { from: Date.UTC(2026, 5, 1), until: Date.UTC(2026, 5, 4) }))
    expect(open.slice(1, 3).map(({ from, until }) => (until - from) / 3_600_000)).toEqual([4, 4])
    const clock = clockOf('Asia/Gaza')
    for (let at = Date.UTC(2026, 2, 27); at < Date.UTC(2026, 2, 30); at += 37 * minute) {
      const { date, minute: shown } = clock(at)
      expect(wallClock('Asia/Gaza', at).slice(0, 16)).toBe(
        `${date}T${String(Math.floor(shown / 60)).padStart(2, '0')}:${String(shown % 60).padStart(2, '0')}`,
      )
    }
  })
})
