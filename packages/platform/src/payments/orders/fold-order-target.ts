import { isDeepStrictEqual } from 'node:util'
import { sql, type Transaction } from '../../database/index.ts'
import { type Effect, effectKey, effectsOf } from '../fold/effects.ts'
import type { PaymentEvent } from '../fold/events.ts'
import { foldOrder, noOrder } from '../fold/fold-order.ts'
import { difference, type MovementLine, type Movements, movementsOf } from '../fold/movements.ts'
import { hookOf, type PaymentHooks, type PaymentOrder } from './payment-hooks.ts'
import { lockOrder, orderOf } from './read-order.ts'

interface TargetFacts {
  readonly facts: readonly string[]
  readonly events: readonly PaymentEvent[]
  readonly posted: Movements
}

/**
 * Brings an order in line with all of its facts, under the lock of its row: state, ledger and effects, each of which is
 * done once. Gives the order; undefined when there is none of this id.
 */
export async function foldOrderTarget(
  transaction: Transaction,
  id: string,
  hooks: PaymentHooks,
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
  await runEffects(transaction, order, hooks)
  if (changed) await hooks.onChanged?.({ order }, transaction)
  await markProcessed(transaction, facts)
  return order
}

async function readTargetFacts({ query }: Transaction, target: string): Promise<TargetFacts> {
  const { rows } = await query<{
    facts: string[]
    events: PaymentEvent[]
    posted: Record<string, MovementLine[]>
  }>(sql`
    select coalesce(f.facts, '{}') as facts, coalesce(f.events, '[]') as events,
      (select coalesce(jsonb_object_agg(key, lines), '{}') from plinth.payment_movements where target = ${target}) as posted
    from (
      select array_agg(distinct f.id::text) as facts, jsonb_agg(e.value order by f.id, e.n) as events
      from plinth.payment_inbox i join plinth.payment_facts f on f.id = i.fact
      left join lateral jsonb_array_elements(f.events) with ordinality e (value, n) on true
      where i.target = ${target}
    ) f`)
  const { facts, events, posted } = rows[0]!
  return { facts, events: events.filter((event) => event !== null), posted }
}

async function writeState({ query }: Transaction, order: PaymentOrder): Promise<void> {
  const { id, status, captured, refunded, disputed, lost, discrepancies, state } = order
  await query(sql`
    update plinth.payment_orders
    set status = ${status}, captured = ${captured}, refunded = ${refunded}, disputed = ${disputed}, lost = ${lost},
      discrepancies = ${discrepancies}, state = ${JSON.stringify(state)}, version = version + 1, changed_at = plinth.now()
    where id = ${id}`)
}

/** Posts what the ledger lacks, or has too much of. */
async function postMovements(
  { query }: Transaction,
  { id, tenant, purpose, reference }: Pick<PaymentOrder, 'id' | 'tenant' | 'purpose' | 'reference'>,
  wanted: Movements,
  posted: Movements,
): Promise<void> {
  const moves = [...new Set([...Object.keys(wanted), ...Object.keys(posted)])]
    .sort()
    .map((key) => ({
      key,
      lines: wanted[key] ?? [],
      post: difference(wanted[key] ?? [], posted[key] ?? []),
    }))
    .filter(({ post }) => post.length > 0)
  if (moves.length === 0) return
  await query(sql`
    select plinth.post_payment_movements(${tenant}, ${id}, ${JSON.stringify(moves)},
      ${JSON.stringify({ target: id, purpose, reference })})`)
}

async function runEffects(transaction: Transaction, order: PaymentOrder, hooks: PaymentHooks): Promise<void> {
  const effects = effectsOf(order, order.state)
  for (const { name, object } of await recordEffects(transaction, order.id, effects))
    await hooks[hookOf[name]]?.({ order, object }, transaction)
}

/** Writes effects down and gives those that were not done before, in their order. */
async function recordEffects(
  { query }: Transaction,
  target: string,
  effects: readonly Effect[],
): Promise<readonly Effect[]> {
  if (effects.length === 0) return []
  const keys = effects.map(effectKey)
  const { rows } = await query<{ key: string }>(
    sql`select key from plinth.record_payment_effects(${target}, ${keys}) key`,
  )
  const fresh = new Set(rows.map(({ key }) => key))
  return effects.filter((effect) => fresh.has(effectKey(effect)))
}

async function markProcessed({ query }: Transaction, facts: readonly string[]): Promise<void> {
  await query(sql`
    update plinth.payment_inbox set processed_at = plinth.now()
    where fact = any (${facts}::bigint[]) and processed_at is null`)
}
