import { randomBytes } from 'node:crypto'

/** Crockford's base 32: no I, L, O and U. */
const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** A new certificate's number: the year and 50 random bits, which tell nobody how many there are: `CERT-2026-7K3QF-9XM4T`. */
export function newNumber(at: Date): string {
  const text = Array.from(randomBytes(10), (byte) => letters[byte % 32]).join('')
  return `CERT-${at.getUTCFullYear()}-${text.slice(0, 5)}-${text.slice(5)}`
}

/** A new verification token: 16 random bytes in hexadecimal. */
export const newToken = (): string => randomBytes(16).toString('hex')
