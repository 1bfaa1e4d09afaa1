import { isDeepStrictEqual } from 'node:util'
import { sql, type Transaction } from '../../database/index.ts'
import type { SubscriptionStatus } from '../fold/events.ts'
import {
  type SubscriptionState as FoldedState,
  foldSubscription,
  type InvoiceState,
  noSubscription,
  subscriptionEffects,
  subscriptionMovements,
} from '../fold/fold-subscription.ts'
import type { FoldContext } from '../orders/fold-context.ts'
import type { InvoiceEvent } from '../orders/payment-hooks.ts'
import { markProcessed, postMovements, readTargetFacts, recordKeys } from '../orders/target-facts.ts'
import { applyChange, subscriptionLines, subscriptionPurpose } from './run-subscription.ts'
import { lockSubscription, type Subscription, type SubscriptionPatch } from './subscription.ts'
import type { SubscriptionState } from './subscription-states.ts'

/** What a provider calls it, and what it is here. */
const statuses: Readonly<Record<SubscriptionStatus, SubscriptionState>> = {
  incomplete: 'incomplete',
  trialing: 'trialing',
  active: 'active',
  past_due: 'past_due',
  unpaid: 'past_due',
  paused: 'past_due',
  incomplete_expired: 'expired',
  cancelled: 'cancelled',
}

/** Brings a subscription that a provider manages in line with all of its facts, under the lock of its row. */
export async function foldSubscriptionTarget(
  transaction: Transaction,
  id: string,
  context: FoldContext,
): Promise<void> {
  const row = await lockSubscription(transaction, id)
  if (!row) return
  const { facts, events, posted, hasNews } = await readTargetFacts(transaction, id)
  const state = events.reduce(foldSubscription, noSubscription)
  const object = events.find((event) => event.object === 'subscription')?.id ?? row.object
  const patch = await patchOf(transaction, row, state)
  const next = { ...row, ...patch, object }
  await postMovements(
    transaction,
    { id, tenant: row.tenant, purpose: subscriptionPurpose, reference: id },
    subscriptionMovements(state, (amount) => subscriptionLines(context, amount, row)),
    posted,
  )
  const after = isDeepStrictEqual(next, row) ? row : await applyChange(transaction, context, row, next)
  for (const key of await recordKeys(transaction, id, subscriptionEffects(state))) {
    const [name, invoice = ''] = key.split(':')
    const hook = name === 'invoice_paid' ? context.hooks.onInvoicePaid : context.hooks.onInvoiceFailed
    await hook?.(invoiceEventOf(after, invoice, state.invoices[invoice]!), transaction)
  }
  await markProcessed(transaction, facts)
  // Events of one second have no order: the provider is asked for the state after them.
  if (hasNews && object !== null)
    await transaction.query(sql`
      select plinth.add_job('read-subscription', jsonb_build_object('target', ${id}::text), null, 'read ' || ${id})`)
}

const invoiceEventOf = (
  subscription: Subscription,
  invoice: string,
  { amount, due, currency, periodStart, page }: InvoiceState,
): InvoiceEvent => ({
  subscription,
  invoice,
  amount: amount || due,
  currency,
  periodStart: periodStart === 0 ? null : new Date(periodStart),
  page: page || null,
})

async function patchOf(
  { query }: Transaction,
  row: Subscription,
  { latest }: FoldedState,
): Promise<SubscriptionPatch> {
  if (!latest) return {}
  const date = (at: number | null) => (at === null ? null : new Date(at))
  const { rows } = await query<{ id: string; plan: string }>(sql`
    select id, plan from plinth.plan_prices where provider_prices ->> 'stripe' = ${latest.price} limit 1`)
  return {
    status: statuses[latest.status],
    periodStart: date(latest.periodStart),
    periodEnd: date(latest.periodEnd),
    anchor: row.anchor ?? date(latest.periodStart),
    trialUsed: row.trialUsed || latest.trialEnd !== null,
    cancelAtPeriodEnd: latest.cancelAtPeriodEnd,
    ...(latest.customer ? { customer: latest.customer } : {}),
    ...(rows[0] ? { price: rows[0].id, plan: rows[0].plan } : {}),
  }
}
