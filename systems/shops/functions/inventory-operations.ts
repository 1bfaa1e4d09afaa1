import { ask, sql } from '@plinth/platform/database'
import { defineAction, defineActions } from '@plinth/platform/routes'
import { z } from 'zod'
import { errorOf, type Refusal } from '../errors.ts'
import { type ListedItem, readStockList, writeStockList } from '../stock-list/stock-list.ts'
import { defineFunction } from '../uses.ts'

const updated = z.object({
  success: z.literal(true),
  item_id: z.string(),
  previous_stock: z.number(),
  change: z.number(),
  new_stock: z.number(),
})

const processed = z.object({ success: z.literal(true), processed: z.number(), errors: z.array(z.never()) })

const lowStock = z.object({
  id: z.string(),
  name: z.string(),
  stock: z.number(),
  category: z.string().nullable(),
  last_sale_date: z.string().nullable(),
  out_of_stock: z.boolean(),
})

const update = defineAction({
  input: z.object({
    itemId: z.uuid(),
    change: z.int32(),
    reason: z.string().max(500).optional(),
    kind: z.enum(['adjustment', 'count', 'return', 'shrinkage']).default('adjustment'),
  }),
  output: updated,
  handle: async ({ db }, { itemId, change, reason, kind }) => {
    const answer = await ask<z.output<typeof updated> | (Refusal & { success: false })>(
      db,
      sql`select public.update_stock(${itemId}, ${change}, ${reason ?? ''}, p_kind => ${kind}) as answer`,
    )
    if (!answer.success) throw errorOf(answer)
    return answer
  },
})

const processOrder = defineAction({
  // Items are read by SQL, which answers line by line what is wrong with them.
  input: z.object({ shopId: z.uuid(), orderId: z.string(), orderItems: z.array(z.unknown()) }),
  output: processed,
  handle: async ({ db }, { shopId, orderId, orderItems }) => {
    const answer = await ask<z.output<typeof processed> | { success: false; errors: readonly Refusal[] }>(
      db,
      sql`select public.process_order_stock_changes(${JSON.stringify(orderItems)}::jsonb, ${orderId}, ${shopId}) as answer`,
    )
    if (!answer.success) throw errorOf({ ...answer.errors[0]!, errors: answer.errors })
    return answer
  },
})

const counted = z.object({
  success: z.literal(true),
  counted: z.number(),
  changes: z.array(
    z.object({ item_id: z.string(), before: z.number(), after: z.number(), change: z.number() }),
  ),
})

const countStock = defineAction({
  input: z.object({ shopId: z.uuid(), counts: z.array(z.unknown()), reason: z.string().max(500).optional() }),
  output: counted,
  handle: async ({ db }, { shopId, counts, reason }) => {
    const answer = await ask<z.output<typeof counted> | (Refusal & { success: false })>(
      db,
      sql`select public.count_stock(${shopId}, ${JSON.stringify(counts)}::jsonb, ${reason ?? ''}) as answer`,
    )
    if (!answer.success) throw errorOf(answer)
    return answer
  },
})

const exportStock = defineAction({
  input: z.object({ shopId: z.uuid() }),
  output: z.object({ csv: z.string(), items: z.number() }),
  handle: async ({ db }, { shopId }) => {
    const { rows } = await db.query<ListedItem & Record<string, unknown>>(
      sql`select id, sku, name, category, retail_price::text, stock from public.items
          where shop_id = ${shopId} and item_type = 'product' and not has_variants order by name, id`,
      { readOnly: true },
    )
    return { csv: writeStockList(rows), items: rows.length }
  },
})

const importStock = defineAction({
  input: z.object({ shopId: z.uuid(), csv: z.string().max(1_000_000), dryRun: z.boolean().default(true) }),
  output: counted,
  handle: async ({ db }, { shopId, csv, dryRun }) => {
    const lines = await readStockList(csv)
    const skus = lines.flatMap(({ id, sku }) => (id === null && sku !== null ? [sku] : []))
    const { rows } = await db.query<{ id: string; sku: string }>(
      sql`select id, sku from public.items where shop_id = ${shopId} and sku = any (${skus}::text[])`,
      { readOnly: true },
    )
    const bySku = new Map(rows.map(({ id, sku }) => [sku, id]))
    const counts = lines.map(({ line, id, sku, counted, expected }) => ({
      line,
      item_id: id ?? bySku.get(sku ?? '') ?? sku,
      counted,
      expected,
    }))
    const answer = await ask<z.output<typeof counted> | (Refusal & { success: false })>(
      db,
      sql`select public.count_stock(${shopId}, ${JSON.stringify(counts)}::jsonb, 'Stock list', 'import', ${dryRun}) as answer`,
    )
    if (!answer.success) throw errorOf(answer)
    return answer
  },
})

const getLowStock = defineAction({
  input: z.object({ shopId: z.uuid(), threshold: z.int32().nullable().default(10) }),
  output: z.array(lowStock),
  handle: async ({ db }, { shopId, threshold }) => {
    const statement = sql`
      select id, name, stock, category, to_json(last_sale_date) #>> '{}' as last_sale_date, out_of_stock
      from public.get_low_stock_items(${shopId}, ${threshold})`
    const { rows } = await db.query<z.output<typeof lowStock>>(statement, { readOnly: true })
    return rows
  },
})

/** Changes stock, takes an order's units, or lists what runs low (S-F1). SQL checks the caller's shop and role. */
export const inventoryOperations = defineFunction({
  name: 'inventory-operations',
  summary:
    'Changes, counts, exports or imports stock, takes the units of an order off the shelf, or lists what runs low.',
  access: 'user',
  ...defineActions({
    update,
    process_order: processOrder,
    count_stock: countStock,
    get_low_stock: getLowStock,
    export_stock: exportStock,
    import_stock: importStock,
  }),
})
