import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { json } from 'node:stream/consumers'
import { actor, service, waitFor } from '@plinth/testing'
import { perform } from '@plinth/testing/raw-sockets'
import { listenTo, makeKeys, serveRealtime, useRealtime } from '@plinth/testing/realtime'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { openRawClient, type RawClient } from '../tests/open-raw-client.ts'

const seed = `
create table public.things (id int primary key, body text);
`
const test = useRealtime({
  seed,
  tables: ['things'],
  limits: {
    channels: { connection: 5 },
    connections: { project: 20 },
    bindingsPerChannel: 3,
    joinsPerSecond: { connection: 4, address: 10_000, project: 10_000 },
    eventsPerSecond: { connection: 10, user: 10_000, address: 10_000, project: 10_000 },
    payloadBytes: 2_000,
    requestBytes: 10_000,
    messagesPerRequest: 3,
    frameBytes: 20_000,
    unsentBytes: 200_000,
  },
})
const ada = actor('ada')

const openRaw = (query = '', at = test.served): Promise<RawClient> => openRawClient(at, query)

/** What a WebSocket that is not let in is told over HTTP. */
async function refusalOf(version: string): Promise<{ status: number; code: string }> {
  const url = `${test.served.url.replace('http', 'ws')}/realtime/v1/websocket?vsn=${version}&apikey=${test.served.keys.anonKey}`
  const socket = new WebSocket(url)
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  const { code } = (await json(response)) as { code: string }
  return { status: response.statusCode!, code }
}

const join = (raw: RawClient, ref: string, topic: string, payload: object = {}) =>
  raw.say(ref, ref, topic, 'phx_join', payload)

/** Somebody who does nothing wrong, and whom the others' mistakes must not touch. */
async function withBystander(work: () => Promise<void>): Promise<void> {
  const bystander = await listenTo(await test.served.client(ada.userId), { table: 'things' })
  await work()
  const id = Math.floor(Math.random() * 1e9)
  await test.database.asCaller(service, { text: `insert into things values (${id})` })
  await waitFor(() => bystander.changes.length > 0)
  await bystander.channel.unsubscribe()
}

describe('frames that are no messages', () => {
  const frames: readonly (string | Buffer)[] = [
    '',
    'nonsense',
    '{}',
    '[]',
    '[1,2,3]',
    '["1","1","realtime:x"]',
    '[null,null,null,null,null]',
    '[{},{},"realtime:x","phx_join",{}]',
    '["1","1","realtime:x","phx_join","text"]',
    '["1","1","","phx_join",{}]',
    '"text"',
    'null',
    '{"topic":"realtime:x","event":"phx_join","payload":{},"ref":"1"}',
    '\u0000\u0001',
    Buffer.alloc(0),
    Buffer.of(3),
    Buffer.of(9, 0, 0, 0, 0, 0, 0),
    Buffer.of(3, 255, 255, 255, 255, 255, 1),
    Buffer.of(3, 0, 0, 1, 1, 0, 1, 0x78, 0x79, 0x7b),
    Buffer.of(3, 0, 0, 1, 1, 0, 7, 0x78, 0x79),
  ]
  it('are answered with an error, and the connection goes on', async () => {
    await withBystander(async () => {
      const raw = await openRaw()
      for (const frame of frames) raw.socket.send(frame)
      await waitFor(() => raw.frames.length === frames.length)
      for (const frame of raw.frames) {
        expect(frame.slice(3)).toMatchObject(['phx_reply', { status: 'error' }])
        expect(JSON.stringify(frame)).toContain('malformed_frame')
      }
      raw.say(null, 'h', 'phoenix', 'heartbeat', {})
      expect(await raw.reply('h')).toEqual({ status: 'ok', response: {} })
      raw.socket.close()
    })
  })

  it('that are larger than allowed close the connection', async () => {
    const raw = await openRaw()
    raw.socket.send('x'.repeat(20_001))
    expect((await raw.closed).code).toBe(1009)
  })

  it('seeded noise harms nobody', async () => {
    await withBystander(async () => {
      const raw = await openRaw()
      let state = 7
      const random = (below: number) => {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
        return state % below
      }
      for (let frame = 0; frame < 300; frame += 1) {
        const bytes = Buffer.from(Array.from({ length: random(60) }, () => random(256)))
        if (frame % 3 === 0) bytes[0] = 3
        raw.socket.send(bytes, { binary: frame % 2 === 0 })
      }
      await Promise.race([waitFor(() => raw.frames.length >= 300), raw.closed])
      raw.socket.terminate()
    })
  })
})

