import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { notificationsOffer } from '../index.ts'
import { messagesSystem } from './messages-system.ts'

const ada = actor('ada')
const ben = actor('ben')

describe('messages in the app', () => {
  const system = useSystem(messagesSystem())
  const messages = () => system.project.offer(notificationsOffer)
  const inApp = async () => {
    const { rows } = await system.database.asOwner<Record<string, unknown>>(
      sql`select user_id, title, message, type, action_url from public.in_app_notifications order by created_at`,
    )
    return rows
  }
  const states = async () => {
    const { rows } = await system.database.asOwner<{ state: string; status: string; problem: string | null }>(sql`
      select d.state, n.status, d.problem from plinth.notification_deliveries d
      join plinth.notifications n on n.id::text = d.message order by d.created_at, d.message`)
    return rows
  }
  beforeAll(() => system.signUp(ada, ben))
  beforeEach(async () => {
    await system.database.asOwner(sql`delete from plinth.notifications`)
    await system.database.asOwner(sql`delete from public.in_app_notifications`)
  })

  it('arrive once, in words, and their rows say so', async () => {
    const queued = await messages().send({
      to: { person: ada.userId },
      channels: ['in_app'],
      template: 'booking-confirmed',
      variables: { service: '<b>Cut</b>', name: 'Ada' },
      dedupeKey: 'booking-7',
    })
    expect(queued).toEqual({ queued: 1, leftOut: 0 })
    await system.jobs.runDue()
    await system.jobs.runDue()
    expect(await inApp()).toEqual([
      {
        user_id: ada.userId,
        title: 'Booked: <b>Cut</b>',
        message: 'Hello Ada, <b>Cut</b> is booked.\n\nShow it: https://example.com/bookings/7',
        type: 'info',
        action_url: 'https://example.com/bookings/7',
      },
    ])
    expect(await states()).toEqual([{ state: 'sent', status: 'sent', problem: null }])
  })
})
