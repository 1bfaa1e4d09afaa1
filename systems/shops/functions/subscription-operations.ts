import { ask, type ScopedDatabase, sql } from '@plinth/platform/database'
import { defineAction, defineActions } from '@plinth/platform/routes'
import { z } from 'zod'
import { shopErrors } from '../errors.ts'
import { defineFunction, type ShopContext } from '../uses.ts'
import { requireShopRole } from './require-shop-role.ts'

const plans = ['Starter', 'Pro', 'Growth'] as const
const ofShop = z.object({ shopId: z.uuid() })
const ofPlan = ofShop.extend({ plan: z.enum(plans), interval: z.enum(['month', 'year']).default('month') })

const standing = z.object({
  plan: z.string(),
  status: z.string(),
  interval: z.string(),
  currency: z.string(),
  /** Minor units for a period. */
  amount: z.number(),
  periodEndsAt: z.string().nullable(),
  endsWithPeriod: z.boolean(),
  /** The order that waits for its payment; null when nothing is to be paid. */
  dueOrder: z.string().nullable(),
})

interface Price {
  readonly plan: (typeof plans)[number]
  readonly interval: 'month' | 'year'
  readonly valid_from: string
  readonly price_minor: number
  readonly currency: string
  readonly needs_approval: boolean
}

/** The prices of `public.plans`, as payments know them. */
async function definePlans({ payments, asService }: ShopContext): Promise<string> {
  const prices = await ask<readonly Price[]>(
    asService('plans are read'),
    sql`select coalesce(jsonb_agg(jsonb_build_object('plan', plan, 'interval', billing_interval, 'valid_from', valid_from,
          'price_minor', price_minor, 'currency', currency, 'needs_approval', needs_approval) order by valid_from), '[]') as answer
        from public.plans`,
    { readOnly: true },
  )
  for (const [rank, plan] of plans.entries()) {
    const own = prices.filter((price) => price.plan === plan)
    await payments.subscriptions.definePlan({
      id: plan,
      name: plan,
      rank,
      needsApproval: own.at(-1)?.needs_approval ?? false,
      prices: own.map(({ price_minor, currency, interval, valid_from }) => ({
        currency,
        amount: price_minor,
        unit: interval,
        validFrom: new Date(`${valid_from}T00:00:00Z`),
      })),
    })
  }
  return prices[0]?.currency ?? 'USD'
}

/** The shop's subscription; fails with `no_subscription`. */
async function subscriptionOf(db: ScopedDatabase, shopId: string): Promise<string> {
  // A subquery: a shop that is not there, or not the caller's, has none either.
  const id = await ask<string | null>(
    db,
    sql`select (select subscription_id from public.shops where id = ${shopId}) as answer`,
    { readOnly: true },
  )
  if (!id) throw shopErrors.no_subscription()
  return id
}

async function show({ payments }: ShopContext, id: string): Promise<z.output<typeof standing>> {
  const { plan, status, unit, currency, amount, periodEnd, cancelAtPeriodEnd } =
    await payments.subscriptions.get(id)
  return {
    plan,
    status,
    interval: unit,
    currency,
    amount,
    periodEndsAt: periodEnd?.toISOString() ?? null,
    endsWithPeriod: cancelAtPeriodEnd,
    dueOrder: await payments.subscriptions.dueOrder(id),
  }
}

const getSubscription = defineAction({
  input: ofShop,
  output: standing,
  handle: async (context: ShopContext, { shopId }) => {
    await requireShopRole(context.db, shopId, 'Owner', 'Admin')
    return show(context, await subscriptionOf(context.db, shopId))
  },
})

const subscribe = defineAction({
  input: ofPlan,
  output: standing,
  handle: async (context: ShopContext, { shopId, plan, interval }) => {
    const { db, asService, payments, userId } = context
    await requireShopRole(db, shopId, 'Owner')
    const currency = await definePlans(context)
    const { id } = await payments.subscriptions.subscribe({
      tenant: shopId,
      subject: shopId,
      person: userId,
      plan,
      currency,
      unit: interval,
    })
    await asService('a shop subscribes').query(
      sql`update public.shops set subscription_id = ${id} where id = ${shopId} and subscription_id is distinct from ${id}::uuid`,
    )
    return show(context, id)
  },
})

