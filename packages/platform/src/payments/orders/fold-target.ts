import type { Transaction } from '../../database/index.ts'
import { foldSubscriptionTarget } from '../plans/fold-subscription-target.ts'
import type { FoldContext } from './fold-context.ts'
import { foldOrderTarget } from './fold-order-target.ts'

/** Brings what facts belong to, an order or a subscription, in line with all of them. */
export async function foldTarget(transaction: Transaction, id: string, context: FoldContext): Promise<void> {
  if (!(await foldOrderTarget(transaction, id, context)))
    await foldSubscriptionTarget(transaction, id, context)
}
