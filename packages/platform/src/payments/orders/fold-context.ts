import type { Clock } from '../../kernel/index.ts'
import type { OrderLine } from '../fold/movements.ts'
import type { Subscription } from '../plans/subscription.ts'
import type { PaymentHooks } from './payment-hooks.ts'

/** What bringing an order or a subscription in line needs beside a transaction. */
export interface FoldContext {
  readonly hooks: PaymentHooks
  readonly clock: Clock
  /** Parts of a subscription's amount, taxes among them. Default: all of it to the account `subscriptions`. */
  readonly subscriptionLines?: ((amount: number, subscription: Subscription) => OrderLine[]) | undefined
}
