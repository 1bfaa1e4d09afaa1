import { describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { HandoverError, type OutgoingMail, type OutgoingSms } from '../../messages/index.ts'
import { useAuthHost } from '../tests/auth-host.ts'

const settings = { mailerAutoconfirm: false, externalPhoneEnabled: true }

describe('messages that wait', () => {
  const mails: OutgoingMail[] = []
  const texts: OutgoingSms[] = []
  let failure: Error | undefined
  const take = <Message>(list: Message[]) => ({
    name: 'test',
    send: async (message: Message) => {
      list.push(message)
      if (failure) throw failure
      return { id: null }
    },
  })
  const host = useAuthHost({
    settings,
    url: 'https://example.com/sample',
    transports: { mail: take(mails), sms: take(texts) },
  })
  const waiting = async () => {
    const { rows } = await host.database.asOwner<{ payload: string }>(
      sql`select payload::text from graphile_worker._private_jobs where attempts < max_attempts`,
    )
    return rows.map(({ payload }) => payload)
  }
  const makeDue = () => host.database.asOwner(sql`update graphile_worker._private_jobs set run_at = now()`)

  it('are sealed, outlive the process, and go out once', async () => {
    await host.signUp('ada@example.test')
    const [stored] = await waiting()
    expect(stored).not.toContain('ada@example.test')
    host.restart()
    await host.drain()
    await host.drain()
    expect(mails).toMatchObject([{ to: 'ada@example.test', subject: 'Confirm your sign-up' }])
  })

  it('are tried again under the same key, unless they are refused for good', async () => {
    mails.length = 0
    failure = new HandoverError('later', 'busy')
    await host.post('/otp', { email: 'bob@example.test' })
    await host.drain()
    expect(await waiting()).toHaveLength(1)
    failure = new HandoverError('never', 'no such mailbox')
    await makeDue()
    await host.drain()
    expect(await waiting()).toHaveLength(0)
    expect(mails).toHaveLength(2)
    expect(mails[1]!.key).toBe(mails[0]!.key)
    failure = undefined
  })

  it('do not go out when their code is not good any more', async () => {
    mails.length = 0
    await host.post('/otp', { email: 'carol@example.test' })
    host.clock.advance(3_600_000)
    await host.drain()
    expect(mails).toEqual([])
    expect(await waiting()).toEqual([])
  })

  it('do not go out when what they are about was rolled back', async () => {
    mails.length = 0
    const refuse = sql`create function auth.refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$`
    await host.database.asOwner(refuse)
    await host.database.asOwner(
      sql`create constraint trigger refuse after insert on auth.users deferrable initially deferred for each row execute function auth.refuse()`,
    )
    expect((await host.signUp('dora@example.test')).status).toBe(500)
    await host.database.asOwner(sql`drop trigger refuse on auth.users`)
    await host.drain()
    expect(mails).toEqual([])
  })

  it('by SMS are tried again only when they were certainly not taken', async () => {
    const ask = (phone: string) => host.post('/otp', { phone })
    failure = new HandoverError('later', 'not now')
    await ask('4915112345678')
    await host.drain()
    failure = undefined
    await makeDue()
    await host.drain()
    expect(texts.map(({ to }) => to)).toEqual(['4915112345678', '4915112345678'])
    expect(texts[1]!.key).toBe(texts[0]!.key)

    texts.length = 0
    failure = new HandoverError('unknown', 'no answer')
    await ask('4915112345679')
    await host.drain()
    failure = undefined
    await makeDue()
    await host.drain()
    expect(texts).toHaveLength(1)
  })

  it('by SMS are not sent by another node when one died while it sent', async () => {
    texts.length = 0
    await host.post('/otp', { phone: '4915112345670' })
    // What a node does first when it takes a job, and what another one undoes when it finds it dead.
    await host.database.asOwner(sql`
      update graphile_worker._private_jobs set attempts = attempts + 1, locked_at = now(), locked_by = 'gone' where attempts = 0`)
    await host.database.asOwner(sql`select graphile_worker.force_unlock_workers(array['gone'])`)
    await makeDue()
    await host.drain()
    expect(texts).toEqual([])
  })
})
