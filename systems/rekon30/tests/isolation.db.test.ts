import { randomUUID } from 'node:crypto'
import { sql } from '@plinth/platform/database'
import { testDatabaseTypes, testIsolation } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { describe } from 'vitest'
import { rekon30 } from '../system.ts'

const test = useSystem(rekon30)
const number = () => randomUUID().replaceAll('-', '_')
testDatabaseTypes({ test })

describe('no role reaches another business (R-O1, AT-29)', () => {
  testIsolation({
    system: rekon30,
    test,
    overseers: ['super admin'],
    values: {
      push_subscriptions: { kind: 'fcm' },
      // Whose rows these are is no super admin by them.
      super_admins: { is_active: false },
      businesses: { status: 'active', payment_status: 'paid' },
      api_keys: { key_value: () => `sk_${randomUUID()}`, permissions: [] },
      business_features: { feature_name: () => `feature_${number()}` },
      system_settings: { setting_key: () => `setting_${number()}`, setting_type: 'number', setting_value: 1 },
      realtime_events: { event_type: 'test' },
      business_invitations: { email: () => `${randomUUID()}@example.com`, role: 'worker' },
      payment_records: { verified_at: '2026-01-15T12:00:00Z' },
      payments: { method: 'cash' },
      stock_movements: { kind: 'purchase' },
      sales: { subtotal: 1, discount: 0, total: 1 },
      daily_closes: { expected_cash: 1, counted_cash: 1, difference: 0 },
      restore_requests: { data_types: ['products'], ids: [] },
      backup_records: { sha256: null },
    },
    members: {
      manager: ({ tenant, userId }) =>
        sql`insert into public.business_members (business_id, user_id, role) values (${tenant}, ${userId}, 'manager')`,
      worker: ({ tenant, userId }) =>
        sql`insert into public.business_members (business_id, user_id, role) values (${tenant}, ${userId}, 'worker')`,
      'super admin': ({ userId }) => sql`insert into public.super_admins (user_id) values (${userId})`,
    },
  })
})
