import type { JsonObject } from '../../kernel/index.ts'
import type { Broadcast, Version } from './client-message.ts'

/** A message on its way out: its frame is built once per serializer, and the same bytes go to every client. */
export interface ServerMessage {
  /** The whole WebSocket frame, or undefined when this serializer cannot carry the message (bytes in 1.0.0). */
  frame(version: Version): Buffer | undefined
}

export interface MessageParts {
  readonly topic: string
  readonly event: string
  /** The payload as JSON text. */
  readonly payload: string
  readonly joinRef?: string | null
  readonly ref?: string | null
}

/** A message as a text frame. */
export function prepareMessage(parts: MessageParts): ServerMessage {
  return onceEach((version) => textFrame(encodeText(version, parts)))
}

/** The answer to a client's push. */
export function prepareReply(
  to: { readonly topic: string; readonly joinRef: string | null; readonly ref: string | null },
  status: 'ok' | 'error',
  response: JsonObject = {},
): ServerMessage {
  const payload = JSON.stringify({ status, response })
  return prepareMessage({ topic: to.topic, event: 'phx_reply', payload, joinRef: to.joinRef, ref: to.ref })
}

/** A broadcast for everyone on a topic. Bytes travel only to clients of the array serializer. */
export function prepareBroadcast(topic: string, { event, body, meta }: Broadcast): ServerMessage {
  if ('bytes' in body) {
    const bytes = binaryFrame(encodeBytes(topic, event, body.bytes, meta))
    return { frame: (version) => (version === '2.0.0' ? bytes : undefined) }
  }
  const tail = meta ? `,"meta":${JSON.stringify(meta)}` : ''
  const payload = `{"type":"broadcast","event":${JSON.stringify(event)},"payload":${body.json}${tail}}`
  return prepareMessage({ topic, event: 'broadcast', payload })
}

function onceEach(build: (version: Version) => Buffer): ServerMessage {
  const built: Partial<Record<Version, Buffer>> = {}
  return {
    frame: (version) => {
      built[version] ??= build(version)
      return built[version]
    },
  }
}

function encodeText(version: Version, { topic, event, payload, joinRef = null, ref = null }: MessageParts) {
  const parts = [joinRef, ref, topic, event].map((part) => JSON.stringify(part))
  if (version === '2.0.0') return `[${parts.join(',')},${payload}]`
  return `{"join_ref":${parts[0]},"ref":${parts[1]},"topic":${parts[2]},"event":${parts[3]},"payload":${payload}}`
}

const userBroadcast = 4
const binaryEncoding = 0

/** Kind 4, three lengths, the encoding, then topic, event, metadata and body. */
function encodeBytes(topic: string, event: string, bytes: Buffer, meta: JsonObject | undefined): Buffer {
  const parts = [topic, event, meta ? JSON.stringify(meta) : ''].map((part) => Buffer.from(part))
  const header = Buffer.of(userBroadcast, ...parts.map((part) => part.length), binaryEncoding)
  return Buffer.concat([header, ...parts, bytes])
}

const textOpcode = 0x1
const binaryOpcode = 0x2

const textFrame = (text: string): Buffer => frameOf(textOpcode, Buffer.from(text))
const binaryFrame = (bytes: Buffer): Buffer => frameOf(binaryOpcode, bytes)

/** One final, unmasked WebSocket frame (RFC 6455, 5.2). */
function frameOf(opcode: number, payload: Buffer): Buffer {
  const size = payload.length
  const extended = size < 126 ? 0 : size < 65_536 ? 2 : 8
  const frame = Buffer.allocUnsafe(2 + extended + size)
  frame[0] = 0x80 | opcode
  frame[1] = extended === 0 ? size : extended === 2 ? 126 : 127
  if (extended === 2) frame.writeUInt16BE(size, 2)
  if (extended === 8) frame.writeBigUInt64BE(BigInt(size), 2)
  payload.copy(frame, 2 + extended)
  return frame
}
