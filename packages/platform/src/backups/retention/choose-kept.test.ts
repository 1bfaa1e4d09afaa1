import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AgedBackup, chooseKept } from './choose-kept.ts'

const retention = { keepSlotHours: 24, keepHourlyDays: 7, keepDailyDays: 90, keepMonths: 12 }
const now = new Date('2026-06-15T12:00:00Z')
const minute = 60_000
const day = 1_440 * minute
const aged = (minutes: number, more: Partial<AgedBackup> = {}): AgedBackup => ({
  id: `${minutes}`,
  takenAt: new Date(now.getTime() - minutes * minute),
  isManual: false,
  needs: null,
  ...more,
})

describe('what is kept', () => {
  it('of backups each five minutes, then each hour: 288, then by the hour, the day and the month', () => {
    const backups = [
      ...Array.from({ length: 8 * 288 }, (_, place) => aged(place * 5)),
      ...Array.from({ length: 420 * 24 }, (_, place) => aged(8 * 1_440 + place * 60)),
    ]
    const kept = [...chooseKept(backups, now, retention)].map(Number)
    const within = (from: number, to: number) =>
      kept.filter((each) => each * minute >= from && each * minute < to).length
    expect(within(0, day)).toBe(288)
    expect(within(day, 7 * day)).toBe(6 * 24)
    expect(within(7 * day, 90 * day)).toBe(83)
    // March 2026 is in reach of the days; the months before it go back to June 2025.
    expect(within(90 * day, 366 * day)).toBe(9)
    expect(within(390 * day, 800 * day)).toBe(0)
  })

  it('manual ones, the newest, and whatever one that stays is restored from', () => {
    const backups = [
      aged(400 * 1_440, { id: 'base' }),
      aged(399 * 1_440, { id: 'between', needs: 'base' }),
      aged(398 * 1_440, { id: 'manual', needs: 'between', isManual: true }),
      aged(397 * 1_440, { id: 'after', needs: 'manual' }),
    ]
    expect([...chooseKept(backups, now, retention)].sort()).toEqual(['after', 'base', 'between', 'manual'])
    expect([...chooseKept([...backups, aged(0)], now, retention)].sort()).toEqual([
      '0',
      'base',
      'between',
      'manual',
    ])
  })

  it('never lacks what another one needs, and does not grow when it is asked again', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ minutes: fc.nat(800_000), full: fc.boolean(), isManual: fc.boolean() }), {
          maxLength: 80,
        }),
        (given) => {
          const sorted = given.toSorted((a, b) => b.minutes - a.minutes)
          const backups = sorted.map(({ minutes, full, isManual }, place) =>
            aged(minutes, { id: `b${place}`, isManual, needs: full || place === 0 ? null : `b${place - 1}` }),
          )
          const kept = chooseKept(backups, now, retention)
          for (const { id, needs } of backups)
            if (kept.has(id) && needs !== null) expect(kept.has(needs)).toBe(true)
          const left = backups.filter(({ id }) => kept.has(id))
          expect(chooseKept(left, now, retention)).toEqual(kept)
        },
      ),
      { numRuns: 200, seed: 15 },
    )
  })
})
