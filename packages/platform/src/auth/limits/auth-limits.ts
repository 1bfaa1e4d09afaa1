import { createHash } from 'node:crypto'
import { addressKey, type CreateLimiter, type Limiter } from '../../http/index.ts'
import { authErrors } from '../errors.ts'
import type { AuthSettings } from '../settings.ts'

/** The limits of one project. What refuses fails with an `over_…_rate_limit` that says how long to wait. */
export interface AuthLimiter {
  signIn(address: string): Promise<void>
  anonymousSignIn(address: string): Promise<void>
  refresh(address: string): Promise<void>
  /** A code or link is asked for. */
  askForCode(address: string): Promise<void>
  /** A code or link is tried. */
  tryCode(address: string): Promise<void>
  /**
   * Counts a mail to an e-mail address: one in a while to each, and so many an hour for the project. It does not look
   * whether the address has an account, so that its answer tells nothing about that.
   */
  sendMail(email: string): Promise<void>
  /** As {@link sendMail}, for an SMS. */
  sendSms(phone: string): Promise<void>
  /**
   * Refuses when the account has had too many wrong passwords. Asked before the password is checked and again
   * before the answer is given, so that guesses sent at once tell no more than guesses sent one by one.
   */
  requireOpenAccount(account: string): Promise<void>
  /** Counts, and refuses by the count: of guesses that end at the same instant no more than the limit are answered. */
  wrongPassword(account: string): Promise<void>
  rightPassword(account: string): Promise<void>
}

const fiveMinutes = 300
const hour = 3600

export function createAuthLimiter(
  settings: AuthSettings,
  project: string,
  createLimiter: CreateLimiter,
): AuthLimiter {
  const open = (name: string, points: number, seconds: number) =>
    createLimiter({ name: `${project}/auth/${name}`, points, seconds })
  const signIns = open('sign-ins', settings.rateLimitSignIns, fiveMinutes)
  const anonymousSignIns = open('anonymous-sign-ins', settings.rateLimitAnonymousUsers, hour)
  const refreshes = open('refreshes', settings.rateLimitTokenRefresh, fiveMinutes)
  const codes = open('codes', settings.rateLimitOtp, fiveMinutes)
  const tries = open('tries', settings.rateLimitVerify, fiveMinutes)
  const mails = open('mails', settings.rateLimitEmailSent, hour)
  const mailsEach = open('mails-each', 1, settings.smtpMaxFrequency)
  const messages = open('sms', settings.rateLimitSmsSent, hour)
  const messagesEach = open('sms-each', 1, settings.smsMaxFrequency)
  const failures = open('wrong-passwords', settings.rateLimitWrongPasswords, fiveMinutes)
  return {
    signIn: (address) => countAddress(signIns, address),
    anonymousSignIn: (address) => countAddress(anonymousSignIns, address),
    refresh: (address) => countAddress(refreshes, address),
    askForCode: (address) => countAddress(codes, address),
    tryCode: (address) => countAddress(tries, address),
    sendMail: async (email) => {
      requireWait(await mailsEach.count(accountKey(email)), authErrors.over_email_send_rate_limit)
      requireWait(await mails.count('all'), authErrors.over_email_send_rate_limit)
    },
    sendSms: async (phone) => {
      requireWait(await messagesEach.count(accountKey(phone)), authErrors.over_sms_send_rate_limit)
      requireWait(await messages.count('all'), authErrors.over_sms_send_rate_limit)
    },
    requireOpenAccount: async (account) => refuseFor(await failures.look(accountKey(account))),
    wrongPassword: async (account) => refuseFor(await failures.count(accountKey(account))),
    rightPassword: (account) => failures.forget(accountKey(account)),
  }
}

async function countAddress(limiter: Limiter, address: string): Promise<void> {
  refuseFor(await limiter.count(addressKey(address)))
}

const refuseFor = (seconds: number) => requireWait(seconds, authErrors.over_request_rate_limit)

function requireWait(seconds: number, refusal: (details: { seconds: number }) => Error): void {
  if (seconds > 0) throw refusal({ seconds })
}

/** A short key of fixed length: what a stranger typed is neither kept nor a way to fill the memory. */
const accountKey = (account: string): string =>
  createHash('sha256').update(account).digest('base64url').slice(0, 22)
