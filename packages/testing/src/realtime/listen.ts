import type { RealtimeChannel, RealtimePostgresChangesPayload, SupabaseClient } from '@supabase/supabase-js'

export type Change = RealtimePostgresChangesPayload<Record<string, unknown>>

/** `SUBSCRIBED`, or another status with its message. */
export const subscribed = (channel: RealtimeChannel): Promise<string> =>
  new Promise((resolve) => {
    channel.subscribe((status, error) => resolve(error ? `${status} ${error.message}` : status))
  })

export interface Listening {
  readonly channel: RealtimeChannel
  readonly changes: Change[]
  /** `system` messages. */
  readonly system: { readonly status: string; readonly message: string; readonly extension: string }[]
  readonly status: string
}

export interface Wanted {
  readonly event?: '*' | 'INSERT' | 'UPDATE' | 'DELETE'
  readonly schema?: string
  readonly table?: string
  readonly filter?: string
  readonly select?: string[]
}

let names = 0

/** Subscribes to changes on a channel of its own and keeps what comes. */
export async function listenTo(client: SupabaseClient, wanted: Wanted, topic?: string): Promise<Listening> {
  const changes: Change[] = []
  const system: Listening['system'] = []
  names += 1
  const channel = client.channel(topic ?? `changes-${names}`)
  channel.on(
    'postgres_changes' as never,
    { event: '*', schema: 'public', ...wanted } as never,
    (change: Change) => {
      changes.push(change)
    },
  )
  channel.on('system', {}, (message) => system.push(message))
  const status = await subscribed(channel)
  return { channel, changes, system, status }
}
