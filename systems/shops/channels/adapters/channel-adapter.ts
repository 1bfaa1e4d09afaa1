/** A customer's message as a platform delivers it. */
export interface InboundMessage {
  /** The same whenever the platform delivers the message again. */
  readonly externalId: string
  /** The customer as the platform names them: where a reply goes. */
  readonly customer: string
  readonly customerName: string | null
  readonly text: string | null
  /** `{ type, … }`; a public comment has `{ type: 'comment', id }`, which its reply is posted below. */
  readonly attachments: readonly Readonly<Record<string, unknown>>[]
  /** Null where the platform does not say. */
  readonly at: Date | null
}

/** A reply that is to leave. */
export interface OutboundMessage {
  /** Of our row: an idempotency key where the platform takes one. */
  readonly id: string
  readonly text: string
  readonly attachments: readonly Readonly<Record<string, unknown>>[]
  readonly customer: string
  /** The shop's account at the platform: a page, a telephone number's id. */
  readonly account: string | null
  /** The public comment that it answers. */
  readonly comment: string | null
}

export interface OutboundRequest {
  /** Below the platform's base address. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

/** One messaging platform: what its webhooks look like, and how a message is sent there. */
export interface ChannelAdapter {
  /** The platform recognises a message that is sent a second time by its id, so a call that was cut off may be repeated. */
  readonly recognisesRepetition: boolean
  /** Checks who sent a webhook, over its bytes as they came, in constant time. */
  isGenuine(bytes: Uint8Array, header: (name: string) => string | null, secret: string): boolean
  /** The customers' messages in a webhook; echoes of our own and whatever else it tells are left out. */
  read(body: unknown): readonly InboundMessage[]
  request(message: OutboundMessage, token: string): OutboundRequest
  /** The platform's id of a message that it took, as its webhooks would name it. */
  idOf(answer: unknown, message: OutboundMessage): string | null
}

const earliest = Date.UTC(2000, 0, 1)
const latest = Date.UTC(2200, 0, 1)

/** An instant from milliseconds since 1970, null where they name none that can be. */
export const instantOf = (milliseconds: number): Date | null =>
  milliseconds >= earliest && milliseconds < latest ? new Date(milliseconds) : null
