import type { Case } from './case.ts'

/** What must not happen. */
export type Problem = {
  readonly kind: 'server error' | 'stall' | 'hang' | 'process end' | 'memory' | 'connections'
  /** What was seen: a status with its code, milliseconds, bytes. */
  readonly detail: string
  /** Two problems with the same one are the same. */
  readonly signature: string
}

/** A problem with how to see it again. */
export interface Finding extends Problem {
  readonly surface: string
  readonly seed: number
  /** The smallest case that showed it; undefined for what only many cases show together. */
  readonly reproduction: Case | undefined
  /** The end of what the server logged. */
  readonly log: string
}
