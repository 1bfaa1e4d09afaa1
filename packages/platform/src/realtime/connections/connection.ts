import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { AppError, type Log, newId } from '../../kernel/index.ts'
import { realtimeErrors, reasonOf } from '../errors.ts'
import { createConnectionRates } from '../limits/project-limits.ts'
import type { RealtimeLimits } from '../limits/realtime-limits.ts'
import type { ClientMessage, Envelope, FrameAddress, Version } from '../protocol/client-message.ts'
import { readEnvelope } from '../protocol/read-envelope.ts'
import { prepareReply, type ServerMessage } from '../protocol/server-message.ts'
import { writeSoon } from './write-soon.ts'

/** One client's WebSocket. */
export interface Connection {
  /** Unique on this node. */
  readonly id: string
  readonly version: Version
  /** The API key of its address; channels that bring no token of their own speak for it. */
  readonly apiKey: string
  /** Whom its work is counted for, as `addressKey` has it; null when it came with the key of the service role. */
  readonly address: string | null
  readonly isOpen: boolean
  /** Bytes that wait for the client, and bytes of frames that it has not finished. */
  readonly waitingBytes: number
  send(message: ServerMessage): void
  /** Resolves when most of what was sent has been taken by the client, or the connection is closed. */
  drained(): Promise<void>
  /** Ends the connection; the client is told why. Codes of RFC 6455, 7.4; the reason is cut at 123 bytes. */
  close(code: number, reason: string): void
  /** Ends the connection of a client that makes the server keep too much. */
  cutOff(): void
  /** Closes it when nothing came from the client for longer than allowed. */
  closeIfIdle(): void
}

export interface ConnectionHandler {
  message(message: ClientMessage): void
  /** The connection is gone, whoever ended it. */
  closed(): void
}

export interface ConnectionOptions {
  readonly socket: Socket
  readonly webSocket: WebSocket
  readonly version: Version
  readonly apiKey: string
  readonly address: string | null
  readonly limits: RealtimeLimits
  /** Counts received bytes for the client's address: milliseconds until more may be read. */
  receive(bytes: number): number
  readonly log: Log
}

/** How long a client has to take the last frames and say goodbye, milliseconds. */
const farewell = 1_000
const policyViolation = 1008
/** How often it is looked whether a client has taken what was sent, milliseconds. */
const drainMilliseconds = 10
const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))
/** The shortest pause in reading, milliseconds. */
const shortestPause = 10
const noAddress = { topic: 'phoenix', joinRef: null, ref: null }

/** Reads a client's frames and writes to it without ever waiting for it. */
export function openConnection(
  options: ConnectionOptions,
  handle: (connection: Connection) => ConnectionHandler,
): Connection {
  const { socket, webSocket, version, limits, log } = options
  const rates = createConnectionRates(limits)
  let open = true
  let heardAt = performance.now()
  /** What the socket had received when the last whole frame was taken out of it. */
  let takenBytes = socket.bytesRead
  let resuming: NodeJS.Timeout | undefined

  const connection: Connection = {
    id: newId(),
    version,
    apiKey: options.apiKey,
    address: options.address,
    get isOpen() {
      return open
    },
    get waitingBytes() {
      return socket.writableLength + socket.bytesRead - takenBytes
    },
    send: (message) => {
      if (!open || !socket.writable) return
      const frame = message.frame(version)
      if (!frame) return
      writeSoon(socket, frame)
      if (socket.writableLength > limits.unsentBytes) cutOff()
    },
    drained: async () => {
      while (open && socket.writableLength > limits.unsentBytes / 4) await pause(drainMilliseconds)
    },
    close,
    cutOff,
    closeIfIdle: () => {
      if (open && performance.now() - heardAt > limits.idleMilliseconds)
        close(1001, 'idle: no heartbeat came')
    },
  }
  const handler = handle(connection)

  function close(code: number, reason: string): void {
    if (!open) return
    open = false
    webSocket.close(code, Buffer.from(reason).subarray(0, 123))
    setTimeout(() => webSocket.terminate(), farewell).unref()
    handler.closed()
  }

  function cutOff(): void {
    const { waitingBytes } = connection
    log.warn({ waitingBytes }, 'a realtime client reads or sends too slowly and is cut off')
    close(policyViolation, `slow_client: ${waitingBytes} bytes wait`)
  }

  /** A client that sends too fast is not read for a while: TCP makes it wait. */
  function slowDown(bytes: number): void {
    const pause = Math.max(rates.frames.spend(1), rates.bytes.spend(bytes), options.receive(bytes))
    if (pause === 0) return
    clearTimeout(resuming)
    webSocket.pause()
    resuming = setTimeout(() => webSocket.resume(), Math.max(pause, shortestPause)).unref()
  }

  function handleFrame(data: Buffer, isBinary: boolean): void {
    let address: Pick<FrameAddress, 'topic' | 'joinRef' | 'ref'> = noAddress
    try {
      const envelope = readEnvelope(version, data, isBinary)
      address = envelope
      requireSize(envelope, limits)
      handler.message(envelope.open())
    } catch (error) {
      if (!(error instanceof AppError)) log.error({ problem: String(error) }, 'a realtime frame failed')
      const shown =
        error instanceof AppError ? error : realtimeErrors.malformed_frame({ problem: 'it failed' })
      connection.send(prepareReply(address, 'error', reasonOf(shown)))
    }
  }

  webSocket.on('message', (data: Buffer, isBinary: boolean) => {
    heardAt = performance.now()
    takenBytes = socket.bytesRead
    if (!open) return
    slowDown(data.length)
    handleFrame(data, isBinary)
  })
  webSocket.on('ping', () => {
    heardAt = performance.now()
  })
  webSocket.on('error', (error) => log.debug({ problem: error.message }, 'a realtime connection failed'))
  webSocket.on('close', () => {
    if (!open) return
    open = false
    handler.closed()
  })
  return connection
}

/** Around the part of a payload that has a limit of its own lie names and quotes, no more than so many bytes. */
const wrapping = 2_048
/** An access token, or nothing. */
const smallPayload = 20_480

/** Refuses what is too large before anything is made of it. */
function requireSize({ event, bytes }: Envelope, limits: RealtimeLimits): void {
  const limit = limitOf(event, limits)
  if (bytes > limit + wrapping) throw realtimeErrors.payload_too_large({ limit })
}

function limitOf(event: string, limits: RealtimeLimits): number {
  if (event === 'broadcast') return limits.payloadBytes
  if (event === 'presence') return limits.presenceBytes.announcement
  return event === 'phx_join' ? limits.joinBytes : smallPayload
}
