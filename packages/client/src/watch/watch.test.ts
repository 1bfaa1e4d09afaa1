import { describe, expect, it } from 'vitest'
import { type WatchEvent, watch } from './watch.ts'

/** A channel of supabase-js that the test moves by hand. */
function createChannel() {
  const callbacks = new Map<string, (payload: unknown) => void>()
  const channel = {
    state: 'closed',
    topic: 'realtime:watch:public.items',
    join: undefined as { readonly plinth: { readonly resume?: string } } | undefined,
    updateJoinPayload: (payload: never) => {
      channel.join = payload
    },
    on: (event: string, _: object, callback: (payload: unknown) => void) => {
      callbacks.set(event, callback)
      return channel
    },
    subscribe: () => channel,
  }
  const send = (event: string, payload: object) => callbacks.get(event)!(payload)
  const client = {
    channel: () => channel,
    getChannels: () => [],
    removeChannel: () => Promise.resolve('ok' as const),
  }
  const snapshot = (...ns: number[]) =>
    send('plinth_snapshot', { first: true, last: true, key: ['id'], rows: ns.map((n, id) => ({ id, n })) })
  const change = (position: string | null, n: number) =>
    send('plinth_changes', { position, changes: [{ update: { id: 0, n } }] })
  return { channel, client: client as never, snapshot, change }
}

describe('watch', () => {
  it('takes no row back in time when a join that timed out is answered after the next one was sent', () => {
    const { channel, client, snapshot, change } = createChannel()
    const seen: unknown[] = []
    const live = watch(client, { table: 'items' }, (event: WatchEvent<Record<string, unknown>>) =>
      seen.push(
        ...(event.type === 'snapshot' ? event.rows : event.changes.map(({ row }) => row)).map(({ n }) => n),
      ),
    )
    channel.state = 'joined'
    snapshot(0)
    change('0/5', 5)
    // The connection was lost, a join took too long, and the next one is on its way: it resumes at 0/5.
    channel.state = 'joining'
    expect(channel.join?.plinth.resume).toBe('0/5')
    snapshot(10)
    change('0/A', 11)
    expect(channel.join?.plinth.resume).toBe('0/5')
    // The next join is answered with what happened since 0/5.
    channel.state = 'joined'
    for (let n = 6; n < 13; n += 1) change(`0/${n}`, n)
    expect(seen).toEqual([0, 5, 6, 7, 8, 9, 10, 11, 12])
    expect([...live.rows.values()]).toEqual([{ id: 0, n: 12 }])
  })

  it('goes on from a copy that was kept, and says where it can be gone on with', async () => {
    const { channel, client, snapshot, change } = createChannel()
    const reached: unknown[] = []
    const start = { key: ['id'], rows: [{ id: 0, n: 1 }], resume: '0/1' }
    const live = watch(client, { table: 'items' }, { start, reached: ({ resume }) => reached.push(resume) })
    expect([...live.rows.values()]).toEqual([{ id: 0, n: 1 }])
    expect(channel.join?.plinth.resume).toBe('0/1')
    channel.state = 'joined'
    change('0/2', 2)
    await live.ready
    expect([...live.rows.values()]).toEqual([{ id: 0, n: 2 }])
    snapshot(7)
    change(null, 8)
    expect(reached).toEqual(['0/2', undefined, undefined])
    await live.close()
  })
})
