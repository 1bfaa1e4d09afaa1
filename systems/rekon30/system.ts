import { readMigrations, sql } from '@plinth/platform/database'
import { flatEnvelope } from '@plinth/platform/routes'
import { defineSystem } from '@plinth/platform/system'
import { rekon30Errors } from './errors.ts'
import { analytics } from './functions/analytics.ts'
import { createApiKey, revealApiKey } from './functions/api-keys.ts'
import { apiSecurity } from './functions/api-security.ts'
import { backupScheduler, cronBackup } from './functions/backup-slots.ts'
import { backupStatus } from './functions/backup-status.ts'
import { backupSystem } from './functions/backup-system.ts'
import { dataRestore } from './functions/data-restore.ts'
import { paymentVerification } from './functions/payment-verification.ts'
import { realtimeEvents } from './functions/realtime-events.ts'
import { advanceBilling } from './jobs/advance-billing.ts'
import { uses } from './uses.ts'

/** rekon30: super admins run businesses, see them live and verify what they pay; each business sells, counts and pays. */
export const rekon30 = defineSystem({
  name: 'rekon30',
  summary:
    'Businesses, what they pay the platform, and what they work with: products, customers, workers, sales, payments.',
  tenant: { table: 'businesses', column: 'business_id' },
  migrations: () => readMigrations('rekon30', new URL('./sql/migrations/', import.meta.url)),
  uses,
  errors: rekon30Errors,
  envelope: flatEnvelope,
  functions: [
    paymentVerification,
    analytics,
    apiSecurity,
    createApiKey,
    revealApiKey,
    backupSystem,
    backupScheduler,
    cronBackup,
    backupStatus,
    dataRestore,
    realtimeEvents,
  ],
  jobs: [advanceBilling],
  realtimeTables: [
    'businesses',
    'payment_records',
    'backup_records',
    'restore_requests',
    'realtime_events',
    'products',
    'sales',
    'payments',
    'in_app_notifications',
  ],
  journalledTables: [
    'businesses',
    'business_members',
    'business_features',
    'products',
    'product_costs',
    'stock_movements',
    'customers',
    'workers',
    'wage_entries',
    'sales',
    'sale_lines',
    'payments',
    'daily_closes',
  ],
  personalColumns: {
    customers: { columns: ['name', 'phone', 'email', 'address', 'notes'], subject: 'id' },
    workers: { columns: ['name', 'phone'], subject: 'id' },
  },
  tenantHooks: () => ({
    afterRewind: (business) => sql`select private.derive_business(nullif(${business}, '')::uuid)`,
  }),
  roles: {
    of: async (database, userId) => {
      const { rows } = await database.query<{ is_active: boolean }>(
        sql`select is_active from public.super_admins where user_id = ${userId}`,
        { readOnly: true },
      )
      return rows[0]?.is_active ? ['super_admin'] : []
    },
    permissions: { super_admin: ['analytics', 'backup_status'] },
  },
})
