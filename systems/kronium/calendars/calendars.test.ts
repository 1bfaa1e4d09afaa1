import { describe, expect, it } from 'vitest'
import { readBusy } from './read-busy.ts'
import { writeCalendar } from './write-calendar.ts'

const within = { from: Date.parse('2026-03-01T00:00:00Z'), until: Date.parse('2026-04-15T00:00:00Z') }
const file = (...events: string[][]) =>
  [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    ...events.flatMap((lines) => ['BEGIN:VEVENT', ...lines, 'END:VEVENT']),
    'END:VCALENDAR',
  ].join('\r\n')
const busy = async (text: string, zone = 'Europe/Oslo') =>
  (await readBusy(text, within, zone)).map(({ from, until }) =>
    [from, until].map((at) => new Date(at).toISOString().slice(5, 16)).join('/'),
  )

describe('the busy times of a calendar', () => {
  it('are its events in UTC, of a zone by name, of days and without a zone', async () => {
    const text = file(
      ['UID:1', 'DTSTART:20260310T090000Z', 'DTEND:20260310T100000Z'],
      [
        'UID:2',
        'DTSTART;TZID=America/New_York:20260311T090000',
        'DTEND;TZID=America/New_York:20260311T100000',
      ],
      ['UID:3', 'DTSTART;VALUE=DATE:20260312', 'DTEND;VALUE=DATE:20260313'],
      ['UID:4', 'DTSTART:20260313T090000', 'DURATION:PT30M'],
    )
    expect(await busy(text)).toEqual([
      '03-10T09:00/03-10T10:00',
      '03-11T13:00/03-11T14:00',
      '03-11T23:00/03-12T23:00',
      '03-13T08:00/03-13T08:30',
    ])
  })

  it('repeat by the wall clock, without what was taken out, and with what was moved', async () => {
    const text = file(
      [
        'UID:1',
        'DTSTART;TZID=Europe/Oslo:20260323T090000',
        'DTEND;TZID=Europe/Oslo:20260323T100000',
        'RRULE:FREQ=WEEKLY;COUNT=4',
        'EXDATE;TZID=Europe/Oslo:20260406T090000',
      ],
      [
        'UID:1',
        'RECURRENCE-ID;TZID=Europe/Oslo:20260413T090000',
        'DTSTART;TZID=Europe/Oslo:20260413T150000',
        'DTEND;TZID=Europe/Oslo:20260413T160000',
      ],
    )
    expect(await busy(text)).toEqual([
      '03-23T08:00/03-23T09:00',
      '03-30T07:00/03-30T08:00',
      '04-13T13:00/04-13T14:00',
    ])
  })

  it('leave out what is cancelled or transparent, and join what overlaps', async () => {
    const at = (from: string, until: string, ...more: string[]) => [
      `UID:${from}`,
      `DTSTART:20260310T${from}00Z`,
      `DTEND:20260310T${until}00Z`,
      ...more,
    ]
    const text = file(
      at('0900', '1000'),
      at('0930', '1100'),
      at('1200', '1300', 'STATUS:CANCELLED'),
      at('1400', '1500', 'TRANSP:TRANSPARENT'),
    )
    expect(await busy(text)).toEqual(['03-10T09:00/03-10T11:00'])
  })

  it('end, however often an event repeats, and whatever the file is', async () => {
    const endless = file([
      'UID:1',
      'DTSTART:20200101T000000Z',
      'DTEND:20200101T000001Z',
      'RRULE:FREQ=SECONDLY',
    ])
    expect(await busy(endless)).toEqual([])
    for (const text of ['', 'hello', 'BEGIN:VCARD\r\nEND:VCARD', '<html></html>'])
      await expect(busy(text)).rejects.toThrow()
  })
})

it('a feed says each booking under its UID, and what is cancelled says so; texts are escaped', async () => {
  const booking = {
    id: '0b6f1d0e-0000-4000-8000-000000000001',
    serviceName: 'Cut; wash\r\nATTENDEE:mailto:eve@example.com',
    clientName: `O'Brien, <b>`,
    clientEmail: null,
    date: '2026-03-29T08:00:00+00:00',
    endsAt: '2026-03-29T09:00:00+00:00',
    timezone: 'Europe/Oslo',
    status: 'cancelled',
    price: 1,
    currency: 'USD',
    location: null,
    customerId: null,
    sequence: 3,
    cancelReason: null,
  }
  const text = await writeCalendar([booking], {
    name: 'Ada',
    projectUrl: 'https://a.example:8443/kronium',
    now: new Date('2026-01-01T00:00:00Z'),
  })
  const lines = text.replaceAll('\r\n ', '').split('\r\n')
  expect(lines).toEqual(
    expect.arrayContaining([
      `UID:booking-${booking.id}@a.example`,
      'SEQUENCE:3',
      'DTSTART:20260329T080000Z',
      'STATUS:CANCELLED',
    ]),
  )
  expect(lines.some((line) => line.startsWith('ATTENDEE'))).toBe(false)
})
