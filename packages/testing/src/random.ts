/** A whole number from 0 to below `below`. */
export type Random = (below: number) => number

/** Random numbers that are the same in every run (mulberry32). */
export function createRandom(seed: number): Random {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** `size` different ones of them, in random order; all when there are not more. */
export function sample<T>(random: Random, all: readonly T[], size: number): readonly T[] {
  const rest = [...all]
  return Array.from({ length: Math.min(size, all.length) }, () => rest.splice(random(rest.length), 1)[0]!)
}
