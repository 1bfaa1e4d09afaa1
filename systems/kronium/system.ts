import { readMigrations, sql } from '@plinth/platform/database'
import { defineSystem } from '@plinth/platform/system'
import { loadDemo } from './demo/load-demo.ts'
import { kroniumErrors } from './errors.ts'
import { readCalendar, readCalendars } from './jobs/read-calendars.ts'
import { remindBookings } from './jobs/remind-bookings.ts'
import { expireUnpaid, returnDeposit } from './jobs/settle-deposits.ts'
import { tellBooking } from './jobs/tell-booking.ts'
import { tellProject, welcomeUser } from './jobs/tell-people.ts'
import * as routes from './routes/index.ts'
import { uses } from './uses.ts'

/** kronium: a service company's catalogue, bookings that cannot collide, projects that clients follow, and a chat. */
export const kronium = defineSystem({
  name: 'kronium',
  summary: 'Services, bookings, projects and chat of a service company.',
  tenant: null,
  uses,
  migrations: () => readMigrations('kronium', new URL('./sql/migrations/', import.meta.url)),
  errors: kroniumErrors,
  functions: [],
  routes: Object.values(routes),
  jobs: [
    tellBooking,
    tellProject,
    welcomeUser,
    remindBookings,
    expireUnpaid,
    returnDeposit,
    readCalendars,
    readCalendar,
  ],
  demo: loadDemo,
  realtimeTables: [
    'users',
    'services',
    'bookings',
    'projects',
    'project_updates',
    'chat_rooms',
    'chat_messages',
    'chat_reads',
    'in_app_notifications',
  ],
  journalledTables: [
    'users',
    'services',
    'schedules',
    'opening_hours',
    'schedule_overrides',
    'holidays',
    'resources',
    'service_resources',
    'bookings',
    'absences',
    'projects',
    'project_updates',
    'chat_rooms',
    'chat_messages',
  ],
  personalColumns: {
    users: { columns: ['name', 'email', 'phone', 'address'], subject: 'id' },
    bookings: {
      columns: ['clientName', 'clientEmail', 'clientPhone', 'location', 'notes', 'answers'],
      subject: 'customerId',
    },
    projects: {
      columns: ['clientName', 'clientEmail', 'clientPhone', 'location'],
      subject: 'customerId',
    },
    chat_rooms: { columns: ['customerName', 'customerEmail', 'lastMessage'], subject: 'customerId' },
    chat_messages: { columns: ['senderName', 'message', 'attachments'], subject: 'senderId' },
  },
  roles: {
    of: async (database, userId) => {
      const { rows } = await database.query<{ role: string }>(
        sql`select role from public.users where id = ${userId} and "isActive"`,
        { readOnly: true },
      )
      return rows.map(({ role }) => role)
    },
  },
})
