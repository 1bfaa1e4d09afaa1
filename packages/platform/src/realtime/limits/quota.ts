/** Who uses something, and how much of it it may use at once. */
export interface Holder {
  /** What an error calls it: `user`, `client address`. */
  readonly kind: string
  /** Unique among all holders of a quota. */
  readonly key: string
  readonly limit: number
}

/** What is in use at once, by holder. Holders that use nothing are forgotten. */
export interface Quota {
  /** Takes an amount for all of these holders; when one of them would pass its limit, takes nothing and returns that one. */
  take(amount: number, holders: readonly Holder[]): Holder | undefined
  /** Gives back what was taken. */
  give(amount: number, holders: readonly Holder[]): void
}

export function createQuota(): Quota {
  const used = new Map<string, number>()
  const add = (amount: number, holders: readonly Holder[]): void => {
    for (const { key } of holders) {
      const sum = (used.get(key) ?? 0) + amount
      if (sum > 0) used.set(key, sum)
      else used.delete(key)
    }
  }
  return {
    take: (amount, holders) => {
      const full = holders.find(({ key, limit }) => amount > 0 && (used.get(key) ?? 0) + amount > limit)
      if (!full) add(amount, holders)
      return full
    },
    give: (amount, holders) => add(-amount, holders),
  }
}
