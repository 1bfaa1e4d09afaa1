import { expect, it } from 'vitest'
import type { Notification } from '../notifications/index.ts'
import type { AlertNotice } from './alert-port.ts'
import { notifyPeople } from './notify-people.ts'

const notice: AlertNotice = {
  id: '7',
  event: 'began',
  rule: 'orders-waiting',
  severity: 'warning',
  summary: 'Orders wait\nfor confirmation.',
  value: 51,
  beganAt: '2026-01-15T12:00:00Z',
  endedAt: null,
}

async function sentFor(given: Partial<AlertNotice>) {
  const sent: Notification[] = []
  const send = async (message: Notification) => {
    sent.push(message)
    return { queued: 1, known: 0 } as never
  }
  const recipients = { mailTo: ['ops@example.test', 'boss@example.test'], smsTo: ['+491701234567'] }
  await notifyPeople({ send }, 'shops', recipients).send({ ...notice, ...given })
  return sent
}

it('mails every alert to every address, under a key that a repetition finds taken', async () => {
  const sent = await sentFor({})
  expect(sent.map(({ to }) => to)).toEqual([{ email: 'ops@example.test' }, { email: 'boss@example.test' }])
  expect(sent[0]).toMatchObject({
    channels: ['email'],
    subject: 'shops: warning: Orders wait for confirmation.',
    body: expect.stringContaining('Value when it began: 51'),
    priority: 'high',
    dedupeKey: 'alert/7/began/ops@example.test',
  })
})

it('sends critical ones by SMS, too, and says when they are over', async () => {
  const sent = await sentFor({ severity: 'critical', event: 'ended', endedAt: '2026-01-15T13:00:00Z' })
  expect(sent.at(-1)).toMatchObject({
    to: { phone: '+491701234567' },
    channels: ['sms'],
    priority: 'urgent',
    body: 'shops: over: Orders wait for confirmation.',
  })
})
