import { actor, createFakeClock, service, waitFor } from '@plinth/testing'
import { makeKeys, subscribed, useRealtime } from '@plinth/testing/realtime'
import type { RealtimeChannel, RealtimeChannelOptions, SupabaseClient } from '@supabase/supabase-js'
import { beforeAll, describe, expect, it } from 'vitest'

const seed = `
create table public.crew (room text, person uuid, may_send boolean default true, primary key (room, person));
create policy "crew hears" on realtime.messages for select to authenticated using (
  exists (select from public.crew c where c.room = realtime.topic() and c.person = (select auth.uid())));
create policy "crew speaks" on realtime.messages for insert to authenticated with check (
  extension in ('broadcast', 'presence')
  and exists (select from public.crew c where c.room = realtime.topic() and c.person = (select auth.uid()) and c.may_send));
grant select on public.crew to authenticated;

create table public.orders (id int primary key, note text);
create function public.tell_orders() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform realtime.broadcast_changes('orders', tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
  return null;
end $$;
create trigger tell after insert or update or delete on public.orders for each row execute function public.tell_orders();
`
const clock = createFakeClock(new Date())
const test = useRealtime({
  seed,
  tables: [],
  clock,
})
const ada = actor('ada')
const bob = actor('bob')

beforeAll(async () => {
  await run(
    `insert into crew values ('crew', '${ada.userId}', true), ('listeners', '${ada.userId}', false), ('orders', '${ada.userId}', true)`,
  )
})

const run = (text: string) => test.database.asCaller(service, { text })

interface Heard {
  readonly channel: RealtimeChannel
  readonly messages: { readonly event: string; readonly payload: unknown; readonly meta?: unknown }[]
  readonly status: string
}

async function hear(
  client: SupabaseClient,
  topic: string,
  config: RealtimeChannelOptions['config'] = {},
): Promise<Heard> {
  const messages: Heard['messages'] = []
  const channel = client.channel(topic, { config })
  channel.on('broadcast', { event: '*' }, (message) => {
    messages.push(message as unknown as Heard['messages'][number])
  })
  const ready = Promise.withResolvers<unknown>()
  channel.on('system', {}, ready.resolve)
  const status = await subscribed(channel)
  if (config.broadcast?.replication_ready) await ready.promise
  return { channel, messages, status }
}

/** What SQL sends reaches a channel from when it says so. */
const fromSql = { broadcast: { replication_ready: true } }

