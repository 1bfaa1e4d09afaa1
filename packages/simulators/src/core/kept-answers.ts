import { createHash } from 'node:crypto'
import type { Table } from './tables.ts'

/** The first answer to a key, which every later call with it gets again. */
export interface KeptAnswer {
  /** The key. */
  readonly id: string
  readonly fingerprint: string
  readonly request: string
  readonly status: number
  readonly body: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** How long an answer is kept. Milliseconds. */
const kept = 24 * 3_600_000

/** What makes two calls the same one. */
export const fingerprintOf = (method: string, path: string, body: string): string =>
  createHash('sha256').update(`${method} ${path}\n${body}`).digest('base64url')

/** The answer kept for a key; `other` when the key came with another call before. */
export function findKept(
  answers: Table<KeptAnswer>,
  key: string,
  call: { readonly fingerprint: string; readonly now: number },
): KeptAnswer | 'other' | undefined {
  const found = answers.get(key)
  if (!found) return undefined
  if (found.at + kept <= call.now) {
    answers.delete(key)
    return undefined
  }
  return found.fingerprint === call.fingerprint ? found : 'other'
}
