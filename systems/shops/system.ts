import { type ProjectDatabase, readMigrations, type Statement, sql } from '@plinth/platform/database'
import { defineSystem, type FigureSource } from '@plinth/platform/system'
import { channelRoutes } from './channels/channel-routes.ts'
import { loadDemo } from './demo/load-demo.ts'
import { shopErrors } from './errors.ts'
import { orderFormRoutes } from './forms/order-form-routes.ts'
import { adminOperations } from './functions/admin-operations.ts'
import { analyticsOperations } from './functions/analytics-operations.ts'
import { conversationOperations } from './functions/conversation-operations.ts'
import { inventoryOperations } from './functions/inventory-operations.ts'
import { subscriptionOperations } from './functions/subscription-operations.ts'
import { shopImports } from './import/index.ts'
import { answerByAi } from './jobs/answer-by-ai.ts'
import { checkLowStockAlerts } from './jobs/check-low-stock-alerts.ts'
import { cleanupOldStockHistory } from './jobs/cleanup-old-stock-history.ts'
import { expireSubscriptions } from './jobs/expire-subscriptions.ts'
import { generateDailySalesMetrics } from './jobs/generate-daily-sales-metrics.ts'
import { generatePlatformMetrics } from './jobs/generate-platform-metrics.ts'
import { refreshMetrics } from './jobs/refresh-metrics.ts'
import { refreshSocialTokens } from './jobs/refresh-social-tokens.ts'
import { sendMessage } from './jobs/send-message.ts'
import {
  cleanupExpiredSnapshots,
  dailyFullBackup,
  refreshSyncStatus,
  weeklyBackup,
} from './jobs/snapshots.ts'
import { createDirtyDaysConsumer } from './metrics/mark-dirty-days.ts'
import { uses } from './uses.ts'

const countOf = (
  database: ProjectDatabase,
  name: string,
  unit: string,
  statement: Statement,
): FigureSource => ({
  name,
  unit,
  read: async () => (await database.asOwner<{ count: number }>(statement)).rows[0]?.count ?? null,
})

/** Shops: catalogue, stock, orders, conversations, and what they add up to. */
export const shops = defineSystem({
  name: 'shops',
  summary: 'Inventory, orders and conversations of shops, with stock that is always right.',
  tenant: { table: 'shops', column: 'shop_id' },
  migrations: () => readMigrations('shops', new URL('./sql/migrations/', import.meta.url)),
  uses,
  errors: shopErrors,
  functions: [
    inventoryOperations,
    analyticsOperations,
    adminOperations,
    conversationOperations,
    subscriptionOperations,
  ],
  routes: [...orderFormRoutes, ...channelRoutes],
  jobs: [
    refreshMetrics,
    generateDailySalesMetrics,
    generatePlatformMetrics,
    expireSubscriptions,
    checkLowStockAlerts,
    cleanupOldStockHistory,
    sendMessage,
    answerByAi,
    refreshSocialTokens,
    dailyFullBackup,
    weeklyBackup,
    cleanupExpiredSnapshots,
    refreshSyncStatus,
  ],
  figures: ({ database }) => [
    countOf(
      database,
      'replies-waiting',
      'replies',
      sql`
      select count(*)::integer as count from public.outbound_messages where state in ('waiting', 'sending')`,
    ),
    countOf(database, 'days-waiting', 'days', sql`select count(*)::integer as count from private.dirty_days`),
  ],
  consumers: (project) => ({ durable: [createDirtyDaysConsumer(project)] }),
  imports: shopImports,
  demo: loadDemo,
  realtimeTables: [
    'items',
    'stock_history',
    'low_stock_alerts',
    'form_submissions',
    'payment_proofs',
    'conversations',
    'messages',
    'outbound_messages',
    'conversation_notes',
    'in_app_notifications',
  ],
  journalledTables: [
    'shops',
    'team_members',
    'team_invitations',
    'forms',
    'items',
    'stock_history',
    'stock_history_archive',
    'low_stock_alerts',
    'form_submissions',
    'order_lines',
    'order_returns',
    'order_stock',
    'payment_proofs',
    'coupons',
    'coupon_redemptions',
    'payment_methods',
    'conversations',
    'messages',
    'conversation_notes',
    'keyword_replies',
    'saved_replies',
    'social_integrations',
    'subscription_changes',
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
    // Plan, credits and settings of a shop are no part of the past that comes back.
    rewindKeeps: (shop) => sql`
      select 'public.shops' as relation, json_build_array(id::text) as key from public.shops where id::text = ${shop}`,
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
