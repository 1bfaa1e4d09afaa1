import { actor, waitFor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Statement, sql } from '../../database/index.ts'
import { messagesSystem } from './messages-system.ts'

const ada = actor('ada')

describe('with jobs that run by themselves', () => {
  const system = useSystem(messagesSystem(), { stream: true, runner: true })
  const queue = (body: string): Statement => {
    const message = { person: ada.userId, channel: 'in_app', subject: 's', body }
    return sql`select plinth.queue_messages(${JSON.stringify([message])})`
  }
  const arrived = async (body: string) => {
    const { rows } = await system.database.asOwner(
      sql`select from public.in_app_notifications where message = ${body}`,
    )
    return rows.length
  }
  const runs = async () => {
    const { rows } = await system.database.asOwner<{ n: number }>(
      sql`select count(*)::int as n from plinth.job_runs where job = 'deliver-in-app'`,
    )
    return rows[0]!.n
  }
  beforeAll(() => system.signUp(ada))
  beforeEach(() => system.database.asOwner(sql`delete from public.in_app_notifications`))

  it('a message arrives by itself', async () => {
    await system.database.asOwner(queue('hello'))
    await waitFor(async () => (await arrived('hello')) === 1)
  })

  it('transactions that queue messages do not wait for one another', async () => {
    await system.database.transactionAsOwner(async (first) => {
      await first.query(queue('slow'))
      await system.database.asOwner(queue('quick'))
      await waitFor(async () => (await arrived('quick')) === 1)
      expect(await arrived('slow')).toBe(0)
    })
    await waitFor(async () => (await arrived('slow')) === 1)
  })

  it('many messages take fewer runs than there are, and all arrive', async () => {
    const before = await runs()
    for (let round = 0; round < 10; round += 1)
      await Promise.all(Array.from({ length: 30 }, () => system.database.asOwner(queue('many'))))
    await waitFor(async () => (await arrived('many')) === 300)
    expect((await runs()) - before).toBeLessThan(300)
  })

  it('many messages of one transaction take one job', async () => {
    const { rows } = await system.database.transactionAsOwner(async (transaction) => {
      for (let index = 0; index < 5; index += 1) await transaction.query(queue('together'))
      return transaction.query(
        sql`select from graphile_worker.jobs where task_identifier = 'deliver-in-app' and locked_at is null and run_at <= now()`,
      )
    })
    expect(rows.length).toBeLessThanOrEqual(2)
    await waitFor(async () => (await arrived('together')) === 5)
  })
})
