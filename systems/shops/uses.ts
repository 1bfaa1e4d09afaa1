import { alerts } from '@plinth/platform/alerts'
import { backups } from '@plinth/platform/backups'
import { sql } from '@plinth/platform/database'
import { holds } from '@plinth/platform/holds'
import { notifications } from '@plinth/platform/notifications'
import { payments } from '@plinth/platform/payments'
import type { RouteContext } from '@plinth/platform/routes'
import { storage } from '@plinth/platform/storage'
import { type ContextOf, useCapabilities } from '@plinth/platform/system'
import { channels } from './channels/capability.ts'
import { shopTemplates } from './notices/templates.ts'
import { recovery } from './recovery/capability.ts'

/** What shops use beside what every project has; its functions, routes and jobs are declared with these definers. */
export const { uses, defineFunction, defineJob, defineRoute } = useCapabilities(
  holds(),
  storage({ tenantFolders: true }),
  // Snapshots are made by the clock of jobs/snapshots.ts and by hand; any second in between is a rewind's.
  backups({
    schedule: false,
    keepMonths: 0,
    derived: ['daily_sales_metrics', 'product_analytics', 'metric_restatements', 'low_stock_alerts'],
    leaves: [
      'backup_logs',
      'recovery_snapshots',
      'sync_status',
      'social_integrations',
      'outbound_messages',
      'conversation_reads',
    ],
    // What a shop pays, and its settings with it, stay as they are.
    facts: ['shops', 'subscription_changes'],
    invariants: [
      {
        name: 'the stock of each item is the sum of its history',
        violations: (shop) => sql`
          select i.id from public.items i
          where i.shop_id::text = ${shop} and i.stock <> (
            select coalesce(sum(h.change), 0) from public.stock_history h where h.shop_id = i.shop_id and h.item_id = i.id)`,
      },
    ],
    money: [{ table: 'order_lines', column: 'amount' }],
  }),
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
  recovery(),
)

/** What handlers of functions and actions find. */
export type ShopContext = RouteContext<ContextOf<typeof uses>>
