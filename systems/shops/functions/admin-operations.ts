import { ask, sql } from '@plinth/platform/database'
import { defineAction, defineActions } from '@plinth/platform/routes'
import { z } from 'zod'
import { defineFunction } from '../uses.ts'
import { cleanupSnapshots, createBackup, restoreSnapshot } from './snapshot-actions.ts'

/** A row of `platform_metrics`; amounts in minor units of `currency`. */
const platformMetrics = z.object({
  date: z.string(),
  currency: z.string(),
  gmv_minor: z.number(),
  gmv_by_currency: z.record(z.string(), z.number()),
  mrr_minor: z.number(),
  new_mrr_minor: z.number(),
  expansion_mrr_minor: z.number(),
  contraction_mrr_minor: z.number(),
  churned_mrr_minor: z.number(),
  data_extension_revenue_minor: z.number(),
  new_users: z.number(),
  new_subscriptions: z.number(),
  churned_subscriptions: z.number(),
  total_shops: z.number(),
  active_shops: z.number(),
  total_orders: z.number(),
  total_conversations: z.number(),
  ai_messages_processed: z.number(),
  plan_distribution: z.record(z.string(), z.record(z.string(), z.number())),
  data_extension_distribution: z.record(z.string(), z.number()),
  generated_at: z.string(),
})

const generatePlatformMetrics = defineAction({
  input: z.object({ date: z.iso.date() }),
  output: platformMetrics,
  handle: ({ db }, { date }) =>
    ask<z.output<typeof platformMetrics>>(
      db,
      sql`select to_jsonb(p) as answer from public.generate_platform_metrics(${date}) p`,
    ),
})

const getPlatformStats = defineAction({
  input: z.object({ startDate: z.iso.date(), endDate: z.iso.date() }),
  output: z.array(platformMetrics),
  handle: ({ db }, { startDate, endDate }) =>
    ask<z.output<typeof platformMetrics>[]>(
      db,
      sql`select coalesce(jsonb_agg(p), '[]') as answer from public.get_platform_stats(${startDate}, ${endDate}) p`,
      { readOnly: true },
    ),
})

const shopOfDay = z.object({
  shop_id: z.string(),
  shop_name: z.string().nullable(),
  currency: z.string().nullable(),
  gross_minor: z.number(),
  mrr_minor: z.number(),
  mrr_before_minor: z.number(),
  data_extension_revenue_minor: z.number(),
})

const explainPlatformDay = defineAction({
  input: z.object({ date: z.iso.date() }),
  output: z.array(shopOfDay),
  handle: ({ db }, { date }) =>
    ask<z.output<typeof shopOfDay>[]>(
      db,
      sql`select coalesce(jsonb_agg(s), '[]') as answer from public.explain_platform_day(${date}) s`,
      { readOnly: true },
    ),
})

/** The platform's own figures (S-F3), for its administrators and the service key. */
export const adminOperations = defineFunction({
  name: 'admin-operations',
  summary: 'Derives and reads the platform’s own figures; makes, restores and removes snapshots.',
  access: 'admin',
  ...defineActions({
    generate_platform_metrics: generatePlatformMetrics,
    get_platform_stats: getPlatformStats,
    explain_platform_day: explainPlatformDay,
    create_backup: createBackup,
    cleanup_snapshots: cleanupSnapshots,
    restore_snapshot: restoreSnapshot,
  }),
})
