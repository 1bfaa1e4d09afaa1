import { actor, stableId, waitFor } from '@plinth/testing'
import { type OpenTestSystem, openTestSystem } from '@plinth/testing/system'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from '../database/index.ts'
import { keys, keysOffer } from '../keys/index.ts'
import { defineSystem } from '../system/index.ts'
import { audit, auditOffer } from './index.ts'

const [ada, bob] = [actor('ada'), actor('bob')]
const [shop, other] = [stableId('shop'), stableId('other shop')]
const schema = `
  create table public.shops (id uuid primary key, name text not null);
  create table public.items (id int primary key, shop_id uuid not null, name text not null, price numeric not null default 1);
  alter table public.shops enable row level security;
  alter table public.items enable row level security;
  create policy "all" on public.items to authenticated using (true) with check (true);
  insert into public.shops values ('${shop}', 'A'), ('${other}', 'B');`
const sample = defineSystem({
  name: 'trails',
  summary: 'Shops whose owners read what happened.',
  tenant: { table: 'shops', column: 'shop_id' },
  uses: [audit({ mayRead: ({ userId }, tenant) => userId === ada.userId && tenant === shop }), keys()],
  migrations: async () => ({
    name: 'trails',
    migrations: [{ name: '001_trails.sql', sql: schema, checksum: schema }],
  }),
  functions: [],
  jobs: [],
  realtimeTables: [],
  journalledTables: ['items'],
})

describe('the audit trail', () => {
  let system: OpenTestSystem
  const search = (query: Parameters<ReturnType<typeof own>['search']>[0] = {}) => own().search(query)
  const own = () => system.project.offer(auditOffer)
  const sentences = async (query: Parameters<typeof search>[0] = {}) =>
    (await search(query)).entries.map(({ sentence }) => sentence)
  const items = (method: string, path: string, body: unknown, as = ada) =>
    system.request(`/rest/v1/items${path}`, { method, as, ...(body === undefined ? {} : { body }) })

  beforeAll(async () => {
    system = await openTestSystem(sample, { stream: true })
    await waitFor(() => system.project.tail.holds(), { timeout: 30_000, what: 'the stream' })
    await system.signUp(ada, bob)
    await items('POST', '', { id: 1, shop_id: shop, name: 'Cup', price: 10 })
    await items('PATCH', '?id=eq.1', { price: 12 }, bob)
    await items('POST', '', { id: 2, shop_id: other, name: 'Pot' })
    const { key } = await system.project
      .offer(keysOffer)
      .create({ name: 'Till', permissions: ['items:read', 'items:write'], tenant: shop })
    await system.request('/rest/v1/items?id=eq.1', { method: 'DELETE', headers: { apikey: key } })
    await system.project.tail.settle()
  })
  afterAll(() => system.close())

  it('says who did what to which thing, the latest first', async () => {
    expect(await sentences()).toEqual([
      expect.stringMatching(
        /^authenticated for “API key sk_....… \(Till\)” removed items 1: id 1; .*name Cup; price 12$/,
      ),
      expect.stringContaining('ada@example.test added items 2: '),
      'bob@example.test changed items 1: price 10 → 12',
      expect.stringContaining('ada@example.test added items 1: '),
    ])
  })

  it('is searched by tenant, person, key, thing, operation, value and time', async () => {
    expect(await sentences({ tenant: other })).toHaveLength(1)
    expect(await sentences({ who: 'bob@example.test' })).toHaveLength(1)
    expect(await sentences({ who: 'Till' })).toHaveLength(1)
    expect(await sentences({ who: 'nobody' })).toEqual([])
    expect(await sentences({ table: 'items', key: ['2'] })).toHaveLength(1)
    expect(await sentences({ operation: 'insert', text: 'Cup' })).toHaveLength(1)
    expect(await sentences({ since: new Date(Date.now() + 60_000) })).toEqual([])
  })

  it('is read page by page, each entry once', async () => {
    await system.database.asOwner(
      sql`insert into public.items select n, ${shop}, 'many' from generate_series(100, 1300) n`,
    )
    for (let n = 0; n < 5; n += 1) await items('PATCH', `?id=eq.${100 + n}`, { price: 7 })
    await system.project.tail.settle()
    const seen: string[] = []
    let next: string | null = null
    do {
      const page = await search({ tenant: shop, limit: 2, ...(next ? { until: new Date(next) } : {}) })
      seen.push(...page.entries.map(({ operation, key }) => `${operation} ${key}`))
      next = page.next
    } while (next !== null)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toHaveLength(1201 + 5 + 3)
  })

  it('is for the service, for keys within their tenant, and for whom the system says', async () => {
    const read = async (asker: object, query = '') => {
      const { status, body } = await system.request(`/audit/v1?operation=delete${query}`, asker)
      return status === 200 ? body.data.entries.length : (body.code ?? status)
    }
    expect(await read({ as: 'service' })).toBe(1)
    expect(await read({ as: 'anon' })).toBe('sign_in_required')
    expect(await read({ as: ada }, `&tenant=${shop}`)).toBe(1)
    expect(await read({ as: ada })).toBe('audit_not_yours')
    expect(await read({ as: ada }, `&tenant=${other}`)).toBe('audit_not_yours')
    expect(await read({ as: bob }, `&tenant=${shop}`)).toBe('audit_not_yours')
    const keyOf = async (tenant: string, permission = 'audit:read') => {
      const made = await system.project
        .offer(keysOffer)
        .create({ name: 'x', tenant, permissions: [permission] })
      return { headers: { apikey: made.key } }
    }
    expect(await read(await keyOf(shop))).toBe(1)
    expect(await read(await keyOf(other))).toBe(0)
    expect(await read(await keyOf(other), `&tenant=${shop}`)).toBe('audit_not_yours')
    expect(await read(await keyOf(shop, 'items:read'))).toBe('not_allowed')
  })
})
