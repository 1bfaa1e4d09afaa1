import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { defineErrors } from './errors.ts'

export const sealErrors = defineErrors({
  seal_broken: {
    status: 500,
    message: 'A sealed value could not be opened: it was altered or sealed under another key.',
    hint: 'Check that the data folder still has the master key that sealed it.',
  },
})

const version = 1
const nonceBytes = 12
const tagBytes = 16

/** A fresh 256-bit key. */
export const newKey = (): Buffer => randomBytes(32)

/** A key for one purpose, derived from a master key (HKDF-SHA-256, RFC 5869). */
export function deriveKey(master: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', master, 'plinth', purpose, 32))
}

/**
 * Encrypts `plain` under `key` (AES-256-GCM). `context` is authenticated, not stored: opening under another
 * context fails, so a sealed value cannot be moved to another row.
 * Layout: version (1 byte), nonce (12), tag (16), ciphertext.
 */
export function seal(key: Buffer, plain: Buffer | string, context = ''): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context))
  const body = Buffer.concat([
    typeof plain === 'string' ? cipher.update(plain, 'utf8') : cipher.update(plain),
    cipher.final(),
  ])
  return Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), body])
}

/** Opens what {@link seal} made. Fails with `seal_broken` when a byte, the key or the context differs. */
export function unseal(key: Buffer, sealed: Buffer, context = ''): Buffer {
  try {
    if (sealed[0] !== version) throw new Error(`unknown seal version ${sealed[0]}`)
    const nonce = sealed.subarray(1, 1 + nonceBytes)
    const tag = sealed.subarray(1 + nonceBytes, 1 + nonceBytes + tagBytes)
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
    decipher.setAAD(Buffer.from(context)).setAuthTag(tag)
    return Buffer.concat([decipher.update(sealed.subarray(1 + nonceBytes + tagBytes)), decipher.final()])
  } catch (cause) {
    throw sealErrors.seal_broken({}, cause)
  }
}
