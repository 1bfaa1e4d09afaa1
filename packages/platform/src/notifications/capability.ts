import type { z } from 'zod'
import { type AuthOffer, authOffer } from '../auth/index.ts'
import { sql } from '../database/index.ts'
import type { HealthStatus } from '../http/index.ts'
import { createInboxSurface, hasInbox } from '../messages/index.ts'
import { type CapabilityProject, defineCapability, offerKey } from '../system/index.ts'
import { callbackFetcher } from './callbacks/fetch-from-amazon.ts'
import { vapidKeysOf } from './channels/web-push.ts'
import { type DeliverAllOptions, type DeliveredCounts, deliverAll } from './delivery/deliver-all.ts'
import { deliveryJobs } from './delivery/jobs.ts'
import type { DeliveryOptions } from './delivery/options.ts'
import { macOfAddress, suppress } from './delivery/suppressions.ts'
import { type BroughtTables, readNotificationMigrations } from './migrations.ts'
import { createNotificationsSurface, notificationsPath } from './notifications-surface.ts'
import { missingSettings, openChannels } from './open-channels.ts'
import { notificationPersonHooks } from './person-data.ts'
import { addPreviewPages } from './preview/preview-pages.ts'
import { type Preview, previewTemplate } from './preview/preview-template.ts'
import type { Notification } from './queue/notification.ts'
import {
  type BatchProgress,
  cancelNotification,
  type DeadLetter,
  type Queued,
  queueMany,
  queueNotification,
  readDeadLetters,
  readProgress,
  replayDeadLetters,
} from './queue/queue-notifications.ts'
import { type NotificationSettings, notificationSettings } from './settings.ts'
import type { AnyTemplate } from './templates/define-template.ts'
import { signUnsubscription } from './unsubscribe/unsubscribe-links.ts'

/** What handlers find as `ctx.notifications`. */
export interface Notifications {
  /** Queues a message for one person, one for each channel. */
  send(notification: Notification): Promise<Queued>
  /** Queues many as one batch. Under the same batch, a call that died is repeated without queueing anything twice. */
  sendMany(
    notifications: Iterable<Notification>,
    batch?: string,
  ): Promise<Queued & { readonly batch: string }>
  /** How far a batch is. */
  progress(batch: string): Promise<BatchProgress>
  /** Withdraws what waits under a dedupe key; gives how many messages. */
  cancel(dedupeKey: string): Promise<number>
  /** Delivers now what is due, by urgency, at most so many; jobs do it by themselves as well. */
  deliverDue(options?: DeliverAllOptions): Promise<DeliveredCounts>
}

/** A project's messages, for other capabilities and for commands. */
export interface NotificationsOffer extends Notifications {
  readonly templates: readonly AnyTemplate[]
  /** Fails with `unknown_template`. */
  preview(template: string, locale?: string): Promise<Preview>
  deadLetters(): Promise<DeadLetter[]>
  /** Tries again what was given up: since then, or one by its id. Gives how many messages. */
  replay(which: { readonly since?: Date; readonly id?: string }): Promise<number>
  /** Writes no more to an address, or no marketing. */
  suppress(channel: 'email' | 'sms', address: string, scope?: 'all' | 'marketing'): Promise<void>
}

export const notificationsOffer = offerKey<NotificationsOffer>('notifications')

export interface NotificationsDeclaration {
  readonly templates?: readonly AnyTemplate[]
  /** Tables that the system has itself and maps. */
  readonly brings?: BroughtTables
  /** What the system sets, over the defaults. */
  readonly settings?: z.input<typeof notificationSettings>
}

/** Messages to people: e-mail, SMS, push and in the app, queued, rendered, wanted, delivered once and followed. */
export const notifications = ({
  templates = [],
  brings = {},
  settings: defaults = {},
}: NotificationsDeclaration = {}) =>
  defineCapability({
    name: 'notifications',
    requires: ['auth'],
    migrations: () => readNotificationMigrations(brings),
    settings: notificationSettings,
    defaults,
    open: (project) => {
      const parts = openParts(project, templates)
      const { notifications: face, offer, delivery, channels, surface } = parts
      const { auth, settings } = parts
      // Auth opens the inbox unless it has a mail server of its own; messages of other channels may still go there.
      const needsInbox = hasInbox(project.url) && auth.mail !== undefined && channels.own.sms === undefined
      return {
        context: () => ({ notifications: face }),
        offer,
        transports: { mail: channels.own.mail, sms: channels.own.sms },
        surfaces: [surface, ...(needsInbox ? [createInboxSurface(project.database)] : [])],
        jobs: deliveryJobs(delivery, settings.keepDays),
        personHooks: notificationPersonHooks(project.database),
        health: [{ name: 'notifications', check: () => readHealth(project, settings) }],
        close: async () => channels.own.mail?.close?.(),
      }
    },
  })

