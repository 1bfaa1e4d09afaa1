import { describe, expect, it } from 'vitest'
import { createTimeReader } from './local-time.ts'

describe('local time', () => {
  it.each([
    ['Europe/London', '2010-12-01 08:26:00', '2010-12-01T08:26:00Z', undefined],
    ['Europe/London', '2011-07-01 08:26', '2011-07-01T07:26:00Z', undefined],
    ['Europe/London', '2011-03-27 01:30:00', '2011-03-27T01:30:00Z', 'skipped'],
    ['Europe/London', '2011-10-30 01:30:00', '2011-10-30T00:30:00Z', 'repeated'],
    ['Europe/London', '2011-10-30 02:00:00', '2011-10-30T02:00:00Z', undefined],
    ['Australia/Lord_Howe', '2011-10-02 02:15:00', '2011-10-01T15:45:00Z', 'skipped'],
    ['Asia/Kathmandu', '2011-01-01T00:00:00', '2010-12-31T18:15:00Z', undefined],
    ['Europe/London', '2024-01-15 10:30:00 -0500', '2024-01-15T15:30:00Z', undefined],
    ['Europe/London', '2024-01-15T10:30:00Z', '2024-01-15T10:30:00Z', undefined],
    ['Europe/London', '2024-01-15 10:30:00 UTC', '2024-01-15T10:30:00Z', undefined],
  ])('in %s reads %s as %s (%s)', (zone, text, instant, odd) => {
    const time = createTimeReader(zone)(text)
    expect(time).toEqual(odd ? { instant, odd } : { instant })
  })

  it.each([
    '',
    'yesterday',
    '12/1/2010 8:26',
    '2010-02-30 08:00:00',
    '2010-12-01',
    '2010-12-01 25:00:00',
    '=NOW()',
  ])('takes %j for no time', (text) => expect(createTimeReader('Europe/London')(text)).toBeUndefined())

  it.each(['Europe/Londn', '', '+01:00', 'GMT+25', '../etc/localtime'])('refuses the zone %j', (zone) => {
    expect(() => createTimeReader(zone)).toThrow(expect.objectContaining({ code: 'import_unknown_zone' }))
  })
})
