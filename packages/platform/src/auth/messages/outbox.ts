import { z } from 'zod'
import { type Statement, sql } from '../../database/index.ts'
import { defineJob, type JobDefinition } from '../../jobs/index.ts'
import { type Clock, type Log, newId, seal, unseal } from '../../kernel/index.ts'
import {
  HandoverError,
  type MessageTransports,
  type OutgoingMail,
  type OutgoingSms,
} from '../../messages/index.ts'
import { authErrors } from '../errors.ts'
import type { AuthSettings } from '../settings.ts'
import type { AuthMail, AuthSms } from './auth-mail.ts'
import { renderMail } from './render-mail.ts'

/**
 * Queues messages in the transaction of what they are about: they go out if and when that commits, whatever dies
 * afterwards, and behind the answer, so that nobody can tell from its time whether there was one.
 */
export interface Outbox {
  readonly sendsMail: boolean
  readonly sendsSms: boolean
  /** Queues a mail. */
  mail(mail: AuthMail): Statement
  sms(sms: AuthSms): Statement
  /** The kinds of jobs that send. */
  readonly jobs: readonly JobDefinition[]
}

export interface OutboxOptions {
  readonly settings: AuthSettings
  readonly clock: Clock
  /** 32 bytes; seals messages while they wait: they hold links and codes that sign in. */
  readonly key: Buffer
  /** Asked at each message. */
  transports(): MessageTransports
}

const mailJob = 'send-auth-mail'
const smsJob = 'send-auth-sms'

/** The queue's pauses grow from 3 s to 18 minutes: half an hour in all, within which a link is still good. */
const mailAttempts = 8
/** Pauses before an SMS that was certainly not taken is tried again, in milliseconds. */
const smsPauses = [2_000, 10_000]

const payload = z.object({
  id: z.uuid(),
  sealed: z.base64(),
  until: z.iso.datetime(),
  tries: z.number().default(0),
})

export function createOutbox(options: OutboxOptions): Outbox {
  const { settings, clock, key, transports } = options
  const queue = (job: string, id: string, message: OutgoingMail | OutgoingSms, seconds: number) => {
    const sealed = seal(key, JSON.stringify(message), id).toString('base64')
    const until = new Date(clock.now().getTime() + seconds * 1000).toISOString()
    return sql`select plinth.add_job(${job}, ${JSON.stringify({ id, sealed, until })})`
  }
  return {
    get sendsMail() {
      return transports().mail !== undefined
    },
    get sendsSms() {
      return transports().sms !== undefined
    },
    mail: (mail) => {
      const id = newId()
      return queue(
        mailJob,
        id,
        { key: id, to: mail.to, ...renderMail(settings, mail) },
        settings.mailerOtpExp,
      )
    },
    sms: ({ to, text }) => {
      const id = newId()
      return queue(
        smsJob,
        id,
        { key: id, to, text },
        Math.max(settings.smsOtpExp, settings.mfaChallengeExpiry),
      )
    },
    jobs: [sendMail(options), sendSms(options)],
  }
}

const sendMail = ({ key, clock, transports }: OutboxOptions) =>
  defineJob({
    name: mailJob,
    summary: 'Sends a mail with a link or a code that signs in, unless it is not good any more.',
    payload,
    attempts: mailAttempts,
    concurrency: 3,
    run: async ({ log, signal }, { id, sealed, until }) => {
      if (isTooLate(until, clock, log)) return
      const mail = JSON.parse(unseal(key, Buffer.from(sealed, 'base64'), id).toString()) as OutgoingMail
      try {
        await transports().mail?.send(mail, signal)
      } catch (error) {
        // The mail server refused it for good: another attempt gets the same answer.
        if (!(error instanceof HandoverError) || error.taken !== 'never') throw error
        log.error({ err: error, id }, 'a mail was refused')
      }
    },
  })

/** One attempt, so that a node that dies while it sends leaves none that would send again; what was certainly not taken is queued anew. */
const sendSms = ({ key, clock, transports }: OutboxOptions) =>
  defineJob({
    name: smsJob,
    summary: 'Sends a code by SMS, at most once.',
    payload,
    attempts: 1,
    concurrency: 3,
    run: async ({ log, signal, queue }, { id, sealed, until, tries }) => {
      if (isTooLate(until, clock, log)) return
      const sms = JSON.parse(unseal(key, Buffer.from(sealed, 'base64'), id).toString()) as OutgoingSms
      try {
        await transports().sms?.send(sms, signal)
      } catch (error) {
        const pause = smsPauses[tries]
        const again = error instanceof HandoverError && error.taken === 'later' && pause !== undefined
        if (!again) throw error
        const runAt = new Date(clock.now().getTime() + pause)
        await queue(smsJob, { id, sealed, until, tries: tries + 1 }, { runAt })
      }
    },
  })

function isTooLate(until: string, clock: Clock, log: Log): boolean {
  const late = new Date(until) <= clock.now()
  if (late) log.warn('a message was not sent in time: its code is not good any more')
  return late
}

/** Fails with `email_provider_disabled` where no mail goes out, whoever it would be for. */
export function requireMail(outbox: Outbox, feature: string): void {
  if (!outbox.sendsMail) throw authErrors.email_provider_disabled({ feature })
}
