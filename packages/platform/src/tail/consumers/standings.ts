import { type Log, messageOf } from '../../kernel/index.ts'
import type { DurableConsumer } from './consumer.ts'

/** How a durable consumer stands, for health. */
export interface ConsumerStanding {
  readonly name: string
  /**
   * `following`: it stores what comes. `behind`: it could not; PostgreSQL keeps for it what it missed. `set_aside`: that
   * became too much, so commits are lost to it; it is told so when it can store again.
   */
  readonly state: 'following' | 'behind' | 'set_aside'
  /** Why it does not follow. */
  readonly problem: string | null
}

/** Who follows the stream, and when those who cannot are tried again. */
export interface Standings {
  /** Consumers that are fed. */
  following(): readonly DurableConsumer[]
  /** True while PostgreSQL has to keep everything since somebody fell behind. */
  isHeldBack(): boolean
  /** True when somebody does not follow without whom nothing counts as settled. */
  isIncomplete(): boolean
  /** True when somebody who does not follow is to be tried again; the stream has to be taken anew for that. */
  isDue(): boolean
  /** Whoever does not follow and is due: it is fed from the next start of the stream on. */
  retry(): readonly DurableConsumer[]
  /** A consumer could not store, or find out its position. It is tried again after a pause, when `done` has settled. */
  fail(consumer: DurableConsumer, error: unknown, done?: Promise<void>): void
  /** It has stored again. */
  recover(consumer: DurableConsumer): void
  /** Those who are behind are given up until they come back by themselves; gives their names. */
  setBehindAside(): readonly string[]
  /** Takes over what an earlier process has set aside. */
  restore(names: readonly string[]): void
  isSetAside(consumer: DurableConsumer): boolean
  /** It was told what it has missed. */
  bringBack(consumer: DurableConsumer): void
  all(): readonly ConsumerStanding[]
}

interface Standing {
  state: ConsumerStanding['state']
  problem: string | null
  failures: number
  retryAt: number
  isBusy: boolean
}

/** Pause after the first failure, doubled with each up to the last one, milliseconds. */
export interface RetryPauses {
  readonly first: number
  readonly most: number
}

export function createStandings(
  consumers: readonly DurableConsumer[],
  log: Log,
  pauses: RetryPauses,
  now: () => number = () => performance.now(),
): Standings {
  const standings = new Map<DurableConsumer, Standing>()
  const of = (consumer: DurableConsumer): Standing => {
    const standing = standings.get(consumer) ?? {
      state: 'following',
      problem: null,
      failures: 0,
      retryAt: 0,
      isBusy: false,
    }
    standings.set(consumer, standing)
    return standing
  }
  const isDue = (consumer: DurableConsumer) => {
    const { state, isBusy, retryAt } = of(consumer)
    return state !== 'following' && !isBusy && now() >= retryAt
  }
  const inState = (state: Standing['state']) => consumers.filter((consumer) => of(consumer).state === state)

  return {
    following: () => inState('following'),
    isHeldBack: () => inState('behind').length > 0,
    isIncomplete: () =>
      consumers.some((consumer) => consumer.isRequired && of(consumer).state !== 'following'),
    isDue: () => consumers.some(isDue),
    retry: () => consumers.filter(isDue),
    fail: (consumer, error, done) => {
      const standing = of(consumer)
      standing.failures += 1
      standing.retryAt = now() + Math.min(pauses.first * 2 ** (standing.failures - 1), pauses.most)
      standing.problem = messageOf(error)
      if (standing.state === 'following') standing.state = 'behind'
      if (done) {
        standing.isBusy = true
        void done.finally(() => {
          standing.isBusy = false
        })
      }
      const { problem, failures, state } = standing
      log.error({ consumer: consumer.name, problem, failures, state }, 'a consumer of the tail cannot store')
    },
    recover: (consumer) => {
      const standing = of(consumer)
      if (standing.failures === 0) return
      standing.failures = 0
      standing.problem = null
      log.info({ consumer: consumer.name }, 'a consumer of the tail stores again')
    },
    setBehindAside: () => {
      const behind = inState('behind')
      for (const consumer of behind) of(consumer).state = 'set_aside'
      return behind.map(({ name }) => name)
    },
    restore: (names) => {
      for (const consumer of consumers) if (names.includes(consumer.name)) of(consumer).state = 'set_aside'
    },
    isSetAside: (consumer) => of(consumer).state === 'set_aside',
    bringBack: (consumer) => {
      of(consumer).state = 'following'
    },
    all: () =>
      consumers.map((consumer) => {
        const { state, problem } = of(consumer)
        return { name: consumer.name, state, problem }
      }),
  }
}
