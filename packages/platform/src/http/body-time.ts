import type { IncomingMessage, ServerResponse } from 'node:http'
import { refuseUnreadable } from './refuse-unreadable.ts'

/** Milliseconds for the whole of a request, and the least that has to come in that time of one that may take longer. */
export interface BodyTime {
  readonly milliseconds: number
  /** Bytes. */
  readonly least: number
}

export const defaultBodyTime: BodyTime = { milliseconds: 60_000, least: 16_384 }

interface Watch {
  readonly time: BodyTime
  readonly timer: NodeJS.Timeout
}

const watches = new WeakMap<IncomingMessage, Watch>()

/**
 * Refuses a request whose body has not come in time, with `request_too_slow`. Node's own limit is one for all requests of a
 * server; this one can be lifted for a request, see {@link takeLongBody}.
 */
export function limitBodyTime(incoming: IncomingMessage, outgoing: ServerResponse, time: BodyTime): void {
  if (!announcesBody(incoming)) return
  const timer = setTimeout(() => refuse(incoming), time.milliseconds)
  watch(incoming, outgoing, { time, timer })
}

/** From now on the body may take as long as bytes keep coming: at least so many in each period. */
export function takeLongBody(incoming: IncomingMessage): void {
  const watched = watches.get(incoming)
  if (!watched) return
  clearTimeout(watched.timer)
  let seen = incoming.socket.bytesRead
  const timer = setInterval(() => {
    const { bytesRead } = incoming.socket
    // What was taken in and not read yet is not the client's fault.
    if (bytesRead - seen < watched.time.least && incoming.readableLength === 0) refuse(incoming)
    seen = bytesRead
  }, watched.time.milliseconds)
  watches.set(incoming, { ...watched, timer })
}

function watch(incoming: IncomingMessage, outgoing: ServerResponse, watched: Watch): void {
  const end = () => {
    clearTimeout(watches.get(incoming)?.timer)
    watches.delete(incoming)
  }
  watches.set(incoming, watched)
  incoming.once('end', end)
  outgoing.once('close', end)
}

function refuse(incoming: IncomingMessage): void {
  const late = Object.assign(new Error('the body did not come in time'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
  refuseUnreadable(late, incoming.socket)
}

const announcesBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
