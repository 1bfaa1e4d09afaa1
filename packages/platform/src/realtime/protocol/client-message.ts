import type { JsonObject } from '../../kernel/index.ts'

/** The two serializers that Supabase's clients speak: JSON objects, and JSON arrays with binary broadcasts. */
export type Version = '1.0.0' | '2.0.0'

export const isVersion = (text: string): text is Version => text === '1.0.0' || text === '2.0.0'

/** What one client tells others: JSON as text, checked but not rebuilt, or bytes. */
export interface Broadcast {
  readonly event: string
  readonly body: { readonly json: string } | { readonly bytes: Buffer }
  /** Facts about the message itself: its id when it is kept in the database. */
  readonly meta?: JsonObject
}

/** Where a frame belongs: its channel, and the refs that an answer repeats. */
export interface FrameAddress {
  readonly joinRef: string | null
  readonly ref: string | null
  readonly topic: string
  readonly event: string
}

/** A frame from a client, decoded. */
export interface ClientMessage extends FrameAddress {
  readonly payload: JsonObject
  /** Set when the frame was a binary broadcast push. */
  readonly broadcast?: Broadcast
}

/** A frame of which only the address was read, so that its size is checked before anything is made of its payload. */
export interface Envelope extends FrameAddress {
  /** Bytes of the payload as it came; in version 1.0.0 of the whole frame. */
  readonly bytes: number
  /** Parses the payload. Fails with `malformed_frame`. */
  open(): ClientMessage
}
