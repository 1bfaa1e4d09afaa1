import { createHash, createHmac } from 'node:crypto'
import { newSecret } from '../../kernel/index.ts'

/** The first refresh token of a session. */
export const newRefreshToken = (): string => newSecret(32)

/** What is stored of a token. It has 256 bits of its own, so a plain SHA-256 cannot be searched. */
export const hashRefreshToken = (token: string): string => createHash('sha256').update(token).digest('hex')

/** A fresh key for {@link deriveChild}. */
export const newDerivationKey = (): string => newSecret(32)

/**
 * The token that replaces `parent`. Derived, not random, because only hashes are stored: when a second tab presents
 * the same parent, the same child can be given again. The key is replaced at every rotation, so an old token and a
 * copy of the database together lead nowhere further than to the token's own child.
 */
export const deriveChild = (parent: string, key: string): string =>
  createHmac('sha256', key).update(parent).digest('base64url')
