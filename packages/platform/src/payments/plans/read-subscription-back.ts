import type { ProjectDatabase } from '../../database/index.ts'
import { paymentErrors } from '../errors.ts'
import { storeFact } from '../facts/store-fact.ts'
import { foldSubscription, noSubscription } from '../fold/fold-subscription.ts'
import type { FoldContext } from '../orders/fold-context.ts'
import { readTargetFacts } from '../orders/target-facts.ts'
import type { PaymentProvider } from '../providers/payment-provider.ts'
import { foldSubscriptionTarget } from './fold-subscription-target.ts'
import { readSubscription } from './subscription.ts'

export interface ReadBackOptions extends FoldContext {
  readonly database: ProjectDatabase
  readonly providers: ReadonlyMap<string, PaymentProvider>
}

/**
 * Asks the provider that manages a subscription for its present state, stores it as a fact and folds it. The answer is later
 * than every fact that was known when it was asked for, whatever the clocks say; a fact that comes meanwhile asks again.
 */
export async function readSubscriptionBack(options: ReadBackOptions, id: string): Promise<void> {
  const { database, providers, clock } = options
  const reader = { query: database.asOwner }
  const subscription = await readSubscription(reader, id)
  if (!subscription?.object) return
  const provider = providers.get(subscription.manager)?.subscriptions
  if (!provider) throw paymentErrors.payment_provider_off({ provider: subscription.manager })
  const { events } = await readTargetFacts(reader, id)
  const { latest } = events.reduce(foldSubscription, noSubscription)
  const at = new Date(Math.max(clock.now().getTime(), (latest?.at ?? 0) + 1))
  const delivery = await provider.read(subscription.object, at)
  await database.transactionAsOwner(async (transaction) => {
    const hinted = { ...delivery, eventId: `${delivery.eventId} ${at.getTime()}`, hint: id }
    await storeFact(transaction, hinted, { source: 'api', queue: false })
    await foldSubscriptionTarget(transaction, id, options)
  })
}
