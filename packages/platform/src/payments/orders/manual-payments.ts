import { isSqlError, sql, type Transaction } from '../../database/index.ts'
import { paymentErrors } from '../errors.ts'
import { storeFact } from '../facts/store-fact.ts'
import type { PaymentSeen, RefundSeen } from '../fold/events.ts'

export interface NewManualPayment {
  readonly order: string
  /** In the words of the system: `bank_transfer`, `cash`, `cheque`. */
  readonly method: string
  /** Of the transfer or cheque; a receipt's number of cash. */
  readonly reference: string
  /** Minor units of the order's currency, unless another one is named. */
  readonly amount: number
  readonly currency?: string
  /** The user who enters it. */
  readonly by: string | null
}

interface ManualRow {
  readonly id: string
  readonly target: string
  readonly method: string
  readonly amount: string
  readonly currency: string
  readonly entered_by: string | null
  readonly confirmed_at: Date | null
  readonly reversed_at: Date | null
}

/**
 * Enters a payment that came without a provider. It counts once it is confirmed. Gives its id. Fails with `order_unknown`
 * or `payment_reference_taken`.
 */
export async function enterManualPayment(transaction: Transaction, given: NewManualPayment): Promise<string> {
  const row = await insertManual(transaction, given).catch((error: unknown) => {
    if (isSqlError(error) && error.code === '23505')
      throw paymentErrors.payment_reference_taken({ reference: given.reference }, error)
    throw error
  })
  if (!row) throw paymentErrors.order_unknown({ order: given.order })
  await report(transaction, row, 'authorised')
  return row.id
}

/**
 * Counts a payment that was entered, once. Fails with `manual_payment_unknown`, or with `second_person_required` where
 * `secondPerson` is asked for and the one who confirms entered it, or is nobody.
 */
export async function confirmManualPayment(
  transaction: Transaction,
  id: string,
  by: string | null,
  { secondPerson }: { readonly secondPerson: boolean },
): Promise<string> {
  const row = await lockManual(transaction, id)
  if (row.reversed_at) throw paymentErrors.manual_payment_unknown({ id })
  if (secondPerson && (by === null || by === row.entered_by))
    throw paymentErrors.second_person_required({ id })
  if (row.confirmed_at) return row.target
  await transaction.query(sql`
    update plinth.manual_payments set confirmed_by = ${by}, confirmed_at = plinth.now() where id = ${id}`)
  await report(transaction, row, 'captured')
  return row.target
}

/** Takes a payment back: afterwards everything is as if it had never been entered. Fails with `manual_payment_unknown`. */
export async function reverseManualPayment(
  transaction: Transaction,
  id: string,
  by: string | null,
  reason: string,
): Promise<string> {
  const row = await lockManual(transaction, id)
  if (row.reversed_at) return row.target
  await transaction.query(sql`
    update plinth.manual_payments set reversed_by = ${by}, reversed_at = plinth.now(), reason = ${reason} where id = ${id}`)
  await report(transaction, row, 'reversed')
  return row.target
}

/** What was asked to be given back was given back by hand. Gives the order. Fails with `manual_payment_unknown`. */
export async function confirmManualRefund(
  transaction: Transaction,
  request: string,
  by: string | null,
): Promise<string> {
  const { rows } = await transaction.query<{
    target: string
    payment: string
    amount: string
    currency: string
    at: string
  }>(sql`
    update plinth.payment_requests r
    set state = 'done', object = 'refund_' || r.id, answered_at = plinth.now(), answered_by = ${by}
    from plinth.payment_orders o
    where r.id::text = ${request} and o.id = r.target and r.provider = 'manual' and r.action = 'refund'
    returning r.target, r.payment, r.amount, o.currency, r.answered_at::text as at`)
  const row = rows[0]
  if (!row) throw paymentErrors.manual_payment_unknown({ id: request })
  const id = `refund_${request}`
  const at = new Date(row.at)
  const event: RefundSeen = {
    object: 'refund',
    provider: 'manual',
    id,
    payment: row.payment,
    at: at.getTime(),
    status: 'succeeded',
    amount: Number(row.amount),
    currency: row.currency,
  }
  const delivery = { provider: 'manual', eventId: id, kind: 'refund.succeeded', at, events: [event] }
  await storeFact(
    transaction,
    { ...delivery, objects: [row.payment, id], hint: row.target },
    { source: 'person', queue: false },
  )
  return row.target
}

async function insertManual({ query }: Transaction, given: NewManualPayment): Promise<ManualRow | undefined> {
  const { order, method, reference, amount, currency = null, by } = given
  const { rows } = await query<ManualRow>(sql`
    insert into plinth.manual_payments (target, tenant, method, reference, amount, currency, entered_by)
    select o.id, o.tenant, ${method}, ${reference}, ${amount}, coalesce(${currency}, o.currency), ${by}
    from plinth.payment_orders o where o.id::text = ${order}
    returning id, target, method, amount, currency, entered_by, confirmed_at, reversed_at`)
  return rows[0]
}

async function lockManual({ query }: Transaction, id: string): Promise<ManualRow> {
  const { rows } = await query<ManualRow>(sql`
    select id, target, method, amount, currency, entered_by, confirmed_at, reversed_at
    from plinth.manual_payments where id = ${id} for no key update`)
  if (!rows[0]) throw paymentErrors.manual_payment_unknown({ id })
  return rows[0]
}

/** Each step is a fact of the person who did it, and folded like a provider's. */
async function report(
  transaction: Transaction,
  { id, target, method, amount, currency }: ManualRow,
  status: PaymentSeen['status'],
): Promise<void> {
  const { rows } = await transaction.query<{ at: Date }>(sql`select plinth.now()::text as at`)
  const at = new Date(rows[0]!.at)
  const event: PaymentSeen = {
    object: 'payment',
    provider: 'manual',
    id,
    at: at.getTime(),
    status,
    amount: Number(amount),
    currency,
    captured: status === 'captured' ? Number(amount) : 0,
  }
  const kind = `${method}.${status}`
  const delivery = { provider: 'manual', eventId: `${id} ${status}`, kind, at, events: [event] }
  await storeFact(
    transaction,
    { ...delivery, objects: [id], hint: target },
    { source: 'person', queue: false },
  )
}
