import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { fixedHeaders } from './response-headers.ts'

/** An answer in JSON, written to the socket itself. */
export interface LastAnswer {
  readonly status: number
  readonly body: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

/** How long a refused client may take to read why, before the connection is cut. Milliseconds. */
const lastWord = 1_000

/**
 * Answers on a socket that Node's HTTP parser has let go of, and closes it: the same headers as everywhere, so that a
 * page of another origin reads why instead of a failed fetch. The connection is cut a second later at the latest.
 */
export function sendLastAnswer(socket: Duplex, { status, body, headers = [] }: LastAnswer): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const head = [
    ...fixedHeaders,
    ...headers,
    ['content-type', 'application/json'],
    ['content-length', String(Buffer.byteLength(body))],
    ['connection', 'close'],
  ].map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('')}\r\n${body}`)
  // What the client still sends is read and dropped: bytes left unread would reset the connection under the answer.
  socket.resume()
  // Cut at once, the answer could be lost on a client that is still sending; left open, one that never reads stays.
  const cut = setTimeout(() => socket.destroy(), lastWord)
  cut.unref()
  socket.once('close', () => clearTimeout(cut))
}
