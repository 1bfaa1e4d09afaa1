import { BlockList, isIP } from 'node:net'

/** What the IANA registries of special-purpose addresses keep from the public internet (RFC 6890 and later). */
const special: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
]

/** Of IPv6 only `2000::/3` is given out; in it lie ways into other networks: Teredo and its neighbours, examples, 6to4. */
const tunnels: readonly (readonly [network: string, prefix: number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]

const closed = new BlockList()
for (const [network, prefix] of special) closed.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of tunnels) closed.addSubnet(network, prefix, 'ipv6')
const global = new BlockList()
global.addSubnet('2000::', 3, 'ipv6')

/** True for an address that anybody on the internet may reach; false for private, local and reserved ones, and for names. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !closed.check(address, 'ipv4')
  return family === 6 && global.check(address, 'ipv6') && !closed.check(address, 'ipv6')
}

/** True for a host of a URL that is written as an address which is not public, or is this machine by its name. */
export function isPrivateHost(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '')
  return isIP(address) > 0 ? !isPublicAddress(address) : /(^|\.)localhost\.?$/i.test(hostname)
}