describe('topics and events', () => {
  it('that are unknown are answered with an error', async () => {
    const raw = await openRaw()
    join(raw, '1', 'elsewhere')
    join(raw, '2', 'realtime:')
    join(raw, '3', `realtime:${'x'.repeat(300)}`)
    raw.say(null, '4', 'realtime:never', 'broadcast', { type: 'broadcast', event: 'x' })
    for (const ref of ['1', '2', '3', '4'])
      expect((await raw.reply(ref)).response.reason).toContain('unmatched_topic')
    raw.say(null, '5', 'phoenix', 'dance', {})
    join(raw, '6', 'realtime:a')
    raw.say('6', '7', 'realtime:a', 'dance', {})
    for (const ref of ['5', '7']) expect((await raw.reply(ref)).response.reason).toContain('unknown_event')
    raw.socket.close()
  })

  it('with payloads that make no sense are answered with an error', async () => {
    const raw = await openRaw()
    join(raw, '1', 'realtime:p', { config: { postgres_changes: 'all' } })
    join(raw, '2', 'realtime:p', {
      config: { postgres_changes: Array.from({ length: 4 }, () => ({ event: '*' })) },
    })
    join(raw, '3', 'realtime:p', { config: { broadcast: { replay: { since: 0 } } } })
    for (const ref of ['1', '2', '3'])
      expect((await raw.reply(ref)).response.reason).toContain('malformed_join')
    join(raw, '4', 'realtime:p')
    raw.say('4', '5', 'realtime:p', 'broadcast', { type: 'broadcast' })
    raw.say('4', '6', 'realtime:p', 'presence', { event: 'dance' })
    raw.say('4', '7', 'realtime:p', 'presence', { event: 'track', payload: 'text' })
    for (const ref of ['5', '6', '7'])
      expect((await raw.reply(ref)).response.reason).toContain('malformed_payload')
    raw.say('4', '8', 'realtime:p', 'broadcast', { event: 'x', payload: 'x'.repeat(3_000) })
    expect((await raw.reply('8')).response.reason).toContain('payload_too_large')
    raw.say('4', '9', 'realtime:p', 'broadcast', { event: 'x', persist: true })
    expect((await raw.reply('9')).response.reason).toContain('feature_not_supported')
    raw.socket.close()
  })

  it('a forged token in the middle ends the channel and says why', async () => {
    const raw = await openRaw()
    join(raw, '1', 'realtime:t')
    await raw.reply('1')
    raw.say('1', '2', 'realtime:t', 'access_token', { access_token: 'forged.token.here' })
    expect((await raw.reply('2')).response.reason).toContain('realtime_token_refused')
    expect(raw.frames.map((frame) => frame[3])).toEqual(expect.arrayContaining(['system', 'phx_close']))
    raw.socket.close()
  })

  it('an API key of the newer form is no token: the channel speaks for what it had', async () => {
    const raw = await openRaw()
    join(raw, '1', 'realtime:keys', { access_token: 'sb_publishable_abc' })
    expect((await raw.reply('1')).status).toBe('ok')
    raw.say('1', '2', 'realtime:keys', 'access_token', { access_token: 'sb_secret_abc' })
    raw.say('1', '3', 'realtime:keys', 'presence', { event: 'track' })
    expect((await raw.reply('3')).status).toBe('ok')
    expect(raw.frames.filter((frame) => frame[3] === 'system' || frame[3] === 'phx_close')).toEqual([])
    raw.socket.close()
  })

  it('of an earlier join of the topic are answered, and leave the present one alone', async () => {
    const raw = await openRaw()
    join(raw, '1', 'realtime:again')
    join(raw, '2', 'realtime:again')
    await raw.reply('2')
    raw.say('1', '3', 'realtime:again', 'broadcast', { event: 'x' })
    expect((await raw.reply('3')).response.reason).toContain('unmatched_topic')
    raw.say('1', '4', 'realtime:again', 'phx_leave', {})
    expect(await raw.reply('4')).toEqual({ status: 'ok', response: {} })
    raw.say('2', '5', 'realtime:again', 'presence', { event: 'track' })
    expect((await raw.reply('5')).status).toBe('ok')
    raw.socket.close()
  })

  it('that are nested too deeply are answered with an error', async () => {
    const raw = await openRaw()
    join(raw, '1', 'realtime:deep')
    await raw.reply('1')
    const deep = `${'['.repeat(8_000)}${']'.repeat(8_000)}`
    raw.socket.send(`["1","2","realtime:deep","broadcast",{"event":"x","payload":${deep}}]`)
    expect((await raw.reply('2')).response.reason).toContain('payload_too_large')
    raw.socket.close()
  })

  it('a second join of a topic takes the place of the first', async () => {
    const raw = await openRaw()
    join(raw, '1', 'realtime:twice')
    join(raw, '2', 'realtime:twice')
    expect((await raw.reply('2')).status).toBe('ok')
    const close = raw.frames.find((frame) => frame[3] === 'phx_close')
    expect(close?.slice(0, 3)).toEqual(['1', '1', 'realtime:twice'])
    raw.socket.close()
  })
})

