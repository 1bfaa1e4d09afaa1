import type { Json, JsonObject } from '../../kernel/index.ts'
import { realtimeErrors } from '../errors.ts'
import type { Broadcast, Envelope, FrameAddress, Version } from './client-message.ts'

const malformed = (problem: string) => realtimeErrors.malformed_frame({ problem })

/** Reads the address of a frame. Fails with `malformed_frame`. */
export function readEnvelope(version: Version, frame: Buffer, isBinary: boolean): Envelope {
  if (isBinary && version === '1.0.0') throw malformed('it is binary')
  if (isBinary) return readBinary(frame)
  return version === '2.0.0' ? readArray(frame.toString('utf8')) : readObject(frame)
}

/** Characters within which join ref, ref, topic and event lie. */
const longestHead = 8_192
/** One of these four and its comma. Each alternative begins with a character of its own, so reading takes linear time. */
const headValue = /\s*(null|-?\d{1,20}|"(?:[^"\\]|\\.)*")\s*,/y

/** `[join ref, ref, topic, event, payload]`: the payload is found without being parsed. */
function readArray(text: string): Envelope {
  const frame = text.trim()
  if (!frame.startsWith('[') || !frame.endsWith(']')) throw malformed('it is not an array of five')
  const head = frame.slice(0, longestHead)
  let end = 1
  const [joinRef, ref, topic, event] = [0, 1, 2, 3].map(() => {
    headValue.lastIndex = end
    const found = headValue.exec(head)
    if (!found) throw malformed('it is not an array of five')
    end += found[0].length
    return parseJson(found[1]!)
  })
  const payload = frame.slice(end, -1)
  const address = addressOf(joinRef, ref, topic, event)
  return {
    ...address,
    bytes: Buffer.byteLength(payload),
    open: () => ({ ...address, payload: payloadOf(parseJson(payload)) }),
  }
}

/** `{join_ref, ref, topic, event, payload}`, in any order. */
function readObject(frame: Buffer): Envelope {
  const parsed = parseJson(frame.toString('utf8'))
  if (!isObject(parsed)) throw malformed('it is not an object')
  const address = addressOf(parsed.join_ref, parsed.ref, parsed.topic, parsed.event)
  return {
    ...address,
    bytes: frame.length,
    open: () => ({ ...address, payload: payloadOf(parsed.payload) }),
  }
}

const broadcastPush = 3
const headerBytes = 7
const encodings = { binary: 0, json: 1 }

/** Kind 3, five lengths, the encoding, then join ref, ref, topic, event, metadata and body. */
function readBinary(frame: Buffer): Envelope {
  if (frame.length < headerBytes) throw malformed('it is too short')
  if (frame[0] !== broadcastPush) throw malformed(`kind ${frame[0]} is not a broadcast push`)
  const encoding = frame[6]!
  let end = headerBytes
  const take = (length: number) => {
    if (end + length > frame.length) throw malformed('its lengths do not add up')
    end += length
    return frame.toString('utf8', end - length, end)
  }
  const [joinRef, ref, topic, event, metadata] = [1, 2, 3, 4, 5].map((at) => take(frame[at]!))
  const body = frame.subarray(end)
  const address = { joinRef: joinRef || null, ref: ref || null, topic: topic!, event: 'broadcast' }
  return {
    ...address,
    bytes: body.length,
    open: () => ({
      ...address,
      payload: metadata ? payloadOf(parseJson(metadata)) : {},
      broadcast: { event: event!, body: bodyOf(encoding, body) },
    }),
  }
}

function bodyOf(encoding: number, body: Buffer): Broadcast['body'] {
  if (encoding === encodings.binary) return { bytes: Buffer.from(body) }
  if (encoding !== encodings.json) throw malformed(`encoding ${encoding} is unknown`)
  const json = body.length === 0 ? '{}' : body.toString('utf8')
  parseJson(json)
  return { json }
}

function addressOf(joinRef?: Json, ref?: Json, topic?: Json, event?: Json): FrameAddress {
  if (typeof topic !== 'string' || topic === '') throw malformed('it has no topic')
  if (typeof event !== 'string' || event === '') throw malformed('it has no event')
  return { joinRef: refOf(joinRef), ref: refOf(ref), topic, event }
}

function refOf(ref: Json | undefined): string | null {
  if (ref === undefined || ref === null) return null
  if (typeof ref === 'string' && ref.length <= 255) return ref
  if (typeof ref === 'number') return String(ref)
  throw malformed('its ref is not a short text')
}

function parseJson(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    throw malformed('it is not JSON')
  }
}

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function payloadOf(value: Json = {}): JsonObject {
  if (!isObject(value ?? {})) throw malformed('its payload is not an object')
  return (value ?? {}) as JsonObject
}
