import { sql, type Transaction } from '../../database/index.ts'
import { noOrder, type OrderState, summarise } from '../fold/fold-order.ts'
import type { OrderLine } from '../fold/movements.ts'
import type { PaymentOrder } from './payment-hooks.ts'

export interface OrderRow {
  readonly id: string
  readonly tenant: string
  readonly purpose: string
  readonly reference: string
  readonly person: string | null
  readonly amount: string
  readonly currency: string
  readonly lines: readonly OrderLine[]
  readonly details: Readonly<Record<string, unknown>>
  readonly state: OrderState | null
  readonly version: number
}

/** The order's row, locked until the transaction ends: whatever changes the order waits for it. */
export async function lockOrder({ query }: Transaction, id: string): Promise<OrderRow | undefined> {
  const { rows } = await query<OrderRow>(sql`
    select id, tenant, purpose, reference, person, amount, currency, lines, details, state, version
    from plinth.payment_orders where id = ${id} for no key update`)
  return rows[0]
}

/** An order by its id; undefined when there is none. */
export async function readOrder({ query }: Transaction, id: string): Promise<PaymentOrder | undefined> {
  const { rows } = await query<OrderRow>(sql`
    select id, tenant, purpose, reference, person, amount, currency, lines, details, state, version
    from plinth.payment_orders where id::text = ${id}`)
  return rows[0] && orderOf(rows[0], rows[0].state ?? noOrder)
}

export function orderOf(row: OrderRow, state: OrderState): PaymentOrder {
  const { id, tenant, purpose, reference, person, currency, lines, details } = row
  const amount = Number(row.amount)
  const terms = { amount, currency }
  return {
    ...{ id, tenant, purpose, reference, person, amount, currency, lines, details, state },
    ...summarise(terms, state),
  }
}
