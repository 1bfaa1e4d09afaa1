import { alerts } from '@plinth/platform/alerts'
import { sql } from '@plinth/platform/database'
import { holds } from '@plinth/platform/holds'
import { notifications } from '@plinth/platform/notifications'
import { payments } from '@plinth/platform/payments'
import type { RouteContext } from '@plinth/platform/routes'
import { storage } from '@plinth/platform/storage'
import { type ContextOf, useCapabilities } from '@plinth/platform/system'
import { channels } from './channels/capability.ts'
import { shopTemplates } from './notices/templates.ts'

/** What shops use beside what every project has; its functions, routes and jobs are declared with these definers. */
export const { uses, defineFunction, defineJob, defineRoute } = useCapabilities(
  holds(),
  storage({ tenantFolders: true }),
  notifications({ templates: shopTemplates }),
  alerts({
    rules: [
      {
        name: 'replies-waiting',
        summary: 'Replies to customers wait to be sent.',
        figure: 'replies-waiting',
        above: 100,
        forSeconds: 600,
      },
      {
        name: 'days-waiting',
        summary: 'Days of shops wait for their metrics to be derived.',
        figure: 'days-waiting',
        above: 5_000,
        forSeconds: 1_800,
      },
    ],
  }),
  payments({
    hooks: {
      onSubscriptionChanged: async ({ subscription }, { query }) => {
        const { id, subject, plan, status, unit, periodEnd } = subscription
        await query(
          sql`select private.follow_subscription(${subject}, ${id}, ${plan}, ${status}, ${unit}, ${periodEnd}, ${status === 'trialing'})`,
        )
      },
      onPaid: async ({ order }, { query }) => {
        if (order.purpose === 'data-extension')
          await query(sql`select private.pay_data_extension(${order.tenant})`)
      },
    },
  }),
  channels(),
)

/** What handlers of functions and actions find. */
export type ShopContext = RouteContext<ContextOf<typeof uses>>
