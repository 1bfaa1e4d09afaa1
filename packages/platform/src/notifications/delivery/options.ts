import type { ProjectDatabase } from '../../database/index.ts'
import type { Clock, Log } from '../../kernel/index.ts'
import type { MailTransport, SmsTransport } from '../../messages/index.ts'
import type { PushTransport } from '../channels/push.ts'
import type { BackOff } from '../model/back-off.ts'
import type { Channel } from '../model/message.ts'
import type { Defaults } from '../model/preferences.ts'
import type { AnyTemplate } from '../templates/define-template.ts'

/** What delivering works with. */
export interface DeliveryOptions {
  readonly database: ProjectDatabase
  readonly clock: Clock
  readonly log: Log
  readonly templates: readonly AnyTemplate[]
  readonly defaults: Defaults
  readonly backOff: BackOff
  /** Most messages a second by channel, of all nodes together; undefined: any. */
  readonly perSecond: Readonly<Partial<Record<Channel, number | undefined>>>
  readonly sender: {
    readonly name: string
    readonly address: string | undefined
    readonly replyTo: string | undefined
  }
  readonly mail: MailTransport | undefined
  readonly sms: SmsTransport | undefined
  readonly pushes: readonly PushTransport[]
  /** 32 bytes; addresses of suppressions are kept as MACs under it. */
  readonly suppressionKey: Buffer
  /** The link by which a person, or an address, gets no more marketing (of a topic). */
  unsubscribeUrl(
    whom: { readonly person: string | null; readonly address: string },
    topic: string | null,
  ): string
}

/** What became of messages, by outcome. */
export interface Counts {
  sent: number
  failed: number
  cancelled: number
  /** Put off: tried again, or waiting for the end of quiet hours. */
  waiting: number
}

export const noCounts = (): Counts => ({ sent: 0, failed: 0, cancelled: 0, waiting: 0 })
