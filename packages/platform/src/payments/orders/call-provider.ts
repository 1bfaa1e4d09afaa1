import { type ProjectDatabase, sql } from '../../database/index.ts'
import { AppError, type Clock } from '../../kernel/index.ts'
import { paymentErrors } from '../errors.ts'
import { storeFact } from '../facts/store-fact.ts'
import type { PaymentProvider, ProviderAnswer, ProviderRequest } from '../providers/payment-provider.ts'
import type { FoldContext } from './fold-context.ts'
import { foldOrderTarget } from './fold-order-target.ts'

export interface CallOptions extends FoldContext {
  readonly database: ProjectDatabase
  readonly providers: ReadonlyMap<string, PaymentProvider>
}

interface RequestRow {
  readonly id: string
  readonly target: string
  readonly action: 'refund' | 'capture'
  readonly provider: string
  readonly payment: string
  readonly amount: string
  readonly currency: string
  readonly reason: string | null
  readonly attempts: number
}

/**
 * Does what was asked of a provider. The id of the request is the call's idempotency key; from the second attempt on the
 * provider is asked first whether it did it. What it answers becomes a fact and is folded in one transaction with the end of
 * the request. Fails with `payment_provider_failed` when nobody knows; then it is tried again.
 */
export async function callProvider(options: CallOptions, requestId: string): Promise<void> {
  const { database, providers, clock } = options
  const { rows } = await database.asOwner<RequestRow>(sql`
    update plinth.payment_requests r set attempts = r.attempts + 1
    from plinth.payment_orders o where r.id = ${requestId} and r.state = 'waiting' and o.id = r.target
    returning r.id, r.target, r.action, r.provider, r.payment, r.amount, o.currency, r.reason, r.attempts`)
  const row = rows[0]
  if (!row) return
  const provider = providers.get(row.provider)
  if (!provider) throw paymentErrors.payment_provider_off({ provider: row.provider })
  const request = { ...row, amount: Number(row.amount), order: row.target }
  try {
    await recordAnswer(options, request, await answerOf(provider, request, row, clock))
  } catch (error) {
    if (!isRefusal(error)) throw error
    await database.asOwner(sql`
      update plinth.payment_requests set state = 'refused', problem = ${error.message}, answered_at = ${clock.now()}
      where id = ${requestId} and state = 'waiting'`)
  }
}

async function answerOf(
  provider: PaymentProvider,
  request: ProviderRequest,
  { action, attempts }: RequestRow,
  clock: Clock,
): Promise<ProviderAnswer> {
  const now = clock.now()
  if (action === 'capture')
    return (attempts > 1 && (await provider.findCapture(request, now))) || provider.capture(request, now)
  return (attempts > 1 && (await provider.findRefund(request, now))) || provider.refund(request, now)
}

const recordAnswer = (
  options: CallOptions,
  { id, order }: ProviderRequest,
  { object, delivery }: ProviderAnswer,
): Promise<void> =>
  options.database.transactionAsOwner(async (transaction) => {
    await storeFact(transaction, { ...delivery, hint: order }, { source: 'api', queue: false })
    await transaction.query(sql`
      update plinth.payment_requests set state = 'done', object = ${object}, answered_at = ${options.clock.now()}
      where id = ${id} and state = 'waiting'`)
    await foldOrderTarget(transaction, order, options)
  })

const isRefusal = (error: unknown): error is AppError =>
  error instanceof AppError && error.code === 'payment_provider_failed' && error.details.refused === true

/** Asks providers what they know of an order's checkouts, and stores it as facts. Gives how many were new. */
export async function askProviders(options: CallOptions, target: string): Promise<number> {
  const { database, providers, clock } = options
  const { rows } = await database.asOwner<{ provider: string; object: string }>(sql`
    select provider, object from plinth.payment_checkouts
    where target = ${target} and object is not null order by asked_at desc limit 5`)
  let stored = 0
  for (const { provider, object } of rows) {
    const deliveries = (await providers.get(provider)?.readCheckout(object, clock.now())) ?? []
    for (const delivery of deliveries)
      await database.transactionAsOwner(async (transaction) => {
        const fact = await storeFact(transaction, { ...delivery, hint: target }, { source: 'api' })
        if (fact.stored) stored += 1
      })
  }
  return stored
}
