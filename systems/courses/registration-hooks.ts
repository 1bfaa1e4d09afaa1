import { type Statement, sql } from '@plinth/platform/database'
import type { OrderEvent, PaymentHooks, PaymentOrder } from '@plinth/platform/payments'

type Event = Parameters<NonNullable<PaymentHooks['onPaid']>>

/** Runs one statement in the transaction that writes the order's state. */
const run =
  (statementOf: (event: OrderEvent) => Statement) =>
  async (event: Event[0], { query }: Event[1]): Promise<void> => {
    await query(statementOf(event))
  }

const happened = (what: 'authorised' | 'failed' | 'refund_failed') =>
  run(({ order, object }) => sql`select private.payment_happened(${order.id}, ${what}, ${object})`)

/** The payment that was captured; of several the first by name, so that it is the same one each time. */
const paymentOf = ({ state }: PaymentOrder): string | null =>
  Object.entries(state.payments)
    .filter(([, payment]) => Object.keys(payment.captured).length > 0)
    .map(([id]) => id)
    .sort()[0] ?? null

/** A registration follows its order: a seat and an invoice when it is paid, or the money back when the seat is gone. */
export const registrationHooks: PaymentHooks = {
  onPaid: run(({ order }) => sql`select private.registration_paid(${order.id}, ${order.reference})`),
  onOverpaid: run(
    ({ order }) =>
      sql`select private.ask_refund(${order.id}, ${order.reference}, 'paid twice', ${order.overpaid}, 'It was paid more than once.')
          where ${order.overpaid} > 0`,
  ),
  onAuthorised: happened('authorised'),
  onPaymentFailed: happened('failed'),
  onRefundFailed: happened('refund_failed'),
  onRefunded: run(({ order, object }) => {
    const amount = order.state.refunds[object]?.amount ?? 0
    return sql`select private.payment_refunded(${order.id}, ${object}, ${amount})`
  }),
  onChanged: async ({ order }, { query }) => {
    await query(sql`
      select private.follow_order(${order.id}, ${order.status}, ${order.refunded}, ${paymentOf(order)}, ${order.discrepancies})`)
  },
}
