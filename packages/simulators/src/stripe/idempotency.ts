import { createHash } from 'node:crypto'
import type { Table } from '../core/tables.ts'
import { StripeFailure } from './failure.ts'

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

/** The answer kept for a key. Fails when the key came with another call before. */
export function findKept(
  answers: Table<KeptAnswer>,
  key: string,
  call: { readonly fingerprint: string; readonly now: number; readonly path: string },
): KeptAnswer | undefined {
  const found = answers.get(key)
  if (!found) return undefined
  if (found.at + kept <= call.now) {
    answers.delete(key)
    return undefined
  }
  if (found.fingerprint === call.fingerprint) return found
  throw new StripeFailure(
    400,
    {
      message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
      type: 'idempotency_error',
    },
    false,
  )
}
