import { createPlinthClient } from '@plinth/client'
import { actor, service } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, scopeDatabase, serviceCaller, sql } from '../database/index.ts'
import { keys, keysOffer } from '../keys/index.ts'
import { defineSystem } from '../system/index.ts'
import { type Kv, kv, kvOf, kvOffer } from './index.ts'

const [ada, bob] = [actor('ada'), actor('bob')]

/** Members of a tenant are those whose address says so. */
const schema = `
  create or replace function plinth.may_use_kv(p_tenant text, p_write boolean) returns boolean language sql stable set search_path = '' as
    $$ select auth.jwt() ->> 'email' = 'ada@example.test' and p_tenant = 'shop'
      or coalesce(auth.jwt() -> 'key' ->> 'tenant' = p_tenant and auth.jwt() -> 'key' -> 'permissions' ? case when p_write then 'kv:write' else 'kv:read' end, false) $$;`

const sample = defineSystem({
  name: 'facts',
  summary: 'Small facts.',
  tenant: null,
  uses: [kv(), keys()],
  migrations: async () => ({
    name: 'facts',
    migrations: [{ name: '001_facts.sql', sql: schema, checksum: schema }],
  }),
  functions: [],
  jobs: [],
  realtimeTables: [],
  journalledTables: [],
})

describe('the key-value store', () => {
  const system = useSystem(sample)
  const as = (caller: Caller, scope: Parameters<typeof kvOf>[1] = 'project'): Kv =>
    kvOf(scopeDatabase(system.database, caller), scope, (reason) =>
      scopeDatabase(system.database, serviceCaller(reason)),
    )
  const project = () => system.project.offer(kvOffer)
  const expire = (key: string) =>
    system.database.asOwner(
      sql`update plinth.kv set expires_at = now() - interval '1 second' where key = ${key}`,
    )
  const client = (asker: Parameters<typeof system.request>[1] & object) =>
    createPlinthClient('http://plinth.test/facts', 'unused', {
      global: {
        fetch: async (input, init) => {
          const path = new URL(String(input)).pathname.replace('/facts', '')
          const { status, body } = await system.request(path, {
            ...asker,
            method: 'POST',
            body: JSON.parse(String(init?.body)),
          })
          return Response.json(body, { status })
        },
      },
    })

  beforeAll(() => system.signUp(ada, bob))

  it('gets, sets and removes, one and several; mget is positional (E-K1, AT-45)', async () => {
    const store = project()
    const first = await store.set('a', { deep: [1, null, 'ü🐘'] })
    expect(await store.get('a')).toEqual({ deep: [1, null, 'ü🐘'] })
    expect(await store.getEntry('a')).toEqual({
      value: { deep: [1, null, 'ü🐘'] },
      version: first,
      expiresAt: null,
    })
    await store.mset({ b: 2, c: null, 'odd key %_': false })
    expect(await store.mget(['c', 'nothing', 'b', 'a', 'b'])).toEqual([
      null,
      null,
      2,
      { deep: [1, null, 'ü🐘'] },
      2,
    ])
    expect(await store.mget([])).toEqual([])
    expect(await store.mdel(['b', 'nothing', 'c'])).toBe(2)
    expect([await store.del('a'), await store.del('a'), await store.get('a')]).toEqual([true, false, null])
  })

  it('takes a prefix literally, and gives as many as there are (AT-45)', async () => {
    const store = project()
    await store.mset({ 'a_b%1': 1, 'a_b%2': 2, aXbY1: 3, a_bX: 4, 'A_b%1': 5 })
    expect(await store.getByPrefix('a_b%')).toEqual([
      { key: 'a_b%1', value: 1 },
      { key: 'a_b%2', value: 2 },
    ])
    await store.mset(Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`many:${n}`, n])))
    expect(await store.getByPrefix('many:')).toHaveLength(5_000)
    const { rows } = await system.database.asOwner<{ 'QUERY PLAN': string }>({
      text: `explain select key from plinth.kv where scope = 'project' and starts_with(key, 'a_b%')`,
    })
    expect(rows.map((row) => row['QUERY PLAN']).join()).toMatch(/Index Cond: .*key >= 'a_b%'/)
  })

  it('is what a map would be, whatever happens to it', async () => {
    const key = fc.constantFrom('a', 'a_', 'a%', 'ab', '\\', 'ä')
    const step = fc.oneof(
      fc.record({ do: fc.constant('set' as const), key, value: fc.jsonValue() }),
      fc.record({ do: fc.constant('del' as const), key }),
      fc.record({ do: fc.constant('expire' as const), key }),
      fc.record({ do: fc.constant('add' as const), key, by: fc.integer({ min: -5, max: 5 }) }),
      fc.record({ do: fc.constant('cas' as const), key, stale: fc.boolean(), value: fc.integer() }),
    )
    const store = as(service, { tenant: 'model' })
    const runs = process.env.PLINTH_TEST_LONG ? 200 : 10
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        await system.database.asOwner(sql`delete from plinth.kv where scope = 'tenant/model'`)
        const model = new Map<string, unknown>()
        for (const each of steps) {
          if (each.do === 'set' && !JSON.stringify(each.value).includes('\\u0000')) {
            await store.set(each.key, each.value)
            model.set(each.key, JSON.parse(JSON.stringify(each.value)))
          } else if (each.do === 'del') {
            expect(await store.del(each.key)).toBe(model.delete(each.key))
          } else if (each.do === 'expire') {
            await expire(each.key)
            model.delete(each.key)
          } else if (each.do === 'add') {
            const before = model.get(each.key) ?? (model.has(each.key) ? null : 0)
            if (typeof before === 'number' && Number.isSafeInteger(before)) {
              expect(await store.increment(each.key, each.by)).toBe(before + each.by)
              model.set(each.key, before + each.by)
            } else if (typeof before !== 'number')
              await expect(store.increment(each.key)).rejects.toMatchObject({ code: 'kv_not_a_number' })
          } else if (each.do === 'cas') {
            const version = (await store.getEntry(each.key))?.version ?? 0
            const stored = await store.compareAndSet(each.key, each.stale ? version + 1 : version, each.value)
            expect(stored !== null).toBe(!each.stale)
            if (!each.stale) model.set(each.key, each.value)
          }
        }
        const names = ['a', 'a_', 'a%', 'ab', '\\', 'ä']
        expect(await store.mget(names)).toEqual(names.map((name) => model.get(name) ?? null))
        const wanted = names.filter((name) => name.startsWith('a_') && model.has(name))
        expect((await store.getByPrefix('a_')).map((entry) => entry.key)).toEqual(wanted)
      }),
      { seed: 45, numRuns: runs },
    )
  })

  it('counts exactly, compares and sets once, and mixes keys without deadlocks, however many at once', async () => {
    const store = project()
    await Promise.all(Array.from({ length: 100 }, () => store.increment('visits')))
    expect(await store.get('visits')).toBe(100)
    const won = await Promise.all(Array.from({ length: 20 }, (_, n) => store.compareAndSet('lock', 0, n)))
    expect(won.filter((version) => version !== null)).toHaveLength(1)
    const names = Array.from({ length: 20 }, (_, n) => `mixed:${n}`)
    const entries = (list: readonly string[]) => Object.fromEntries(list.map((name) => [name, 1]))
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        n % 4 === 3
          ? store.mdel(names.toReversed())
          : store.mset(entries(n % 2 ? names : names.toReversed())),
      ),
    )
  })

  it('lets entries end: they are gone for everybody, count anew, and are removed by the job', async () => {
    const store = project()
    await store.set('short', 'x', { ttlSeconds: 60 })
    expect((await store.getEntry('short'))!.expiresAt).not.toBeNull()
    await store.increment('hits', 5, { ttlSeconds: 60 })
    await expire('short')
    await expire('hits')
    expect(await store.mget(['short', 'hits'])).toEqual([null, null])
    expect(await store.del('short')).toBe(false)
    expect(await store.increment('hits')).toBe(1)
    expect((await store.getEntry('hits'))!.expiresAt).toBeNull()
    await store.mset({ x1: 1, x2: 2 }, { ttlSeconds: 60 })
    await system.database.asOwner(
      sql`update plinth.kv set expires_at = '2020-01-01' where key in ('x1', 'x2')`,
    )
    await system.jobs.run('prune-kv')
    const { rowCount } = await system.database.asOwner(sql`select from plinth.kv where key in ('x1', 'x2')`)
    expect(rowCount).toBe(0)
  })

  it('shows everybody their own, members their tenant’s, and the project’s to the service', async () => {
    await as(ada, { user: ada.userId }).set('theme', 'dark')
    expect(await as(bob, { user: ada.userId }).get('theme')).toBeNull()
    await expect(as(bob, { user: ada.userId }).set('theme', 'x')).rejects.toMatchObject({
      code: 'forbidden_rows',
    })
    await as(ada, { tenant: 'shop' }).set('sign', 'open')
    expect(await as(ada, { tenant: 'shop' }).get('sign')).toBe('open')
    expect(await as(bob, { tenant: 'shop' }).get('sign')).toBeNull()
    await expect(as(bob, { tenant: 'shop' }).increment('sign')).rejects.toMatchObject({
      code: 'forbidden_rows',
    })
    await project().set('secret', 1)
    expect(await as(ada).get('secret')).toBeNull()
    await expect(as(ada).set('secret', 2)).rejects.toMatchObject({ code: 'forbidden_rows' })
    expect(await as(ada).asService('a test').get('secret')).toBe(1)
  })

  it('refuses what is too large, too many or no key', async () => {
    const own = as(ada, { user: ada.userId })
    for (const key of ['', 'a\0b', 'ü'.repeat(257)])
      await expect(own.set(key, 1)).rejects.toMatchObject({ code: 'kv_key_invalid' })
    await expect(own.set('large', 'x'.repeat(1_048_577))).rejects.toMatchObject({ code: 'invalid_rows' })
    await expect(own.set('nul', 'a\0b')).rejects.toMatchObject({ code: 'invalid_rows' })
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, n]))
    await expect(own.mset(many(1_001))).rejects.toMatchObject({ code: 'kv_full' })
    await own.mset(many(900))
    await own.mset(many(900))
  })

  it('answers clients: a user’s own entries, a key’s tenant, and the service’s project', async () => {
    const mine = client({ as: bob }).kv
    await mine.set('list', [1, 2], { ttlSeconds: 60 })
    expect(await mine.get('list')).toEqual([1, 2])
    expect(await mine.getEntry('list')).toMatchObject({ value: [1, 2], version: expect.any(Number) })
    expect(await mine.increment('n', 3)).toBe(3)
    expect(await mine.compareAndSet('n', 0, 1)).toBeNull()
    expect(await mine.mget(['n', 'x'])).toEqual([3, null])
    expect(await mine.getByPrefix('n')).toEqual([{ key: 'n', value: 3 }])
    expect([await mine.mdel(['n', 'x']), await mine.del('list')]).toEqual([1, true])
    await expect(mine.of({ tenant: 'shop' }).set('a', 1)).rejects.toMatchObject({
      name: 'PlinthError',
      status: 403,
    })
    await expect(client({ as: 'anon' }).kv.get('a')).rejects.toMatchObject({ code: 'sign_in_required' })
    await client({ as: 'service' }).kv.mset({ features: { authEnabled: true } })
    expect(await project().get('features')).toEqual({ authEnabled: true })
    const { key } = await system.project
      .offer(keysOffer)
      .create({ name: 'Till', tenant: 'shop', permissions: ['kv:read'] })
    const till = client({ headers: { apikey: key } }).kv
    expect(await till.get('sign')).toBe('open')
    await expect(till.set('sign', 'shut')).rejects.toMatchObject({ status: 403 })
  })
})
