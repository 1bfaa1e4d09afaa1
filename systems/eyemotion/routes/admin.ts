import { sql } from '@plinth/platform/database'
import type { Access } from '@plinth/platform/routes'
import { z } from 'zod'
import { defineRoute } from '../uses.ts'
import { anyObject, base, note, ofId, originOf, pageQuery, requireFlag, requireUser, run } from './api.ts'

/** Admins and super admins; the service key sees and changes nothing in anybody’s name. */
const admins: Access = { anyOf: [{ role: 'admin' }, { role: 'super_admin' }] }
type Found = z.output<typeof anyObject>

/** E-D1 */
export const showDashboard = defineRoute({
  method: 'GET',
  path: `${base}/admin/dashboard`,
  summary: 'Users, subscriptions, storage, money of thirty days, the latest payments.',
  access: admins,
  responses: { 200: anyObject },
  handle: async (ctx) => {
    await requireFlag(ctx.flags, 'analyticsEnabled')
    return run<Found>(ctx, sql`select private.dashboard(${ctx.clock.now()}) as answer`)
  },
})

/** E-D2 */
export const listUsers = defineRoute({
  method: 'GET',
  path: `${base}/admin/users`,
  summary: 'A page of the users, filtered by a literal search, role, plan or suspension.',
  access: admins,
  query: pageQuery.extend({
    search: z.string().max(200).optional(),
    role: z.enum(['user', 'admin', 'super_admin']).optional(),
    plan: z.string().max(50).optional(),
    suspended: z.stringbool().optional(),
  }),
  responses: { 200: z.object({ users: z.array(anyObject), page: z.int(), limit: z.int(), total: z.int() }) },
  handle: (ctx, { query: { page, limit, search, role, plan, suspended } }) =>
    run<{ users: Found[]; page: number; limit: number; total: number }>(
      ctx,
      sql`select private.list_users(${page}, ${limit}, ${search ?? null}, ${role ?? null}, ${plan ?? null}, ${suspended ?? null}) as answer`,
    ),
})

const days = { '7d': 7, '30d': 30, '90d': 90, '1y': 365 } as const
type Period = keyof typeof days
const dayMilliseconds = 86_400_000

/** E-D3 */
export const financialAnalytics = defineRoute({
  method: 'GET',
  path: `${base}/admin/analytics/financial`,
  summary: 'Money of a period, as the ledger has it.',
  access: admins,
  query: z.object({ period: z.enum(Object.keys(days) as [Period, ...Period[]]).default('30d') }),
  responses: { 200: anyObject },
  handle: async (ctx, { query: { period } }) => {
    await requireFlag(ctx.flags, 'analyticsEnabled')
    const until = ctx.clock.now()
    const from = new Date(until.getTime() - days[period] * dayMilliseconds)
    const found = await run<Found>(ctx, sql`select private.financial_analytics(${from}, ${until}) as answer`)
    return { period, ...found }
  },
})

/** E-D4 */
export const showSystem = defineRoute({
  method: 'GET',
  path: `${base}/admin/system`,
  summary: 'How each part does and did, open alerts, what people do.',
  access: admins,
  responses: { 200: anyObject },
  handle: async (ctx) => {
    const until = ctx.clock.now()
    const [health, history, alerts, activity] = await Promise.all([
      ctx.alerts.checkHealth(),
      ctx.alerts.healthHistory({ limit: 50 }),
      ctx.alerts.list({ limit: 50 }),
      run<Found>(
        ctx,
        sql`select private.user_activity(${new Date(until.getTime() - dayMilliseconds)}, ${until}) as answer`,
      ),
    ])
    const figures = JSON.parse(JSON.stringify({ health, history, alerts })) as Found
    const uptime = Math.round((until.getTime() - ctx.studio.startedAt.getTime()) / 1_000)
    return {
      ...figures,
      activity,
      uptime,
      environment: ctx.studio.environment,
      optional: { ...ctx.studio.optional },
    }
  },
})

export const giveCredits = defineRoute({
  method: 'POST',
  path: `${base}/admin/users/:id/credits`,
  summary: 'Gives a user credits, with a reason, once per key.',
  access: admins,
  params: ofId,
  body: z.object({
    key: z.string().trim().min(1).max(200),
    credits: z.int().min(1).max(10_000_000),
    reason: z.string().trim().min(3).max(1_000),
    expiresAt: z.iso.datetime({ offset: true }).optional(),
  }),
  responses: { 200: anyObject },
  handle: (ctx, { params: { id }, body: { key, credits, reason, expiresAt } }) =>
    run<Found>(
      ctx,
      sql`select private.give_credits(${requireUser(ctx)}, ${id}, ${key}, ${credits}, ${reason}, ${expiresAt ?? null}, ${originOf(ctx)},
        ${ctx.clock.now()}) as answer`,
    ),
})

