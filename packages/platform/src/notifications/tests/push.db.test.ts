import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { createWebPush, vapidKeysOf } from '../channels/web-push.ts'
import { notificationsOffer } from '../index.ts'
import { messagesSystem } from './messages-system.ts'
import { deliver, deliveryOptions } from './open-delivery.ts'
import { simulateBrowser, simulatePushService } from './providers/browser.ts'
import { type ProviderServer, startProvider } from './providers/provider-server.ts'

const ada = actor('ada')

describe('push to the devices of a person', () => {
  const system = useSystem(messagesSystem())
  const service = simulatePushService()
  const browsers = { laptop: simulateBrowser(), phone: simulateBrowser() }
  let server: ProviderServer
  const push = createWebPush({
    subject: 'mailto:ops@example.com',
    keys: vapidKeysOf(() => Buffer.alloc(32, 7)),
    privateAddresses: true,
  })
  const run = () => deliver(deliveryOptions(system, { pushes: [push] }))
  const send = () =>
    system.project.offer(notificationsOffer).send({
      to: { person: ada.userId },
      channels: ['push'],
      template: 'booking-confirmed',
      variables: { service: 'Cut' },
    })
  const subscribe = (name: keyof typeof browsers) =>
    system.database.asOwner(sql`
      insert into public.push_subscriptions (user_id, endpoint, p256dh, auth)
      values (${ada.userId}, ${`https://${name}.example/`}, ${browsers[name].keys.p256dh}, ${browsers[name].keys.auth})`)
  /** Push services speak https; the one of the test speaks http. */
  const toTestService = () =>
    system.database.asOwner(sql`
      update public.push_subscriptions set endpoint = ${server.url} || '/' || substring(endpoint from '//([a-z]+)')`)
  const paths = () => service.requests.map(({ path }) => path)

  beforeAll(async () => {
    server = await startProvider(service)
    await system.signUp(ada)
    await system.database.asOwner(
      sql`alter table public.push_subscriptions drop constraint push_subscriptions_check`,
    )
  })
  afterAll(() => server.close())
  beforeEach(async () => {
    service.requests.length = 0
    service.gone.clear()
    await system.database.asOwner(sql`delete from plinth.notifications`)
    await system.database.asOwner(sql`delete from public.push_subscriptions`)
    await subscribe('laptop')
    await subscribe('phone')
    await toTestService()
  })

  it('reaches each, which alone can read it', async () => {
    await send()
    expect(await run()).toMatchObject({ push: 1 })
    expect(paths().sort()).toEqual(['/laptop', '/phone'])
    for (const { path, body } of service.requests) {
      const browser = browsers[path.slice(1) as keyof typeof browsers]
      expect(browser.read(body)).toMatchObject({
        title: 'Booked: Cut',
        url: 'https://example.com/bookings/7',
      })
    }
  })

  it('tries again where it failed, and not where it arrived', async () => {
    await send()
    server.faults.push('busy')
    expect(await run()).toMatchObject({ push: 0 })
    expect(service.requests).toHaveLength(1)
    system.clock.advance(60 * 60_000)
    expect(await run()).toMatchObject({ push: 1 })
    expect(paths().sort()).toEqual(['/laptop', '/phone'])
  })

  it('forgets devices that are gone, and withdraws what nobody can get', async () => {
    service.gone.add('/laptop')
    await send()
    expect(await run()).toMatchObject({ push: 1 })
    const { rows } = await system.database.asOwner<{ endpoint: string }>(
      sql`select endpoint from public.push_subscriptions`,
    )
    expect(rows.map(({ endpoint }) => endpoint.replace(server.url, ''))).toEqual(['/phone'])
    service.gone.add('/phone')
    await send()
    expect(await run()).toMatchObject({ push: 0, cancelled: 1 })
    await send()
    expect(await run()).toMatchObject({ push: 0, cancelled: 1 })
  })
})
