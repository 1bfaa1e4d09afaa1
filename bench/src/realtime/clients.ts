/**
 * Many WebSocket clients in a process of their own, with as little work per frame as can be: they count frames, and
 * one in ten reads when the change was made.
 */
import { connect, type Socket } from 'node:net'

export interface OpenRequest {
  readonly kind: 'open'
  readonly port: number
  readonly path: string
  /** The first frame of each connection; the connection counts as open when a frame has come back. */
  readonly greetings: readonly string[]
}

/** Waits until this many frames in all have come since the last request. */
export interface CountRequest {
  readonly kind: 'count'
  readonly frames: number
}

/** Sends a frame on the first connection, and again whenever it has come back on all, so many times. */
export interface SendRequest {
  readonly kind: 'send'
  readonly frame: string
  readonly times: number
}

export type Request = OpenRequest | CountRequest | SendRequest | { readonly kind: 'close' }

export interface Counted {
  readonly kind: 'counted'
  /** Milliseconds since 1970, with fractions. */
  readonly at: number
  /** Milliseconds from the writing of the change to the arrival of its frame. */
  readonly latencies: readonly number[]
}

export type Answer = { readonly kind: 'opened' } | Counted

const now = () => performance.timeOrigin + performance.now()
const sentMark = Buffer.from('"sent":')

let sockets: Socket[] = []
let frames = 0
let wanted: number | null = null
let latencies: number[] = []
let greeted = 0
let resend: { readonly frame: Buffer; left: number; at: number } | null = null

function answer(message: Answer): void {
  process.send?.(message)
}

function open({ port, path, greetings }: OpenRequest): void {
  greeted = 0
  sockets = greetings.map((greeting, index) =>
    openOne(port, path, greeting, index % 10 === 0, greetings.length),
  )
}

function openOne(port: number, path: string, greeting: string, timed: boolean, all: number): Socket {
  const socket = connect(port, '127.0.0.1')
  let rest: Buffer = Buffer.alloc(0)
  let upgraded = false
  let isGreeted = false
  socket.setNoDelay(true)
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  )
  socket.on('error', (error) => process.stderr.write(`a client failed: ${error.message}\n`))
  socket.on('data', (chunk: Buffer) => {
    let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    if (!upgraded) {
      const end = data.indexOf('\r\n\r\n')
      if (end < 0) {
        rest = data
        return
      }
      upgraded = true
      data = data.subarray(end + 4)
      socket.write(maskedFrame(greeting))
    }
    rest = readFrames(data, timed)
    if (!isGreeted && frames > 0) {
      if (data.includes('"status":"error"')) throw new Error(`a client was refused: ${data.toString()}`)
      isGreeted = true
      greeted += 1
      if (greeted === all) answer({ kind: 'opened' })
    }
  })
  return socket
}

/** Counts the whole frames at the beginning and gives what is left. */
function readFrames(data: Buffer, timed: boolean): Buffer {
  let offset = 0
  while (offset + 2 <= data.length) {
    const short = data[offset + 1]!
    const header = short < 126 ? 2 : short === 126 ? 4 : 10
    if (offset + header > data.length) break
    const size =
      short < 126
        ? short
        : short === 126
          ? data.readUInt16BE(offset + 2)
          : Number(data.readBigUInt64BE(offset + 2))
    if (offset + header + size > data.length) break
    frames += 1
    if (timed) time(data.subarray(offset + header, offset + header + size))
    offset += header + size
  }
  if (resend && frames >= resend.at) sendAgain(resend)
  if (wanted !== null && frames >= wanted) finish()
  return data.subarray(offset)
}

function time(payload: Buffer): void {
  const at = payload.indexOf(sentMark)
  if (at >= 0) latencies.push(now() - Number.parseFloat(payload.toString('latin1', at + 7, at + 30)))
}

function sendAgain(sending: NonNullable<typeof resend>): void {
  sending.left -= 1
  sending.at += sockets.length
  sockets[0]?.write(sending.frame)
  if (sending.left === 0) resend = null
}

function finish(): void {
  answer({ kind: 'counted', at: now(), latencies })
  wanted = null
  frames = 0
  latencies = []
}

/** A short text frame as clients send it: masked, with a mask of zeros. */
function maskedFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  const header =
    payload.length < 126
      ? Buffer.from([0x81, 0x80 | payload.length])
      : Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 0xff])
  return Buffer.concat([header, Buffer.alloc(4), payload])
}

process.on('message', (request: Request) => {
  switch (request.kind) {
    case 'open':
      open(request)
      break
    case 'count':
      if (request.frames === 0) {
        frames = 0
        latencies = []
      } else {
        wanted = request.frames
        if (frames >= wanted) finish()
      }
      break
    case 'send': {
      resend = { frame: maskedFrame(request.frame), left: request.times, at: 0 }
      sendAgain(resend)
      break
    }
    case 'close':
      for (const socket of sockets) socket.destroy()
      sockets = []
      break
  }
})
