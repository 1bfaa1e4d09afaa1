import { openOwnerSession, sql } from '@plinth/platform/database'
import { actor } from '@plinth/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { findDrift, signUp, useShopDatabase } from '../tests/shop-fixture.ts'
import { demoOwner, demoShopId, loadDemo } from './load-demo.ts'

const shared = useShopDatabase()
const owner = actor('demo-owner')

async function load() {
  const asked: string[] = []
  const { tryNext } = await loadDemo({
    openSession: () => openOwnerSession({ addresses: shared.database.addresses, via: 'demo' }),
    url: 'http://localhost:54321/shops',
    serviceRoleKey: 'service-key',
    createUser: async (email, password) => {
      asked.push(`${email} ${password}`)
      await signUp(shared.database, owner)
      return owner.userId
    },
    onProgress: () => undefined,
  })
  return { asked, tryNext }
}

/** Counted from the file by a script that shares nothing with the import. */
const december = { lines: '42481', orders: '2025', items: '2822', amount: '748957.02', units: '342228' }

async function countShop() {
  const { rows } = await shared.database.asOwner(sql`
    select count(*)::text as lines, sum(amount)::text as amount, sum(quantity)::text as units,
      (select count(*) from public.form_submissions where shop_id = ${demoShopId})::text as orders,
      (select count(*) from public.items where shop_id = ${demoShopId})::text as items
    from public.order_lines where shop_id = ${demoShopId}`)
  return rows[0]
}

describe('the demonstration: December 2010 through the import', () => {
  let first: Awaited<ReturnType<typeof load>>
  beforeAll(async () => {
    first = await load()
  }, 180_000)

  it('makes a shop whose figures are those of the file', async () => {
    expect(await countShop()).toEqual(december)
    const { rows } = await shared.database.asOwner(sql`
      select custom_fields ->> 'kind' as kind, count(*)::integer from public.form_submissions
      where shop_id = ${demoShopId} group by 1 order by 1`)
    expect(rows).toEqual([
      { kind: 'adjustment', count: 140 },
      { kind: 'cancellation', count: 326 },
      { kind: 'sale', count: 1559 },
    ])
  })

  it('adds stock up along the whole history, never below zero', async () => {
    expect(await findDrift(shared.database)).toEqual([])
    const { rows } = await shared.database.asOwner(sql`
      select min(level)::integer as lowest, sum(change) filter (where order_ref is not null)::integer as moved
      from (select order_ref, change, sum(change) over (partition by item_id order by "timestamp", seq) as level
        from public.stock_history where shop_id = ${demoShopId}) h`)
    expect(rows[0]!.lowest).toBeGreaterThanOrEqual(0)
    expect(rows[0]!.moved).toBe(-344_255)
  })

  it('lets its owner ask what runs low', async () => {
    const { rows } = await shared.database.asCaller<{ stock: number }>(
      owner,
      sql`select * from public.get_low_stock_items(${demoShopId}, 5, false) limit 5`,
    )
    expect(rows).toHaveLength(5)
  })

  it('shows who can sign in, and a request to try', () => {
    expect(first.asked).toEqual([`${demoOwner.email} ${demoOwner.password}`])
    expect(first.tryNext.join('\n')).toContain(
      `curl 'http://localhost:54321/shops/rest/v1/rpc/get_low_stock_items?p_shop_id=${demoShopId}&`,
    )
  })

  it('changes nothing when it is loaded again', async () => {
    await load()
    expect(await countShop()).toEqual(december)
    expect(await findDrift(shared.database)).toEqual([])
  })
})
