import { ask, sql } from '@plinth/platform/database'
import { defineAction, defineActions } from '@plinth/platform/routes'
import { z } from 'zod'
import { defineFunction } from '../uses.ts'

const day = z.iso.date()
const ofDay = z.object({ shopId: z.uuid(), date: day })
const ofRange = z.object({ shopId: z.uuid(), startDate: day, endDate: day })
const readOnly = { readOnly: true }

const category = z.object({
  category: z.string().nullable(),
  units_sold: z.number(),
  units_returned: z.number(),
  revenue_minor: z.number(),
  cost_minor: z.number(),
})

const sums = {
  gross_minor: z.number(),
  discount_minor: z.number(),
  refund_minor: z.number(),
  revenue_minor: z.number(),
  cost_minor: z.number(),
  net_profit_minor: z.number(),
  orders_count: z.number(),
  items_sold: z.number(),
  items_returned: z.number(),
}

/** A row of `daily_sales_metrics`; amounts in minor units of `currency`. */
const dailyMetrics = z.object({
  shop_id: z.string(),
  date: z.string(),
  currency: z.string(),
  ...sums,
  avg_order_value_minor: z.number(),
  items_without_cost: z.number(),
  pending_count: z.number(),
  confirmed_count: z.number(),
  completed_count: z.number(),
  cancelled_count: z.number(),
  return_count: z.number(),
  categories: z.array(category),
  generated_at: z.string(),
})

/** A row of `product_analytics`. */
const productMetrics = z.object({
  item_id: z.string(),
  date: z.string(),
  currency: z.string(),
  units_sold: z.number(),
  units_returned: z.number(),
  closing_stock: z.number().nullable(),
  revenue_minor: z.number(),
  cost_of_goods_minor: z.number(),
  profit_minor: z.number(),
  margin: z.number().nullable(),
  sell_through: z.number().nullable(),
})

const generateDaily = defineAction({
  input: ofDay,
  output: dailyMetrics,
  handle: ({ db }, { shopId, date }) =>
    ask<z.output<typeof dailyMetrics>>(
      db,
      sql`select to_jsonb(m) as answer from public.generate_daily_sales_metrics(${shopId}, ${date}) m`,
    ),
})

const generateProduct = defineAction({
  input: ofDay,
  output: z.array(productMetrics),
  handle: ({ db }, { shopId, date }) =>
    ask<z.output<typeof productMetrics>[]>(
      db,
      sql`select coalesce(jsonb_agg(a), '[]') as answer from public.generate_product_analytics(${shopId}, ${date}) a`,
    ),
})

const getMetrics = defineAction({
  input: ofRange,
  output: z.array(dailyMetrics),
  handle: ({ db }, { shopId, startDate, endDate }) =>
    ask<z.output<typeof dailyMetrics>[]>(
      db,
      sql`select coalesce(jsonb_agg(m), '[]') as answer from public.get_sales_metrics(${shopId}, ${startDate}, ${endDate}) m`,
      readOnly,
    ),
})

const period = z.object({ start_date: z.string(), end_date: z.string(), ...sums })
const summary = z.object({ currency: z.string(), period, previous: period })

const getSummary = defineAction({
  input: ofRange,
  output: summary,
  handle: ({ db }, { shopId, startDate, endDate }) =>
    ask<z.output<typeof summary>>(
      db,
      sql`select public.get_sales_summary(${shopId}, ${startDate}, ${endDate}) as answer`,
      readOnly,
    ),
})

const product = z.object({
  item_id: z.string(),
  name: z.string(),
  category: z.string().nullable(),
  units_sold: z.number(),
  units_returned: z.number(),
  revenue_minor: z.number(),
  cost_of_goods_minor: z.number(),
  profit_minor: z.number(),
  margin: z.number().nullable(),
  stock: z.number().nullable(),
  sell_through: z.number().nullable(),
  days_of_cover: z.number().nullable(),
})

const getProducts = defineAction({
  input: ofRange.extend({ limit: z.int().min(1).max(1000).default(100) }),
  output: z.array(product),
  handle: ({ db }, { shopId, startDate, endDate, limit }) =>
    ask<z.output<typeof product>[]>(
      db,
      sql`select coalesce(jsonb_agg(p), '[]') as answer
          from public.get_product_metrics(${shopId}, ${startDate}, ${endDate}, ${limit}) p`,
      readOnly,
    ),
})

const contribution = z.object({
  order_id: z.string(),
  submission_id: z.string(),
  gross_minor: z.number(),
  discount_minor: z.number(),
  refund_minor: z.number(),
  revenue_minor: z.number(),
  cost_minor: z.number(),
  items_sold: z.number(),
  items_returned: z.number(),
})

const explainDay = defineAction({
  input: ofDay.extend({ itemId: z.uuid().optional() }),
  output: z.array(contribution),
  handle: ({ db }, { shopId, date, itemId }) =>
    ask<z.output<typeof contribution>[]>(
      db,
      sql`select coalesce(jsonb_agg(o), '[]') as answer from public.explain_day(${shopId}, ${date}, ${itemId ?? null}) o`,
      readOnly,
    ),
})

const stats = z.object({
  total_products: z.number(),
  total_services: z.number(),
  total_orders: z.number(),
  total_revenue: z.number(),
  total_conversations: z.number(),
  low_stock_count: z.number(),
})

const getShopStats = defineAction({
  input: z.object({ shopId: z.uuid() }),
  output: stats,
  handle: ({ db }, { shopId }) =>
    ask<z.output<typeof stats>>(db, sql`select public.get_shop_stats(${shopId}) as answer`, readOnly),
})

/** A shop's metrics: derived, read, compared and explained (S-F2). SQL checks the caller's shop and role. */
export const analyticsOperations = defineFunction({
  name: 'analytics-operations',
  summary: 'Derives, reads, compares and explains the metrics of a shop.',
  access: 'user',
  ...defineActions({
    generate_daily: generateDaily,
    generate_product: generateProduct,
    get_metrics: getMetrics,
    get_shop_stats: getShopStats,
    get_summary: getSummary,
    get_products: getProducts,
    explain_day: explainDay,
  }),
})
