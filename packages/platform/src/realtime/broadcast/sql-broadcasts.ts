import { z } from 'zod'
import type { Log } from '../../kernel/index.ts'
import type { TransactionChunk } from '../../tail/index.ts'
import { roomKey } from '../channels/rooms.ts'
import type { Broadcast } from '../protocol/client-message.ts'

/** Prefix of the logical message that a row of `realtime.messages` leaves in the WAL. */
const broadcastPrefix = 'plinth.broadcast'

const sent = z.object({
  id: z.string(),
  topic: z.string(),
  event: z.string().nullable(),
  private: z.boolean(),
  payload: z.unknown(),
  /** Base64; null for a message in JSON. */
  bytes: z.string().nullish(),
})

/** Base64, and the names around the payload. */
const largestFrom = (payloadBytes: number): number => Math.ceil(payloadBytes * 1.4) + 4_096

/**
 * What a transaction broadcast from SQL, in order. Messages that somebody else wrote under the prefix are left out, and
 * those with a larger payload than clients may send, with a line in the log.
 */
export function readSqlBroadcasts(
  messages: TransactionChunk['messages'],
  { payloadBytes, log }: { readonly payloadBytes: number; readonly log: Log },
): readonly { readonly room: string; readonly broadcast: Broadcast }[] {
  return messages
    .filter(({ prefix }) => prefix === broadcastPrefix)
    .flatMap(({ content }) => {
      if (content.length > largestFrom(payloadBytes)) {
        log.warn(
          { bytes: content.length },
          'a message from SQL is larger than clients may send, and is left out',
        )
        return []
      }
      const parsed = sent.safeParse(parse(content))
      if (!parsed.success) return []
      const { id, topic, event, private: isPrivate, payload, bytes } = parsed.data
      // A frame with bytes has one byte for the length of each name.
      if (typeof bytes === 'string' && [topic, event ?? ''].some((name) => Buffer.byteLength(name) > 240))
        return []
      const body =
        typeof bytes === 'string'
          ? { bytes: Buffer.from(bytes, 'base64') }
          : { json: JSON.stringify(payload) }
      return [{ room: roomKey(topic, isPrivate), broadcast: { event: event ?? '', body, meta: { id } } }]
    })
}

function parse(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'))
  } catch {
    return undefined
  }
}
