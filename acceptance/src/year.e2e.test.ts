import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, must, signUp } from './clients.ts'
import { readLinesByRange, readOrdersByKeyset, readOrdersByRange } from './page-orders.ts'
import { countRetailFile, type RetailFile, sumOf } from './retail-file.ts'
import { runPlinth } from './run-plinth.ts'
import { createDataDir, type Plinth, startPlinth } from './start-plinth.ts'

/** The full UCI "Online Retail", which is not shipped. */
const year =
  process.env.PLINTH_TEST_RETAIL_CSV ??
  fileURLToPath(new URL('../../../shared/data/online-retail.csv.gz', import.meta.url))
const isAsked = process.env.PLINTH_TEST_LONG === '1' && existsSync(year)
const minutes = 60_000

describe.runIf(isAsked)('a year of retail (PLINTH_TEST_LONG=1, with the full file)', () => {
  const whole = { lines: 541_909, amount: 9_747_747_934n }
  const inYear = { orders: 25_900, items: 4_070 }

  let data: Awaited<ReturnType<typeof createDataDir>>
  let plinth: Plinth
  let owner: SupabaseClient
  let account: Awaited<ReturnType<typeof signUp>>
  let shopId: string
  let file: RetailFile
  beforeAll(async () => {
    file = await countRetailFile(year)
    data = await createDataDir()
    plinth = await startPlinth({ dataDir: data.dataDir })
    account = await signUp(plinth.systems.shops!, 'retailer')
    const shop = { name: 'A year', owner_id: account.userId, timezone: 'Europe/London', currency: 'GBP' }
    shopId = must(await account.client.from('shops').insert(shop).select('id').single()).id
    await plinth.stop()
  }, 10 * minutes)
  afterAll(async () => {
    await plinth.stop()
    await data.remove()
  })

  const importYear = () => {
    const given = ['import', 'shops', 'orders', year, '--shop', shopId, '--zone', 'Europe/London', '--json']
    return runPlinth(data.dataDir, given)
  }

  it(
    'comes in through the command line, which starts PostgreSQL itself',
    async () => {
      expect(file).toMatchObject({ ...whole, items: inYear.items })
      expect(file.orders.size).toBe(inYear.orders)
      const { code, stdout, stderr } = await importYear()
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(JSON.parse(stdout)).toMatchObject({
        lines: whole.lines,
        orders: { added: inYear.orders, alreadyThere: 0, refused: 0 },
        orderLines: { added: whole.lines, alreadyThere: 0, refused: 0 },
        items: { added: inYear.items, alreadyThere: 0 },
        amount: '9747747.934',
      })
    },
    15 * minutes,
  )

  it(
    'adds nothing the second time, beside a server',
    async () => {
      plinth = await startPlinth({ dataDir: data.dataDir })
      const { code, stdout } = await importYear()
      expect(code).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({
        lines: whole.lines,
        orders: { added: 0, alreadyThere: inYear.orders, refused: 0 },
        orderLines: { added: 0, alreadyThere: whole.lines, refused: 0 },
        items: { added: 0 },
        movements: 0,
        transactions: 0,
      })
    },
    15 * minutes,
  )

  it(
    'comes in pages with every order and every line once, and adds up to the file',
    async () => {
      owner = connect(plinth.systems.shops!)
      must(await owner.auth.signInWithPassword(account))
      const byRange = await readOrdersByRange(owner, shopId, 1_000)
      expect(sumOf(byRange.values())).toEqual(whole)
      expect(byRange).toEqual(file.orders)
      expect(await readOrdersByKeyset(owner, shopId, 1_000)).toEqual(file.orders)
      expect(await readLinesByRange(owner, shopId, 20_000)).toEqual(whole)
      const items = await owner
        .from('items')
        .select('id', { count: 'exact', head: true })
        .eq('shop_id', shopId)
      expect(items.count).toBe(inYear.items)
    },
    15 * minutes,
  )
})
