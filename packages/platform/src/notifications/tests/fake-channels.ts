import {
  HandoverError,
  type MailTransport,
  type OutgoingMail,
  type OutgoingSms,
  type SmsTransport,
} from '../../messages/index.ts'

/** Providers in this process: what they took, by key, and what goes wrong next. */
export function fakeChannels() {
  /** As a mailbox that drops repetitions shows them. */
  const mails = new Map<string, OutgoingMail>()
  /** An SMS is what it is: each one costs, and arrives. */
  const texts: OutgoingSms[] = []
  /** Called before a message is taken; what it throws is what the provider says. */
  let trouble: (message: OutgoingMail | OutgoingSms) => void = () => undefined
  const mail: MailTransport = {
    name: 'sendgrid',
    send: async (given) => {
      trouble(given)
      mails.set(given.key, given)
      return { id: `mail-${given.key}` }
    },
  }
  const sms: SmsTransport = {
    name: 'twilio',
    send: async (given) => {
      trouble(given)
      texts.push(given)
      return { id: `sms-${texts.length}` }
    },
  }
  return {
    mail,
    sms,
    mails,
    texts,
    /** Mails in the order in which they arrived. */
    to: () => [...mails.values()].map(({ to }) => to),
    go: (wrong: (message: OutgoingMail | OutgoingSms) => void) => {
      trouble = wrong
    },
    clear: () => {
      mails.clear()
      texts.length = 0
      trouble = () => undefined
    },
  }
}

export const notNow = () => {
  throw new HandoverError('later', 'not now')
}
export const noAnswer = () => {
  throw new HandoverError('unknown', 'no answer')
}
export const neverTaken = () => {
  throw new HandoverError('never', 'no such mailbox')
}
