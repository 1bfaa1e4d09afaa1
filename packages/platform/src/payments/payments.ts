import { type ProjectDatabase, sql, type Transaction, translateSqlError } from '../database/index.ts'
import { paymentErrors } from './errors.ts'
import type { Delivery } from './facts/delivery.ts'
import { type StoredFact, storeFact } from './facts/store-fact.ts'
import type { OrderLine } from './fold/movements.ts'
import { askProviders } from './orders/call-provider.ts'
import type { FoldContext } from './orders/fold-context.ts'
import { foldOrderTarget } from './orders/fold-order-target.ts'
import {
  confirmManualPayment,
  confirmManualRefund,
  enterManualPayment,
  type NewManualPayment,
  reverseManualPayment,
} from './orders/manual-payments.ts'
import { type CheckoutOptions, openCheckout } from './orders/open-checkout.ts'
import type { PaymentOrder } from './orders/payment-hooks.ts'
import { readOrder } from './orders/read-order.ts'
import { createSubscriptions, type Subscriptions } from './plans/subscriptions.ts'
import type { Providers } from './providers/open-providers.ts'
import type { Checkout, ReadHeader } from './providers/payment-provider.ts'
import type { RazorpayClientProof } from './providers/razorpay/razorpay-provider.ts'

export interface NewOrder {
  readonly tenant?: string
  /** In the words of the system: `registration`, `deposit`. */
  readonly purpose: string
  /** The system's own key of what is paid: the same one again is the same order. */
  readonly reference: string
  /** Who pays. */
  readonly person?: string | null
  readonly currency: string
  /** Parts of the amount, in minor units, each with the account of the ledger that it is for. */
  readonly lines: readonly OrderLine[]
  /** The system's own, given back to its hooks. */
  readonly details?: Readonly<Record<string, unknown>>
}

/**
 * What handlers find as `ctx.payments`. It acts as the owner of the database: whoever calls it has checked who asks.
 */
export interface Payments {
  /** Makes an order, or finds the one of the same reference. Fails with `order_differs` or `order_lines_differ`. */
  createOrder(order: NewOrder): Promise<PaymentOrder>
  /** Fails with `order_unknown`. */
  order(id: string): Promise<PaymentOrder>
  /** Opens the order's checkout: the one that is open, or a new one. Fails with `order_paid`, `payment_provider_failed`. */
  checkout(order: string, provider: string, options: CheckoutOptions): Promise<Checkout>
  /**
   * Takes a webhook: checks its signature, stores it once, queues what follows. Answer 2xx when it returns. Gives the id and
   * the kind of its event; null for one that says nothing of payments and is not stored.
   */
  receive(provider: string, bytes: Uint8Array, header: ReadHeader): Promise<ReceivedEvent | null>
  /** What Razorpay's window gave the client: checked, stored and folded; the provider is asked for the rest. */
  verifyRazorpay(proof: RazorpayClientProof): Promise<PaymentOrder>
  /** Asks the providers what they know of an order, and folds it. For a client that comes back before the webhook does. */
  refresh(order: string): Promise<PaymentOrder>
  /** Asks to capture what is authorised; the providers do so by themselves unless they are told otherwise. Gives the request's id. */
  capture(order: string, by?: string | null): Promise<string>
  /** Asks for a refund, once per cause; of all that is left of a payment when no amount is named. Gives the request's id. */
  refund(order: string, refund: NewRefund): Promise<string>
  /** Enters a payment that came without a provider; without a second person's confirmation it counts at once. */
  enterManual(payment: NewManualPayment): Promise<{ readonly id: string; readonly order: PaymentOrder }>
  confirmManual(id: string, by: string | null): Promise<PaymentOrder>
  reverseManual(id: string, by: string | null, reason: string): Promise<PaymentOrder>
  /** Says that what was asked to be given back by hand was given back. Fails with `manual_payment_unknown`. */
  confirmRefund(request: string, by: string | null): Promise<PaymentOrder>
  readonly subscriptions: Subscriptions
  /** Folds the targets of facts again: of these, or of all since an instant. Gives how many there are. */
  replay(which: { readonly facts?: readonly string[]; readonly since?: Date }): Promise<number>
}

/** A webhook that was taken, in the provider's words. */
export type ReceivedEvent = Pick<Delivery, 'eventId' | 'kind'>

export interface NewRefund {
  /** Names why, within the order: the same cause asks once. */
  readonly cause: string
  /** Minor units. */
  readonly amount?: number
  readonly reason?: string
  readonly by?: string | null
}

export interface PaymentsOptions extends FoldContext {
  readonly database: ProjectDatabase
  readonly providers: Providers
  readonly secondPerson: boolean
  /** Seals the bodies of facts. */
  readonly key: Buffer
  /** Counts what was refused by its signature. */
  readonly onRefused: (provider: string) => void
}

