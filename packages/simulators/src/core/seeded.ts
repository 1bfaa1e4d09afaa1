import { createHash } from 'node:crypto'

/** Ids and random numbers that a seed decides: the same calls in the same order give the same ones in every run. */
export interface Seeded {
  /** `length` letters and digits. */
  text(length: number): string
  /** A whole number from 0 to below `below`. */
  below(below: number): number
  /** The same things in another order. */
  shuffle<T>(things: readonly T[]): T[]
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** `state.counter` says how many were drawn, so that a stored state goes on where it ended. */
export function createSeeded(seed: string, state: { counter: number }): Seeded {
  const draw = () => {
    state.counter += 1
    return createHash('sha512').update(`${seed}/${state.counter}`).digest()
  }
  const below = (limit: number) => draw().readUIntBE(0, 6) % limit
  return {
    text: (length) => {
      const bytes = draw()
      return Array.from({ length }, (_, at) => alphabet[bytes[at % bytes.length]! % alphabet.length]).join('')
    },
    below,
    shuffle: (things) => {
      const rest = [...things]
      return Array.from(things, () => rest.splice(below(rest.length), 1)[0]!)
    },
  }
}
