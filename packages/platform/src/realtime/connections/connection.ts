import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { AppError, type Log } from '../../kernel/index.ts'
import { realtimeErrors, reasonOf } from '../errors.ts'
import { createBucket, type RealtimeLimits } from '../limits.ts'
import { type ClientMessage, decodeBinary, decodeText, type Version } from '../protocol/client-message.ts'
import { prepareReply, type ServerMessage } from '../protocol/server-message.ts'

/** One client's WebSocket. */
export interface Connection {
  readonly version: Version
  /** The API key of its address; channels that bring no token of their own speak for it. */
  readonly apiKey: string
  readonly isOpen: boolean
  send(message: ServerMessage): void
  /** Ends the connection; the client is told why. Codes of RFC 6455, 7.4; the reason is cut at 123 bytes. */
  close(code: number, reason: string): void
  /** Closes it when nothing came from the client for longer than allowed. */
  closeIfIdle(): void
}

export interface ConnectionHandler {
  message(message: ClientMessage): void
  /** The connection is gone, whoever ended it. */
  closed(): void
}

export interface ConnectionOptions {
  readonly socket: Duplex
  readonly webSocket: WebSocket
  readonly version: Version
  readonly apiKey: string
  readonly limits: RealtimeLimits
  readonly log: Log
}

/** How long a client has to take the last frames and say goodbye, milliseconds. */
const farewell = 1_000
const policyViolation = 1008

/** Reads a client's frames and writes to it without ever waiting for it. */
export function openConnection(
  options: ConnectionOptions,
  handle: (connection: Connection) => ConnectionHandler,
): Connection {
  const { socket, webSocket, version, limits, log } = options
  const frames = createBucket(limits.framesPerSecond, limits.framesPerSecond * 2)
  let open = true
  let heardAt = performance.now()

  const connection: Connection = {
    version,
    apiKey: options.apiKey,
    get isOpen() {
      return open
    },
    send: (message) => {
      if (!open || !socket.writable) return
      const frame = message.frame(version)
      if (!frame) return
      writeSoon(socket, frame)
      if (socket.writableLength > limits.unsentBytes) {
        log.warn({ unsent: socket.writableLength }, 'a realtime client reads too slowly and is cut off')
        close(policyViolation, `slow_client: ${socket.writableLength} bytes wait to be read`)
      }
    },
    close,
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

  function slowDown(): void {
    if (frames.take()) return
    webSocket.pause()
    setTimeout(() => webSocket.resume(), Math.max(frames.wait(), 10)).unref()
  }

  webSocket.on('message', (data: Buffer, isBinary: boolean) => {
    heardAt = performance.now()
    if (!open) return
    slowDown()
    try {
      if (isBinary && version === '1.0.0') throw realtimeErrors.malformed_frame({ problem: 'it is binary' })
      handler.message(isBinary ? decodeBinary(data) : decodeText(version, data.toString('utf8')))
    } catch (error) {
      if (!(error instanceof AppError)) log.error({ problem: String(error) }, 'a realtime frame failed')
      const shown =
        error instanceof AppError ? error : realtimeErrors.malformed_frame({ problem: 'it failed' })
      connection.send(prepareReply({ topic: 'phoenix', joinRef: null, ref: null }, 'error', reasonOf(shown)))
    }
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

/** Sockets that were written to in this turn of the event loop; what was written goes out in one call each. */
let corked: Duplex[] = []

function writeSoon(socket: Duplex, frame: Buffer): void {
  if (socket.writableCorked === 0) {
    socket.cork()
    if (corked.push(socket) === 1) process.nextTick(uncorkAll)
  }
  socket.write(frame)
}

function uncorkAll(): void {
  const sockets = corked
  corked = []
  for (const socket of sockets) socket.uncork()
}
