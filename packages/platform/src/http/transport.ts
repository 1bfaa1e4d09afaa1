import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { httpErrors } from './errors.ts'

export interface TransportRules {
  /** The address that clients use. With https, plain HTTP from other machines is refused. */
  readonly publicUrl?: string | undefined
  /** Reverse proxies whose `X-Forwarded-Proto` is believed. Default 0. */
  readonly trustedProxies?: number
}

/** True for an encrypted connection: by the socket, or by the word of the outermost trusted proxy. */
export function cameByHttps(
  socket: Socket | undefined,
  forwardedProto: string | undefined,
  trustedProxies: number,
): boolean {
  if ((socket as TLSSocket | undefined)?.encrypted) return true
  if (trustedProxies === 0) return false
  // Many proxies replace this header instead of appending to it.
  const seen = (forwardedProto ?? '').split(',').map((entry) => entry.trim())
  return (seen.at(-trustedProxies) ?? seen[0]) === 'https'
}

/**
 * Refuses plain HTTP with `https_required`, where the public address is https. What never left this machine is let
 * through: a request from loopback that no proxy has passed on.
 */
export function requireHttps(
  incoming: IncomingMessage,
  { publicUrl, trustedProxies = 0 }: TransportRules,
): void {
  const forwardedProto = String(incoming.headers['x-forwarded-proto'] ?? '')
  const isAllowed = () => cameByHttps(incoming.socket, forwardedProto, trustedProxies) || isLocal(incoming)
  if (publicUrl?.startsWith('https:') && !isAllowed()) throw httpErrors.https_required({ url: publicUrl })
}

const loopback = /^(::ffff:)?127\.|^::1$/

function isLocal({ socket, headers }: IncomingMessage): boolean {
  const wasPassedOn = ['x-forwarded-for', 'x-forwarded-proto', 'forwarded'].some((name) => headers[name])
  return !wasPassedOn && loopback.test(socket.remoteAddress ?? '')
}
