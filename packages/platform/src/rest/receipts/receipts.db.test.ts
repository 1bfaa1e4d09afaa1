import { actor, service, stranger } from '@plinth/testing'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../kernel/index.ts'
import { useRest } from '../tests/rest-client.ts'
import { pruneReceiptsJob } from './prune-receipts.ts'

const rest = useRest({ receipts: true })
const [ada, bob] = [actor('ada'), actor('bob')]
const full = { prefer: 'return=representation' }
let made = 0
const newKey = () => {
  made += 1
  return `write-${made}-of-this-file`
}
const once = (key: string, headers: Record<string, string> = full) => ({ ...headers, 'idempotency-key': key })
const add = (key: string, body: unknown, as = ada) =>
  rest.request('POST', '/notes?select=id,body', { as, headers: once(key), body })
const noteOf = (user: typeof ada, body: string) => ({ owner: user.userId, body })
const notes = async () => (await rest.get('/notes?select=body&order=id')).json as { body: string }[]
const count = async (body: string) => (await notes()).filter((note) => note.body === body).length

describe('a write with an Idempotency-Key', () => {
  test('is done once, and answered alike when it comes again', async () => {
    const key = newKey()
    const first = await add(key, noteOf(ada, 'once'))
    expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([201, null])
    const again = await add(key, noteOf(ada, 'once'))
    expect([again.status, again.json, again.headers.get('idempotency-replayed')]).toEqual([
      201,
      first.json,
      'true',
    ])
    expect(await count('once')).toBe(1)
    // Also when the row is gone meanwhile: it is not made anew.
    await rest.request('DELETE', '/notes?body=eq.once')
    expect((await add(key, noteOf(ada, 'once'))).json).toEqual(first.json)
    expect(await count('once')).toBe(0)
  })

  test('is done once by any number of requests at the same instant', async () => {
    const key = newKey()
    const answers = await Promise.all(Array.from({ length: 8 }, () => add(key, noteOf(ada, 'race'))))
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1)
    expect(await count('race')).toBe(1)
  })

  test('changes and deletes and calls likewise', async () => {
    await rest.request('POST', '/polls', { body: { id: 7, count: 0 } })
    const [change, remove, call] = [newKey(), newKey(), newKey()]
    for (const round of [0, 1]) {
      const changed = await rest.request('PATCH', '/polls?id=eq.7&count=eq.0', {
        headers: once(change, { ...full, accept: 'application/vnd.pgrst.object+json' }),
        body: { count: 1 },
      })
      // The condition holds no more when it comes again, and it is not asked again.
      expect([changed.status, changed.json], `round ${round}`).toEqual([200, { id: 7, count: 1 }])
      const called = await rest.request('POST', '/rpc/add_thing?select=code', {
        headers: once(call, {}),
        body: { code: 'by-call' },
      })
      expect(called.json).toEqual([{ code: 'by-call' }])
    }
    for (const _ of [0, 1]) {
      const removed = await rest.request('DELETE', '/polls?id=eq.7', { headers: once(remove) })
      expect(removed.json).toEqual([{ id: 7, count: 1 }])
    }
  })

  test('leaves no receipt when it fails, when its condition fails, and when it is only tried', async () => {
    const [failing, conditional, dry] = [newKey(), newKey(), newKey()]
    expect((await add(failing, { owner: bob.userId, body: 'not hers' })).status).toBe(403)
    const patch = (body: unknown) =>
      rest.request('PATCH', '/polls?id=eq.8', {
        headers: once(conditional, { ...full, accept: 'application/vnd.pgrst.object+json' }),
        body,
      })
    expect((await patch({ count: 5 })).json).toMatchObject({ code: 'PGRST116' })
    await rest.request('POST', '/polls', { body: { id: 8, count: 0 } })
    expect((await patch({ count: 5 })).json).toEqual({ id: 8, count: 5 })
    const tried = () =>
      rest.request('POST', '/notes', {
        as: ada,
        headers: once(dry, { prefer: 'return=minimal, tx=rollback' }),
        body: noteOf(ada, 'dry'),
      })
    for (const _ of [0, 1]) expect((await tried()).headers.get('idempotency-replayed')).toBeNull()
    const { rows } = await rest.db.database.asOwner({
      text: 'select key from plinth.receipts where key = any ($1)',
      values: [[failing, dry]],
    })
    expect(rows).toEqual([])
  })

  test('is its user’s own: another one’s key is no key, and the service’s neither', async () => {
    const key = newKey()
    await add(key, noteOf(ada, 'hers'))
    const his = await add(key, noteOf(bob, 'his'), bob)
    expect([his.status, his.headers.get('idempotency-replayed')]).toEqual([201, null])
    const ours = await add(key, noteOf(bob, 'ours'), service as typeof ada)
    expect(ours.headers.get('idempotency-replayed')).toBeNull()
    expect([await count('hers'), await count('his'), await count('ours')]).toEqual([1, 1, 1])
  })

  test('is refused with another request, a malformed key, or without a user', async () => {
    const key = newKey()
    await add(key, noteOf(ada, 'first'))
    const other = await add(key, noteOf(ada, 'second'))
    expect([other.status, other.json]).toMatchObject([422, { code: 'idempotency_key_reused' }])
    const bad = await add('short', noteOf(ada, 'x'))
    expect([bad.status, bad.json]).toMatchObject([400, { code: 'malformed_idempotency_key' }])
    const anonymous = await add(newKey(), noteOf(ada, 'x'), stranger as typeof ada)
    expect([anonymous.status, anonymous.json]).toMatchObject([401, { code: 'idempotency_key_without_user' }])
    expect(await count('second')).toBe(0)
  })

  test('answers with 409 when the answer was too large to be kept', async () => {
    const key = newKey()
    const long = noteOf(ada, 'x'.repeat(20_000))
    expect((await add(key, long)).status).toBe(201)
    const again = await add(key, long)
    expect([again.status, again.json]).toMatchObject([409, { code: 'answer_not_kept' }])
    expect(await count(long.body)).toBe(1)
  })
})

test('nobody reads receipts, and a read takes none', async () => {
  const read = await rest.request('GET', '/notes', { as: ada, headers: { 'idempotency-key': newKey() } })
  expect(read.status).toBe(200)
  const forbidden = rest.db.database.asCaller(ada, { text: 'select * from plinth.receipts' })
  await expect(forbidden).rejects.toMatchObject({ code: '42501' })
})

test('a write is recognised for 30 days', async () => {
  const [old, recent] = [newKey(), newKey()]
  await add(old, noteOf(ada, 'old'))
  await add(recent, noteOf(ada, 'recent'))
  const { database } = rest.db
  await database.asOwner({
    text: `update plinth.receipts set made_at = now() - interval '30 days 1 hour' where key = $1`,
    values: [old],
  })
  const job = pruneReceiptsJob(database)
  await job.run({ clock: systemClock } as Parameters<typeof job.run>[0], {})
  expect((await add(recent, noteOf(ada, 'recent'))).headers.get('idempotency-replayed')).toBe('true')
  expect((await add(old, noteOf(ada, 'old'))).headers.get('idempotency-replayed')).toBeNull()
  expect([await count('old'), await count('recent')]).toEqual([2, 1])
})
