import { z } from 'zod'
import type { CommittedTransaction } from '../../tail/index.ts'
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
})

/** What a transaction broadcast from SQL, in order. Messages that somebody else wrote under the prefix are left out. */
export function readSqlBroadcasts(
  messages: CommittedTransaction['messages'],
): readonly { readonly room: string; readonly broadcast: Broadcast }[] {
  return messages
    .filter(({ prefix }) => prefix === broadcastPrefix)
    .flatMap(({ content }) => {
      const parsed = sent.safeParse(parse(content))
      if (!parsed.success) return []
      const { id, topic, event, private: isPrivate, payload } = parsed.data
      const broadcast = { event: event ?? '', body: { json: JSON.stringify(payload) }, meta: { id } }
      return [{ room: roomKey(topic, isPrivate), broadcast }]
    })
}

function parse(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'))
  } catch {
    return undefined
  }
}
