import { backups } from '@plinth/platform/backups'
import { sql } from '@plinth/platform/database'
import { keys } from '@plinth/platform/keys'
import { notifications } from '@plinth/platform/notifications'
import { useCapabilities } from '@plinth/platform/system'
import { rekon30Templates } from './notices/templates.ts'

/**
 * What rekon30 uses beside what every project has; its functions and jobs are declared with these definers. Only
 * businesses that are switched on are backed up by themselves; what the platform notes of a business (its payments to the
 * platform, its keys, events) is no data of the business: no restore of it touches that, and the project's backup has it.
 */
export const { uses, defineFunction, defineJob } = useCapabilities(
  keys({ callsPerHour: 1_000 }),
  notifications({ templates: rekon30Templates }),
  backups({
    tenants: sql`select id::text as tenant from public.businesses where status = 'active'`,
    leaves: [
      'payment_records',
      'business_invitations',
      'api_keys',
      'api_usage_logs',
      'backup_records',
      'restore_requests',
      'realtime_events',
    ],
    money: [
      { table: 'sales', column: 'total' },
      { table: 'payments', column: 'amount' },
    ],
  }),
)
