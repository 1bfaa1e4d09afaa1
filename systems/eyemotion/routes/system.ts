import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineRoute } from '../uses.ts'
import { anyObject, base, run } from './api.ts'

const words = { ok: 'healthy', degraded: 'warning', down: 'critical' } as const

const component = z.object({
  status: z.enum(['healthy', 'warning', 'critical']),
  milliseconds: z.number().optional(),
})

const health = z.object({
  status: z.enum(['healthy', 'warning', 'critical']),
  service: z.literal('eyemotion-backend'),
  version: z.literal('1.0.0'),
  timestamp: z.iso.datetime(),
  environment: z.string(),
  database: z.enum(['healthy', 'warning', 'critical']),
  /** Seconds. */
  uptime: z.number(),
  components: z.record(z.string(), component),
})

/** E-S1. Everybody reads a word for each part; how long each took is for the service key. */
export const showHealth = defineRoute({
  method: 'GET',
  path: `${base}/health`,
  summary: 'How the system does: healthy, warning or critical, and each of its parts.',
  access: 'public',
  responses: { 200: health },
  handle: async (ctx) => {
    const { status, components } = await ctx.alerts.checkHealth()
    const isService = ctx.role === 'service_role'
    const now = ctx.clock.now()
    ctx.setHeader('cache-control', 'no-store')
    const parts = components.map(({ component: name, status: word, milliseconds }) => [
      name,
      { status: words[word], ...(isService ? { milliseconds } : {}) },
    ])
    const database = components.find(({ component: name }) => name === 'database')
    return {
      status: words[status],
      service: 'eyemotion-backend' as const,
      version: '1.0.0' as const,
      timestamp: now.toISOString(),
      environment: ctx.studio.environment,
      database: words[database?.status ?? 'down'],
      uptime: Math.max(0, Math.round((now.getTime() - ctx.studio.startedAt.getTime()) / 1_000)),
      components: Object.fromEntries(parts) as Record<string, z.output<typeof component>>,
    }
  },
})

const force = { force: z.boolean().default(false) }

/** E-S2 */
export const initDatabase = defineRoute({
  method: 'POST',
  path: `${base}/init/database`,
  summary: 'Makes what the database needs for now, and says which tables there are.',
  access: 'service',
  body: z.object(force),
  responses: { 200: anyObject },
  handle: async (ctx, { body }) => {
    await run(ctx, sql`select private.require_init(${body.force})::text as answer`)
    return run<z.output<typeof anyObject>>(
      ctx,
      sql`select private.init_database(${ctx.clock.now()}) as answer`,
    )
  },
})

const initStorageOf = (ctx: Parameters<typeof run>[0]) =>
  run<string[]>(ctx, sql`select jsonb_agg(b order by b) as answer from private.init_storage() b`)
const initPlansOf = (ctx: Parameters<typeof run>[0], prices: object) =>
  run<string[]>(
    ctx,
    sql`select jsonb_agg(p order by p) as answer from private.init_plans(${JSON.stringify(prices)}) p`,
  )

/** E-S3 */
export const initStorage = defineRoute({
  method: 'POST',
  path: `${base}/init/storage`,
  summary: 'Makes the four buckets, or sets them right again.',
  access: 'service',
  body: z.object(force),
  responses: { 200: z.object({ buckets: z.array(z.string()) }) },
  handle: async (ctx, { body }) => {
    await run(ctx, sql`select private.require_init(${body.force})::text as answer`)
    return { buckets: await initStorageOf(ctx) }
  },
})

const priceId = z.string().min(1).max(255)
const prices = z.object({ creator: priceId, pro: priceId, studio: priceId }).partial().default({})

/** E-S4 */
export const initPlans = defineRoute({
  method: 'POST',
  path: `${base}/init/plans`,
  summary: 'Writes the four plans, or sets them right again; `prices` has the ids of their prices at Stripe.',
  access: 'service',
  body: z.object({ ...force, prices }),
  responses: { 200: z.object({ plans: z.array(z.string()) }) },
  handle: async (ctx, { body }) => {
    await run(ctx, sql`select private.require_init(${body.force})::text as answer`)
    return { plans: await initPlansOf(ctx, body.prices) }
  },
})

/** E-S5 */
export const completeInit = defineRoute({
  method: 'POST',
  path: `${base}/init/complete`,
  summary: 'Does everything that the others do, and closes them.',
  access: 'service',
  body: z.object({ ...force, prices }),
  responses: { 200: anyObject },
  handle: async (ctx, { body }) => {
    await run(ctx, sql`select private.require_init(${body.force})::text as answer`)
    const database = await run<z.output<typeof anyObject>>(
      ctx,
      sql`select private.init_database(${ctx.clock.now()}) as answer`,
    )
    const [buckets, plans] = [await initStorageOf(ctx), await initPlansOf(ctx, body.prices)]
    const initialized = await run<z.output<typeof anyObject>>(
      ctx,
      sql`select private.complete_init(${ctx.clock.now()}) as answer`,
    )
    return { database, buckets, plans, initialized }
  },
})