describe('too much', () => {
  it('twenty thousand joins get an error each, and others are served meanwhile', async () => {
    await withBystander(async () => {
      const raw = await openRaw()
      const joins = 20_000
      for (let ref = 0; ref < joins; ref += 1) join(raw, String(ref), `realtime:flood${ref}`)
      const waited = performance.now()
      const other = await openRaw()
      other.say(null, 'h', 'phoenix', 'heartbeat', {})
      await other.reply('h')
      expect(performance.now() - waited).toBeLessThan(5_000)
      other.socket.close()
      await waitFor(() => raw.frames.some((frame) => JSON.stringify(frame).includes('too_many_joins')))
      raw.socket.terminate()
    })
  })

  it('channels beyond the limit are refused', async () => {
    const raw = await openRaw()
    for (let ref = 1; ref <= 6; ref += 1) join(raw, String(ref), `realtime:one of many ${ref}`)
    expect((await raw.reply('5')).status).toBe('ok')
    expect((await raw.reply('6')).response.reason).toContain('too_many_channels')
    raw.socket.close()
  })

  it('events beyond the limit are refused', async () => {
    const raw = await openRaw()
    join(raw, '1', 'realtime:many')
    await raw.reply('1')
    for (let ref = 100; ref < 130; ref += 1)
      raw.say('1', String(ref), 'realtime:many', 'broadcast', { event: 'x' })
    expect((await raw.reply('129')).response.reason).toContain('too_many_events')
    raw.socket.close()
  })

  it('a client that does not read is cut off, and the others are not held up', async () => {
    const lazy = connect(Number(new URL(test.served.url).port), '127.0.0.1')
    const path = `/realtime/v1/websocket?vsn=1.0.0&apikey=${test.served.keys.anonKey}`
    lazy.write(
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    )
    await new Promise((resolve) => lazy.once('data', resolve))
    const payload = Buffer.from(
      JSON.stringify({ topic: 'realtime:big', event: 'phx_join', ref: '1', payload: {} }),
    )
    lazy.write(Buffer.concat([Buffer.of(0x81, 0x80 | payload.length), Buffer.alloc(4), payload]))
    await new Promise((resolve) => lazy.once('data', resolve))
    lazy.pause()
    const gone = new Promise((resolve) => lazy.once('close', resolve))
    lazy.on('error', () => undefined)
    const before = test.served.surface.health().connections
    const text = JSON.stringify('x'.repeat(1_900))
    const shout = () =>
      fetch(`${test.served.url}/realtime/v1/api/broadcast/big/events/e`, {
        method: 'POST',
        headers: { apikey: test.served.keys.anonKey, 'content-type': 'application/json' },
        body: text,
      })
    for (let round = 0; round < 400 && test.served.surface.health().connections >= before; round += 1)
      await Promise.all(Array.from({ length: 25 }, shout))
    expect(test.served.surface.health().connections).toBeLessThan(before)
    lazy.resume()
    await gone
  })

  it('a connection that says nothing for too long is closed; heartbeats keep it', async () => {
    const strict = await serveRealtime({
      database: test.database,
      tables: [],
      keys: test.served.keys,
      limits: { idleMilliseconds: 1_500 },
    })
    const [silent, alive] = [await openRaw('', strict), await openRaw('', strict)]
    const beat = setInterval(() => alive.say(null, 'h', 'phoenix', 'heartbeat', {}), 300)
    expect(await silent.closed).toMatchObject({ code: 1001, reason: expect.stringContaining('idle') })
    clearInterval(beat)
    expect(alive.socket.readyState).toBe(WebSocket.OPEN)
    alive.socket.close()
    await strict.stop()
  })

  it('connections beyond the limit are refused', async () => {
    const opened: RawClient[] = []
    let refusal = ''
    while (refusal === '' && opened.length < 30) {
      await openRaw().then(
        (raw) => opened.push(raw),
        (error: Error) => {
          refusal = error.message
        },
      )
    }
    expect(refusal).toContain('429')
    expect(await refusalOf('2.0.0')).toEqual({ status: 429, code: 'too_many_connections' })
    for (const raw of opened) raw.socket.terminate()
  })
})

