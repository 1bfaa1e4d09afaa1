import { type ProjectDatabase, sql, type Transaction } from '../../database/index.ts'
import { type Clock, hasCode } from '../../kernel/index.ts'
import { paymentErrors } from '../errors.ts'
import { linkObjects } from '../facts/store-fact.ts'
import { noOrder } from '../fold/fold-order.ts'
import type { Checkout, CheckoutOrder, PaymentProvider } from '../providers/payment-provider.ts'
import { lockOrder, orderOf } from './read-order.ts'

/** What the payer is shown, and where they go afterwards. */
export type CheckoutOptions = Pick<CheckoutOrder, 'title' | 'email' | 'successUrl' | 'cancelUrl'>

interface CheckoutRow {
  readonly attempt: number
  readonly object: string | null
  readonly answer: Checkout | { readonly refused: true } | null
  readonly asked_at: Date
}

/** A hosted page of Stripe's lives for 24 hours. */
const reusableMilliseconds = 20 * 3_600_000

/**
 * Opens an order's checkout with a provider: the one that is open, or a new one. The row is written before the call and the
 * answer after it; the same call again, after a crash or from another tab, finds what the first one made. Fails with
 * `order_unknown`, `order_paid` or `payment_provider_failed`.
 */
export async function openCheckout(
  database: ProjectDatabase,
  provider: PaymentProvider,
  clock: Clock,
  orderId: string,
  options: CheckoutOptions,
): Promise<Checkout> {
  const { order, existed, answer } = await database.transactionAsOwner((transaction) =>
    beginCheckout(transaction, provider.name, clock, orderId, options),
  )
  if (answer) return answer
  const checkout = await callProvider(database, provider, order, existed)
  await database.transactionAsOwner((transaction) =>
    recordCheckout(transaction, provider.name, order, checkout),
  )
  return checkout
}

async function beginCheckout(
  transaction: Transaction,
  provider: string,
  clock: Clock,
  id: string,
  options: CheckoutOptions,
) {
  const row = await lockOrder(transaction, id)
  if (!row) throw paymentErrors.order_unknown({ order: id })
  const { amount, currency, status, state } = orderOf(row, row.state ?? noOrder)
  if (status === 'paid' || status === 'authorised') throw paymentErrors.order_paid({ order: id })
  const { rows } = await transaction.query<CheckoutRow>(sql`
    select attempt, object, answer, asked_at::text as asked_at from plinth.payment_checkouts
    where target = ${id} and provider = ${provider} order by attempt desc limit 1`)
  const last = rows[0]
  const isUsable =
    last !== undefined &&
    !(last.answer && 'refused' in last.answer) &&
    !(last.object && state.checkouts[last.object]?.expired) &&
    clock.now().getTime() - new Date(last.asked_at).getTime() < reusableMilliseconds
  const attempt = isUsable ? last.attempt : (last?.attempt ?? 0) + 1
  if (!isUsable)
    await transaction.query(sql`
      insert into plinth.payment_checkouts (target, provider, attempt, asked_at)
      values (${id}, ${provider}, ${attempt}, ${clock.now()})`)
  const order: CheckoutOrder = { id, attempt, amount, currency, ...options }
  return { order, existed: isUsable, answer: isUsable ? (last.answer as Checkout | null) : null }
}

async function callProvider(
  database: ProjectDatabase,
  provider: PaymentProvider,
  order: CheckoutOrder,
  existed: boolean,
): Promise<Checkout> {
  try {
    return (existed && (await provider.findCheckout(order))) || (await provider.createCheckout(order))
  } catch (error) {
    if (
      hasCode(error, 'payment_provider_failed') &&
      (error as { details?: { refused?: boolean } }).details?.refused
    )
      await database.asOwner(sql`
        update plinth.payment_checkouts set answer = '{"refused": true}'
        where target = ${order.id} and provider = ${provider.name} and attempt = ${order.attempt} and object is null`)
    throw error
  }
}

async function recordCheckout(
  transaction: Transaction,
  provider: string,
  { id, attempt }: CheckoutOrder,
  checkout: Checkout,
): Promise<void> {
  await linkObjects(transaction, provider, [checkout.object], id)
  await transaction.query(sql`
    update plinth.payment_checkouts set object = ${checkout.object}, answer = ${JSON.stringify(checkout)}
    where target = ${id} and provider = ${provider} and attempt = ${attempt} and object is null`)
  await transaction.query(sql`select plinth.queue_payment_fold(${id})`)
}

/** Asks what became of checkouts whose answer was never recorded: the process died in between. Gives how many were found. */
export async function recoverCheckouts(
  database: ProjectDatabase,
  providers: ReadonlyMap<string, PaymentProvider>,
  before: Date,
): Promise<number> {
  const { rows } = await database.asOwner<{
    target: string
    provider: string
    attempt: number
    amount: string
    currency: string
  }>(sql`
    select c.target, c.provider, c.attempt, o.amount, o.currency
    from plinth.payment_checkouts c join plinth.payment_orders o on o.id = c.target
    where c.object is null and c.answer is null and c.asked_at < ${before}
      and c.asked_at > ${before}::timestamptz - interval '3 days'
    order by c.asked_at limit 50`)
  let found = 0
  for (const { target, provider, attempt, amount, currency } of rows) {
    const order = { id: target, attempt, amount: Number(amount), currency, title: '' }
    const checkout = await providers.get(provider)?.findCheckout(order)
    if (!checkout) continue
    await database.transactionAsOwner((transaction) => recordCheckout(transaction, provider, order, checkout))
    found += 1
  }
  return found
}
