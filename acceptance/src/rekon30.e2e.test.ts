import type { RealtimeChannel, SupabaseClient } from '@supabase/supabase-js'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { must, signUp } from './clients.ts'
import { runPlinth } from './run-plinth.ts'
import { createDataDir, type Plinth, type SystemStatus, startPlinth } from './start-plinth.ts'

let data: Awaited<ReturnType<typeof createDataDir>>
let plinth: Plinth
let rekon30: SystemStatus
let admin: Awaited<ReturnType<typeof signUp>>
let owner: Awaited<ReturnType<typeof signUp>>
let business: string
let product: string

beforeAll(async () => {
  data = await createDataDir()
  plinth = await startPlinth({ dataDir: data.dataDir, arguments: ['rekon30'] })
  rekon30 = plinth.systems['rekon30']!
  admin = await signUp(rekon30, 'admin')
  owner = await signUp(rekon30, 'ama')
})
afterAll(async () => {
  await plinth?.stop()
  await data?.remove()
})

const invoke = async (client: SupabaseClient, name: string, body: object) =>
  must(await client.functions.invoke(name, { body }))

const joined = (channel: RealtimeChannel): Promise<void> =>
  new Promise((resolve, reject) =>
    channel.subscribe((status, error) => {
      if (status === 'SUBSCRIBED') resolve()
      else if (status !== 'CLOSED') reject(error ?? new Error(status))
    }),
  )

/** Broadcasts of a type that the super admins' channel brings, from now on. */
async function listen(client: SupabaseClient) {
  const heard: { event: string; payload: Record<string, unknown> }[] = []
  await client.realtime.setAuth()
  const channel = client
    .channel('super-admin-dashboard', { config: { private: true } })
    .on('broadcast', { event: '*' }, ({ event, payload }) => void heard.push({ event, payload }))
  await joined(channel)
  return heard
}

const salesOf = async () =>
  must(
    await owner.client
      .from('sales')
      .select('sale_number, total, sale_lines(quantity, amount)')
      .order('sale_number'),
  )

describe('a day of rekon30', () => {
  it('the first super admin comes by command; the last active one stays (R-O11)', async () => {
    const run = (...given: string[]) => runPlinth(data.dataDir, ['rekon30', 'admin', ...given])
    expect(await run('add', admin.email)).toMatchObject({
      code: 0,
      stdout: `${admin.email} is a super admin.\n`,
    })
    const last = await run('suspend', admin.email)
    expect(last.code).not.toBe(0)
    expect(last.stderr).toContain('last active super admin')
  })

  it('a business registers, its payment is verified, and the super admin hears of both (R-O7)', async () => {
    const heard = await listen(admin.client)
    const registered = await owner.client
      .from('businesses')
      .insert({ business_name: 'Corner shop', owner_id: owner.userId, plan: 'basic' })
      .select('id')
      .single()
    business = must(registered).id
    const paid = await invoke(admin.client, 'payment-verification', {
      business_id: business,
      payment_amount: 1500,
      payment_method: 'bank_transfer',
      payment_reference: 'TXN123456',
      verified_by: admin.userId,
    })
    expect(paid).toMatchObject({ success: true, payment_status: 'paid' })
    await expect
      .poll(() => heard.map(({ event }) => event))
      .toEqual(expect.arrayContaining(['new_business', 'payment_verified']))
    await admin.client.removeAllChannels()
  })

  it('sells', async () => {
    product = must(
      await owner.client
        .from('products')
        .insert({ business_id: business, name: 'Rice', price: 12.5 })
        .select('id')
        .single(),
    ).id
    must(await owner.client.rpc('adjust_stock', { p_product_id: product, p_change: 20, p_kind: 'purchase' }))
    for (const quantity of [1, 2, 3]) {
      const sold = await owner.client.rpc('record_sale', {
        p_business_id: business,
        p_lines: [{ product_id: product, quantity }],
        p_payments: [{ amount: quantity * 12.5, method: 'cash' }],
      })
      expect(must(sold)).toMatchObject({ due: 0 })
    }
    expect(await salesOf()).toHaveLength(3)
  })

  it('loses a table to a mistake, gets it back, and back again (R-F1, R-F3)', async () => {
    const before = await salesOf()
    const made = await invoke(admin.client, 'backup-system', { business_id: business, backup_type: 'full' })
    expect(made).toMatchObject({ success: true, filename: expect.stringContaining(`backup-${business}-`) })
    // No role of the API may delete sales: it takes the owner of the database.
    const operator = new pg.Client({ connectionString: rekon30.db_url })
    await operator.connect()
    for (const table of ['payments', 'stock_movements', 'sales'])
      await operator.query(`delete from public.${table} where business_id = $1`, [business])
    await operator.end()
    expect(await salesOf()).toEqual([])

    const byCommand = await runPlinth(data.dataDir, ['backup', 'restore', 'rekon30', made.backup_id])
    expect(byCommand.stderr).toContain('[restore_not_confirmed]')
    const whole = await runPlinth(data.dataDir, ['backup', 'restore-project', 'rekon30', '--yes'])
    expect(whole.stderr).toContain('[restore_while_served]')
    expect(await salesOf()).toEqual([])
    const restore = { business_id: business, backup_id: made.backup_id, restore_type: 'full' }
    const shown = await invoke(admin.client, 'data-restore', { ...restore, preview: true })
    expect(shown.tables).toContainEqual({ table: 'public.sales', added: 3, changed: 0, removed: 0 })
    const done = await invoke(admin.client, 'data-restore', restore)
    expect(await salesOf()).toEqual(before)
    await invoke(admin.client, 'data-restore', { ...restore, backup_id: done.undo_backup_id })
    expect(await salesOf()).toEqual([])
    await invoke(admin.client, 'data-restore', restore)
    const stock = await owner.client.from('products').select('stock').eq('id', product).single()
    expect([await salesOf(), must(stock).stock]).toEqual([before, 14])
    const asked = must(await admin.client.from('restore_requests').select('status'))
    expect(asked.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed'])
  })

  it('the printed crontab line backs everybody up (R-O9)', async () => {
    const answer = await fetch(`${rekon30.api_url}/functions/v1/cron-backup`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${rekon30.service_role_key}`, 'Content-Type': 'application/json' },
    })
    expect(await answer.json()).toMatchObject({ success: true, total: 1, failed: 0 })
  })
})
