import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ErrorFactory, hasCode } from '../kernel/index.ts'
import { httpErrors } from './errors.ts'
import { sendLastAnswer } from './last-answer.ts'

/** Answers what Node's parser gives up on. A client that is gone, or in the middle of an earlier answer, gets nothing. */
export function refuseUnreadable(error: Error, socket: Duplex): void {
  const { _httpMessage: earlier } = socket as { _httpMessage?: ServerResponse | null }
  if (hasCode(error, 'ECONNRESET') || earlier?.headersSent) {
    socket.destroy()
    return
  }
  const { status, code, message, hint } = refusalOf(error)()
  sendLastAnswer(socket, { status, body: JSON.stringify({ code, message, hint }) })
}

function refusalOf(error: Error): ErrorFactory {
  if (hasCode(error, 'HPE_HEADER_OVERFLOW')) return httpErrors.head_too_large
  return hasCode(error, 'ERR_HTTP_REQUEST_TIMEOUT') ? httpErrors.request_too_slow : httpErrors.not_http
}
