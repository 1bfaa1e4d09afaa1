import type { Json, JsonObject } from '../../kernel/index.ts'
import { realtimeErrors } from '../errors.ts'

/** The two serializers that Supabase's clients speak: JSON objects, and JSON arrays with binary broadcasts. */
export type Version = '1.0.0' | '2.0.0'

export const isVersion = (text: string): text is Version => text === '1.0.0' || text === '2.0.0'

/** What one client tells others: JSON as text, checked but not rebuilt, or bytes. */
export interface Broadcast {
  readonly event: string
  readonly body: { readonly json: string } | { readonly bytes: Buffer }
  /** Facts about the message itself: its id when it is kept in the database. */
  readonly meta?: JsonObject
}

/** A frame from a client, decoded. */
export interface ClientMessage {
  readonly joinRef: string | null
  readonly ref: string | null
  readonly topic: string
  readonly event: string
  readonly payload: JsonObject
  /** Set when the frame was a binary broadcast push. */
  readonly broadcast?: Broadcast
}

const malformed = (problem: string) => realtimeErrors.malformed_frame({ problem })

/** Decodes a text frame. Fails with `malformed_frame`. */
export function decodeText(version: Version, text: string): ClientMessage {
  const parsed = parseJson(text)
  if (version === '2.0.0') {
    if (!Array.isArray(parsed) || parsed.length !== 5) throw malformed('it is not an array of five')
    const [joinRef, ref, topic, event, payload] = parsed as Json[]
    return messageOf(joinRef, ref, topic, event, payload)
  }
  if (!isObject(parsed)) throw malformed('it is not an object')
  return messageOf(parsed.join_ref, parsed.ref, parsed.topic, parsed.event, parsed.payload)
}

const broadcastPush = 3
const headerBytes = 7
const encodings = { binary: 0, json: 1 }

/**
 * Decodes a binary frame: kind 3, five lengths, the encoding, then join ref, ref, topic, event, metadata and body.
 * Fails with `malformed_frame`.
 */
export function decodeBinary(frame: Buffer): ClientMessage {
  if (frame.length < headerBytes) throw malformed('it is too short')
  if (frame[0] !== broadcastPush) throw malformed(`kind ${frame[0]} is not a broadcast push`)
  let offset = headerBytes
  const take = (length: number) => {
    if (offset + length > frame.length) throw malformed('its lengths do not add up')
    offset += length
    return frame.toString('utf8', offset - length, offset)
  }
  const [joinRef, ref, topic, event, metadata] = [1, 2, 3, 4, 5].map((at) => take(frame[at]!))
  const body = frame.subarray(offset)
  const broadcast = { event: event!, body: bodyOf(frame[6]!, body) }
  return {
    joinRef: joinRef || null,
    ref: ref || null,
    topic: topic!,
    event: 'broadcast',
    payload: metadata ? asObject(parseJson(metadata), 'its metadata is not an object') : {},
    broadcast,
  }
}

function bodyOf(encoding: number, body: Buffer): Broadcast['body'] {
  if (encoding === encodings.binary) return { bytes: Buffer.from(body) }
  if (encoding !== encodings.json) throw malformed(`encoding ${encoding} is unknown`)
  const json = body.length === 0 ? '{}' : body.toString('utf8')
  parseJson(json)
  return { json }
}

function messageOf(joinRef?: Json, ref?: Json, topic?: Json, event?: Json, payload?: Json): ClientMessage {
  if (typeof topic !== 'string' || topic === '') throw malformed('it has no topic')
  if (typeof event !== 'string' || event === '') throw malformed('it has no event')
  return {
    joinRef: refOf(joinRef),
    ref: refOf(ref),
    topic,
    event,
    payload: asObject(payload ?? {}, 'its payload is not an object'),
  }
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

function asObject(value: Json, problem: string): JsonObject {
  if (!isObject(value)) throw malformed(problem)
  return value
}
