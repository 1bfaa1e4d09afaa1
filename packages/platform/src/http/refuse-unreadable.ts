import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ErrorFactory, hasCode } from '../kernel/index.ts'
import { httpErrors } from './errors.ts'
import { fixedHeaders } from './response-headers.ts'

/** How long a refused client may take to read why, before the connection is cut. Milliseconds. */
const lastWord = 1_000

/**
 * Answers what Node's parser gives up on, and closes: the same headers as everywhere, so that a page of another origin
 * reads why instead of a failed fetch. A client that is gone already, or in the middle of an earlier answer, gets
 * nothing.
 */
export function refuseUnreadable(error: Error, socket: Duplex): void {
  const { _httpMessage: earlier } = socket as { _httpMessage?: ServerResponse | null }
  if (hasCode(error, 'ECONNRESET') || !socket.writable || earlier?.headersSent) {
    socket.destroy()
    return
  }
  const { status, code, message, hint } = refusalOf(error)()
  const body = JSON.stringify({ code, message, hint })
  const headers = [
    ...fixedHeaders,
    ['content-type', 'application/json'],
    ['content-length', String(Buffer.byteLength(body))],
    ['connection', 'close'],
  ].map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers.join('')}\r\n${body}`)
  // Cut at once, the answer could be lost on a client that is still sending; left open, one that never reads stays.
  setTimeout(() => socket.destroy(), lastWord).unref()
}

function refusalOf(error: Error): ErrorFactory {
  if (hasCode(error, 'HPE_HEADER_OVERFLOW')) return httpErrors.head_too_large
  return hasCode(error, 'ERR_HTTP_REQUEST_TIMEOUT') ? httpErrors.request_too_slow : httpErrors.not_http
}
