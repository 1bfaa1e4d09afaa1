import type { Problem } from '../finding.ts'
import type { Readings } from '../served.ts'

/** Readings that are needed before growth can be told from warming up. */
const enough = 9
/** Bytes that caches may still take after warming up. */
const tolerated = 32 * 1024 * 1024

/** Memory after collection, at the end of each round: the last third of a run must not lie above the middle one. */
export function judgeGrowth(memory: readonly number[]): Problem | undefined {
  if (memory.length < enough) return undefined
  const third = Math.floor(memory.length / 3)
  const middle = medianOf(memory.slice(third, 2 * third))
  const last = medianOf(memory.slice(2 * third))
  if (last - middle < tolerated) return undefined
  const detail = `${megabytes(middle)} in the middle of the run, ${megabytes(last)} at its end`
  return { kind: 'memory', detail, signature: 'memory' }
}

/** Once every client has hung up, nothing may be held for one. */
export function judgeLeftovers({ sockets, busy }: Readings): Problem | undefined {
  if (sockets === 0 && busy === 0) return undefined
  return {
    kind: 'connections',
    detail: `${sockets} sockets and ${busy} database connections are held though every client has gone`,
    signature: 'connections',
  }
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MB`

const medianOf = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