function openParts(project: CapabilityProject<NotificationSettings>, templates: readonly AnyTemplate[]) {
  const { database, clock, url, deriveKey, settings } = project
  const auth: AuthOffer = project.offer(authOffer)
  const vapid = vapidKeysOf(deriveKey)
  const channels = openChannels({ settings, database, clock, url, vapid, authMail: auth.mail })
  const unsubscribeKey = deriveKey('notifications/unsubscribe')
  const suppressionKey = deriveKey('notifications/suppressions')
  const delivery: DeliveryOptions = {
    ...deliveryBasics(project, templates),
    ...channels,
    suppressionKey,
    unsubscribeUrl: ({ person, address }, topic) => {
      const mac = macOfAddress(suppressionKey, address).toString('base64url')
      return `${url}${notificationsPath}/unsubscribe?token=${signUnsubscription(unsubscribeKey, { person, address: mac, topic })}`
    },
  }
  const queue = { database, templates, mostRecipients: settings.mostRecipients }
  const notifications: Notifications = {
    send: (notification) => queueNotification(queue, notification),
    sendMany: (many, batch) => queueMany(queue, many, batch),
    progress: (batch) => readProgress(database, batch),
    cancel: (dedupeKey) => cancelNotification(database, dedupeKey),
    deliverDue: (options) => deliverAll(delivery, options),
  }
  const preview = (name: string, locale?: string) =>
    previewTemplate(templates, name, { locale, sender: settings.fromName })
  const offer: NotificationsOffer = {
    ...notifications,
    templates,
    preview,
    deadLetters: () => readDeadLetters(database),
    replay: (which) => replayDeadLetters(database, which),
    suppress: async (channel, address, scope = 'all') => {
      const mac = macOfAddress(suppressionKey, address)
      await database.asOwner(suppress(channel, mac, { scope, reason: 'manual' }, clock.now()))
    },
  }
  const surface = createNotificationsSurface({
    database,
    clock,
    settings,
    url,
    sealKey: deriveKey('notifications/facts'),
    suppressionKey,
    unsubscribeKey,
    vapidPublicKey: vapid.publicKey,
    fetchText: callbackFetcher(),
    addPreview: hasInbox(url) ? (app) => addPreviewPages(app, templates, preview) : undefined,
  })
  return { auth, settings, channels, delivery, notifications, offer, surface }
}

function deliveryBasics(
  { database, clock, log, settings }: CapabilityProject<NotificationSettings>,
  templates: readonly AnyTemplate[],
) {
  const { email, sms, push, inApp, marketing, quietFrom, quietUntil, zone, locale } = settings
  return {
    database,
    clock,
    log,
    templates,
    defaults: { email, sms, push, in_app: inApp, marketing, quietFrom, quietUntil, zone, locale },
    backOff: { attempts: settings.attempts, firstPause: settings.firstPause * 1000 },
    perSecond: { email: settings.emailPerSecond, sms: settings.smsPerSecond, push: settings.pushPerSecond },
    sender: { name: settings.fromName, address: settings.fromAddress, replyTo: settings.replyTo },
  }
}

/** Messages that nobody delivers for this long are a sign that something is wrong. */
const overdue = '5 minutes'

async function readHealth(
  { database, clock }: CapabilityProject<NotificationSettings>,
  settings: NotificationSettings,
): Promise<HealthStatus> {
  const { rows } = await database.asOwner<{ waiting: number; overdue: number; failed: number }>(sql`
    select count(*) filter (where state = 'waiting')::int as waiting,
      count(*) filter (where state = 'waiting' and greatest(due_at, created_at) < ${clock.now()}::timestamptz - ${overdue}::interval)::int as overdue,
      count(*) filter (where state = 'failed' and created_at > ${clock.now()}::timestamptz - interval '1 day')::int as failed
    from plinth.notification_deliveries where state = 'waiting' or created_at > ${clock.now()}::timestamptz - interval '1 day'`)
  const detail = { ...rows[0]!, missing: missingSettings(settings) }
  const well = detail.overdue + detail.failed === 0 && detail.missing.length === 0
  return { status: well ? 'ok' : 'degraded', detail }
}
