import { actor, waitFor } from '@plinth/testing'
import { useRealtime } from '@plinth/testing/realtime'
import { describe, expect, it } from 'vitest'
import { openRawClient, type RawClient } from '../tests/open-raw-client.ts'

const test = useRealtime({
  tables: [],
  limits: {
    connections: { address: 12 },
    channels: { user: 2, address: 60 },
    presenceBytes: {
      announcement: 1_000,
      room: 6_000,
      connection: 2_500,
      user: 1_500,
      address: 9_000,
      addressInRoom: 4_000,
    },
    waitingBytesOfAddress: 300_000,
  },
})
const ada = actor('ada')

/** The anonymous key, or that of the service role, which is not bound by user or address. */
const open = (as: 'anyone' | 'service' = 'anyone') =>
  openRawClient(test.served, '', as === 'service' ? test.served.keys.serviceRoleKey : undefined)

let refs = 0
async function track(raw: RawClient, joinRef: string, topic: string, payload: unknown) {
  refs += 1
  const ref = `track${refs}`
  raw.say(joinRef, ref, topic, 'presence', { type: 'presence', event: 'track', payload })
  return raw.reply(ref)
}

const stateOf = async (raw: RawClient, topic: string) => {
  const frame = await waitFor(() => raw.frames.find((one) => one[2] === topic && one[3] === 'presence_state'))
  return JSON.stringify(frame[4])
}

const meta = (bytes: number) => ({ text: 'x'.repeat(bytes) })
const end = async (...clients: readonly RawClient[]) => {
  for (const { socket } of clients) socket.close()
  await waitFor(() => test.served.surface.health().connections === 0)
}

describe('presence', () => {
  it('is refused by its size before anything is made of it', async () => {
    const raw = await open()
    await raw.join('1', 'realtime:size')
    const { response } = await track(raw, '1', 'realtime:size', 'x'.repeat(5_000))
    expect(response.reason).toContain('payload_too_large')
    expect((await track(raw, '1', 'realtime:size', meta(1_001))).response.reason).toContain(
      'payload_too_large',
    )
    expect((await track(raw, '1', 'realtime:size', meta(900))).status).toBe('ok')
    await end(raw)
  })

  it('of a room is bounded, so everyone can still join it', async () => {
    const topic = 'realtime:crowd'
    const clients = await Promise.all(Array.from({ length: 8 }, () => open('service')))
    const replies: string[] = []
    for (const raw of clients) {
      await raw.join('1', topic)
      const { status, response } = await track(raw, '1', topic, meta(900))
      replies.push(response.reason ?? status)
    }
    expect(replies.slice(0, 5)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok'])
    expect(replies.slice(5).every((reply) => reply.includes('too_much_presence'))).toBe(true)
    const late = await open()
    expect((await late.join('1', topic)).status).toBe('ok')
    expect((await stateOf(late, topic)).length).toBeLessThan(8_000)
    await end(late, ...clients)
  })

  it('of an address leaves room for others', async () => {
    const topic = 'realtime:shared'
    const clients = await Promise.all(Array.from({ length: 5 }, () => open()))
    const replies: string[] = []
    for (const raw of clients) {
      await raw.join('1', topic)
      const { status, response } = await track(raw, '1', topic, meta(900))
      replies.push(response.reason ?? status)
    }
    expect(replies.filter((reply) => reply === 'ok')).toHaveLength(3)
    expect(replies.at(-1)).toContain('client address in this room')
    const other = await open('service')
    await other.join('1', topic)
    expect((await track(other, '1', topic, meta(900))).status).toBe('ok')
    await end(other, ...clients)
  })

  it('of a connection and of a user is bounded, and free again when it is taken back', async () => {
    const raw = await open()
    const replies: string[] = []
    for (const n of [1, 2, 3]) {
      await raw.join(String(n), `realtime:many${n}`)
      const { status, response } = await track(raw, String(n), `realtime:many${n}`, meta(900))
      replies.push(response.reason ?? status)
    }
    expect(replies.slice(0, 2)).toEqual(['ok', 'ok'])
    expect(replies[2]).toContain('the connection would have more than 2500 bytes')
    raw.say('1', 'gone', 'realtime:many1', 'presence', { event: 'untrack' })
    expect((await raw.reply('gone')).status).toBe('ok')
    expect((await track(raw, '3', 'realtime:many3', meta(900))).status).toBe('ok')
    raw.socket.close()
    const [one, two] = [await open(), await open()]
    const access_token = await test.served.token(ada.userId)
    await one.join('1', 'realtime:a', { access_token })
    await two.join('1', 'realtime:b', { access_token })
    expect((await track(one, '1', 'realtime:a', meta(900))).status).toBe('ok')
    expect((await track(two, '1', 'realtime:b', meta(900))).response.reason).toContain('of the user')
    // What replaces an announcement counts instead of it.
    expect((await track(one, '1', 'realtime:a', meta(950))).status).toBe('ok')
    await end(one, two)
  })
})

describe('channels', () => {
  it('of a user and of an address are bounded over all connections', async () => {
    const access_token = await test.served.token(ada.userId)
    const clients = [await open(), await open(), await open()]
    const [one, two, three] = clients as [RawClient, RawClient, RawClient]
    expect((await one.join('1', 'realtime:u1', { access_token })).status).toBe('ok')
    expect((await two.join('1', 'realtime:u2', { access_token })).status).toBe('ok')
    expect((await three.join('1', 'realtime:u3', { access_token })).response.reason).toContain(
      'The user has 2 channels',
    )
    for (let n = 0; n < 58; n += 1) await three.join(`n${n}`, `realtime:n${n}`)
    expect((await three.join('last', 'realtime:last')).response.reason).toContain('The client address has 60')
    one.say('1', 'leave', 'realtime:u1', 'phx_leave', {})
    await one.reply('leave')
    expect((await three.join('again', 'realtime:last')).status).toBe('ok')
    await end(...clients)
  })
})

describe('connections', () => {
  it('of an address are bounded; the service role is not counted by address', async () => {
    const clients = await Promise.all(Array.from({ length: 12 }, () => open()))
    await expect(open()).rejects.toThrow('429')
    const service = await open('service')
    await end(service, ...clients)
    await end(await open())
  })

  it('that leave frames unfinished are cut off when their address holds too much', async () => {
    const unfinished = (bytes: number) => {
      const head = Buffer.alloc(14)
      head.writeUInt8(0x81, 0)
      head.writeUInt8(0x80 | 127, 1)
      head.writeBigUInt64BE(BigInt(bytes + 1), 2)
      return Buffer.concat([head, Buffer.alloc(bytes)])
    }
    const clients = await Promise.all(Array.from({ length: 4 }, () => open()))
    const modest = await open()
    for (const { socket } of clients) {
      const { _socket } = socket as unknown as { _socket: { write(bytes: Buffer): void } }
      _socket.write(unfinished(150_000))
    }
    const ended = await Promise.race(clients.map(({ closed }) => closed))
    expect(ended).toMatchObject({ code: 1008, reason: expect.stringContaining('slow_client') })
    expect((await modest.join('1', 'realtime:still here')).status).toBe('ok')
    await end(modest, ...clients)
  })
})
