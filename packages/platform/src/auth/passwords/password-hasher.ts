import { availableParallelism } from 'node:os'
import * as argon2 from '@node-rs/argon2'
import * as bcrypt from '@node-rs/bcrypt'
import { newSecret } from '../../kernel/index.ts'
import { authErrors } from '../errors.ts'
import { createWaitingLine } from './waiting-line.ts'

/** Makes and checks password hashes off the event loop, a few at a time. Make one for the whole process. */
export interface PasswordHasher {
  /** A new argon2id hash (PHC string). Fails with `over_request_rate_limit` when too many wait already. */
  hash(password: string): Promise<string>
  /**
   * Whether `password` made `stored` (argon2 or bcrypt). Without a usable hash the answer is no, after as much work
   * as a wrong password takes. Fails with `over_request_rate_limit` when too many wait already.
   */
  verify(stored: string | null, password: string): Promise<boolean>
  /** True for hashes that were not made the way {@link hash} makes them: bcrypt, or other parameters. */
  isOutdated(stored: string): boolean
}

export interface PasswordHasherOptions {
  /** Hashes at once. Default half of the processors, at least one: the rest is for everything else. */
  readonly atOnce?: number
  /** How many may wait; the last of them waits about `places` × 20 ms ÷ `atOnce`. Default 64. */
  readonly places?: number
}

/** OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

const argon2Form = /^\$argon2(id|i|d)\$/
const bcryptForm = /^\$2[abxy]\$/

/** Dearest hashes that are still checked: one that takes a minute would hold up every other sign-in. */
const highestBcryptCost = 14
const highestArgon2Work = 1024 * 1024

/** True for stored hashes that {@link PasswordHasher.verify} can check, for accounts that bring theirs along. */
export function isUsableHash(stored: string): boolean {
  try {
    if (bcryptForm.test(stored)) return bcrypt.parseOptions(stored).cost <= highestBcryptCost
    const { memoryCost, timeCost } = argon2.parseOptions(stored)
    return memoryCost * timeCost <= highestArgon2Work
  } catch {
    return false
  }
}

export function createPasswordHasher(options: PasswordHasherOptions = {}): PasswordHasher {
  const line = createWaitingLine({
    atOnce: options.atOnce ?? Math.max(1, Math.floor(availableParallelism() / 2)),
    places: options.places ?? 64,
    refusal: () => authErrors.over_request_rate_limit({ seconds: 2 }),
  })
  const decoy = argon2.hash(newSecret(), parameters)
  return {
    hash: (password) => line.run(() => argon2.hash(password, parameters)),
    verify: async (stored, password) => {
      const usable = stored !== null && isUsableHash(stored)
      const compared = usable ? stored : await decoy
      const right = await line.run(() => compare(compared, password))
      return right && usable
    },
    isOutdated: (stored) => {
      if (!argon2Form.test(stored)) return true
      const { memoryCost, timeCost, parallelism, algorithm } = argon2.parseOptions(stored)
      return (
        algorithm !== argon2id ||
        memoryCost !== parameters.memoryCost ||
        timeCost !== parameters.timeCost ||
        parallelism !== parameters.parallelism
      )
    },
  }
}

/** `Algorithm.Argon2id`; the package declares it as a const enum, which type stripping cannot read. */
const argon2id = 2

function compare(stored: string, password: string): Promise<boolean> {
  return bcryptForm.test(stored) ? bcrypt.verify(password, stored) : argon2.verify(stored, password)
}