export function createPayments(options: PaymentsOptions): Payments {
  const { database, providers, secondPerson, key, clock } = options
  const provider = (name: string) => {
    const found = providers.all.get(name)
    if (!found) throw paymentErrors.payment_provider_off({ provider: name })
    return found
  }
  const fold = async (transaction: Transaction, id: string): Promise<PaymentOrder> => {
    const order = await foldOrderTarget(transaction, id, options)
    if (!order) throw paymentErrors.order_unknown({ order: id })
    return order
  }
  const inTransaction = <T>(work: (transaction: Transaction) => Promise<T>) =>
    refusing(database.transactionAsOwner(work))
  const order = async (id: string) => {
    const found = await readOrder({ query: database.asOwner }, id)
    if (!found) throw paymentErrors.order_unknown({ order: id })
    return found
  }
  const refresh = async (id: string) => {
    await askProviders({ ...options, providers: providers.all }, id)
    return inTransaction((transaction) => fold(transaction, id))
  }
  return {
    createOrder: (given) => inTransaction((transaction) => createOrder(transaction, given)),
    order,
    checkout: async (id, name, wished) => openCheckout(database, provider(name), clock, id, wished),
    receive: async (name, bytes, header) => {
      const delivery = await readWebhook()
      if (!delivery) return null
      await storeFact({ query: database.asOwner }, delivery, { source: 'webhook', body: { bytes, key } })
      return { eventId: delivery.eventId, kind: delivery.kind }

      async function readWebhook() {
        try {
          return await provider(name).readWebhook(bytes, header, clock.now())
        } catch (error) {
          options.onRefused(name)
          throw error
        }
      }
    },
    verifyRazorpay: async (proof) => {
      if (!providers.razorpay) throw paymentErrors.payment_provider_off({ provider: 'razorpay' })
      const delivery = providers.razorpay.readClientProof(proof, clock.now())
      const { target } = await inTransaction<StoredFact>((transaction) =>
        storeFact(transaction, delivery, { source: 'client', queue: false }),
      )
      if (!target) throw paymentErrors.order_unknown({ order: proof.orderId })
      // The provider knows what was captured; where it does not answer, its webhook will tell.
      return refresh(target).catch(() => inTransaction((transaction) => fold(transaction, target)))
    },
    refresh,
    refund: async (id, { cause, amount = null, reason = null, by = null }) => {
      const { rows } = await refusing(
        database.asOwner<{ id: string }>(
          sql`select plinth.request_refund(${id}, ${cause}, ${amount}, ${reason}, ${by}) as id`,
        ),
      )
      return rows[0]!.id
    },
    capture: async (id, by = null) => {
      const { rows } = await refusing(
        database.asOwner<{ id: string }>(sql`select plinth.request_capture(${id}, ${by}) as id`),
      )
      return rows[0]!.id
    },
    enterManual: (given) =>
      inTransaction(async (transaction) => {
        const id = await enterManualPayment(transaction, given)
        if (!secondPerson) await confirmManualPayment(transaction, id, given.by, { secondPerson })
        return { id, order: await fold(transaction, given.order) }
      }),
    confirmManual: (id, by) =>
      inTransaction(async (transaction) =>
        fold(transaction, await confirmManualPayment(transaction, id, by, { secondPerson })),
      ),
    reverseManual: (id, by, reason) =>
      inTransaction(async (transaction) =>
        fold(transaction, await reverseManualPayment(transaction, id, by, reason)),
      ),
    confirmRefund: (request, by) =>
      inTransaction(async (transaction) =>
        fold(transaction, await confirmManualRefund(transaction, request, by)),
      ),
    subscriptions: createSubscriptions({ ...options, providers: providers.all }),
    replay: async ({ facts = null, since = null }) => {
      const { rows } = await database.asOwner<{ count: string }>(
        sql`select plinth.replay_payments(${facts}::bigint[], ${since}) as count`,
      )
      return Number(rows[0]!.count)
    },
  }
}

async function createOrder(transaction: Transaction, given: NewOrder): Promise<PaymentOrder> {
  const { tenant = '', purpose, reference, person = null, currency, lines, details = {} } = given
  const amount = lines.reduce((sum, line) => sum + line.amount, 0)
  const { rows } = await transaction.query<{ id: string }>(sql`
    select plinth.create_payment_order(${tenant}, ${purpose}, ${reference}, ${amount}, ${currency},
      ${JSON.stringify(lines)}, ${person}, ${JSON.stringify(details)}) as id`)
  return (await readOrder(transaction, rows[0]!.id))!
}

/** What SQL refuses, as the errors of the catalogue. */
async function refusing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw translateSqlError(error, paymentErrors)
  }
}
