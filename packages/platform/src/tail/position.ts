/** A WAL position as PostgreSQL writes it, `X/Y` in hexadecimal, and as a number that can be compared. */

export function parsePosition(text: string): bigint {
  const slash = text.indexOf('/')
  return (BigInt(`0x${text.slice(0, slash)}`) << 32n) | BigInt(`0x${text.slice(slash + 1)}`)
}

export function formatPosition(position: bigint): string {
  return `${(position >> 32n).toString(16).toUpperCase()}/${(position & 0xffff_ffffn).toString(16).toUpperCase()}`
}

/** Negative, zero or positive as `a` comes before, is, or comes after `b`. */
export function comparePositions(a: string, b: string): number {
  const difference = parsePosition(a) - parsePosition(b)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}
