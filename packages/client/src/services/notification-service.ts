import type { SupabaseClient } from '@supabase/supabase-js'
import type { Logger } from './logger-service.ts'

export type NotificationChannel = 'email' | 'sms' | 'push' | 'in_app'
export type NotificationPriority = 'low' | 'normal' | 'high' | 'urgent'

export interface AppNotification {
  readonly to: { readonly userId: string; readonly email?: string; readonly phone?: string }
  /** Where it goes; each channel's outcome stands by itself. */
  readonly channels: readonly NotificationChannel[]
  readonly title?: string
  readonly body?: string
  /** Instead of title and body: a template with its variables. */
  readonly template?: string
  readonly variables?: Readonly<Record<string, string | number>>
  /** Default `normal`. */
  readonly priority?: NotificationPriority
  readonly data?: Readonly<Record<string, unknown>>
}

/** A message with its template filled in. */
export interface ReadyNotification extends AppNotification {
  readonly id: string
  readonly title: string
  readonly body: string
  readonly priority: NotificationPriority
}

/** How far it has come on one channel. */
export interface Delivery {
  readonly channel: NotificationChannel
  /** `sent`: the channel's handler has taken it over. */
  readonly status: 'sent' | 'failed'
  readonly at: string
  /** What the handler says it is called. */
  readonly reference?: string
  readonly error?: string
}

export interface NotificationResult {
  readonly id: string
  /** True when every channel has taken it. */
  readonly success: boolean
  readonly deliveries: readonly Delivery[]
}

/** Takes a message over for a channel; gives what it is called there, and rejects when it cannot. */
export type NotificationHandler = (
  notification: ReadyNotification,
  channel: NotificationChannel,
) => Promise<string | undefined>

export interface NotificationTemplate {
  readonly title: string
  /** `{{name}}` is replaced by the variable of that name. */
  readonly body: string
}

export interface NotificationService {
  sendNotification(notification: AppNotification): Promise<NotificationResult>
  /** One result for each, in order; one that fails stops no other. */
  sendBulkNotifications(notifications: readonly AppNotification[]): Promise<readonly NotificationResult[]>
  sendWelcomeNotification(userId: string, userName: string, email: string): Promise<NotificationResult>
  sendBookingConfirmation(booking: {
    readonly userId: string
    readonly email: string
    readonly userName: string
    readonly serviceName: string
    readonly date: string
  }): Promise<NotificationResult>
  sendProjectUpdate(project: {
    readonly userId: string
    readonly email?: string
    readonly projectTitle: string
    readonly update: string
    readonly progress: number
  }): Promise<NotificationResult>
  /** What became of a message that was sent from here; the last 1,000 are remembered. */
  deliveriesOf(id: string): readonly Delivery[]
}

export interface NotificationOptions {
  /** By channel. A channel without one fails with `no_handler`. */
  readonly handlers: Partial<Readonly<Record<NotificationChannel, NotificationHandler>>>
  /** On top of the three named messages', or instead of them. */
  readonly templates?: Readonly<Record<string, NotificationTemplate>>
  /** Messages of a bulk that are under way at the same time. Default 5. */
  readonly parallel?: number
  readonly logger?: Logger
  readonly now?: () => number
}

const namedTemplates: Readonly<Record<string, NotificationTemplate>> = {
  welcome: { title: 'Welcome, {{userName}}', body: 'Your account is ready.' },
  booking_confirmation: {
    title: 'Your booking: {{serviceName}}',
    body: 'Hello {{userName}}, {{serviceName}} is booked for {{date}}.',
  },
  project_update: { title: '{{projectTitle}}: {{progress}} %', body: '{{update}}' },
}
const remembered = 1_000

