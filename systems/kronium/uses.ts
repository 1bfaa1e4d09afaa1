import { flags } from '@plinth/platform/flags'
import { holds } from '@plinth/platform/holds'
import { notifications } from '@plinth/platform/notifications'
import { payments } from '@plinth/platform/payments'
import { storage } from '@plinth/platform/storage'
import { useCapabilities } from '@plinth/platform/system'

/** What kronium uses beside what every project has; its functions, routes and jobs are declared with these definers. */
export const { uses, defineJob, defineRoute } = useCapabilities(
  holds(),
  payments(),
  notifications(),
  storage({ fileSizeLimit: 10 * 1024 * 1024 }),
  flags({
    enableOfflineMode: { description: 'Apps keep copies and replay what was written without a network.' },
    enablePushNotifications: { description: 'Apps ask for push messages, and get them.' },
    enableAnalytics: { description: 'Apps tell what people do and what goes wrong; it is stored.' },
  }),
)
