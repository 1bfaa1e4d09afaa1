import { isIP } from 'node:net'

/**
 * What attempts of a client address are counted under: an IPv4 address as it is, an IPv6 address by its first 64
 * bits, because one customer of a provider holds all addresses below them.
 */
export function addressKey(address: string): string {
  const [plain = ''] = address.replace(/^::ffff:(?=\d+\.)/i, '').split('%', 1)
  return isIP(plain) === 6 ? networkOf(plain) : plain
}

function networkOf(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const ending = tail === '' ? [] : tail.split(':')
    groups.push(...Array<string>(Math.max(0, 8 - groups.length - ending.length)).fill('0'), ...ending)
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
