import { randomUUID } from 'node:crypto'
import { sql } from '@plinth/platform/database'
import { createRandom, testDatabaseTypes, testIsolation } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { describe } from 'vitest'
import { kronium } from '../system.ts'

const draw = createRandom(20)
const number = (below: number) => draw(below)
/** Some hour in which the default schedule is open, within every horizon. */
function openHour(): string {
  const at = new Date(Date.now() + (10 + number(40)) * 86_400_000)
  at.setUTCHours(9 + number(7), 0, 0, 0)
  return at.getUTCDay() % 6 === 0 ? openHour() : at.toISOString()
}
const test = useSystem(kronium)
testDatabaseTypes({ test })

describe('row scopes own, assigned, all (K-6, AT-29)', () => {
  testIsolation({
    system: kronium,
    test,
    overseers: ['admin', 'staff'],
    values: {
      services: { capacity: 3, scheduleId: null },
      opening_hours: { weekday: 1, opens: () => number(600), closes: 1000 },
      schedule_overrides: { date: () => `21${10 + number(80)}-01-01` },
      holidays: { date: () => `21${10 + number(80)}-0${1 + number(8)}-${10 + number(18)}` },
      role_permissions: { role: 'guest', scope: 'own' },
      bookings: {
        timezone: 'UTC',
        resourceId: null,
        date: openHour,
      },
      projects: { bookingId: null },
      absences: { startsAt: '2030-01-01T00:00:00Z', endsAt: '2030-01-02T00:00:00Z' },
      chat_messages: { message: 'hello', clientId: () => randomUUID() },
      calendar_feeds: { tokenHash: () => `\\x${randomUUID().replaceAll('-', '')}` },
      external_calendars: { url: () => `https://calendar.example/${randomUUID()}.ics` },
      activity_events: { kind: 'feature' },
      push_subscriptions: { kind: 'fcm' },
      notification_preferences: { zone: 'Europe/Berlin', locale: 'en' },
    },
    open: Object.fromEntries(
      [
        'services',
        'schedules',
        'opening_hours',
        'schedule_overrides',
        'holidays',
        'resources',
        'service_resources',
        'role_permissions',
      ].map((table) => [table, ['select' as const]]),
    ),
    members: {
      staff: ({ userId }) => sql`update public.users set role = 'staff' where id = ${userId}`,
      admin: ({ userId }) => sql`update public.users set role = 'admin' where id = ${userId}`,
    },
  })
})
