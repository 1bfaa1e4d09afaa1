/** Where messages go to. */
export const channels = ['email', 'sms', 'push', 'in_app'] as const
export type Channel = (typeof channels)[number]

/**
 * Why a message is sent. `security` goes to everybody; `transactional` and `alert` to whoever has not switched the channel
 * or the topic off; `marketing` to whoever asked for it.
 */
export const purposes = ['security', 'transactional', 'alert', 'marketing'] as const
export type Purpose = (typeof purposes)[number]

export const priorities = ['urgent', 'high', 'medium', 'low'] as const

/** The content of a message as its queue holds it, by role; whatever the table has no column for comes from its data. */
export interface Content {
  readonly template: string | null
  readonly variables: Readonly<Record<string, unknown>>
  readonly subject: string | null
  readonly body: string | null
  readonly html: string | null
  readonly address: string | null
  readonly locale: string | null
  readonly level: string | null
  readonly actionUrl: string | null
  readonly data: Readonly<Record<string, unknown>>
}

/** A message that a worker has. */
export interface ClaimedMessage {
  /** Of the delivery: the key that providers get. */
  readonly id: string
  readonly channel: Channel
  readonly purpose: Purpose
  readonly topic: string | null
  readonly person: string | null
  /** 0 urgent to 3 low. */
  readonly priority: number
  /** False: a client wrote it, so its address is not believed. */
  readonly trusted: boolean
  /** How often a worker took it, this time included. */
  readonly claims: number
  /** Attempts that failed. */
  readonly failures: number
  readonly handedOver: boolean
  /** Null when its row is gone. */
  readonly content: Content | null
}

type Row = Readonly<Record<string, unknown>>

const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : null

const objectOf = (value: unknown): Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Row) : {}

/** A row of a queue, by role, as content. */
export function contentOf(row: Row): Content {
  const data = objectOf(row['data'])
  const of = (role: string): unknown => row[role] ?? data[role]
  return {
    template: textOf(of('template')),
    variables: objectOf(of('variables')),
    subject: textOf(of('subject')) ?? textOf(data['title']),
    body: textOf(of('body')) ?? textOf(data['message']),
    html: textOf(of('html')),
    address: textOf(of('address')),
    locale: textOf(of('locale')),
    level: textOf(of('level')),
    actionUrl: textOf(of('action_url')),
    data,
  }
}
