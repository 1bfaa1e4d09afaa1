/** A file that goes with a mail. */
export interface Attachment {
  readonly filename: string
  /** Media type with its parameters: `text/calendar; method=REQUEST`. */
  readonly contentType: string
  readonly content: Buffer | string
}

/** A mail to one address, complete. */
export interface OutgoingMail {
  /**
   * The same in every attempt at this mail. It becomes the Message-ID, and the key by which a provider that knows keys
   * drops repetitions.
   */
  readonly key: string
  readonly to: string
  readonly subject: string
  readonly text: string
  /** Left out: a mail of text only. */
  readonly html?: string | null
  readonly replyTo?: string
  /** Further header fields; names and values are checked for line breaks. */
  readonly headers?: Readonly<Record<string, string>>
  readonly attachments?: readonly Attachment[]
}

/** An SMS to one number: digits with the country's code, with or without a plus. */
export interface OutgoingSms {
  readonly key: string
  readonly to: string
  readonly text: string
}

/** What a provider said when it took a message. */
export interface Handover {
  /** Its own id of the message, by which its callbacks name it; null where it has none. */
  readonly id: string | null
}

/** Takes mails out of the house. Fails with {@link HandoverError}. */
export interface MailTransport {
  /** `smtp`, `sendgrid`, `inbox`: for the log and for what is counted by provider. */
  readonly name: string
  send(mail: OutgoingMail, signal?: AbortSignal): Promise<Handover>
  close?(): Promise<void>
}

/** Takes SMS out of the house. Fails with {@link HandoverError}. */
export interface SmsTransport {
  readonly name: string
  send(sms: OutgoingSms, signal?: AbortSignal): Promise<Handover>
}

/** What a project sends with; undefined where nothing goes out. */
export interface MessageTransports {
  readonly mail?: MailTransport | undefined
  readonly sms?: SmsTransport | undefined
}

/**
 * What is known of a message that was not taken. `never`: this message is wrong, trying again changes nothing. `later`: it
 * was certainly not taken, another attempt may succeed. `unknown`: the answer is missing, it may have been taken.
 */
export type NotTaken = 'never' | 'later' | 'unknown'

/** A message that a provider did not confirm. */
export class HandoverError extends Error {
  override readonly name = 'HandoverError'
  readonly taken: NotTaken
  /** The provider asked for this pause, in milliseconds, for all messages. */
  readonly pause: number | undefined

  constructor(
    taken: NotTaken,
    problem: string,
    options: { readonly pause?: number; readonly cause?: unknown } = {},
  ) {
    super(problem, options.cause === undefined ? undefined : { cause: options.cause })
    this.taken = taken
    this.pause = options.pause
  }
}
