import { isIP } from 'node:net'

/**
 * The address of the client: the socket's, or behind `trustedProxies` reverse proxies the outermost one that a trusted
 * proxy has seen. Each proxy appends to `X-Forwarded-For` the address that it was called from.
 */
export function clientAddressOf(
  socketAddress: string | undefined,
  forwardedFor: string | undefined,
  trustedProxies: number,
): string {
  const socket = socketAddress ?? 'unknown'
  if (trustedProxies === 0) return socket
  const forwarded = (forwardedFor ?? '').split(',').map((address) => address.trim())
  const seen = withoutPort(forwarded.filter((address) => address !== '').at(-trustedProxies) ?? '')
  return isIP(seen) > 0 ? seen : socket
}

/** Some proxies append the port, which differs by connection: limits would count none of them twice. */
const withoutPort = (address: string): string =>
  /^\[(.+)\](?::\d+)?$/.exec(address)?.[1] ?? /^([\d.]+):\d+$/.exec(address)?.[1] ?? address
