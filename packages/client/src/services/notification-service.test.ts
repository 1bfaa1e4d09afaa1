import { describe, expect, it } from 'vitest'
import {
  createNotifications,
  type NotificationHandler,
  queueHandler,
  type ReadyNotification,
} from './notification-service.ts'

function record() {
  const sent: (readonly [string, ReadyNotification])[] = []
  const handler: NotificationHandler = (notification, channel) => {
    sent.push([channel, notification])
    return Promise.resolve(`${channel}-1`)
  }
  return { sent, handlers: { email: handler, sms: handler, push: handler, in_app: handler } }
}
const to = { userId: 'ada', email: 'ada@example.test', phone: '+491234567' }

describe('NotificationService', () => {
  it('K-4: sends on four channels, each with an outcome of its own', async () => {
    const { sent, handlers } = record()
    const failing: NotificationHandler = () => Promise.reject(new Error('no credit'))
    const service = createNotifications({ handlers: { ...handlers, sms: failing }, now: () => 0 })
    const result = await service.sendNotification({
      to,
      channels: ['email', 'sms', 'push', 'in_app'],
      title: 'Hi',
      body: '{{x}}',
    })
    expect(result.success).toBe(false)
    expect(result.deliveries.map(({ channel, status }) => `${channel} ${status}`)).toEqual([
      'email sent',
      'sms failed',
      'push sent',
      'in_app sent',
    ])
    expect(result.deliveries[1]).toMatchObject({ error: 'no credit' })
    // A text that is no template stays as it is.
    expect(sent[0]![1]).toMatchObject({ title: 'Hi', body: '{{x}}', priority: 'normal' })
    expect(service.deliveriesOf(result.id)).toEqual(result.deliveries)
  })

  it('K-4: a channel without a handler fails, the others do not', async () => {
    const { handlers } = record()
    const service = createNotifications({ handlers: { email: handlers.email } })
    const { deliveries } = await service.sendNotification({
      to,
      channels: ['push', 'email'],
      title: 'a',
      body: 'b',
    })
    expect(deliveries).toMatchObject([{ status: 'failed', error: 'no_handler' }, { status: 'sent' }])
  })

  it('K-4: templates take variables, which cannot bring others along', async () => {
    const { sent, handlers } = record()
    const service = createNotifications({
      handlers,
      templates: { sale: { title: '{{what}}', body: '{{what}} {{price}} {{missing}}' } },
    })
    await service.sendNotification({
      to,
      channels: ['push'],
      template: 'sale',
      variables: { what: '{{price}}', price: 3 },
    })
    expect(sent[0]![1]).toMatchObject({ title: '{{price}}', body: '{{price}} 3 {{missing}}' })
    await expect(
      service.sendNotification({ to, channels: ['push'], template: 'constructor' }),
    ).rejects.toThrow('no template')
  })

  it('K-4: a bulk gives one result each, in order; one that fails stops no other', async () => {
    const { handlers } = record()
    const push: NotificationHandler = ({ title }) =>
      title === '3' ? Promise.reject(new Error('no')) : Promise.resolve(title)
    const service = createNotifications({ handlers: { ...handlers, push }, parallel: 3 })
    const all = Array.from({ length: 10 }, (_, n) => ({
      to,
      channels: ['push'] as const,
      title: String(n),
      body: '',
    }))
    const results = await service.sendBulkNotifications([
      ...all,
      { to, channels: ['push'], template: 'nope' },
    ])
    expect(results.map(({ success }) => success)).toEqual([
      true,
      true,
      true,
      false,
      true,
      true,
      true,
      true,
      true,
      true,
      false,
    ])
    expect(results[7]!.deliveries[0]!.reference).toBe('7')
  })

  it('K-4: the three named messages', async () => {
    const { sent, handlers } = record()
    const service = createNotifications({ handlers })
    await service.sendWelcomeNotification('ada', 'Ada', 'ada@example.test')
    await service.sendBookingConfirmation({
      userId: 'ada',
      email: 'a@b.co',
      userName: 'Ada',
      serviceName: 'Cut',
      date: '3 May, 10:00',
    })
    await service.sendProjectUpdate({
      userId: 'ada',
      projectTitle: 'House',
      update: 'The roof is on.',
      progress: 60,
    })
    expect(sent.map(([channel, { title, body }]) => [channel, title, body])).toEqual([
      ['email', 'Welcome, Ada', 'Your account is ready.'],
      ['in_app', 'Welcome, Ada', 'Your account is ready.'],
      ['email', 'Your booking: Cut', 'Hello Ada, Cut is booked for 3 May, 10:00.'],
      ['in_app', 'Your booking: Cut', 'Hello Ada, Cut is booked for 3 May, 10:00.'],
      ['in_app', 'House: 60 %', 'The roof is on.'],
      ['push', 'House: 60 %', 'The roof is on.'],
    ])
  })

  it('K-4: a handler for the queue of a system writes its columns', async () => {
    const rows: unknown[] = []
    const client = {
      from: (table: string) => ({
        insert: (row: object) => ({ throwOnError: async () => void rows.push([table, row]) }),
      }),
    }
    const columns = {
      person: 'user_id',
      channel: 'type',
      subject: 'subject',
      body: 'content',
      address: 'recipient',
      priority: 'priority',
    }
    const handler = queueHandler(client as never, 'notifications_queue', columns)
    const service = createNotifications({ handlers: { sms: handler } })
    const result = await service.sendNotification({
      to,
      channels: ['sms'],
      title: 'T',
      body: 'B',
      priority: 'urgent',
    })
    expect(result.success).toBe(true)
    expect(rows).toEqual([
      [
        'notifications_queue',
        {
          user_id: 'ada',
          type: 'sms',
          subject: 'T',
          content: 'B',
          recipient: '+491234567',
          priority: 'urgent',
        },
      ],
    ])
  })
})
