import { createHash } from 'node:crypto'
import type { PaymentEvent } from '../fold/events.ts'

/** What a provider or a person reported, read into one vocabulary. */
export interface Delivery {
  readonly provider: string
  /** The provider's id of the event; of answers to our own calls, one that names the content. */
  readonly eventId: string
  /** In the provider's words: `payment.captured`. */
  readonly kind: string
  readonly at: Date
  readonly events: readonly PaymentEvent[]
  /** The provider's ids of what it speaks of, the one closest to the order first; at least one. */
  readonly objects: readonly string[]
  /** The order or subscription that we wrote onto the object; null when there is none. */
  readonly hint: string | null
}

export type FactSource = 'webhook' | 'client' | 'api' | 'person'

/** Names what is said: two events that say the same of the same instant have the same key. */
export const businessKeyOf = ({ kind, objects, events }: Omit<Delivery, 'eventId'>): string =>
  `${kind} ${objects[0]} ${hashOf(JSON.stringify(events))}`

export const hashOf = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('base64url').slice(0, 22)
