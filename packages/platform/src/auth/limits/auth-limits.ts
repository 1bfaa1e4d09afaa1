import { createHash } from 'node:crypto'
import { addressKey } from '../../http/index.ts'
import { authErrors } from '../errors.ts'
import type { AuthLimits } from '../settings.ts'
import type { AttemptCounter, MakeAttemptCounter } from './attempt-counter.ts'

/** The limits of one project. Everything that refuses fails with `over_request_rate_limit`. */
export interface AuthLimiter {
  signIn(address: string): Promise<void>
  anonymousSignIn(address: string): Promise<void>
  refresh(address: string): Promise<void>
  /**
   * Refuses when the account has had too many wrong passwords. Asked before the password is checked and again
   * before the answer is given, so that guesses sent at once tell no more than guesses sent one by one.
   */
  requireOpenAccount(email: string): Promise<void>
  /** Counts, and refuses by the count: of guesses that end at the same instant no more than the limit are answered. */
  wrongPassword(email: string): Promise<void>
  rightPassword(email: string): Promise<void>
}

export function createAuthLimiter(limits: AuthLimits, makeCounter: MakeAttemptCounter): AuthLimiter {
  const signIns = makeCounter(limits.signInsPerAddress)
  const anonymousSignIns = makeCounter(limits.anonymousSignInsPerAddress)
  const refreshes = makeCounter(limits.refreshesPerAddress)
  const failures = makeCounter(limits.failuresPerAccount)
  return {
    signIn: (address) => countAddress(signIns, address),
    anonymousSignIn: (address) => countAddress(anonymousSignIns, address),
    refresh: (address) => countAddress(refreshes, address),
    requireOpenAccount: async (email) => refuseFor(await failures.look(accountKey(email))),
    wrongPassword: async (email) => refuseFor(await failures.count(accountKey(email))),
    rightPassword: (email) => failures.forget(accountKey(email)),
  }
}

async function countAddress(counter: AttemptCounter, address: string): Promise<void> {
  refuseFor(await counter.count(addressKey(address)))
}

function refuseFor(seconds: number): void {
  if (seconds > 0) throw authErrors.over_request_rate_limit({ seconds })
}

/** A short key of fixed length: what a stranger typed is neither kept nor a way to fill the memory. */
const accountKey = (email: string): string =>
  createHash('sha256').update(email).digest('base64url').slice(0, 22)
