import { readMigrations, sql } from '@plinth/platform/database'
import { defineSystem } from '@plinth/platform/system'
import { loadDemo } from './demo/load-demo.ts'
import { shopErrors } from './errors.ts'
import { adminOperations } from './functions/admin-operations.ts'
import { analyticsOperations } from './functions/analytics-operations.ts'
import { inventoryOperations } from './functions/inventory-operations.ts'
import { shopImports } from './import/index.ts'
import { checkLowStockAlerts } from './jobs/check-low-stock-alerts.ts'
import { cleanupOldStockHistory } from './jobs/cleanup-old-stock-history.ts'
import { expireSubscriptions } from './jobs/expire-subscriptions.ts'
import { generateDailySalesMetrics } from './jobs/generate-daily-sales-metrics.ts'
import { generatePlatformMetrics } from './jobs/generate-platform-metrics.ts'
import { refreshMetrics } from './jobs/refresh-metrics.ts'
import { createDirtyDaysConsumer } from './metrics/mark-dirty-days.ts'
import { uses } from './uses.ts'

/** Shops: catalogue, stock, orders, conversations, and what they add up to. */
export const shops = defineSystem({
  name: 'shops',
  summary: 'Inventory, orders and conversations of shops, with stock that is always right.',
  tenant: { table: 'shops', column: 'shop_id' },
  migrations: () => readMigrations('shops', new URL('./sql/migrations/', import.meta.url)),
  uses,
  errors: shopErrors,
  functions: [inventoryOperations, analyticsOperations, adminOperations],
  jobs: [
    refreshMetrics,
    generateDailySalesMetrics,
    generatePlatformMetrics,
    expireSubscriptions,
    checkLowStockAlerts,
    cleanupOldStockHistory,
  ],
  consumers: (project) => ({ durable: [createDirtyDaysConsumer(project)] }),
  imports: shopImports,
  demo: loadDemo,
  realtimeTables: [
    'items',
    'stock_history',
    'low_stock_alerts',
    'form_submissions',
    'conversations',
    'messages',
  ],
  journalledTables: [
    'shops',
    'team_members',
    'team_invitations',
    'forms',
    'items',
    'stock_history',
    'low_stock_alerts',
    'form_submissions',
    'order_lines',
    'order_stock',
    'payment_methods',
    'conversations',
    'messages',
    'keyword_replies',
    'saved_replies',
    'social_integrations',
  ],
  personalColumns: {
    form_submissions: {
      columns: ['customer_name', 'customer_phone', 'customer_email', 'delivery_address'],
      subject: 'customer_email',
    },
    conversations: { columns: ['customer_name', 'customer_contact'], subject: 'customer_contact' },
    team_invitations: { columns: ['email'], subject: 'email' },
    messages: { columns: ['text', 'attachments'], subject: 'conversation_id' },
  },
  tenantHooks: () => ({
    afterRewind: (shop) => sql`select count(*) from private.rebuild_stock(${shop})`,
  }),
  roles: {
    of: async (database, userId) => {
      const { rows } = await database.query<{ is_admin: boolean }>(
        sql`select is_admin from public.profiles where id = ${userId}`,
        { readOnly: true },
      )
      return rows[0]?.is_admin ? ['admin'] : []
    },
  },
})
