import { tailErrors } from './errors.ts'
import type { Tail } from './tail.ts'

/**
 * In place of a tail where PostgreSQL gives out no changes (`wal_level` below logical, or nobody who may replicate):
 * nothing comes, and whoever asks for changes gets `tail_off`.
 */
export function createStandingTail(system: string): Tail {
  const refuse = () => Promise.reject(tailErrors.tail_off({ system }))
  return {
    isOff: true,
    start: () => undefined,
    stop: async () => undefined,
    subscribe: () => () => undefined,
    holds: () => false,
    position: () => null,
    synchronise: refuse,
    settle: refuse,
    writeMark: refuse,
    health: async () => ({
      state: 'stopped',
      slot: '',
      storedPosition: null,
      retainedBytes: null,
      walStatus: null,
      lagMilliseconds: 0,
      pending: 0,
      problem: null,
      missed: null,
      gap: null,
      consumers: [],
    }),
  }
}
