import { createHmac, timingSafeEqual } from 'node:crypto'

/** Compares without telling by its time where two texts differ. */
export function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)]
  return a.length === b.length && timingSafeEqual(a, b)
}

export const hmacSha256 = (secret: string, bytes: Uint8Array, encoding: 'hex' | 'base64'): string =>
  createHmac('sha256', secret).update(bytes).digest(encoding)
