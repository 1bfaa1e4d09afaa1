import { availableParallelism } from 'node:os'
import * as argon2 from '@node-rs/argon2'
import * as bcrypt from '@node-rs/bcrypt'
import { newSecret } from '../../kernel/index.ts'
import { authErrors } from '../errors.ts'
import { isBcrypt, parameters } from './hash-task.ts'
import { createHashThreads } from './hash-threads.ts'
import { createWaitingLine, type Turn } from './waiting-line.ts'

/**
 * Makes and checks password hashes in threads of their own, a few at a time; what waits is served in turns, by project
 * and address. Make one for the whole process.
 */
export interface PasswordHasher {
  /** A new argon2id hash (PHC string). Fails with `over_request_rate_limit` when too many wait already. */
  hash(password: string, turn: Turn): Promise<string>
  /**
   * Whether `password` made the stored hash (argon2 or bcrypt). Without a usable hash the answer is no, after as much work
   * as a wrong password takes. `findStored` is called when its turn has come, so that a rush of sign-ins is no rush on
   * the database. Fails with `over_request_rate_limit` when too many wait already, and with what `findStored` fails with.
   */
  verify(findStored: () => Promise<string | null>, password: string, turn: Turn): Promise<boolean>
  /** True for hashes that were not made the way {@link hash} makes them: bcrypt, or other parameters. */
  isOutdated(stored: string): boolean
}

export interface PasswordHasherOptions {
  /** Hashes at once. Default half of the processors, at least one: the rest is for everything else. */
  readonly atOnce?: number
  /** How many may wait; the last of them waits about `places` × 20 ms ÷ `atOnce`. Default 64. */
  readonly places?: number
}

export function createPasswordHasher(options: PasswordHasherOptions = {}): PasswordHasher {
  const threads = createHashThreads()
  const line = createWaitingLine({
    atOnce: options.atOnce ?? Math.max(1, Math.floor(availableParallelism() / 2)),
    places: options.places ?? 64,
    refusal: () => authErrors.over_request_rate_limit({ seconds: 2 }),
  })
  const hash = (password: string, turn: Turn) =>
    line.run(turn, () => threads.perform({ password })) as Promise<string>
  const decoy = argon2.hashSync(newSecret(), parameters)
  return {
    hash,
    verify: (findStored, password, turn) =>
      line.run(turn, async () => {
        const stored = await findStored()
        const usable = stored !== null && isUsableHash(stored)
        const right = await threads.perform({ password, stored: usable ? stored : decoy })
        return right === true && usable
      }),
    isOutdated: (stored) => {
      if (isBcrypt(stored)) return true
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

/** Dearest hashes that are still checked: one that takes a minute would hold up every other sign-in. */
const highestBcryptCost = 14
const highestArgon2Work = 1024 * 1024

/** True for stored hashes that {@link PasswordHasher.verify} can check, for accounts that bring theirs along. */
export function isUsableHash(stored: string): boolean {
  try {
    if (isBcrypt(stored)) return bcrypt.parseOptions(stored).cost <= highestBcryptCost
    const { memoryCost, timeCost } = argon2.parseOptions(stored)
    return memoryCost * timeCost <= highestArgon2Work
  } catch {
    return false
  }
}