export function createNotifications(options: NotificationOptions): NotificationService {
  const { handlers, parallel = 5, logger, now = Date.now } = options
  const templates = { ...namedTemplates, ...options.templates }
  const sent = new Map<string, readonly Delivery[]>()

  function ready(notification: AppNotification): ReadyNotification {
    const { template, variables = {}, title = '', body = '', priority = 'normal' } = notification
    const known = template === undefined || Object.hasOwn(templates, template)
    if (!known) throw new Error(`There is no template ${template}.`)
    const of = template === undefined ? { title, body } : templates[template]!
    const filled = (text: string) => (template === undefined ? text : fill(text, variables))
    return {
      ...notification,
      id: crypto.randomUUID(),
      title: filled(of.title),
      body: filled(of.body),
      priority,
    }
  }

  async function deliver(notification: ReadyNotification, channel: NotificationChannel): Promise<Delivery> {
    const at = new Date(now()).toISOString()
    try {
      const handler = handlers[channel]
      if (!handler) throw new Error('no_handler')
      const reference = await handler(notification, channel)
      return { channel, status: 'sent', at, ...(reference === undefined ? {} : { reference }) }
    } catch (error) {
      logger?.warn('notification failed', { channel, id: notification.id, error })
      return { channel, status: 'failed', at, error: error instanceof Error ? error.message : String(error) }
    }
  }

  async function send(given: AppNotification): Promise<NotificationResult> {
    const notification = ready(given)
    const { id, channels } = notification
    const deliveries = await Promise.all(
      [...new Set(channels)].map((channel) => deliver(notification, channel)),
    )
    sent.set(id, deliveries)
    if (sent.size > remembered) sent.delete(sent.keys().next().value!)
    return {
      id,
      deliveries,
      success: deliveries.length > 0 && deliveries.every(({ status }) => status === 'sent'),
    }
  }

  async function sendBulk(notifications: readonly AppNotification[]): Promise<readonly NotificationResult[]> {
    const results: NotificationResult[] = []
    const work = notifications.map((notification, index) => ({ notification, index }))
    const run = async (): Promise<void> => {
      for (let next = work.shift(); next; next = work.shift())
        results[next.index] = await send(next.notification).catch((error: unknown) => refused(error))
    }
    await Promise.all(Array.from({ length: Math.min(parallel, notifications.length) }, run))
    return results
  }

  return {
    sendNotification: send,
    sendBulkNotifications: sendBulk,
    sendWelcomeNotification: (userId, userName, email) =>
      send({
        to: { userId, email },
        channels: ['email', 'in_app'],
        template: 'welcome',
        variables: { userName },
      }),
    sendBookingConfirmation: ({ userId, email, ...variables }) =>
      send({
        to: { userId, email },
        channels: ['email', 'in_app'],
        template: 'booking_confirmation',
        variables,
      }),
    sendProjectUpdate: ({ userId, email, ...variables }) => {
      const to = { userId, ...(email === undefined ? {} : { email }) }
      const channels =
        email === undefined ? (['in_app', 'push'] as const) : (['in_app', 'push', 'email'] as const)
      return send({ to, channels, template: 'project_update', variables })
    },
    deliveriesOf: (id) => sent.get(id) ?? [],
  }
}

function refused(error: unknown): NotificationResult {
  const said = error instanceof Error ? error.message : String(error)
  return {
    id: '',
    success: false,
    deliveries: [{ channel: 'in_app', status: 'failed', at: '', error: said }],
  }
}

const fill = (text: string, variables: Readonly<Record<string, string | number>>): string =>
  text.replaceAll(/\{\{(\w+)\}\}/g, (whole, name: string) =>
    Object.hasOwn(variables, name) ? String(variables[name]) : whole,
  )

/** Columns of a table that the system's `notifications()` sends from (`plinth.map_notifications`). */
export interface QueueColumns {
  readonly person: string
  readonly channel: string
  readonly subject: string
  readonly body: string
  readonly address?: string
  readonly priority?: string
}

/** A handler that puts messages into the system's own queue, as far as its policies let this user. */
export const queueHandler =
  (client: Pick<SupabaseClient, 'from'>, table: string, columns: QueueColumns): NotificationHandler =>
  async ({ to, title, body, priority, id }, channel) => {
    const {
      person,
      channel: channelColumn,
      subject,
      body: bodyColumn,
      address,
      priority: priorityColumn,
    } = columns
    const reached = channel === 'sms' ? to.phone : to.email
    const row = {
      [person]: to.userId,
      [channelColumn]: channel,
      [subject]: title,
      [bodyColumn]: body,
      ...(address && reached !== undefined ? { [address]: reached } : {}),
      ...(priorityColumn ? { [priorityColumn]: priority } : {}),
    }
    await client
      .from(table)
      .insert(row as never)
      .throwOnError()
    return id
  }
