import { auth } from '@plinth/platform/auth'
import { flags } from '@plinth/platform/flags'
import { holds } from '@plinth/platform/holds'
import { notifications } from '@plinth/platform/notifications'
import { payments } from '@plinth/platform/payments'
import { cookieSessions } from '@plinth/platform/sessions'
import { storage } from '@plinth/platform/storage'
import { useCapabilities } from '@plinth/platform/system'
import { bookingLinks } from './capabilities/booking-links.ts'
import { busyCalendars } from './capabilities/busy-calendars.ts'
import { depositHooks } from './deposits.ts'
import { templates } from './messages/templates.ts'

/** What kronium uses beside what every project has; its routes and jobs are declared with these definers. */
export const { uses, defineJob, defineRoute } = useCapabilities(
  auth({ passwordMinLength: 8, rateLimitWrongPasswords: 5 }),
  cookieSessions(),
  holds(),
  payments({ hooks: depositHooks }),
  notifications({ templates }),
  storage({ fileSizeLimit: 10 * 1024 * 1024 }),
  flags({
    enableOfflineMode: { description: 'Apps keep copies and replay what was written without a network.' },
    enablePushNotifications: { description: 'Apps ask for push messages, and get them.' },
    enableAnalytics: { description: 'Apps tell what people do and what goes wrong; it is stored.' },
  }),
  bookingLinks(),
  busyCalendars(),
)
