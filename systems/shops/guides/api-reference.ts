import { shops } from '../system.ts'
import { describeFunction } from './describe-actions.ts'
import { readSqlFunctions, readSqlTables } from './describe-sql.ts'

/** BACKEND_API_REFERENCE.md: what an app calls, with examples that a test runs in their order. */
export async function renderApiReference(): Promise<string> {
  const functions = await readSqlFunctions()
  const tables = await readSqlTables()
  return `# Backend API reference: shops

Written by \`npm run docs\` from the system's declaration. The examples continue each other: an acceptance test runs them in this
order, as they stand here, against a running server. [docs/shops.md](../../docs/shops.md) has the rules;
[BACKEND_SETUP_GUIDE.md](BACKEND_SETUP_GUIDE.md) gets a server to run.

## Connect

\`\`\`ts
import { createClient } from '@supabase/supabase-js'

const supabase = createClient(process.env.VITE_SUPABASE_URL!, process.env.VITE_SUPABASE_ANON_KEY!)

const email = \`owner-\${crypto.randomUUID()}@example.com\`
const { data: account, error: signUpError } = await supabase.auth.signUp({ email, password: 'a long password' })
if (signUpError) throw signUpError
const ownerId = account.user!.id
\`\`\`

A trusted server uses the service key, which passes all policies. It never belongs into an app.

\`\`\`ts
const admin = createClient(process.env.VITE_SUPABASE_URL!, process.env.SERVICE_ROLE_KEY!, {
  auth: { persistSession: false, autoRefreshToken: false },
})
\`\`\`

## Tables

Every table has row level security: members of a shop see its rows, as far as their role allows.

\`\`\`ts
const { data: shop } = await supabase
  .from('shops')
  .insert({ name: 'Corner shop', owner_id: ownerId, currency: 'EUR', timezone: 'Europe/Berlin' })
  .select()
  .single()
  .throwOnError()

const { data: items } = await supabase
  .from('items')
  .insert([
    { shop_id: shop.id, sku: 'MUG', name: 'Mug', retail_price: 9.5, original_price: 4, stock: 20, category: 'Kitchen' },
    { shop_id: shop.id, sku: 'BOWL', name: 'Bowl', retail_price: 12, stock: 8 },
  ])
  .select('*, current_price')
  .throwOnError()
const [mug, bowl] = items!

await supabase.from('items').select('name, stock').eq('shop_id', shop.id).lt('stock', 10).order('stock').throwOnError()
\`\`\`

| table | what |
|---|---|
${tables.map(({ name, comment }) => `| \`${name}\` | ${cell(comment)} |`).join('\n')}

## Orders

An order's status moves stock. Repeating a status changes nothing.

\`\`\`ts
const { data: order } = await supabase
  .from('form_submissions')
  .insert({
    shop_id: shop.id,
    ordered_products: [{ productId: mug.id, quantity: 2, unitPrice: 9.5 }],
    customer_name: 'Cleo',
    customer_email: 'cleo@example.com',
  })
  .select()
  .single()
  .throwOnError() // Pending: two units are held

await supabase.from('form_submissions').update({ status: 'Confirmed' }).eq('id', order.id).throwOnError() // taken

await supabase
  .rpc('return_lines', { p_order_id: order.id, p_lines: [{ line_no: 1, quantity: 1 }], p_key: 'return-1' })
  .throwOnError() // one came back
\`\`\`

## Functions

\`supabase.functions.invoke\` calls them with \`{ action, … }\`. An answer is \`{ success: true, data }\`, a refusal
\`{ success: false, error, code }\` with the status of the code ([docs/errors.md](../../docs/errors.md)).

\`\`\`ts
const { data: updated, error: updateError } = await supabase.functions.invoke('inventory-operations', {
  body: { action: 'update', itemId: mug.id, change: -1, reason: 'Broken' },
})
if (updateError) throw updateError
console.log(updated.data.new_stock)

const today = new Date().toLocaleDateString('en-CA', { timeZone: 'Europe/Berlin' })
const { data: day, error: dayError } = await supabase.functions.invoke('analytics-operations', {
  body: { action: 'generate_daily', shopId: shop.id, date: today },
})
if (dayError) throw dayError
console.log(day.data.revenue_minor)

const { data: platform, error: platformError } = await admin.functions.invoke('admin-operations', {
  body: { action: 'generate_platform_metrics', date: today },
})
if (platformError) throw platformError
console.log(platform.data.active_shops)
\`\`\`

${shops.functions.map(describeFunction).join('\n\n')}

## Database functions

\`supabase.rpc\` calls them.

\`\`\`ts
await supabase.rpc('update_stock', { p_item_id: bowl.id, p_change: 5, p_reason: 'Delivery' }).throwOnError()

const { data: low } = await supabase.rpc('get_low_stock_items', { p_shop_id: shop.id, p_threshold: 20 }).throwOnError()
console.log(low.map((item: { name: string }) => item.name))

const { data: stats } = await supabase.rpc('get_shop_stats', { p_shop_id: shop.id }).throwOnError()
console.log(stats.total_products)
\`\`\`

${functions.map(({ name, parameters, returns, comment }) => `- **\`${name}(${parameters})\`** → \`${returns}\`. ${comment}`).join('\n')}

## Orders by form

