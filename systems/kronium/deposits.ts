import type { Transaction } from '@plinth/platform/database'
import { sql } from '@plinth/platform/database'
import type { NewOrder, PaymentHooks } from '@plinth/platform/payments'

/** What is known of a booking whose deposit is paid. */
export interface DepositOf {
  readonly id: string
  readonly serviceName: string
  readonly customerId: string | null
  readonly currency: string
  /** Minor units, as text. */
  readonly minor: string
}

/** The order of a booking's deposit: the same one whenever it is asked for. */
export const depositOrder = ({ id, serviceName, customerId, currency, minor }: DepositOf): NewOrder => ({
  purpose: 'deposit',
  reference: id,
  person: customerId,
  currency,
  lines: [{ account: 'deposits', kind: 'liability', amount: Number(minor) }],
  details: { serviceName },
})

export const depositColumns = `b.id, b."serviceName", b."customerId", b.currency, b."depositStatus",
  plinth.to_minor(b."depositAmount", b.currency)::text as minor`

/** A booking follows the order of its deposit, in the transaction that counts the money. */
export const depositHooks: PaymentHooks = {
  onPaid: async ({ order }, { query }: Transaction) =>
    void (await query(sql`select private.pay_deposit(${order.reference})`)),
  onRefunded: async ({ order }, { query }: Transaction) =>
    void (await query(sql`
      update public.bookings set "depositStatus" = 'returned' where id = ${order.reference} and "depositStatus" = 'returning'`)),
}
