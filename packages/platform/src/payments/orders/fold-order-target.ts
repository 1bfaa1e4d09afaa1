import { isDeepStrictEqual } from 'node:util'
import { sql, type Transaction } from '../../database/index.ts'
import { effectKey, effectsOf } from '../fold/effects.ts'
import { foldOrder, noOrder } from '../fold/fold-order.ts'
import { movementsOf } from '../fold/movements.ts'
import { subscriptionOrderPaid, subscriptionPurpose } from '../plans/run-subscription.ts'
import type { FoldContext } from './fold-context.ts'
import { hookOf, type PaymentOrder } from './payment-hooks.ts'
import { lockOrder, orderOf } from './read-order.ts'
import { markProcessed, postMovements, readTargetFacts, recordKeys } from './target-facts.ts'

/**
 * Brings an order in line with all of its facts, under the lock of its row: state, ledger and effects, each of which is
 * done once. Gives the order; undefined when there is none of this id.
 */
export async function foldOrderTarget(
  transaction: Transaction,
  id: string,
  context: FoldContext,
): Promise<PaymentOrder | undefined> {
  const row = await lockOrder(transaction, id)
  if (!row) return undefined
  // A statement of its own after the lock, so that it sees what the lock waited for.
  const { facts, events, posted } = await readTargetFacts(transaction, id)
  const state = events.reduce(foldOrder, noOrder)
  const order = orderOf(row, state)
  const changed = !isDeepStrictEqual(JSON.parse(JSON.stringify(state)), row.state ?? noOrder)
  if (changed) await writeState(transaction, order)
  await postMovements(transaction, order, movementsOf(order, state), posted)
  await runEffects(transaction, order, context)
  if (changed) await context.hooks.onChanged?.({ order }, transaction)
  await markProcessed(transaction, facts)
  return order
}

async function writeState({ query }: Transaction, order: PaymentOrder): Promise<void> {
  const { id, status, captured, refunded, disputed, lost, discrepancies, state } = order
  await query(sql`
    update plinth.payment_orders
    set status = ${status}, captured = ${captured}, refunded = ${refunded}, disputed = ${disputed}, lost = ${lost},
      discrepancies = ${discrepancies}, state = ${JSON.stringify(state)}, version = version + 1, changed_at = plinth.now()
    where id = ${id}`)
}

async function runEffects(
  transaction: Transaction,
  order: PaymentOrder,
  context: FoldContext,
): Promise<void> {
  const effects = effectsOf(order, order.state)
  const fresh = new Set(await recordKeys(transaction, order.id, effects.map(effectKey)))
  for (const effect of effects.filter((each) => fresh.has(effectKey(each)))) {
    const { name, object } = effect
    if (name === 'paid' && order.purpose === subscriptionPurpose)
      await subscriptionOrderPaid(transaction, context, order)
    await context.hooks[hookOf[name]]?.({ order, object }, transaction)
  }
}
