import { actor, service, stableId } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, sql } from '../../database/index.ts'
import { createApp, createProjectDirectory, listen } from '../../http/index.ts'
import { silentLog } from '../../kernel/index.ts'
import { type Keys, keysOffer, type NewKey } from '../index.ts'
import { hashKey } from '../key-text.ts'
import { keysOfProject } from '../keys-of-project.ts'
import { plain } from './sample-systems.ts'

const [ada, bob] = [actor('ada'), actor('bob')]
const shop = stableId('shop')
const other = stableId('other shop')

describe('keys', () => {
  const system = useSystem(plain)
  const keys = (): Keys & { flushUsage(): Promise<void> } => system.project.offer(keysOffer)
  const keysBy = (by: Caller) =>
    keysOfProject({ database: system.database, sealingKey: Buffer.alloc(32), clock: system.clock, by })
  const make = (given: Partial<NewKey> = {}) => keys().create({ name: 'Till', ...given })
  const ask = (key: string, path = '/functions/v1/plain-analytics', method = 'POST', body: unknown = {}) =>
    system.request(path, {
      method,
      headers: { 'x-api-key': key, apikey: '' },
      ...(method === 'GET' ? {} : { body }),
    })
  const rows = async (text: string, ...values: unknown[]) =>
    (await system.database.asOwner({ text, values })).rows

  beforeAll(async () => {
    await system.signUp(ada, bob)
    await system.database.asOwner(
      sql`insert into public.shops (id, name) values (${shop}, 'A'), (${other}, 'B')`,
    )
    await system.database.asOwner(
      sql`insert into public.orders (shop_id, note) values (${shop}, 'hers'), (${other}, 'others')`,
    )
  })

  it('are shown once and stored as hash and first letters', async () => {
    const { id, key } = await make({ permissions: ['analytics'] })
    expect(key).toMatch(/^sk_[\w-]{43}$/)
    const stored = JSON.stringify([
      await rows('select * from plinth.keys'),
      await rows('select key_id, created_at from plinth.key_hashes'),
      await rows('select * from plinth.unread_keys'),
      await rows('select * from plinth.plain_keys'),
    ])
    expect(stored).not.toContain(key.slice(3))
    expect(await rows('select key_id from plinth.key_hashes where hash = $1', hashKey(key))).toEqual([
      { key_id: id },
    ])
    expect(await keys().find(id)).toMatchObject({
      name: 'Till',
      value: `${key.slice(0, 7)}…`,
      permissions: ['analytics'],
    })
  })

  it('open functions and routes by permission, and nothing that asks for a person or the service', async () => {
    const { key } = await make({ permissions: ['analytics'], tenant: shop })
    expect(await ask(key)).toMatchObject({ status: 200, body: { data: { tenant: shop, orders: 0 } } })
    const { key: without } = await make({ permissions: ['other'] })
    expect(await ask(without)).toMatchObject({ status: 403, body: { code: 'not_allowed' } })
    expect((await ask(key, '/me', 'GET')).status).toBe(403)
    expect((await ask(key, '/backstage', 'GET')).status).toBe(403)
    expect(await ask(key, '/auth/v1/user', 'GET')).toMatchObject({ status: 403 })
    expect(await ask(key, '/keys/v1', 'GET')).toMatchObject({ status: 403 })
  })

  it('read and write over rest what permissions name and policies give', async () => {
    const { key } = await make({ permissions: ['orders:read'], tenant: shop })
    expect(await ask(key, '/rest/v1/orders?select=note', 'GET')).toMatchObject({
      status: 200,
      body: [{ note: 'hers' }],
    })
    const refused = { status: 403, body: { code: 'key_out_of_scope' } }
    expect(await ask(key, '/rest/v1/orders', 'POST', { shop_id: shop })).toMatchObject(refused)
    expect(await ask(key, '/rest/v1/orders?select=note,lines(id)', 'GET')).toMatchObject(refused)
    expect(await ask(key, '/rest/v1/lines?select=id,orders(note)', 'GET')).toMatchObject(refused)
    expect(await ask(key, '/rest/v1/rpc/count_orders', 'POST')).toMatchObject(refused)
    expect(await ask(key, '/rest/v1/', 'GET')).toMatchObject(refused)

    const { key: writer } = await make({ permissions: ['orders:write'], tenant: shop })
    expect((await ask(writer, '/rest/v1/orders', 'POST', { shop_id: shop, note: 'new' })).status).toBe(201)
    expect((await ask(writer, '/rest/v1/orders', 'POST', { shop_id: other })).status).toBe(403)
    expect(await ask(writer, '/rest/v1/orders?note=eq.hers', 'PATCH', { note: 'x' })).toMatchObject(refused)
    expect(await ask(writer, '/rest/v1/orders?select=id&note=eq.hers', 'DELETE')).toMatchObject(refused)

    const { key: any } = await make({ permissions: ['*:read', 'count_orders:call'], tenant: shop })
    expect((await ask(any, '/rest/v1/lines?select=id,orders(note)', 'GET')).status).toBe(200)
    expect(await ask(any, '/rest/v1/rpc/count_orders', 'POST')).toMatchObject({ status: 200, body: 0 })
    expect((await ask(any, '/rest/v1/', 'GET')).status).toBe(200)
  })

  it('of a user act as that user, with no more than the user may', async () => {
    const { key } = await make({
      userId: ada.userId,
      permissions: ['notes:read', 'notes:write', 'analytics', 'admin:all'],
    })
    expect((await ask(key, '/rest/v1/notes', 'POST', { note: 'hers' })).status).toBe(201)
    expect((await ask(key, '/rest/v1/notes?select=note', 'GET')).body).toEqual([{ note: 'hers' }])
    const { key: his } = await make({ userId: bob.userId, permissions: ['notes:read'] })
    expect((await ask(his, '/rest/v1/notes', 'GET')).body).toEqual([])
    expect((await ask(key)).status).toBe(200)
    await system.database.asOwner(
      sql`update auth.users set banned_until = now() + interval '1 day' where id = ${ada.userId}`,
    )
    expect((await ask(key)).body.code).toBe('key_revoked')
    await system.database.asOwner(sql`update auth.users set banned_until = null where id = ${ada.userId}`)
  })

  it('act as the service when the service made them so, within their permissions', async () => {
    const { key } = await make({ service: true, permissions: ['*'] })
    expect(await ask(key, '/backstage', 'GET')).toMatchObject({
      status: 200,
      body: { data: { role: 'service_role' } },
    })
    expect((await ask(key, '/rest/v1/orders?select=note', 'GET')).body.length).toBeGreaterThan(1)
    const { key: scoped } = await make({ service: true, permissions: ['analytics'] })
    expect((await ask(scoped)).body.data.orders).toBeGreaterThan(1)
    expect((await ask(scoped, '/backstage', 'GET')).status).toBe(403)
    expect((await ask(scoped, '/rest/v1/orders', 'GET')).status).toBe(403)
  })

  it('are made by nobody who has less, and by no key', async () => {
    const name = 'x'
    await expect(keysBy(ada).create({ name, service: true })).rejects.toMatchObject({ code: 'key_not_yours' })
    await expect(keysBy(ada).create({ name, userId: bob.userId })).rejects.toMatchObject({
      code: 'key_not_yours',
    })
    const byKey = keysBy({ ...service, permissions: ['analytics'] })
    await expect(byKey.create({ name })).rejects.toMatchObject({ code: 'key_makes_no_keys' })
    await expect(byKey.revoke(stableId('x'))).rejects.toMatchObject({ code: 'key_makes_no_keys' })
    await expect(make({ permissions: ['*'] })).rejects.toMatchObject({ code: 'key_permissions_invalid' })
    await expect(make({ permissions: ['no spaces'] })).rejects.toMatchObject({
      code: 'key_permissions_invalid',
    })
    await expect(make({ expiresAt: system.clock.now() })).rejects.toMatchObject({ code: 'key_expiry_past' })
  })

  it('end: by their date, by rotation after the overlap, by being revoked for good', async () => {
    const soon = new Date(system.clock.now().getTime() + 60_000)
    const { key: short } = await make({ permissions: ['analytics'], expiresAt: soon })
    const { id, key: first } = await make({ permissions: ['analytics'] })
    const { id: same, key: second } = await keys().rotate(id, { overlapSeconds: 60 })
    expect(same).toBe(id)
    for (const key of [short, first, second]) expect((await ask(key)).status).toBe(200)
    system.clock.advance(60_000)
    for (const key of [short, first])
      expect(await ask(key)).toMatchObject({ status: 401, body: { code: 'key_expired' } })
    expect((await ask(second)).status).toBe(200)
    expect(await keys().revoke(id)).toBe(true)
    expect((await ask(second)).body.code).toBe('key_revoked')
    await rows('update plinth.keys set is_active = true where id = $1', id)
    expect((await ask(second)).body.code).toBe('key_revoked')
    expect(await keys().revoke(stableId('nobody'))).toBe(false)
    await expect(keys().rotate(stableId('nobody'))).rejects.toMatchObject({ code: 'key_not_found' })
    const events = await rows(
      'select event, by_role from plinth.key_events where key_id = $1 order by id',
      id,
    )
    expect(events.map(({ event }) => event)).toEqual(['created', 'rotated', 'revoked', 'changed'])
    await rows('delete from plinth.keys where id = $1', id)
    expect((await ask(second)).body.code).toBe('key_unknown')
  })

  it('are refused in addresses, beside other credentials, and when they are none', async () => {
    const { key } = await make({ permissions: ['analytics'] })
    const { anonKey, serviceRoleKey } = system.project.keys
    const codeOf = async (headers: Record<string, string>, query = '') => {
      const { status, body } = await system.request(`/functions/v1/plain-analytics${query}`, {
        method: 'POST',
        headers: { apikey: '', ...headers },
        body: {},
      })
      return status === 200 ? 200 : body.code
    }
    expect(await codeOf({ apikey: key, authorization: `Bearer ${key}` })).toBe(200)
    expect(await codeOf({ apikey: anonKey, authorization: `Bearer ${key}` })).toBe(200)
    expect(await codeOf({}, `?apikey=${key}`)).toBe('key_in_address')
    expect(await codeOf({ 'x-api-key': key, authorization: `Bearer ${serviceRoleKey}` })).toBe(
      'key_beside_others',
    )
    expect(await codeOf({ 'x-api-key': key, apikey: `${key}x` })).toBe('key_beside_others')
    expect(await codeOf({ 'x-api-key': 'sk_short' })).toBe('key_unknown')
    expect(await codeOf({ 'x-api-key': 'anything' })).toBe('key_unknown')
    expect(await codeOf({ 'x-api-key': `sk_${'a'.repeat(43)}` })).toBe('key_unknown')
  })

  it('let exactly so many calls through in an hour, and log every call (AT-37, R-N2)', async () => {
    const { id, key } = await make({ permissions: ['analytics'], rateLimit: 40 })
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask(key)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(40)
    expect(answers.find(({ status }) => status === 429)!.body.code).toBe('too_many_requests')
    await keys().flushUsage()
    const since = new Date(0)
    expect(await keys().usage(id, { since, by: 'hour' })).toMatchObject([
      { calls: 40, limited: 160, failed: 0 },
    ])
    expect(await keys().usage(id, { since, by: 'day' })).toMatchObject([{ calls: 40, limited: 160 }])
    expect(
      await rows('select count(*)::int as n from plinth.key_usage where key_id = $1 and status = 429', id),
    ).toEqual([{ n: 160 }])
    const at = (await keys().find(id))!.lastUsedAt
    expect(at).not.toBeNull()
    await keys().rotate(id)
    system.clock.advance(3_700_000)
    expect((await ask(key)).status).toBe(200)
    await keys().flushUsage()
    expect((await keys().find(id))!.lastUsedAt).not.toBe(at)
    system.clock.advance(31 * 86_400_000)
    await system.jobs.run('prune-key-usage')
    expect(await rows('select from plinth.key_usage where key_id = $1', id)).toHaveLength(0)
    expect(await keys().usage(id, { since, by: 'day' })).toHaveLength(1)
  })

  it('are made, listed, rotated and revoked by their users at /keys/v1', async () => {
    const path = '/keys/v1'
    const body = { name: 'Mine', permissions: ['analytics'] }
    const made = await system.request(path, { method: 'POST', as: ada, body })
    expect(made.status).toBe(200)
    const { id, key } = made.body.data
    expect((await ask(key)).status).toBe(200)
    const beyond = { name: 'x', permissions: ['admin:all'] }
    expect(await system.request(path, { method: 'POST', as: ada, body: beyond })).toMatchObject({
      status: 403,
    })
    expect(JSON.stringify((await system.request(path, { as: ada })).body)).not.toContain(key)
    expect((await system.request(path, { as: bob })).body.data).toHaveLength(1)
    expect((await system.request(`${path}/${id}`, { method: 'DELETE', as: bob })).status).toBe(404)
    const rotated = await system.request(`${path}/${id}/rotate`, {
      method: 'POST',
      as: ada,
      body: { overlapSeconds: 0 },
    })
    expect((await ask(key)).status).toBe(401)
    expect((await ask(rotated.body.data.key)).status).toBe(200)
    expect((await system.request(`${path}/${id}`, { method: 'DELETE', as: ada })).status).toBe(204)
    expect((await ask(rotated.body.data.key)).status).toBe(401)
    system.clock.advance(61_000)
    for (let n = 0; n < 19; n += 1) await keys().create({ name: `${n}`, userId: ada.userId })
    const full = await system.request(path, { method: 'POST', as: ada, body })
    expect(full).toMatchObject({ status: 409, body: { code: 'key_limit_of_user' } })
  })

  it('tell the journal which key it was, and go with the person whose they are', async () => {
    const { key } = await make({ permissions: ['analytics'] })
    expect(await ask(key)).toMatchObject({ status: 200 })
    await rows('delete from auth.users where id = $1', bob.userId)
    expect(await keys().list({ userId: bob.userId })).toEqual([])
    expect(
      await rows(
        'select from plinth.key_hashes h where not exists (select from plinth.keys k where k.id = h.key_id)',
      ),
    ).toEqual([])
  })

  it('say on every answer what is left, and when to come again (over a real socket)', async () => {
    const { key } = await make({ permissions: ['analytics'], rateLimit: 2 })
    const directory = createProjectDirectory([system.project])
    const app = createApp({ directory, health: [], clock: system.clock, log: silentLog })
    const listening = await listen({
      app,
      host: '127.0.0.1',
      port: 0,
      onUpgrade: (_, socket) => socket.destroy(),
    })
    const call = async () => {
      const url = `http://127.0.0.1:${listening.port}/plain/functions/v1/plain-analytics`
      const { status, headers } = await fetch(url, {
        method: 'POST',
        headers: { 'x-api-key': key },
        body: '{}',
      })
      const names = ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-policy', 'retry-after']
      return [status, ...names.map((name) => headers.get(name))]
    }
    expect(await call()).toEqual([200, '2', '1', '2;w=3600', null])
    expect(await call()).toEqual([200, '2', '0', '2;w=3600', null])
    const [status, , remaining, , wait] = await call()
    expect([status, remaining]).toEqual([429, '0'])
    expect(Number(wait)).toBeGreaterThan(3_500)
    await listening.stop(0)
  })

  it('of an address that guesses are not looked up any more; a key in use is', async () => {
    const { key } = await make({ permissions: ['analytics'] })
    expect((await ask(key)).status).toBe(200)
    const guess = (n: number) => ask(`sk_${String(n).padStart(32, '0')}`)
    const codes = []
    for (let n = 0; n < 40; n += 1) codes.push((await guess(n)).body.code)
    expect(codes.at(0)).toBe('key_unknown')
    expect(codes.at(-1)).toBe('too_many_unknown_keys')
    expect((await ask(key)).status).toBe(200)
  })
})
