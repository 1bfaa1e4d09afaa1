import { createHash } from 'node:crypto'
import { anonymousCaller, type Caller, serviceCaller, userCaller } from '@plinth/platform/database'

/** A user of the test with a stable id: `actor('ada')` is the same person everywhere. */
export function actor(name: string): Caller & { readonly userId: string } {
  const userId = stableId(name)
  return { ...userCaller(userId, { email: `${name}@example.test` }), userId }
}

export const stranger = anonymousCaller

export const service = serviceCaller('test')

/** The same UUID for the same name, in every run. */
export function stableId(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
