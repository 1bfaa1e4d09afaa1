import { Readable } from 'node:stream'
import { type OpenOwnerSession, openOwnerSession, type ProjectDatabase, sql } from '@plinth/platform/database'
import type { QueryResultRow } from 'pg'
import type { Finding } from '../findings.ts'
import { type ImportOrdersOptions, importOrders } from '../import-orders.ts'

export const retailHeader =
  'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country'

/** A retail file of lines as they stand in it. */
export const retailFile = (...lines: readonly string[]): string => `${[retailHeader, ...lines].join('\n')}\n`

export const bytesOf = (text: string | Buffer): Readable =>
  Readable.from([Buffer.from(text)], { objectMode: false })

/** Sessions as a command gives them to an import. */
export const sessionsOf =
  ({ addresses }: ProjectDatabase): OpenOwnerSession =>
  () =>
    openOwnerSession({ addresses, via: 'import' })

/** A shop without people, in pounds. */
export async function createShop(database: ProjectDatabase, name = 'Import'): Promise<string> {
  const { rows } = await database.asOwner<{ id: string }>(
    sql`insert into public.shops (name, currency, timezone) values (${name}, 'GBP', 'Europe/London') returning id`,
  )
  return rows[0]!.id
}

/** Imports a text, and gives the result with all findings. */
export async function importText(
  database: ProjectDatabase,
  shopId: string,
  text: string | Buffer,
  options: Partial<ImportOrdersOptions> = {},
) {
  const found: Finding[] = []
  const result = await importOrders({
    openSession: sessionsOf(database),
    shopId,
    zone: 'Europe/London',
    source: bytesOf(text),
    report: (finding) => {
      found.push(finding)
    },
    ...options,
  })
  return { ...result, found, codes: found.map(({ line, code }) => `${line} ${code}`) }
}

/** Everything an import can leave behind in a shop, without ids and the moment of writing. */
export async function picture(database: ProjectDatabase, shopId: string) {
  const ask = async (statement: ReturnType<typeof sql>) =>
    (await database.asOwner<QueryResultRow>(statement)).rows
  return {
    items: await ask(sql`select sku, name, item_type, retail_price::text, stock from public.items
      where shop_id = ${shopId} order by sku`),
    orders:
      await ask(sql`select submission_id, status, customer_email, payment_method, discount::text, custom_fields,
        jsonb_array_length(ordered_products) as products, submitted_at::text
      from public.form_submissions where shop_id = ${shopId} order by submission_id`),
    lines:
      await ask(sql`select o.submission_id, l.line_no, i.sku, l.item_name, l.quantity, l.unit_price::text,
        l.amount::text, l.amount_minor::text, l.currency
      from public.order_lines l join public.form_submissions o on o.id = l.order_id join public.items i on i.id = l.item_id
      where l.shop_id = ${shopId} order by 1, 2`),
    stock: await ask(sql`select s.order_ref, s.state, (select jsonb_object_agg(i.sku, d.value)
        from jsonb_each(s.demand) d join public.items i on i.id = d.key::uuid) as demand
      from public.order_stock s where s.shop_id = ${shopId} order by 1`),
    history: await ask(sql`select i.sku, h.change, h.new_stock, h.reason, h.order_ref, h.timestamp::text
      from public.stock_history h join public.items i on i.id = h.item_id
      where h.shop_id = ${shopId} order by i.sku, h.seq`),
  }
}
