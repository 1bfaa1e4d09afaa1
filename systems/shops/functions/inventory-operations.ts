import { type Statement, sql } from '@plinth/platform/database'
import type { FunctionContext } from '@plinth/platform/functions'
import { z } from 'zod'
import { errorOf, type Refusal, withShopErrors } from '../errors.ts'
import { defineFunction } from '../uses.ts'

const update = z.object({
  action: z.literal('update'),
  itemId: z.uuid(),
  change: z.int32(),
  reason: z.string().max(500).optional(),
})

/** Items are read by SQL, which answers line by line what is wrong with them. */
const processOrder = z.object({
  action: z.literal('process_order'),
  shopId: z.uuid(),
  orderId: z.string(),
  orderItems: z.array(z.unknown()),
})

const getLowStock = z.object({
  action: z.literal('get_low_stock'),
  shopId: z.uuid(),
  threshold: z.int32().nullable().default(10),
})

const updated = z.object({
  success: z.literal(true),
  item_id: z.string(),
  previous_stock: z.number(),
  change: z.number(),
  new_stock: z.number(),
})

const processed = z.object({ success: z.literal(true), processed: z.number(), errors: z.array(z.never()) })

const lowStock = z.array(
  z.object({
    id: z.string(),
    name: z.string(),
    stock: z.number(),
    category: z.string().nullable(),
    last_sale_date: z.string().nullable(),
    out_of_stock: z.boolean(),
  }),
)

/** Changes stock, takes an order's units, or lists what runs low (S-F1). SQL checks the caller's shop and role. */
export const inventoryOperations = defineFunction({
  name: 'inventory-operations',
  summary: 'Changes stock, takes the units of an order off the shelf, or lists what runs low.',
  access: 'user',
  input: z.discriminatedUnion('action', [update, processOrder, getLowStock]),
  output: z.union([updated, processed, lowStock]),
  handle: (context, input) => {
    if (input.action === 'update') return updateStock(context, input)
    if (input.action === 'process_order') return takeOrder(context, input)
    return listLowStock(context, input)
  },
})

async function updateStock(context: FunctionContext, { itemId, change, reason }: z.output<typeof update>) {
  const answer = await ask<z.output<typeof updated> | (Refusal & { success: false })>(
    context,
    sql`select public.update_stock(${itemId}, ${change}, ${reason ?? ''}) as answer`,
  )
  if (!answer.success) throw errorOf(answer)
  return answer
}

async function takeOrder(
  context: FunctionContext,
  { shopId, orderId, orderItems }: z.output<typeof processOrder>,
) {
  const answer = await ask<z.output<typeof processed> | { success: false; errors: readonly Refusal[] }>(
    context,
    sql`select public.process_order_stock_changes(${JSON.stringify(orderItems)}::jsonb, ${orderId}, ${shopId}) as answer`,
  )
  if (!answer.success) throw errorOf({ ...answer.errors[0]!, errors: answer.errors })
  return answer
}

async function listLowStock(
  { db }: FunctionContext,
  { shopId, threshold }: z.output<typeof getLowStock>,
): Promise<z.output<typeof lowStock>> {
  const { rows } = await withShopErrors(
    db.query<z.output<typeof lowStock>[number]>(
      sql`select id, name, stock, category, to_json(last_sale_date) #>> '{}' as last_sale_date, out_of_stock
          from public.get_low_stock_items(${shopId}, ${threshold})`,
      { readOnly: true },
    ),
  )
  return rows
}

async function ask<Answer>({ db }: FunctionContext, statement: Statement): Promise<Answer> {
  const { rows } = await withShopErrors(db.query<{ answer: Answer }>(statement))
  return rows[0]!.answer
}
