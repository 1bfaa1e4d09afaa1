import { expect, test } from 'vitest'
import { calendarInvite } from './calendar-invite.ts'

const event = {
  uid: 'booking-7@example.com',
  sequence: 0,
  start: new Date('2026-03-29T08:00:00Z'),
  end: new Date('2026-03-29T09:30:00Z'),
  summary: 'Haircut; cut, wash\r\nATTENDEE:mailto:eve@example.com',
  organizer: { name: 'Shop', email: 'shop@example.com' },
  attendee: { name: 'Ada', email: 'ada@example.com' },
  remindMinutes: [60],
}
const options = { now: new Date('2026-01-15T12:00:00Z') }
/** Lines of content, unfolded (RFC 5545, 3.1). */
const linesOf = (content: unknown) => String(content).replaceAll('\r\n ', '').split('\r\n')

test('an invitation has one uid and its sequence, and times in UTC', async () => {
  const { contentType, content, filename } = await calendarInvite(event, options)
  expect([contentType, filename]).toEqual(['text/calendar; charset=utf-8; method=REQUEST', 'invite.ics'])
  const lines = linesOf(content)
  expect(lines).toEqual(
    expect.arrayContaining([
      'METHOD:REQUEST',
      'UID:booking-7@example.com',
      'SEQUENCE:0',
      'DTSTAMP:20260115T120000Z',
      'DTSTART:20260329T080000Z',
      'DTEND:20260329T093000Z',
      'STATUS:CONFIRMED',
      'BEGIN:VALARM',
    ]),
  )
  expect(lines.filter((line) => line.startsWith('ATTENDEE'))).toHaveLength(1)
  expect((await calendarInvite(event, options)).content).toBe(content)
})

test('a change and a cancellation replace what the calendar has', async () => {
  const moved = linesOf((await calendarInvite({ ...event, sequence: 1 }, options)).content)
  expect(moved).toEqual(expect.arrayContaining(['UID:booking-7@example.com', 'SEQUENCE:1']))
  const { contentType, content } = await calendarInvite({ ...event, sequence: 2, cancelled: true }, options)
  expect(contentType).toContain('method=CANCEL')
  expect(linesOf(content)).toEqual(
    expect.arrayContaining(['METHOD:CANCEL', 'UID:booking-7@example.com', 'SEQUENCE:2', 'STATUS:CANCELLED']),
  )
  expect(linesOf(content)).not.toContain('BEGIN:VALARM')
})
