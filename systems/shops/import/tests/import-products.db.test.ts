import { sql } from '@plinth/platform/database'
import { describe, expect, it } from 'vitest'
import { findDrift, useShopDatabase } from '../../tests/shop-fixture.ts'
import type { Finding } from '../findings.ts'
import { type ImportProductsOptions, importProducts } from '../import-products.ts'
import { bytesOf, createShop, importText, picture, sessionsOf } from './import-fixture.ts'

const shared = useShopDatabase()

const header =
  'Handle,Title,Body (HTML),Type,Option1 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Price,Variant Compare At Price,Variant Requires Shipping,Image Src,Cost per item'
const catalogue = [
  header,
  'mug,Mug,"<p>A mug,\nfor tea</p>",Kitchen,Blue,MUG-B,shopify,12,7.95,,true,http://pics.example/mug.png,2.10',
  'mug,,,,Red,MUG-R,shopify,-3,6.95,8.95,true,,',
  'mug,,,,,,,,,,,http://pics.example/mug-2.png,',
  'wrap,Gift wrapping,,Services,Default Title,,,,1.50,,false,,',
  'old,Old plate,,Kitchen,Default Title,MUG-B,shopify,1,3.00,,true,,',
  'bad,Bad price,,Kitchen,Default Title,BAD,shopify,1,-3.00,,true,,',
  'short,row',
  '',
].join('\n')

async function importCatalogue(shopId: string, text: string, options: Partial<ImportProductsOptions> = {}) {
  const found: Finding[] = []
  const result = await importProducts({
    openSession: sessionsOf(shared.database),
    shopId,
    source: bytesOf(text),
    report: (finding) => {
      found.push(finding)
    },
    ...options,
  })
  return { ...result, codes: found.map(({ line, code }) => `${line} ${code}`) }
}

describe('a Shopify product export', () => {
  it('makes an item of each variant, with what was counted as opening stock', async () => {
    const shopId = await createShop(shared.database)
    const result = await importCatalogue(shopId, catalogue)
    expect(result.items).toEqual({ added: 3, alreadyThere: 0, refused: 2 })
    expect(result.codes).toEqual(['4 stock_below_zero', '7 duplicate_code', '8 bad_price', '9 wrong_columns'])
    const { rows } = await shared.database.asOwner(sql`
      select sku, name, description, item_type, retail_price::text, promo_price::text, original_price::text, stock, category, image_url
      from public.items where shop_id = ${shopId} order by sku`)
    expect(rows).toMatchObject([
      { sku: 'Gift wrapping', item_type: 'service', stock: null, retail_price: '1.50', category: 'Services' },
      {
        sku: 'MUG-B',
        name: 'Mug - Blue',
        description: '<p>A mug,\nfor tea</p>',
        retail_price: '7.95',
        promo_price: null,
        original_price: '2.10',
        stock: 12,
        image_url: 'http://pics.example/mug.png',
      },
      {
        sku: 'MUG-R',
        name: 'Mug - Red',
        retail_price: '8.95',
        promo_price: '6.95',
        stock: 0,
        category: 'Kitchen',
      },
    ])
    expect(await findDrift(shared.database)).toEqual([])
  })

  it('adds nothing the second time, and nothing at all in a dry run', async () => {
    const shopId = await createShop(shared.database)
    expect(await importCatalogue(shopId, catalogue, { dryRun: true })).toMatchObject({ items: { added: 3 } })
    expect((await picture(shared.database, shopId)).items).toEqual([])
    await importCatalogue(shopId, catalogue)
    const before = await picture(shared.database, shopId)
    expect(await importCatalogue(shopId, catalogue)).toMatchObject({ items: { added: 0, alreadyThere: 3 } })
    expect(await picture(shared.database, shopId)).toEqual(before)
  })

  it('gives orders of the same shop system their items; what was counted stays as it was', async () => {
    const shopId = await createShop(shared.database)
    await importCatalogue(shopId, catalogue)
    const orders = [
      'Name,Financial Status,Fulfillment Status,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku',
      '#1,paid,fulfilled,2024-01-15 10:30:00 +0000,5,Mug - Blue,7.95,MUG-B',
      '#1,,,,1,Gift wrapping,1.50,',
      '',
    ].join('\n')
    expect(await importText(shared.database, shopId, orders)).toMatchObject({
      items: { added: 0, alreadyThere: 2 },
    })
    expect((await picture(shared.database, shopId)).items).toMatchObject([
      {},
      { sku: 'MUG-B', stock: 12 },
      {},
    ])
    expect(await findDrift(shared.database)).toEqual([])
  })
})
