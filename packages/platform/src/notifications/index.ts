export type { CalendarEvent } from './calendar/calendar-invite.ts'
export * from './capability.ts'
export type { DeliveredCounts } from './delivery/deliver-all.ts'
export * from './errors.ts'
export type { Preview } from './preview/preview-template.ts'
export type { Notification } from './queue/notification.ts'
export type { BatchProgress, DeadLetter, Queued } from './queue/queue-notifications.ts'
export {
  type AnyTemplate,
  defineTemplate,
  type NotificationTemplate,
  type TemplateTexts,
} from './templates/define-template.ts'
