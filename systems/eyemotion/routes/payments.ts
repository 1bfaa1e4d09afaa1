import { randomUUID } from 'node:crypto'
import { type Caller, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { eyemotionErrors } from '../errors.ts'
import { creditPrice, linesWithVat } from '../payments/vat.ts'
import { defineRoute } from '../uses.ts'
import { anyObject, base, note, pageQuery, requireFlag, requireUser, run, userOr } from './api.ts'

const returns = {
  successUrl: z
    .url({ protocol: /^https?$/ })
    .max(2_000)
    .optional(),
  cancelUrl: z
    .url({ protocol: /^https?$/ })
    .max(2_000)
    .optional(),
}

interface Account {
  /** Null before `init/*` made the plans. */
  readonly plan: string | null
  readonly subscription: string | null
  readonly waiting: string | null
}

const accountOf = (user: string) => sql`
  select jsonb_build_object('plan', l.name, 'subscription', s.subscription,
    'waiting', private.waiting_subscription(u.id)) as answer
  from (select ${user}::uuid as id) u
  left join public.user_subscriptions s on s.user_id = u.id left join public.subscription_plans l on l.id = s.plan_id`

const emailOf = ({ claims }: Caller) => (typeof claims.email === 'string' ? { email: claims.email } : {})

const checkoutAnswer = z.object({
  sessionId: z.string().nullable(),
  url: z.string().nullable(),
  /** True: the subscription was changed at once, and there is nothing to pay at a page. */
  changed: z.boolean(),
  plan: z.string(),
})

/** E-P1. A subscriber’s plan is changed: a dearer one at once, for the difference; a cheaper one costs less from the next period on. */
export const checkout = defineRoute({
  method: 'POST',
  path: `${base}/payments/checkout`,
  summary: 'Begins a subscription at Stripe’s page, or changes the plan of the one that there is.',
  access: 'user',
  limit: { calls: 20, seconds: 60 },
  body: z.object({ plan: z.string().max(50), ...returns }),
  responses: { 200: checkoutAnswer },
  handle: async (ctx, { body: { plan, successUrl, cancelUrl } }) => {
    await requireFlag(ctx.flags, 'paymentsEnabled')
    const user = requireUser(ctx)
    const { subscriptions } = ctx.payments
    const account = await run<Account>(ctx, accountOf(user))
    const isSold = await run<boolean>(
      ctx,
      sql`select exists (select from public.subscription_plans where name = ${plan} and is_active and price > 0) as answer`,
    )
    if (!isSold) throw eyemotionErrors.plan_not_found({ plan })
    if (account.subscription) {
      if (account.plan === plan) throw eyemotionErrors.plan_is_current({ plan })
      await subscriptions.change(account.subscription, { plan })
      await note(ctx, 'payment.plan', { type: 'subscription', id: account.subscription, details: { plan } })
      return { sessionId: null, url: null, changed: true, plan }
    }
    const id = account.waiting
      ? (await subscriptions.change(account.waiting, { plan })).subscription.id
      : (
          await subscriptions.subscribe({
            subject: user,
            person: user,
            plan,
            currency: 'THB',
            manager: 'stripe',
          })
        ).id
    const page = await subscriptions.checkout(id, {
      successUrl: successUrl ?? ctx.studio.url,
      ...(cancelUrl ? { cancelUrl } : {}),
      ...emailOf(ctx.caller),
    })
    await note(ctx, 'payment.checkout', { type: 'subscription', id, details: { plan } })
    return { sessionId: page.object, url: page.url, changed: false, plan }
  },
})

const purchase = z.object({
  sessionId: z.string(),
  url: z.string().nullable(),
  orderId: z.uuid(),
  credits: z.int(),
  /** Satang. */
  amount: z.int(),
  currency: z.literal('thb'),
})

/** E-P2, E-N3: 0.50 THB for each credit. Stripe takes 10 THB at the least. */
export const buyCredits = defineRoute({
  method: 'POST',
  path: `${base}/payments/credits`,
  summary: 'Begins to buy credits at Stripe’s page. The same Idempotency-Key is the same purchase.',
  access: 'user',
  limit: { calls: 20, seconds: 60 },
  body: z.object({ credits: z.int().min(20).max(1_000_000), ...returns }),
  responses: { 200: purchase },
  handle: async (ctx, { body: { credits, successUrl, cancelUrl } }) => {
    await requireFlag(ctx.flags, 'paymentsEnabled')
    const user = requireUser(ctx)
    const amount = credits * creditPrice
    const key = ctx.request.headers.get('idempotency-key')?.slice(0, 200) ?? randomUUID()
    const order = await ctx.payments.createOrder({
      purpose: 'credits',
      reference: `${user} ${key}`,
      person: user,
      currency: 'THB',
      lines: linesWithVat('credits', amount),
      details: { credits },
    })
    const page = await ctx.payments.checkout(order.id, 'stripe', {
      title: `${credits} EyeMotion credits`,
      successUrl: successUrl ?? ctx.studio.url,
      ...(cancelUrl ? { cancelUrl } : {}),
      ...emailOf(ctx.caller),
    })
    await note(ctx, 'payment.credits', { type: 'order', id: order.id, details: { credits } })
    return {
      sessionId: page.object,
      url: page.url,
      orderId: order.id,
      credits,
      amount,
      currency: 'thb' as const,
    }
  },
})

const subscriptionState = z.object({
  status: z.string(),
  plan: z.string(),
  cancelAtPeriodEnd: z.boolean(),
  currentPeriodEnd: z.iso.datetime().nullable(),
})

async function subscriptionOf(ctx: Parameters<typeof run>[0], user: string): Promise<string> {
  const { subscription } = await run<Account>(ctx, accountOf(user))
  if (!subscription) throw eyemotionErrors.no_subscription()
  return subscription
}

const stateOf = (found: {
  status: string
  plan: string
  cancelAtPeriodEnd: boolean
  periodEnd: Date | null
}): z.output<typeof subscriptionState> => ({
  status: found.status,
  plan: found.plan,
  cancelAtPeriodEnd: found.cancelAtPeriodEnd,
  currentPeriodEnd: found.periodEnd?.toISOString() ?? null,
})

/** E-P3 */
export const cancelSubscription = defineRoute({
  method: 'POST',
  path: `${base}/payments/cancel`,
  summary: 'Ends the subscription with its period, or at once.',
  access: 'user',
  body: z.object({ immediately: z.boolean().default(false) }),
  responses: { 200: subscriptionState },
  handle: async (ctx, { body }) => {
    await requireFlag(ctx.flags, 'paymentsEnabled')
    const id = await subscriptionOf(ctx, requireUser(ctx))
    const found = await ctx.payments.subscriptions.cancel(id, body)
    await note(ctx, 'payment.cancel', { type: 'subscription', id, details: body })
    return stateOf(found)
  },
})

/** Takes a cancellation back before it comes. */
export const resumeSubscription = defineRoute({
  method: 'POST',
  path: `${base}/payments/resume`,
  summary: 'Takes back the cancellation of a subscription that has not ended yet.',
  access: 'user',
  responses: { 200: subscriptionState },
  handle: async (ctx) => {
    await requireFlag(ctx.flags, 'paymentsEnabled')
    const id = await subscriptionOf(ctx, requireUser(ctx))
    const found = await ctx.payments.subscriptions.resume(id)
    await note(ctx, 'payment.resume', { type: 'subscription', id })
    return stateOf(found)
  },
})

/** Stripe’s own page for cards and invoices. */
export const openPortal = defineRoute({
  method: 'POST',
  path: `${base}/payments/portal`,
  summary: 'The address of Stripe’s page for the card and the invoices of the subscription.',
  access: 'user',
  body: z.object({ returnUrl: returns.successUrl }),
  responses: { 200: z.object({ url: z.string() }) },
  handle: async (ctx, { body: { returnUrl } }) => {
    await requireFlag(ctx.flags, 'paymentsEnabled')
    const id = await subscriptionOf(ctx, requireUser(ctx))
    return { url: await ctx.payments.subscriptions.portal(id, returnUrl ?? ctx.studio.url) }
  },
})

/** E-P4 */
export const paymentHistory = defineRoute({
  method: 'GET',
  path: `${base}/payments/history`,
  summary:
    'What the user paid and got back, the latest first, with numbers and links of invoices and receipts.',
  access: userOr('payments:read'),
  query: pageQuery,
  responses: {
    200: z.object({ transactions: z.array(anyObject), page: z.int(), limit: z.int(), total: z.int() }),
  },
  handle: async (ctx, { query: { page, limit } }) => {
    const user = requireUser(ctx)
    const found = await run<{ transactions: z.output<typeof anyObject>[]; total: number }>(
      ctx,
      sql`select jsonb_build_object(
          'transactions', (select coalesce(jsonb_agg(to_jsonb(t) - 'user_id' - 'source' order by t.created_at desc, t.id), '[]') from (
            select * from public.payment_transactions where user_id = ${user} order by created_at desc, id
            limit ${limit} offset ${(page - 1) * limit}) t),
          'total', (select count(*) from public.payment_transactions where user_id = ${user})) as answer`,
    )
    return { ...found, page, limit }
  },
})

/** E-P5. Taken also while paymentsEnabled is off: money that came is money that came. */
export const stripeWebhook = defineRoute({
  method: 'POST',
  path: `${base}/payments/webhook`,
  summary: 'What Stripe reports.',
  access: 'webhook',
  limit: { calls: 60_000, seconds: 60, per: 'everyone' },
  bodyLimit: 256 * 1_024,
  responses: { 200: z.object({ received: z.literal(true) }) },
  handle: async ({ payments, rawBody, request }) => {
    await payments.receive('stripe', rawBody, (name) => request.headers.get(name) ?? undefined)
    return { received: true as const }
  },
})
