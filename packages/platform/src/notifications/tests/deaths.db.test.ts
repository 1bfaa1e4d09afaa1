import { actor, createRandom } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { type ProjectDatabase, sql } from '../../database/index.ts'
import { deliverChannel } from '../delivery/deliver-channel.ts'
import type { DeliveryOptions } from '../delivery/options.ts'
import { notificationsOffer } from '../index.ts'
import { channels as allChannels } from '../model/message.ts'
import { fakeChannels } from './fake-channels.ts'
import { messagesSystem } from './messages-system.ts'
import { deliveryOptions } from './open-delivery.ts'

const people = ['ada', 'ben', 'carol', 'dora'].map((name) => actor(name))
const system = useSystem(messagesSystem())
beforeAll(() => system.signUp(...people))

/** Killed: nothing that it does afterwards happens. */
class Killed extends Error {}

/**
 * A worker that may be killed before and after everything it does: each statement, and each hand-over to a provider. What was
 * under way at that moment has happened or not, and nobody is told.
 */
function mortal(database: ProjectDatabase, mayDie: () => boolean) {
  let dead = false
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    if (dead || mayDie()) {
      dead = true
      throw new Killed('killed')
    }
    const result = await work()
    if (dead || mayDie()) {
      dead = true
      throw new Killed('killed')
    }
    return result
  }
  const guarded: ProjectDatabase = {
    ...database,
    asOwner: (statement) => step(() => database.asOwner(statement)),
    transactionAsOwner: (work) => step(() => database.transactionAsOwner(work)),
  }
  return { database: guarded, step }
}

const runs = process.env['PLINTH_TEST_LONG'] ? 60 : 3

it('AT-33: workers that are killed at any moment deliver mails and in-app messages once, and an SMS at most once', async () => {
  let deaths = 0
  const property = fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 30 }), async (seed) => {
    const random = createRandom(seed)
    const channels = fakeChannels()
    await system.database.asOwner(sql`delete from plinth.notifications`)
    await system.database.asOwner(sql`delete from public.in_app_notifications`)
    const messages = people.flatMap((person) =>
      [1, 2, 3].map((index) => ({
        to: { person: person.userId, phone: `+49151${index}000000` },
        channels: ['email' as const, 'sms' as const, 'in_app' as const],
        subject: `s${index}`,
        body: 'b',
      })),
    )
    await system.project
      .offer(notificationsOffer)
      .sendMany(messages.map((each, index) => ({ ...each, dedupeKey: `k${index}` })))
    const mayDie = () => random(100) < 4
    const work = async (): Promise<void> => {
      const { database, step } = mortal(system.database, mayDie)
      const options: DeliveryOptions = deliveryOptions(
        { database, clock: system.clock },
        {
          mail: { ...channels.mail, send: (mail) => step(() => channels.mail.send(mail)) },
          sms: { ...channels.sms, send: (text) => step(() => channels.sms.send(text)) },
        },
      )
      try {
        for (const channel of allChannels) await deliverChannel(options, { channel })
      } catch (error) {
        if (!(error instanceof Killed)) throw error
        deaths += 1
      }
    }
    for (let round = 0; round < 60; round += 1) {
      await Promise.all([work(), work(), work()])
      system.clock.advance(200_000)
    }
    const { rows: states } = await system.database.asOwner<{
      channel: string
      state: string
      count: number
    }>(sql`
      select channel, state, count(*)::int from plinth.notification_deliveries group by 1, 2 order by 1, 2`)
    const count = (channel: string, state: string) =>
      states.find((row) => row.channel === channel && row.state === state)?.count ?? 0
    const { rows: inApp } = await system.database.asOwner(sql`select from public.in_app_notifications`)
    // Nobody waits for ever, and what is said of a message is what happened to it.
    expect(states.filter(({ state }) => state === 'waiting')).toEqual([])
    expect(count('email', 'sent')).toBe(12)
    expect(channels.mails.size).toBe(12)
    expect(count('in_app', 'sent')).toBe(12)
    expect(inApp).toHaveLength(12)
    expect(new Set(channels.texts.map(({ key }) => key)).size).toBe(channels.texts.length)
    expect(channels.texts.length).toBeLessThanOrEqual(12)
    expect(count('sms', 'sent') + count('sms', 'failed')).toBe(12)
    expect(channels.texts.length).toBeGreaterThanOrEqual(count('sms', 'sent'))
  })
  await fc.assert(property, { seed: 33, numRuns: runs, endOnFailure: true })
  expect(deaths).toBeGreaterThan(runs)
}, 600_000)
