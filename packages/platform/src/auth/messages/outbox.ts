import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../../kernel/index.ts'
import { authErrors } from '../errors.ts'
import type { AuthMail, AuthSms, Messenger } from './messenger.ts'

/**
 * Sends messages behind the answer: nobody can tell from the time of an answer whether a message went out, and a slow
 * mail server delays nobody.
 */
export interface Outbox {
  readonly sendsMail: boolean
  readonly sendsSms: boolean
  mail(mail: AuthMail): void
  sms(sms: AuthSms): void
  /** Resolves when everything that was posted is out or given up. */
  drain(): Promise<void>
  close(): Promise<void>
}

/** Pauses between tries, in milliseconds. */
const pauses = [2_000, 10_000]
/** Messages that may be under way; what comes on top is dropped and logged. */
const most = 1_000

export function createOutbox(messenger: Messenger, log: Log): Outbox {
  const underWay = new Set<Promise<void>>()
  const closing = new AbortController()

  const deliver = async (kind: string, send: () => Promise<void>) => {
    for (const pause of [...pauses, undefined]) {
      try {
        return await send()
      } catch (error) {
        if (pause === undefined || closing.signal.aborted) {
          log.error({ err: error, kind }, 'a message could not be sent')
          return
        }
        await sleep(pause, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
      }
    }
  }
  const post = (kind: string, send: () => Promise<void>) => {
    if (underWay.size >= most) return log.error({ kind }, 'too many messages are under way: one is dropped')
    const delivery = deliver(kind, send)
    underWay.add(delivery)
    void delivery.finally(() => underWay.delete(delivery))
  }
  const drain = async () => {
    while (underWay.size > 0) await Promise.all(underWay)
  }
  return {
    sendsMail: messenger.sendMail !== undefined,
    sendsSms: messenger.sendSms !== undefined,
    mail: (mail) => post(mail.template, async () => messenger.sendMail?.(mail)),
    sms: (sms) => post('sms', async () => messenger.sendSms?.(sms)),
    drain,
    close: async () => {
      closing.abort()
      await drain()
      await messenger.close?.()
    },
  }
}

/** Fails with `email_provider_disabled` where no mail goes out, whoever it would be for. */
export function requireMail(outbox: Outbox, feature: string): void {
  if (!outbox.sendsMail) throw authErrors.email_provider_disabled({ feature })
}
