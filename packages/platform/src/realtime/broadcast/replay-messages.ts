import { type Channel, tellChannel } from '../channels/channel.ts'
import type { RealtimeProject } from '../channels/realtime-project.ts'
import { prepareBroadcast } from '../protocol/server-message.ts'

interface KeptMessage {
  readonly id: string
  readonly event: string | null
  readonly payload: string | null
  readonly bytes: Buffer | null
}

/** Tells a private channel the last messages that were sent to it from SQL, as far as its policies show them. */
export async function replayMessages(
  { database }: RealtimeProject,
  channel: Channel,
  { since, limit }: { readonly since: number; readonly limit: number },
): Promise<void> {
  const { name, topic } = channel.room
  const { rows } = await database.transactionAs(
    channel.session.caller,
    async (transaction) => {
      await transaction.query({ text: `select set_config('realtime.topic', $1, true)`, values: [name] })
      return transaction.query<KeptMessage>({
        text: `select id, event, payload::text as payload, binary_payload as bytes from realtime.messages
          where topic = $1 and private and extension = 'broadcast'
            and inserted_at > to_timestamp($2::float8 / 1000) at time zone 'utc'
          order by inserted_at desc limit $3`,
        values: [name, since, limit],
      })
    },
    { readOnly: true },
  )
  for (const { id, event, payload, bytes } of rows.reverse()) {
    const meta = { replayed: true, id }
    const body = bytes ? { bytes } : { json: payload ?? 'null' }
    tellChannel(channel, prepareBroadcast(topic, { event: event ?? '', body, meta }))
  }
}
