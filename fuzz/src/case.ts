import type { Step } from '@plinth/testing/raw-sockets'

/** A text, or one repeated: what is large stays readable and shrinks well. */
export type Text =
  | string
  | { readonly before: string; readonly repeat: string; readonly times: number; readonly after: string }

export const textOf = (text: Text): string =>
  typeof text === 'string' ? text : text.before + text.repeat.repeat(text.times) + text.after

export interface HttpCase {
  readonly kind: 'http'
  readonly method: string
  /** Path and query as sent. */
  readonly target: Text
  readonly headers: Readonly<Record<string, Text>>
  readonly body?: Text
}

/** Clients on sockets of their own, side by side. */
export interface SocketCase {
  readonly kind: 'sockets'
  readonly clients: readonly (readonly Step[])[]
}

/** Frames on one WebSocket, one after the other; bytes stand in base64. */
export interface RealtimeCase {
  readonly kind: 'realtime'
  readonly target: string
  readonly frames: readonly (Text | { readonly bytes: string })[]
  readonly ending: 'close' | 'terminate'
}

/** What is done to the server once, and can be done again. */
export type Case = HttpCase | SocketCase | RealtimeCase

/** What a client saw of it. */
export interface Answer {
  readonly status: number
  readonly text: string
}
