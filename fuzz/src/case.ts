import type { Step } from '@plinth/testing/raw-sockets'

/** A text, or one repeated: what is large stays readable and shrinks well. */
export type Text =
  | string
  | { readonly before: string; readonly repeat: string; readonly times: number; readonly after: string }

/** Bytes that are no text, in base64. */
export interface Bytes {
  readonly bytes: string
}

export type Body = Text | Bytes

/** Where an earlier request of the sequence was sent on to (`Location`); the address given here where none was. */
export interface EarlierLocation {
  readonly location: string
}

export const textOf = (text: Text): string =>
  typeof text === 'string' ? text : text.before + text.repeat.repeat(text.times) + text.after

export const bytesOf = (body: Body): Buffer =>
  typeof body === 'object' && 'bytes' in body ? Buffer.from(body.bytes, 'base64') : Buffer.from(textOf(body))

export interface HttpCase {
  readonly kind: 'http'
  readonly method: string
  /** Path and query as sent. */
  readonly target: Text | EarlierLocation
  readonly headers: Readonly<Record<string, Text>>
  readonly body?: Body
}

/** Requests that build on each other. */
export interface SequenceCase {
  readonly kind: 'sequence'
  readonly requests: readonly HttpCase[]
}

/** Clients on sockets of their own, side by side. */
export interface SocketCase {
  readonly kind: 'sockets'
  readonly clients: readonly (readonly Step[])[]
}

/** Frames on one WebSocket, one after the other. */
export interface RealtimeCase {
  readonly kind: 'realtime'
  readonly target: string
  readonly frames: readonly Body[]
  readonly ending: 'close' | 'terminate'
}

/** What is done to the server once, and can be done again. */
export type Case = HttpCase | SequenceCase | SocketCase | RealtimeCase

/** What a client saw of it. */
export interface Answer {
  readonly status: number
  readonly text: string
  readonly location?: string | undefined
}
