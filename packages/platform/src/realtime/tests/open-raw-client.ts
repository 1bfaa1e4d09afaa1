import { waitFor } from '@plinth/testing'
import type { ServedRealtime } from '@plinth/testing/realtime'
import { WebSocket } from 'ws'

export interface Reply {
  readonly status: string
  readonly response: { readonly reason?: string }
}

/** A WebSocket that sends frames of version 2.0.0 as a test writes them. */
export interface RawClient {
  readonly socket: WebSocket
  readonly frames: unknown[][]
  say(...frame: unknown[]): void
  /** The first frame that answers this ref. */
  reply(ref: string): Promise<Reply>
  /** Joins a topic, with its ref as join ref, and waits for the answer. */
  join(ref: string, topic: string, payload?: object): Promise<Reply>
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
}

/** Opens a WebSocket with the anonymous key; `query` is appended to its address. */
export async function openRawClient(
  { url, keys }: ServedRealtime,
  query = '',
  apiKey = keys.anonKey,
): Promise<RawClient> {
  const address = `${url.replace('http', 'ws')}/realtime/v1/websocket?vsn=2.0.0&apikey=${apiKey}${query}`
  const socket = new WebSocket(address)
  const frames: unknown[][] = []
  socket.on('message', (data) => frames.push(JSON.parse(String(data)) as unknown[]))
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) })),
  )
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const say = (...frame: unknown[]) => socket.send(JSON.stringify(frame))
  const reply = async (ref: string) => {
    const found = await waitFor(() => frames.find((frame) => frame[1] === ref && frame[3] === 'phx_reply'))
    return found[4] as Reply
  }
  return {
    socket,
    frames,
    closed,
    say,
    reply,
    join: (ref, topic, payload = {}) => {
      say(ref, ref, topic, 'phx_join', payload)
      return reply(ref)
    },
  }
}
