import { LRUCache } from 'lru-cache'

export interface RecallOptions<Value> {
  /** Reads the present value. */
  load(key: string): Promise<Value>
  /** Most values that are kept. */
  readonly max: number
  /** How old a value may be, milliseconds: the bound that holds whatever happens to signals. */
  readonly maxAge: number
  /** False while values must not be kept, because nobody would say that they changed. */
  isLive(): boolean
  /** Milliseconds of a clock that only moves forward. Default: the process's own. */
  readonly elapsed?: () => number
}

/** Values that were read from the database, until somebody says that they changed. */
export interface Recall<Value> {
  /** The value: kept, being read by somebody else, or read now. */
  get(key: string): Promise<Value>
  /** Forgets one, also while it is being read: who asks from now on gets what is read from now on. */
  forget(key: string): void
  /** Forgets what `matches`; what is being read is forgotten in any case. */
  forgetWhere(matches: (value: Value, key: string) => boolean): void
  forgetAll(): void
}

interface Kept<Value> {
  readonly value: Value
  readonly readAt: number
}

export function createRecall<Value>(options: RecallOptions<Value>): Recall<Value> {
  const { load, max, maxAge, isLive, elapsed = () => performance.now() } = options
  const kept = new LRUCache<string, Kept<Value>>({ max })
  const reading = new Map<string, Promise<Value>>()

  async function read(key: string): Promise<Value> {
    const readAt = elapsed()
    const mine = load(key)
    reading.set(key, mine)
    try {
      const value = await mine
      if (reading.get(key) === mine && isLive()) kept.set(key, { value, readAt })
      return value
    } finally {
      if (reading.get(key) === mine) reading.delete(key)
    }
  }

  return {
    get: (key) => {
      const found = kept.get(key)
      if (found && isLive() && elapsed() - found.readAt < maxAge) return Promise.resolve(found.value)
      return reading.get(key) ?? read(key)
    },
    forget: (key) => {
      kept.delete(key)
      reading.delete(key)
    },
    forgetWhere: (matches) => {
      reading.clear()
      for (const [key, { value }] of kept.entries()) if (matches(value, key)) kept.delete(key)
    },
    forgetAll: () => {
      reading.clear()
      kept.clear()
    },
  }
}
