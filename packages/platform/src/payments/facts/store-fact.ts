import { sql, type Transaction } from '../../database/index.ts'
import { seal } from '../../kernel/index.ts'
import { businessKeyOf, type Delivery, type FactSource } from './delivery.ts'

export interface StoreOptions {
  readonly source: FactSource
  /** The bytes as they came, and the key that seals them. */
  readonly body?: { readonly bytes: Uint8Array; readonly key: Buffer }
  /** False when the caller folds the target itself, in the same transaction. Default true. */
  readonly queue?: boolean
}

export interface StoredFact {
  readonly id: string
  /** The order or subscription that it belongs to; null while nobody knows. */
  readonly target: string | null
  /** False when it was known already. */
  readonly stored: boolean
}

/** Stores a fact once and queues the fold of its target, in one statement. */
export async function storeFact(
  { query }: Transaction,
  delivery: Delivery,
  { source, body, queue = true }: StoreOptions,
): Promise<StoredFact> {
  const { provider, eventId, kind, at, events, objects, hint } = delivery
  const sealed = body ? seal(body.key, Buffer.from(body.bytes), `${provider} ${eventId}`) : null
  const { rows } = await query<{ id: string; target: string | null; stored: boolean }>({
    name: 'plinth_receive_payment_fact',
    text: `select fact as id, target, stored
      from plinth.receive_payment_fact($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    values: [
      provider,
      eventId,
      businessKeyOf(delivery),
      source,
      kind,
      at,
      JSON.stringify(events),
      objects,
      isUuid(hint) ? hint : null,
      sealed,
      queue,
    ],
  })
  return rows[0]!
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const isUuid = (text: string | null): boolean => text !== null && uuid.test(text)

/** Says that objects of a provider belong to a target, and gives it the facts about them that came before. */
export async function linkObjects(
  { query }: Transaction,
  provider: string,
  objects: readonly string[],
  target: string,
): Promise<void> {
  await query(sql`select plinth.lock_payment_objects(${provider}, ${objects})`)
  await query(sql`select plinth.link_payment_objects(${provider}, ${objects}, ${target})`)
}
