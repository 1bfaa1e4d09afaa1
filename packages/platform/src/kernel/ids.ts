import { randomBytes, randomUUID } from 'node:crypto'

/** A random UUID (version 4, RFC 9562). */
export const newId = (): string => randomUUID()

/** `bytes` random bytes as URL-safe text: secrets, passwords, tokens. */
export const newSecret = (bytes = 32): string => randomBytes(bytes).toString('base64url')
