/** One piece of work for a hash thread: a new hash, or whether the password made the stored one. */
export interface HashTask {
  readonly password: string
  readonly stored?: string
}

/** OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane. */
export const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

export const isBcrypt = (stored: string): boolean => /^\$2[abxy]\$/.test(stored)