export const returnUsage = defineRoute({
  method: 'POST',
  path: `${base}/admin/usage/:id/return`,
  summary: 'Gives burned credits back to the lots that they came from, with a reason, once.',
  access: admins,
  params: ofId,
  body: z.object({ reason: z.string().trim().min(3).max(1_000) }),
  responses: { 200: z.object({ returned: z.int() }) },
  handle: async (ctx, { params: { id }, body: { reason } }) => {
    const returned = await run<string>(
      ctx,
      sql`select private.return_usage(${requireUser(ctx)}, ${id}, ${reason}, ${originOf(ctx)}, ${ctx.clock.now()}) as answer`,
    )
    return { returned: Number(returned) }
  },
})

const done = z.object({ done: z.literal(true) })

export const suspendUser = defineRoute({
  method: 'POST',
  path: `${base}/admin/users/:id/suspend`,
  summary: 'Shuts an account out, with a reason, and ends its sessions. Nothing is deleted.',
  access: admins,
  params: ofId,
  body: z.object({ reason: z.string().trim().min(3).max(1_000) }),
  responses: { 200: done },
  handle: async (ctx, { params: { id }, body: { reason } }) => {
    await run(
      ctx,
      sql`select private.suspend_user(${requireUser(ctx)}, ${id}, ${reason}, ${originOf(ctx)}, ${ctx.clock.now()})::text as answer`,
    )
    return { done: true as const }
  },
})

export const reinstateUser = defineRoute({
  method: 'POST',
  path: `${base}/admin/users/:id/reinstate`,
  summary: 'Lets a suspended account in again.',
  access: admins,
  params: ofId,
  responses: { 200: done },
  handle: async (ctx, { params: { id } }) => {
    await run(
      ctx,
      sql`select private.suspend_user(${requireUser(ctx)}, ${id}, null, ${originOf(ctx)}, ${ctx.clock.now()})::text as answer`,
    )
    return { done: true as const }
  },
})

export const changeRole = defineRoute({
  method: 'POST',
  path: `${base}/admin/users/:id/role`,
  summary: 'Makes somebody an admin, or a user again.',
  access: { role: 'super_admin' },
  params: ofId,
  body: z.object({ role: z.enum(['user', 'admin', 'super_admin']) }),
  responses: { 200: done },
  handle: async (ctx, { params: { id }, body: { role } }) => {
    await run(
      ctx,
      sql`select private.set_role(${requireUser(ctx)}, ${id}, ${role}, ${originOf(ctx)}, ${ctx.clock.now()})::text as answer`,
    )
    return { done: true as const }
  },
})

export const releasePurchase = defineRoute({
  method: 'POST',
  path: `${base}/admin/orders/:id/release`,
  summary: 'Gives out the credits of a purchase that was withheld because Radar called it highly risky.',
  access: admins,
  params: ofId,
  responses: { 200: done },
  handle: async (ctx, { params: { id } }) => {
    await run(
      ctx,
      sql`select private.release_order(${requireUser(ctx)}, ${id}, ${ctx.clock.now()})::text as answer`,
    )
    await note(ctx, 'admin.release', { type: 'order', id })
    return { done: true as const }
  },
})

export const refundOrder = defineRoute({
  method: 'POST',
  path: `${base}/admin/orders/:id/refund`,
  summary:
    'Asks Stripe to give a purchase of credits back, in part or in full; its credits go in the same proportion.',
  access: admins,
  params: ofId,
  body: z.object({
    key: z.string().trim().min(1).max(200),
    /** Satang. Default: all that is left. */
    amount: z.int().min(1).optional(),
    reason: z.string().trim().min(3).max(500),
  }),
  responses: { 200: z.object({ requestId: z.uuid() }) },
  handle: async (ctx, { params: { id }, body: { key, amount, reason } }) => {
    const by = requireUser(ctx)
    const requestId = await ctx.payments.refund(id, { cause: key, reason, by, ...(amount ? { amount } : {}) })
    await note(ctx, 'admin.refund', { type: 'order', id, details: { amount: amount ?? null, reason } })
    return { requestId }
  },
})

export const listActivity = defineRoute({
  method: 'GET',
  path: `${base}/admin/activity`,
  summary: 'What was done, by whom and from where, the latest first.',
  access: admins,
  query: pageQuery.extend({ user: z.uuid().optional(), action: z.string().max(100).optional() }),
  responses: { 200: z.object({ activity: z.array(anyObject), page: z.int(), limit: z.int() }) },
  handle: async (ctx, { query: { page, limit, user, action } }) => {
    const { rows } = await ctx.db.query<{ entry: Found }>(
      sql`select to_jsonb(a) as entry from public.activity_logs a
        where (${user ?? null}::uuid is null or user_id = ${user ?? null}) and (${action ?? null}::text is null or action = ${action ?? null})
        order by created_at desc, id limit ${limit} offset ${(page - 1) * limit}`,
      { readOnly: true },
    )
    return { activity: rows.map(({ entry }) => entry), page, limit }
  },
})
