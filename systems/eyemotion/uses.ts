import { alerts } from '@plinth/platform/alerts'
import { auth } from '@plinth/platform/auth'
import { backups } from '@plinth/platform/backups'
import { sql } from '@plinth/platform/database'
import { flags } from '@plinth/platform/flags'
import { holds } from '@plinth/platform/holds'
import { keys } from '@plinth/platform/keys'
import { kv } from '@plinth/platform/kv'
import { notifications } from '@plinth/platform/notifications'
import { payments } from '@plinth/platform/payments'
import type { RouteContext } from '@plinth/platform/routes'
import { storage } from '@plinth/platform/storage'
import { type ContextOf, useCapabilities } from '@plinth/platform/system'
import { studio } from './capabilities/studio.ts'
import { linesWithVat } from './payments/vat.ts'
import { templates } from './templates.ts'

const gib = 2 ** 30

const on = (description: string) => ({ description, enabled: true })

/** What eyemotion uses beside what every project has; its routes and jobs are declared with these definers. */
export const { uses, defineRoute, defineJob } = useCapabilities(
  auth({
    hookBeforeUserCreatedUri: 'pg-functions://postgres/private/welcome_account',
    hookCustomAccessTokenUri: 'pg-functions://postgres/private/claims_of_account',
  }),
  holds(),
  kv(),
  flags({
    authEnabled: on('Signing up and signing in.'),
    paymentsEnabled: on('Checkouts and changes of subscriptions. What providers report is always taken.'),
    storageEnabled: on('Uploads and downloads.'),
    analyticsEnabled: on('Figures for admins.'),
    backupEnabled: on('Backups.'),
  }),
  keys({ userKeys: true }),
  storage({ fileSizeLimit: 10 * gib, accountFunction: 'private.account_of_file' }),
  // Of everything, each night and when asked for (E-B1); payments and burns are facts that no restore takes back.
  backups({ schedule: false, leaves: ['activity_logs'], facts: ['payment_transactions', 'credits_usage'] }),
  notifications({ templates }),
  payments({
    expects: ['stripe'],
    subscriptionLines: (amount) => linesWithVat('subscriptions', amount),
    hooks: {
      onChanged: async ({ order }, { query }) => {
        await query(sql`select private.follow_order(${order.id})`)
      },
      onSubscriptionChanged: async ({ subscription }, { query }) => {
        await query(sql`select private.follow_subscription(${subscription.id}, ${subscription.customer})`)
      },
      onInvoicePaid: async ({ subscription, invoice, amount, periodStart, page }, { query }) => {
        await query(
          sql`select private.follow_invoice(${subscription.id}, ${invoice}, true, ${amount}, ${periodStart}, ${page})`,
        )
      },
      onInvoiceFailed: async ({ subscription, invoice, amount, periodStart, page }, { query }) => {
        await query(
          sql`select private.follow_invoice(${subscription.id}, ${invoice}, false, ${amount}, ${periodStart}, ${page})`,
        )
      },
    },
  }),
  // Milliseconds from which an answer counts as degraded and as down (E-H1).
  alerts({
    everyMinutes: 5,
    slowFrom: {
      database: { degraded: 500, down: 2_000 },
      auth: { degraded: 300, down: 1_000 },
      kv: { degraded: 200, down: 500 },
      storage: { degraded: 1_000, down: 5_000 },
    },
  }),
  studio(),
)

/** What every handler of eyemotion is given. */
export type Api = RouteContext<ContextOf<typeof uses>>
