import { createHash, createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'

/** Whom a code is for; the same digits for somebody else are another code. */
export interface CodeOwner {
  readonly userId: string
  readonly tokenType: string
  readonly address: string
}

/** What is stored of a code and how it is checked. */
export interface CodeSecrets {
  /** HMAC-SHA-256, hexadecimal, under a key that is not in the database. */
  macOf(owner: CodeOwner, code: string): string
  matches(mac: string | null, owner: CodeOwner, code: string): boolean
}

/** Codes are short enough to be searched, so a copy of the database must not be enough to check one. */
export function createCodeSecrets(key: Buffer): CodeSecrets {
  const macOf = ({ userId, tokenType, address }: CodeOwner, code: string) =>
    createHmac('sha256', key)
      .update(JSON.stringify([userId, tokenType, address, code]))
      .digest('hex')
  return {
    macOf,
    matches: (mac, owner, code) =>
      mac !== null && timingSafeEqual(Buffer.from(mac), Buffer.from(macOf(owner, code))),
  }
}

/** `length` random digits. */
export const newCode = (length: number): string => String(randomInt(10 ** length)).padStart(length, '0')

/** Begins the tokens of links that end a PKCE flow, as GoTrue's do. */
export const pkcePrefix = 'pkce_'

/** A link's token: 224 random bits. */
export const newLinkToken = (prefix = ''): string => `${prefix}${randomBytes(28).toString('hex')}`

/** What is stored of a token that has enough bits of its own. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex')