describe('keys', () => {
  it.each([
    ['none', '401', () => ''],
    ['forged', '401', () => '&apikey=forged'],
    ['another project', '401', async () => `&apikey=${(await makeKeys('another')).anonKey}`],
  ])('%s: refused before the upgrade', async (_name, status, query) => {
    const socket = new WebSocket(
      `${test.served.url.replace('http', 'ws')}/realtime/v1/websocket?vsn=2.0.0${await query()}`,
    )
    const error = await new Promise<Error>((resolve) => socket.once('error', resolve))
    expect(error.message).toContain(status)
  })

  it('an unknown protocol version is refused', async () => {
    expect(await refusalOf('9.9.9')).toEqual({ status: 400, code: 'unsupported_protocol' })
  })

  it('is told what is wrong with its handshake', async () => {
    const { port } = new URL(test.served.url)
    const target = `/realtime/v1/websocket?vsn=2.0.0&apikey=${test.served.keys.anonKey}`
    const upgrade = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: short\r\n'
    const say = `GET ${target} HTTP/1.1\r\n${upgrade}\r\n`
    const text = await perform(Number(port), [{ say }, 'read'])
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    expect(text).toContain('"code":"malformed_handshake"')
    expect(text).toMatch(/^access-control-allow-origin: \*\r$/m)
  })
})

const batchOf = (count: number) =>
  JSON.stringify({ messages: Array.from({ length: count }, () => ({ topic: 'x', event: 'y' })) })

describe('broadcasts by rest', () => {
  it.each([
    ['', 'not json', 400, 'malformed_payload'],
    ['', '{"messages":[]}', 400, 'malformed_payload'],
    ['', '{"messages":[{"topic":"x"}]}', 400, 'malformed_payload'],
    [
      '',
      JSON.stringify({ messages: [{ topic: 'x', event: 'y', payload: 'z'.repeat(3_000) }] }),
      413,
      'payload_too_large',
    ],
    ['', '{"messages":[{"topic":"x","event":"y","private":true}]}', 403, 'channel_unauthorized'],
    ['', batchOf(4), 400, 'malformed_payload'],
    ['', `{"messages":[${'['.repeat(9_000)}`, 400, 'malformed_payload'],
    ['', '['.repeat(10_001), 413, 'body_too_large'],
    ['/x/events/y', '{', 400, 'malformed_payload'],
    ['/x/events/y', `"${'x'.repeat(2_000)}"`, 413, 'body_too_large'],
    // Before the body is read: it is neither JSON nor small enough.
    ['/x/events/y?private=true', '{'.repeat(3_000), 403, 'channel_unauthorized'],
    ['/x/events/y?persist=true', '{}', 400, 'feature_not_supported'],
  ])('%s %s: refused', async (path, body, status, code) => {
    const response = await fetch(`${test.served.url}/realtime/v1/api/broadcast${path}`, {
      method: 'POST',
      headers: { apikey: test.served.keys.anonKey, 'content-type': 'application/json' },
      body,
    })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ code })
  })

  it('are counted as events, before their bodies are read', async () => {
    const strict = await serveRealtime({
      database: test.database,
      tables: [],
      keys: test.served.keys,
      limits: { eventsPerSecond: { address: 2 } },
    })
    const post = (key: string) =>
      fetch(`${strict.url}/realtime/v1/api/broadcast`, {
        method: 'POST',
        headers: { apikey: key },
        body: 'not json',
      })
    for (let n = 0; n < 4; n += 1) expect((await post(test.served.keys.anonKey)).status).toBe(400)
    expect((await post(test.served.keys.anonKey)).status).toBe(429)
    expect((await post(test.served.keys.serviceRoleKey)).status).toBe(400)
    await strict.stop()
  })
})

describe('private channels only', () => {
  it('public ones are refused when the project says so', async () => {
    const closed = await serveRealtime({
      database: test.database,
      tables: [],
      publicChannels: false,
      keys: test.served.keys,
    })
    const { status } = await listenTo(await closed.client(), {})
    expect(status).toContain('public_channels_closed')
    await closed.stop()
  })
})