These routes need no account. They answer below \`/functions/v1\`, too, where \`supabase.functions.invoke\` finds them.

\`\`\`ts
const { data: form } = await supabase
  .from('forms')
  .insert({
    shop_id: shop.id,
    name: 'Order here',
    all_items: true,
    fields: [
      { key: 'how', label: 'Delivery', type: 'select', options: ['pickup', 'courier'], required: true },
      { key: 'street', label: 'Street', type: 'text', required: true, showIf: { field: 'how', equals: 'courier' } },
    ],
  })
  .select()
  .single()
  .throwOnError()

const customer = createClient(process.env.VITE_SUPABASE_URL!, process.env.VITE_SUPABASE_ANON_KEY!)
const key = crypto.randomUUID() // the customer's device keeps it
const { data: placed, error: placeError } = await customer.functions.invoke(\`order-forms/\${form.id}/orders\`, {
  body: { key, items: [{ id: bowl.id, quantity: 1 }], answers: { how: 'pickup' }, customer: { name: 'Cleo' } },
})
if (placeError) throw placeError

const { data: followed, error: followError } = await customer.functions.invoke(
  \`order-forms/\${form.id}/orders/\${placed.data.id}\`,
  { method: 'GET', headers: { 'x-order-key': key } },
)
if (followError) throw followError
console.log(followed.data.status)
\`\`\`

## Realtime

Subscribe to: ${shops.realtimeTables.map((table) => `\`${table}\``).join(', ')}. A client hears of the rows that it may read.

\`\`\`ts
const heard = new Promise((resolve) => {
  supabase
    .channel('shelf')
    .on('postgres_changes', { event: 'UPDATE', schema: 'public', table: 'items', filter: \`id=eq.\${mug.id}\` }, resolve)
    .subscribe((state) => {
      if (state === 'SUBSCRIBED')
        supabase.rpc('update_stock', { p_item_id: mug.id, p_change: 3, p_reason: 'Found' }).then()
    })
})
await heard
await supabase.removeAllChannels()
\`\`\`

## Errors

Tables and database functions answer \`{ code, message, details, hint }\`; \`details\` has the code of the catalogue and its facts.

\`\`\`ts
const { error: refused } = await supabase
  .from('form_submissions')
  .insert({ shop_id: shop.id, status: 'Confirmed', ordered_products: [{ productId: mug.id, quantity: 1000, unitPrice: 9.5 }] })
if (!refused) throw new Error('there are not so many')
const facts = refused.details as unknown as { code: string; items: { available: number }[] }
console.log(facts.code, facts.items[0]!.available) // insufficient_stock, and what there is

const { error: failed } = await supabase.functions.invoke('inventory-operations', {
  body: { action: 'update', itemId: mug.id, change: -1000, reason: 'Too many' },
})
if (!failed) throw new Error('there are not so many')
const answer = await failed.context.json()
console.log(failed.context.status, answer.code) // 409 insufficient_stock
\`\`\`

## Common patterns

A stock-take that notices a sale in between, a dashboard with the period before, and a list without gaps:

\`\`\`ts
const { data: shelf } = await supabase.from('items').select('id, stock').eq('id', mug.id).single().throwOnError()
const { data: counted } = await supabase
  .rpc('count_stock', { p_shop_id: shop.id, p_counts: [{ item_id: mug.id, counted: 18, expected: shelf.stock }] })
  .throwOnError()
if (!counted.success && counted.code !== 'stock_changed') throw new Error(counted.error)

const { data: summary } = await supabase
  .rpc('get_sales_summary', { p_shop_id: shop.id, p_start_date: today, p_end_date: today })
  .throwOnError()
console.log(summary.period.revenue_minor, summary.previous.revenue_minor)

const { data: page } = await supabase
  .from('form_submissions')
  .select('id, submission_id, submitted_at')
  .eq('shop_id', shop.id)
  .order('submitted_at', { ascending: false })
  .limit(50)
  .throwOnError()
await supabase
  .from('form_submissions')
  .select('id')
  .eq('shop_id', shop.id)
  .lt('submitted_at', page!.at(-1)!.submitted_at)
  .order('submitted_at', { ascending: false })
  .limit(50)
  .throwOnError()
\`\`\`

## Snapshots

\`\`\`ts
const { data: snapshotId } = await supabase
  .rpc('create_backup_snapshot', { p_snapshot_name: \`before-sale-\${shop.id}\`, p_shop_ids: [shop.id] })
  .throwOnError()
let status = 'pending'
while (status !== 'completed') {
  await new Promise((resolve) => setTimeout(resolve, 500))
  const { data: row } = await supabase.from('recovery_snapshots').select('status').eq('id', snapshotId).single().throwOnError()
  status = row.status
  if (status === 'failed') throw new Error('the snapshot failed: backup_logs says why')
}
await supabase.from('items').update({ name: 'Renamed by mistake' }).eq('id', mug.id).throwOnError()
const { data: preview, error: previewError } = await admin.functions.invoke('admin-operations', {
  body: { action: 'restore_snapshot', snapshotId, shopId: shop.id, tables: ['items'] },
})
if (previewError) throw previewError
console.log(preview.data.dry_run, preview.data.tables)
const { error: restoreError } = await admin.functions.invoke('admin-operations', {
  body: { action: 'restore_snapshot', snapshotId, shopId: shop.id, tables: ['items'], dryRun: false },
})
if (restoreError) throw restoreError
const { data: back } = await supabase.from('items').select('name').eq('id', mug.id).single().throwOnError()
if (back.name !== 'Mug') throw new Error('it was not restored')
\`\`\`

## Jobs

| job | when | does |
|---|---|---|
${shops.jobs.map(({ name, summary, schedule }) => `| \`${name}\` | ${schedule ? `\`${schedule.line}\` ${schedule.zone ?? 'UTC'}` : 'as it is queued'} | ${cell(summary)} |`).join('\n')}

Lines of \`*/15\` look at every shop's own clock: the day of a shop ends at its own midnight.
`
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
