import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readEnvelope } from './read-envelope.ts'
import { prepareBroadcast, prepareMessage } from './server-message.ts'

const decodeText = (version: '1.0.0' | '2.0.0', text: string) =>
  readEnvelope(version, Buffer.from(text), false).open()
const decodeBinary = (frame: Buffer) => readEnvelope('2.0.0', frame, true).open()

/** A client's binary broadcast push, as the protocol describes it. */
function pushFrame(
  topic: string,
  event: string,
  encoding: number,
  body: Buffer,
  meta = '',
  ref = '2',
): Buffer {
  const parts = ['1', ref, topic, event, meta].map((part) => Buffer.from(part))
  return Buffer.concat([Buffer.of(3, ...parts.map((part) => part.length), encoding), ...parts, body])
}

describe('frames from clients', () => {
  it('are read in both versions', () => {
    const wanted = { joinRef: '1', ref: '2', topic: 'realtime:x', event: 'phx_join', payload: { a: 1 } }
    expect(decodeText('2.0.0', '["1","2","realtime:x","phx_join",{"a":1}]')).toEqual(wanted)
    expect(decodeText('2.0.0', ' [ "1" , "2","realtime:x", "phx_join" ,{"a":1} ] ')).toEqual(wanted)
    const object = '{"join_ref":"1","ref":"2","topic":"realtime:x","event":"phx_join","payload":{"a":1}}'
    expect(decodeText('1.0.0', object)).toEqual(wanted)
  })

  it('of arrays are read as JSON.parse reads them, whatever is in them', () => {
    const ref = fc.oneof(fc.constant(null), fc.string({ maxLength: 40, unit: 'binary' }))
    const text = fc.string({ minLength: 1, maxLength: 200, unit: 'binary' })
    const payload = fc.dictionary(fc.string(), fc.jsonValue())
    const read = (parts: readonly unknown[], spaces: number) => {
      const {
        joinRef,
        ref: second,
        topic,
        event,
        payload: rest,
      } = decodeText('2.0.0', JSON.stringify(parts, null, spaces))
      expect([joinRef, second, topic, event, rest]).toEqual(JSON.parse(JSON.stringify(parts)))
    }
    const frame = fc.tuple(ref, ref, text, text, payload)
    fc.assert(fc.property(frame, fc.nat({ max: 2 }), read), { seed: 5, numRuns: 300 })
  })

  it('tell their address and size before their payload is parsed', () => {
    const frame = Buffer.from('["1","2","realtime:x","presence",{"a":[[[}]')
    const envelope = readEnvelope('2.0.0', frame, false)
    expect(envelope).toMatchObject({ topic: 'realtime:x', event: 'presence', ref: '2', bytes: 9 })
    expect(() => envelope.open()).toThrow(/not JSON/)
  })

  it('carry broadcasts as JSON, untouched, or as bytes', () => {
    const json = decodeBinary(pushFrame('realtime:é', 'x', 1, Buffer.from('{"n":1.50}'), '{"persist":true}'))
    expect(json).toMatchObject({ topic: 'realtime:é', event: 'broadcast', payload: { persist: true } })
    expect(json.broadcast).toEqual({ event: 'x', body: { json: '{"n":1.50}' } })
    const bytes = decodeBinary(pushFrame('realtime:x', 'y', 0, Buffer.of(0, 255)))
    expect(bytes.broadcast).toEqual({ event: 'y', body: { bytes: Buffer.of(0, 255) } })
  })

  it('that are broken fail with malformed_frame and nothing else', () => {
    const decode = (frame: Uint8Array) => {
      try {
        decodeBinary(Buffer.from(frame))
      } catch (error) {
        expect(error).toMatchObject({ code: 'malformed_frame' })
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), decode), { seed: 5, numRuns: 500 })
    const start = fc.uint8Array({ maxLength: 40 }).map((rest) => Uint8Array.of(3, ...rest))
    fc.assert(fc.property(start, decode), { seed: 5, numRuns: 500 })
  })
})

describe('frames to clients', () => {
  it('have the right length whatever the size', () => {
    for (const size of [0, 100, 125, 126, 1_000, 65_535, 65_536, 70_000]) {
      const frame = prepareMessage({
        topic: 't',
        event: 'e',
        payload: JSON.stringify('x'.repeat(size)),
      }).frame('2.0.0')!
      const short = frame[1]!
      const header = short < 126 ? 2 : short === 126 ? 4 : 10
      const length =
        short < 126 ? short : short === 126 ? frame.readUInt16BE(2) : Number(frame.readBigUInt64BE(2))
      expect(frame.length).toBe(header + length)
      expect(JSON.parse(frame.toString('utf8', header))).toEqual([null, null, 't', 'e', 'x'.repeat(size)])
    }
  })

  it('are built once per version', () => {
    const message = prepareMessage({ topic: 't', event: 'e', payload: '{}' })
    expect(message.frame('2.0.0')).toBe(message.frame('2.0.0'))
    expect(JSON.parse(message.frame('1.0.0')!.toString('utf8', 2))).toMatchObject({
      topic: 't',
      event: 'e',
      payload: {},
    })
  })

  it('carry bytes to version 2 only', () => {
    const message = prepareBroadcast('realtime:x', {
      event: 'y',
      body: { bytes: Buffer.of(7) },
      meta: { id: 'z' },
    })
    expect(message.frame('1.0.0')).toBeUndefined()
    expect([...message.frame('2.0.0')!.subarray(2, 7)]).toEqual([4, 10, 1, 10, 0])
  })
})