const changePlan = defineAction({
  input: ofPlan,
  output: standing,
  handle: async (context: ShopContext, { shopId, plan, interval }) => {
    const { db, payments } = context
    await requireShopRole(db, shopId, 'Owner')
    const id = await subscriptionOf(db, shopId)
    await definePlans(context)
    const { order } = await payments.subscriptions.change(id, { plan, unit: interval })
    return { ...(await show(context, id)), ...(order ? { dueOrder: order } : {}) }
  },
})

const cancelSubscription = defineAction({
  input: ofShop.extend({ immediately: z.boolean().default(false) }),
  output: standing,
  handle: async (context: ShopContext, { shopId, immediately }) => {
    await requireShopRole(context.db, shopId, 'Owner')
    const id = await subscriptionOf(context.db, shopId)
    await context.payments.subscriptions.cancel(id, { immediately })
    return show(context, id)
  },
})

const resumeSubscription = defineAction({
  input: ofShop,
  output: standing,
  handle: async (context: ShopContext, { shopId }) => {
    await requireShopRole(context.db, shopId, 'Owner')
    const id = await subscriptionOf(context.db, shopId)
    await context.payments.subscriptions.resume(id)
    return show(context, id)
  },
})

const approveSubscription = defineAction({
  input: ofShop,
  output: standing,
  handle: async (context: ShopContext, { shopId }) => {
    const { db, asService, payments, userId } = context
    if (!(await context.roles()).has('admin') && db.caller.role !== 'service_role')
      throw shopErrors.forbidden()
    const id = await subscriptionOf(asService('a subscription is approved'), shopId)
    await payments.subscriptions.approve(id, userId ?? 'service')
    return show(context, id)
  },
})

const checkout = z.object({
  order: z.string(),
  amount: z.number(),
  currency: z.string(),
  object: z.string(),
  url: z.string().nullable(),
  client: z.record(z.string(), z.union([z.string(), z.number()])),
})

const pay = defineAction({
  input: ofShop.extend({
    what: z.enum(['subscription', 'data_extension']).default('subscription'),
    /** An order of a change of plan, as change_plan answered it. */
    order: z.uuid().optional(),
    provider: z.enum(['stripe', 'razorpay']),
    successUrl: z.url().optional(),
    cancelUrl: z.url().optional(),
  }),
  output: checkout,
  handle: async (context: ShopContext, { shopId, what, order: wanted, provider, successUrl, cancelUrl }) => {
    const { db, payments } = context
    await requireShopRole(db, shopId, 'Owner')
    const id =
      what === 'data_extension'
        ? await orderDataExtension(context, shopId)
        : (wanted ?? (await payments.subscriptions.dueOrder(await subscriptionOf(db, shopId))))
    if (!id) throw shopErrors.nothing_to_pay()
    const order = await payments.order(id)
    if (order.tenant !== shopId) throw shopErrors.nothing_to_pay()
    const opened = await payments.checkout(id, provider, {
      title: what === 'data_extension' ? 'Data extension' : 'Subscription',
      ...(successUrl ? { successUrl } : {}),
      ...(cancelUrl ? { cancelUrl } : {}),
    })
    return { order: id, amount: order.amount, currency: order.currency, ...opened }
  },
})

async function orderDataExtension(
  { payments, asService, userId }: ShopContext,
  shopId: string,
): Promise<string> {
  const price = await ask<{ amount: number; currency: string; reference: string } | null>(
    asService('the data extension is paid'),
    sql`select private.price_of_data_extension(${shopId}) as answer`,
    { readOnly: true },
  )
  if (!price) throw shopErrors.nothing_to_pay()
  const { id } = await payments.createOrder({
    tenant: shopId,
    purpose: 'data-extension',
    reference: price.reference,
    person: userId,
    currency: price.currency,
    lines: [{ account: 'data extension', kind: 'income', amount: price.amount }],
  })
  return id
}

/** What a shop pays the platform: its plan and the data extension, by the platform's payments. */
export const subscriptionOperations = defineFunction({
  name: 'subscription-operations',
  summary: 'Subscribes a shop to a plan, changes, cancels and pays it.',
  access: 'user',
  ...defineActions({
    get: getSubscription,
    subscribe,
    change_plan: changePlan,
    cancel: cancelSubscription,
    resume: resumeSubscription,
    approve: approveSubscription,
    pay,
  }),
})
