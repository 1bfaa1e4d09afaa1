import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { describe, expect, it, test } from 'vitest'
import { endOfQuiet, isZone } from './quiet-hours.ts'

const night = (zone: string) => ({ from: '22:00', until: '07:00', zone })
const at = (text: string) => new Date(text)

describe('the end of quiet hours', () => {
  it.each([
    ['in the evening', 'Europe/Berlin', '2026-01-15T21:30:00Z', '2026-01-16T06:00:00Z'],
    ['after midnight', 'Europe/Berlin', '2026-01-16T03:00:00Z', '2026-01-16T06:00:00Z'],
    ['outside them', 'Europe/Berlin', '2026-01-15T12:00:00Z', '2026-01-15T12:00:00Z'],
    ['at the moment they end', 'Europe/Berlin', '2026-01-16T06:00:00Z', '2026-01-16T06:00:00Z'],
    ['in the night that is an hour shorter', 'Europe/Berlin', '2026-03-28T22:00:00Z', '2026-03-29T05:00:00Z'],
    ['in the night that is an hour longer', 'Europe/Berlin', '2026-10-24T21:00:00Z', '2026-10-25T06:00:00Z'],
    ['half an hour from UTC', 'Asia/Kolkata', '2026-01-15T20:00:00Z', '2026-01-16T01:30:00Z'],
  ])('%s', (_, zone, now, end) => {
    expect(endOfQuiet(night(zone), at(now)).toISOString()).toBe(at(end).toISOString())
  })

  it('that the clock skips is where the clock lands', () => {
    const hours = { from: '22:00', until: '02:30', zone: 'Europe/Berlin' }
    expect(endOfQuiet(hours, at('2026-03-29T00:30:00Z'))).toEqual(at('2026-03-29T01:00:00Z'))
    const atItsEdge = { ...hours, until: '02:00' }
    expect(endOfQuiet(atItsEdge, at('2026-03-29T00:30:00Z'))).toEqual(at('2026-03-29T01:00:00Z'))
  })

  it('is where the clock goes back to before they began', () => {
    const hours = { from: '02:30', until: '03:10', zone: 'Europe/Berlin' }
    expect(endOfQuiet(hours, at('2026-10-25T00:45:00Z'))).toEqual(at('2026-10-25T01:00:00Z'))
  })

  it('that the clock shows twice is the next one', () => {
    const hours = { from: '22:00', until: '02:30', zone: 'Europe/Berlin' }
    expect(endOfQuiet(hours, at('2026-10-24T23:00:00Z'))).toEqual(at('2026-10-25T00:30:00Z'))
    // The wall clock is back at 02:10.
    expect(endOfQuiet(hours, at('2026-10-25T01:10:00Z'))).toEqual(at('2026-10-25T01:30:00Z'))
  })

  it.each([
    { from: '22:00', until: '22:00', zone: 'UTC' },
    { from: '25:00', until: '07:00', zone: 'UTC' },
    { from: '22:00', until: 'seven', zone: 'UTC' },
    { from: '22:00', until: '07:00', zone: 'Mars/Olympus' },
    { from: '22:00', until: '07:00', zone: '+02:00' },
  ])('of hours that mean nothing is now: %j', (hours) => {
    expect(endOfQuiet(hours, at('2026-01-15T23:00:00Z'))).toEqual(at('2026-01-15T23:00:00Z'))
  })

  const runs = process.env['PLINTH_TEST_LONG'] ? 10_000 : 400
  it('is the first moment that is not quiet, in every zone and on every day', () => {
    const zones = Intl.supportedValuesOf('timeZone').filter(isZone)
    const time = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
      .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`)
    const moment = fc.integer({ min: Date.UTC(2020, 0) / 60_000, max: Date.UTC(2035, 0) / 60_000 })
    /** Minutes around the next change of the clock; null: the moment as it is. */
    const around = fc.option(fc.integer({ min: -900, max: 120 }))
    const property = fc.property(
      fc.constantFrom(...zones),
      time,
      time,
      moment,
      around,
      (zone, from, until, minute, offset) => {
        fc.pre(from !== until)
        const now = momentOf(zone, minute, offset)
        const end = endOfQuiet({ from, until, zone }, now)
        expect(end.getTime()).toBeGreaterThanOrEqual(now.getTime())
        expect(isQuiet(from, until, zone, end)).toBe(false)
        const length = end.getTime() - now.getTime()
        for (let part = 0; part < 1 && length > 0; part += 0.02)
          if (!isQuiet(from, until, zone, new Date(now.getTime() + part * length))) expect(part).toBe('quiet')
      },
    )
    fc.assert(property, { seed: 20_260_115, numRuns: runs })
  }, 600_000)

  function momentOf(zone: string, minute: number, offset: number | null): Date {
    const moment = Temporal.Instant.fromEpochMilliseconds(minute * 60_000)
    const change = offset === null ? null : moment.toZonedDateTimeISO(zone).getTimeZoneTransition('next')
    return new Date((change?.epochMilliseconds ?? minute * 60_000) + (change ? (offset ?? 0) * 60_000 : 0))
  }

  /** By the definition: the wall clock is within the hours. */
  function isQuiet(from: string, until: string, zone: string, moment: Date): boolean {
    const local = Temporal.Instant.fromEpochMilliseconds(moment.getTime()).toZonedDateTimeISO(zone)
    const time = local.toPlainTime().toString()
    return from < until ? time >= from && time < until : time >= from || time < until
  }
})

test('a zone has a name', () => {
  expect(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires'].every(isZone)).toBe(true)
  for (const zone of ['', 'CEST', '+01:00', 'Europe/Atlantis', "'; drop table x; --"])
    expect(isZone(zone)).toBe(false)
})
