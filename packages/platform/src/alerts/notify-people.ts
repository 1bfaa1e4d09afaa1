import type { Notifications } from '../notifications/index.ts'
import type { AlertNotice, AlertPort } from './alert-port.ts'

/** Who is told of alerts. */
export interface AlertRecipients {
  /** E-mail addresses that get every alert and its end. */
  readonly mailTo: readonly string[]
  /** Telephone numbers that get critical alerts. */
  readonly smsTo: readonly string[]
}

/** Sends alerts by the project's notifications: each once to each address, however often the notice is repeated. */
export function notifyPeople(
  { send }: Pick<Notifications, 'send'>,
  system: string,
  { mailTo, smsTo }: AlertRecipients,
): AlertPort {
  return {
    send: async (notice) => {
      const message = {
        subject: subjectOf(notice, system),
        body: bodyOf(notice, system),
        purpose: 'alert',
        priority: notice.severity === 'critical' ? 'urgent' : 'high',
      } as const
      const key = (address: string) => `alert/${notice.id}/${notice.event}/${address}`
      for (const email of mailTo)
        await send({ ...message, to: { email }, channels: ['email'], dedupeKey: key(email) })
      if (notice.severity !== 'critical') return
      for (const phone of smsTo) {
        const { subject: body, purpose, priority } = message
        await send({ body, purpose, priority, to: { phone }, channels: ['sms'], dedupeKey: key(phone) })
      }
    },
  }
}

const subjectOf = ({ event, severity, summary }: AlertNotice, system: string): string =>
  `${system}: ${event === 'ended' ? 'over' : severity}: ${summary.replace(/\s+/g, ' ')}`.slice(0, 200)

function bodyOf({ rule, summary, value, beganAt, endedAt }: AlertNotice, system: string): string {
  const facts = [
    `System: ${system}`,
    `Rule: ${rule}`,
    ...(value === null ? [] : [`Value when it began: ${value}`]),
    `Began: ${beganAt}`,
    ...(endedAt === null ? [] : [`Ended: ${endedAt}`]),
  ]
  return `${summary}\n\n${facts.join('\n')}\n`
}