describe('broadcast', () => {
  it('reaches everyone else on the topic through both serializers, in order, text and bytes', async () => {
    const [a, b, old] = [
      await hear(await test.served.client(), 'room', { broadcast: { ack: true } }),
      await hear(await test.served.client(), 'room'),
      await hear(await test.served.client(undefined, { vsn: '1.0.0' }), 'room'),
    ]
    const other = await hear(await test.served.client(), 'another room')
    expect(await a.channel.send({ type: 'broadcast', event: 'cursor', payload: { x: 1, text: 'é☃' } })).toBe(
      'ok',
    )
    expect(
      await a.channel.send({ type: 'broadcast', event: 'bytes', payload: Uint8Array.of(1, 2, 255).buffer }),
    ).toBe('ok')
    await old.channel.send({ type: 'broadcast', event: 'from old', payload: { y: [null] } })
    await waitFor(() => b.messages.length === 3 && a.messages.length === 1)
    expect(b.messages[0]).toEqual({ type: 'broadcast', event: 'cursor', payload: { x: 1, text: 'é☃' } })
    expect(new Uint8Array(b.messages[1]!.payload as ArrayBuffer)).toEqual(Uint8Array.of(1, 2, 255))
    expect(b.messages[2]).toEqual({ type: 'broadcast', event: 'from old', payload: { y: [null] } })
    expect(old.messages).toEqual([{ type: 'broadcast', event: 'cursor', payload: { x: 1, text: 'é☃' } }])
    expect(other.messages).toEqual([])
  })

  it('comes back to the sender when it asked for that', async () => {
    const a = await hear(await test.served.client(), 'self', { broadcast: { self: true, ack: true } })
    await a.channel.send({ type: 'broadcast', event: 'me', payload: {} })
    await waitFor(() => a.messages.length === 1)
  })

  it('comes by rest: before the join, by httpSend, and as bytes', async () => {
    const a = await hear(await test.served.client(), 'rest')
    const client = await test.served.client()
    const unjoined = client.channel('rest')
    expect(await unjoined.send({ type: 'broadcast', event: 'early', payload: { n: 1 } })).toBe('ok')
    expect(await unjoined.httpSend('explicit', { n: 2 })).toEqual({ success: true })
    expect(await unjoined.httpSend('bytes', Uint8Array.of(7).buffer)).toEqual({ success: true })
    await waitFor(() => a.messages.length === 3)
    expect(a.messages.map(({ event }) => event)).toEqual(['early', 'explicit', 'bytes'])
  })

  it('on a topic and with an event of any characters, as text and as bytes', async () => {
    const topic = `a/b ü😀:%41"\\\u0001?#${'€'.repeat(60)}`
    const event = '€'.repeat(70)
    const a = await hear(await test.served.client(), topic)
    expect(a.status).toBe('SUBSCRIBED')
    const client = (await test.served.client()).channel(topic)
    expect(await client.httpSend(event, { n: 1 })).toEqual({ success: true })
    expect(await client.httpSend(event, Uint8Array.of(7).buffer)).toEqual({ success: true })
    await waitFor(() => a.messages.length === 2)
    expect(a.messages.map((message) => message.event)).toEqual([event, event])
    // Frames with bytes have one byte for the length of a name.
    const tooLong = client.httpSend('€'.repeat(86), Uint8Array.of(7).buffer)
    await expect(tooLong).rejects.toThrow(/240 bytes/)
    expect(await client.httpSend('after', { n: 2 })).toEqual({ success: true })
    await waitFor(() => a.messages.length === 3)
  })

  it('comes from SQL when the transaction commits, and never when it rolls back', async () => {
    const client = await test.served.client(ada.userId)
    const a = await hear(client, 'orders', { private: true, ...fromSql })
    const open = await hear(client, 'news', fromSql)
    expect(a.status).toBe('SUBSCRIBED')
    await run(`insert into orders values (1, 'first')`)
    await test.database.asCaller(
      service,
      { text: `insert into orders values (2, 'never')` },
      { rollback: true },
    )
    await run(`select realtime.send('{"hello": "world"}', 'greeting', 'news', false)`)
    await run(`delete from orders`)
    await waitFor(() => a.messages.length === 2 && open.messages.length === 1)
    expect(a.messages[0]).toMatchObject({
      event: 'INSERT',
      payload: {
        operation: 'INSERT',
        schema: 'public',
        table: 'orders',
        record: { id: 1, note: 'first' },
        old_record: null,
      },
    })
    expect(a.messages[1]).toMatchObject({ event: 'DELETE', payload: { record: null, old_record: { id: 1 } } })
    expect(open.messages[0]).toMatchObject({
      event: 'greeting',
      payload: { hello: 'world', id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    })
    expect(open.messages[0]?.payload).toMatchObject(open.messages[0]?.meta as object)
  })

  it('is replayed to a private channel that asks for what it missed', async () => {
    await run(`select realtime.send('{"n": 1}', 'kept', 'crew')`)
    const a = await hear(await test.served.client(ada.userId), 'crew', {
      private: true,
      broadcast: { replay: { since: 0, limit: 5 } },
    })
    await waitFor(() => a.messages.length === 1)
    expect(a.messages[0]).toMatchObject({ event: 'kept', payload: { n: 1 }, meta: { replayed: true } })
  })

  it('comes from SQL as bytes too, to clients that take bytes', async () => {
    const client = await test.served.client(ada.userId)
    const a = await hear(client, 'bytes')
    const old = await hear(await test.served.client(undefined, { vsn: '1.0.0' }), 'bytes')
    await run(`select realtime.send_binary('\\xdeadbeef00ff', 'raw', 'bytes', false)`)
    await run(`select realtime.send('{"id": "mine"}', 'text', 'bytes', false)`)
    await waitFor(() => a.messages.length === 2 && old.messages.length === 1)
    expect(a.messages[0]?.event).toBe('raw')
    expect(Buffer.from(a.messages[0]!.payload as ArrayBuffer).toString('hex')).toBe('deadbeef00ff')
    expect(old.messages[0]).toMatchObject({ event: 'text', payload: { id: 'mine' } })
  })

  it('that is larger than clients may send is left out, and what follows it is not', async () => {
    const a = await hear(await test.served.client(), 'large')
    await run(`select realtime.send(jsonb_build_object('x', repeat('x', 500000)), 'large', 'large', false)`)
    await run(`select realtime.send('{}', 'small', 'large', false)`)
    await waitFor(() => a.messages.length > 0)
    expect(a.messages.map(({ event }) => event)).toEqual(['small'])
  })

  it('from SQL reaches a channel once the replication is said to be ready', async () => {
    const system: unknown[] = []
    const client = await test.served.client()
    const messages: unknown[] = []
    const channel = client.channel('ready', { config: { broadcast: { replication_ready: true } } })
    channel.on('system', {}, (message) => system.push(message))
    channel.on('broadcast', { event: '*' }, (message) => messages.push(message))
    await subscribed(channel)
    await waitFor(() => system.length === 1)
    expect(system[0]).toEqual({
      extension: 'system',
      status: 'ok',
      message: 'Replication connection established',
      channel: 'ready',
    })
    await run(`select realtime.send('{}', 'now', 'ready', false)`)
    await waitFor(() => messages.length === 1)
  })

  it('from SQL is refused to whom the policies refuse it, as a warning', async () => {
    const a = await hear(await test.served.client(ada.userId), 'crew', { private: true, ...fromSql })
    await test.database.asCaller(bob, { text: `select realtime.send('{}', 'from bob', 'crew')` })
    await test.database.asCaller(ada, { text: `select realtime.send('{}', 'from ada', 'crew')` })
    await waitFor(() => a.messages.length === 1)
    expect(a.messages[0]?.event).toBe('from ada')
  })
})

describe('private channels', () => {
  it('open to whom the policies of realtime.messages let in', async () => {
    const a = await hear(await test.served.client(ada.userId), 'crew', {
      private: true,
      broadcast: { self: true, ack: true },
    })
    const b = await hear(await test.served.client(bob.userId), 'crew', { private: true })
    const nobody = await hear(await test.served.client(), 'crew', { private: true })
    expect(a.status).toBe('SUBSCRIBED')
    expect(b.status).toContain('CHANNEL_ERROR channel_unauthorized')
    expect(nobody.status).toContain('CHANNEL_ERROR channel_unauthorized')
    await a.channel.send({ type: 'broadcast', event: 'x', payload: {} })
    await waitFor(() => a.messages.length === 1)
  })

  it('let speak only whom the insert policies let', async () => {
    const client = await test.served.client(ada.userId)
    const a = await hear(client, 'listeners', { private: true, broadcast: { self: true, ack: true } })
    expect(a.status).toBe('SUBSCRIBED')
    expect(await a.channel.send({ type: 'broadcast', event: 'x', payload: {} })).toBe('error')
    expect(await a.channel.track({ here: true })).toBe('error')
    await expect(
      client.channel('listeners', { config: { private: true } }).httpSend('x', {}),
    ).rejects.toThrow(/policies/)
    expect(a.messages).toEqual([])
  })

  it('are other rooms than public ones of the same name', async () => {
    const a = await hear(await test.served.client(ada.userId), 'crew', { private: true })
    const outsider = await hear(await test.served.client(), 'crew', { broadcast: { ack: true } })
    await outsider.channel.send({ type: 'broadcast', event: 'forged', payload: {} })
    await a.channel.send({ type: 'broadcast', event: 'secret', payload: {} })
    const late = await hear(await test.served.client(), 'crew')
    await outsider.channel.send({ type: 'broadcast', event: 'end', payload: {} })
    await waitFor(() => late.messages.length === 1)
    expect(a.messages).toEqual([])
    expect(outsider.messages).toEqual([])
  })
})

describe('presence', () => {
  it('shows a client what it has announced as soon as its announcement is answered', async () => {
    const channel = (await test.served.client()).channel('prompt', { config: { presence: { key: 'me' } } })
    channel.on('presence', { event: 'sync' }, () => undefined)
    await subscribed(channel)
    for (const n of [1, 2, 3]) {
      expect(await channel.track({ n })).toBe('ok')
      expect(channel.presenceState().me).toMatchObject([{ n }])
    }
    expect(await channel.untrack()).toBe('ok')
    expect(channel.presenceState()).toEqual({})
  })

  it('tells who is there, who comes and who leaves', async () => {
    const [a, b] = [await test.served.client(), await test.served.client(undefined, { vsn: '1.0.0' })]
    const events: string[] = []
    const first = a.channel('lobby', { config: { presence: { key: 'ada' } } })
    first.on('presence', { event: 'join' }, ({ key }) => events.push(`join ${key}`))
    first.on('presence', { event: 'leave' }, ({ key }) => events.push(`leave ${key}`))
    await subscribed(first)
    expect(await first.track({ mood: 'fine' })).toBe('ok')
    const second = b.channel('lobby', { config: { presence: { key: 'bob' } } })
    second.on('presence', { event: 'sync' }, () => undefined)
    await subscribed(second)
    await waitFor(() => second.presenceState().ada?.length === 1)
    expect(second.presenceState().ada).toMatchObject([{ mood: 'fine', presence_ref: expect.any(String) }])
    await second.track({ n: 1 })
    await waitFor(() => first.presenceState().bob?.length === 1)
    await second.track({ n: 2 })
    await waitFor(() => (first.presenceState().bob?.[0] as { n?: number } | undefined)?.n === 2)
    expect(first.presenceState().bob).toHaveLength(1)
    await b.realtime.disconnect()
    await waitFor(() => events.at(-1) === 'leave bob' && first.presenceState().bob === undefined)
    await first.untrack()
    await waitFor(() => first.presenceState().ada === undefined)
    expect(events.slice(0, 2)).toEqual(['join ada', 'join bob'])
  })
})

describe('tokens', () => {
  it('a channel whose token ends is closed and says so; one that is refreshed goes on', async () => {
    const [short, long] = [await test.served.client(), await test.served.client()]
    await test.served.speakAs(short, await test.served.token(ada.userId, 30))
    await test.served.speakAs(long, await test.served.token(ada.userId, 30))
    const statuses: string[] = []
    const system: { message: string }[] = []
    const ending = short.channel('crew', { config: { private: true } })
    ending.on('system', {}, (message) => system.push(message))
    await new Promise<void>((resolve) =>
      ending.subscribe((status) => {
        statuses.push(status)
        resolve()
      }),
    )
    const staying = await hear(long, 'crew', { private: true, broadcast: { self: true, ack: true } })
    await test.served.speakAs(long, await test.served.token(ada.userId, 3_000))
    expect(await staying.channel.send({ type: 'broadcast', event: 'x', payload: {} })).toBe('ok')
    clock.advance(31_000)
    await waitFor(() => statuses.includes('CLOSED'))
    expect(system.at(-1)?.message).toContain('expired')
    expect(await staying.channel.send({ type: 'broadcast', event: 'y', payload: {} })).toBe('ok')
    await waitFor(() => staying.messages.length === 2)
  })

  it('rights are those of the moment of the join until the next token or join', async () => {
    const client = await test.served.client(bob.userId)
    const late = await hear(client, 'late crew', { private: true })
    expect(late.status).toContain('channel_unauthorized')
    await run(`insert into crew values ('late crew', '${bob.userId}', true)`)
    const member = await hear(await test.served.client(bob.userId), 'late crew', { private: true })
    expect(member.status).toBe('SUBSCRIBED')
    await run(`delete from crew where room = 'late crew'`)
    await run(`select realtime.send('{}', 'still', 'late crew')`)
    await waitFor(() => member.messages.length === 1)
    const again = await hear(await test.served.client(bob.userId), 'late crew', { private: true })
    expect(again.status).toContain('channel_unauthorized')
  })

  it('rights follow the new token', async () => {
    const client = await test.served.client(ada.userId)
    const a = await hear(client, 'crew', { private: true })
    const system: { message: string }[] = []
    a.channel.on('system', {}, (message) => system.push(message))
    await test.served.speakAs(client, await test.served.token(bob.userId))
    await waitFor(() => a.channel.state === 'closed')
    expect(system.at(-1)?.message).toContain('channel_unauthorized')
  })

  it('that are forged, expired or of another project do not join', async () => {
    const stranger = await makeKeys('another')
    const now = Math.floor(clock.now().getTime() / 1000)
    const claims = { sub: ada.userId, role: 'authenticated', exp: now + 60 }
    const tokens = [
      await stranger.sign(claims),
      await test.served.token(ada.userId, -5),
      `${(await test.served.token(ada.userId)).slice(0, -4)}AAAA`,
      'nonsense',
      await test.served.keys.sign({ ...claims, role: 'postgres' }),
    ]
    for (const token of tokens) {
      const client = await test.served.client()
      await test.served.speakAs(client, token)
      const { status } = await hear(client, 'anywhere')
      expect(status).toContain('CHANNEL_ERROR realtime_token_refused')
    }
  })
})
