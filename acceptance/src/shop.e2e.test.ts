import type { SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { must, signUp } from './clients.ts'
import { createDataDir, type Plinth, startPlinth } from './start-plinth.ts'

let data: Awaited<ReturnType<typeof createDataDir>>
let plinth: Plinth
beforeAll(async () => {
  data = await createDataDir()
  plinth = await startPlinth({ dataDir: data.dataDir })
})
afterAll(async () => {
  await plinth.stop()
  await data.remove()
})

describe('a shop', () => {
  let owner: SupabaseClient
  let shopId: string
  let teaId: string

  beforeAll(async () => {
    const account = await signUp(plinth.systems.shops!, 'shopkeeper')
    owner = account.client
    const shop = {
      name: 'Tea and so on',
      owner_id: account.userId,
      timezone: 'Europe/London',
      currency: 'GBP',
    }
    shopId = must(await owner.from('shops').insert(shop).select('id').single()).id
    const tea = { shop_id: shopId, sku: 'TEA', name: 'Tea', retail_price: 4.2, stock: 50 }
    teaId = must(await owner.from('items').insert(tea).select('id').single()).id
  })

  const order = (number: string, quantity: number, status = 'Confirmed') =>
    owner.from('form_submissions').insert({
      shop_id: shopId,
      submission_id: number,
      status,
      ordered_products: [{ productId: teaId, quantity, unitPrice: 4.2 }],
    })
  const stockOf = async () =>
    must(await owner.from('items').select('stock').eq('id', teaId).single()).stock as number
  const history = async () =>
    must(
      await owner
        .from('stock_history')
        .select('change, reason, changed_by, order_ref')
        .eq('item_id', teaId)
        .order('seq'),
    )
  const requireSum = async () =>
    expect((await history()).reduce((sum, { change }) => sum + change, 0)).toBe(await stockOf())

  it('AT-1: sells what it has to many customers at once, and no more', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => order(`ORD-${index}`, 2)))
    const sold = answers.filter(({ error }) => error === null).length
    expect(sold).toBe(25)
    expect(await stockOf()).toBe(0)
    await requireSum()
    const kept = must(await owner.from('form_submissions').select('submission_id').eq('shop_id', shopId))
    expect(kept).toHaveLength(25)
  })

  it('AT-3: takes an order back once, however often it is told', async () => {
    for (let time = 0; time < 3; time++) {
      must(
        await owner
          .from('form_submissions')
          .update({ status: 'Return' })
          .eq('shop_id', shopId)
          .eq('status', 'Confirmed')
          .limit(1)
          .order('submission_id')
          .select('id'),
      )
      await requireSum()
    }
    expect(await stockOf()).toBe(6)
  })

  it('AT-2: counts the same article on two lines together', async () => {
    const twice = await owner.from('form_submissions').insert({
      shop_id: shopId,
      submission_id: 'ORD-TWICE',
      status: 'Confirmed',
      ordered_products: [
        { productId: teaId, quantity: 4, unitPrice: 4.2 },
        { productId: teaId, quantity: 4, unitPrice: 4.2 },
      ],
    })
    expect(twice.error).not.toBeNull()
    expect(await stockOf()).toBe(6)
  })

  it('AT-5: writes the history of stock that was changed directly, with its user', async () => {
    must(await owner.from('items').update({ stock: 30 }).eq('id', teaId).select('id'))
    await requireSum()
    const { user } = must(await owner.auth.getUser())
    expect((await history()).at(-1)).toMatchObject({ change: 24, changed_by: user.id })
  })

  it('50 parallel changes through the function add up with the history', async () => {
    const before = await stockOf()
    const changes = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? 3 : -2))
    const answers = await Promise.all(
      changes.map((change) =>
        owner.functions.invoke('inventory-operations', {
          body: { action: 'update', itemId: teaId, change, reason: 'count' },
        }),
      ),
    )
    expect(answers.map(({ error }) => error).filter(Boolean)).toEqual([])
    expect(await stockOf()).toBe(before + changes.reduce((sum, change) => sum + change, 0))
    await requireSum()
  })

  it('says what runs low, and refuses what cannot be', async () => {
    must(await owner.from('items').update({ stock: 3 }).eq('id', teaId).select('id'))
    const low = must(
      await owner.functions.invoke('inventory-operations', {
        body: { action: 'get_low_stock', shopId, threshold: 5 },
      }),
    )
    expect(low).toMatchObject({ success: true, data: [{ id: teaId, stock: 3 }] })
    const refused = await owner.functions.invoke('inventory-operations', {
      body: { action: 'update', itemId: teaId, change: -4, reason: 'too many' },
    })
    expect(await refused.error.context.json()).toMatchObject({ success: false, code: 'insufficient_stock' })
    expect(await stockOf()).toBe(3)
    expect((await order('ORD-HUGE', 1_000_000)).error).not.toBeNull()
    expect((await order('ORD-ZERO', 0)).error).not.toBeNull()
  })
})
