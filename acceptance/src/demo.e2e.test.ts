import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, must, signUp } from './clients.ts'
import { readLinesByRange, readOrdersByKeyset, readOrdersByRange } from './page-orders.ts'
import { countRetailFile, type RetailFile, sumOf } from './retail-file.ts'
import { runPlinth } from './run-plinth.ts'
import { createDataDir, type Plinth, startPlinth } from './start-plinth.ts'

const december = fileURLToPath(
  new URL('../../systems/shops/demo/online-retail-2010-12.csv.gz', import.meta.url),
)
const shopId = 'de300000-0000-4000-8000-000000002010'

let data: Awaited<ReturnType<typeof createDataDir>>
let plinth: Plinth
let owner: SupabaseClient
let ownerId: string
let stranger: Awaited<ReturnType<typeof signUp>>
let file: RetailFile
beforeAll(async () => {
  data = await createDataDir()
  plinth = await startPlinth({ dataDir: data.dataDir, arguments: ['--demo'] })
  owner = connect(plinth.systems.shops!)
  const credentials = { email: 'owner@demo.example', password: 'demo-owner-2010' }
  ownerId = must(await owner.auth.signInWithPassword(credentials)).user.id
  stranger = await signUp(plinth.systems.shops!, 'stranger')
  file = await countRetailFile(december)
}, 300_000)
afterAll(async () => {
  await plinth.stop()
  await data.remove()
})

describe('the imported December, to its owner', () => {
  it('comes in pages with every order and every line once, and adds up to the file', async () => {
    const orders = await readOrdersByRange(owner, shopId, 300)
    expect(orders).toEqual(file.orders)
    expect(sumOf(orders.values())).toEqual({ lines: 42_481, amount: 748_957_020n })
  })

  it('comes once as well when each page starts after the last order of the one before', async () => {
    expect(await readOrdersByKeyset(owner, shopId, 300)).toEqual(file.orders)
  })

  it('has as many lines, by themselves, as the file', async () => {
    expect(await readLinesByRange(owner, shopId, 5_000)).toEqual(sumOf(file.orders.values()))
  })

  it('is what the import reports', async () => {
    const mine = must(
      await stranger.client
        .from('shops')
        .insert({ name: 'Not yet', owner_id: stranger.userId })
        .select('id')
        .single(),
    ).id as string
    const read = ['import', 'shops', 'orders', december, '--zone', 'Europe/London', '--dry-run', '--json']
    const { stdout } = await runPlinth(data.dataDir, [...read, '--shop', mine])
    expect(JSON.parse(stdout)).toMatchObject({
      lines: file.lines,
      orders: { added: file.orders.size, alreadyThere: 0, refused: 0 },
      orderLines: { added: file.lines, alreadyThere: 0, refused: 0 },
      items: { added: file.items },
      amount: '748957.02',
    })
  })
})

describe('the demonstration', () => {
  const lowStock = (client: SupabaseClient) =>
    client.rpc('get_low_stock_items', { p_shop_id: shopId, p_threshold: 5 }).order('id')

  it('answers the curl that `plinth status` shows with what sold last and is nearly gone', async () => {
    const { stdout } = await runPlinth(data.dataDir, ['status'])
    const [, url, header] = /curl '(\S+get_low_stock_items\S+)' -H 'apikey: (\S+)'/.exec(stdout) ?? []
    const answer = await (await fetch(url!, { headers: { apikey: header! } })).json()
    expect(answer).toHaveLength(5)
    const low = must(await lowStock(owner)) as readonly { name: string; last_sale_date: string | null }[]
    const last = low
      .filter((item) => item.last_sale_date !== null)
      .sort((a, b) => b.last_sale_date!.localeCompare(a.last_sale_date!) || (a.name < b.name ? -1 : 1))
    expect(answer).toMatchObject(
      last.slice(0, 5).map(({ name, last_sale_date }) => ({ name, last_sale_date })),
    )
  })

  it('S-D3: lists as low what the shelf says is low', async () => {
    const low = must(await lowStock(owner)) as readonly { id: string; stock: number }[]
    const shelf = must(
      await owner.from('items').select('id, stock').eq('shop_id', shopId).lt('stock', 5).order('id'),
    )
    expect(low.length).toBeGreaterThan(1_000)
    expect(low.map(({ id, stock }) => ({ id, stock }))).toEqual(shelf)
  })

  it('is nobody else’s: a stranger who signs up sees and changes nothing of it', async () => {
    const { client } = stranger
    for (const table of ['items', 'form_submissions', 'order_lines', 'stock_history', 'low_stock_alerts']) {
      const answer = await client
        .from(table)
        .select('*', { count: 'exact', head: true })
        .eq('shop_id', shopId)
      expect({ table, count: answer.count }).toEqual({ table, count: 0 })
    }
    expect(must(await client.from('shops').select('id').eq('id', shopId))).toEqual([])
    expect((await lowStock(client)).error).not.toBeNull()
    const written = client.from('items').update({ stock: 0 }).eq('shop_id', shopId).eq('sku', '22423')
    expect(must(await written.select('id'))).toEqual([])
  })

  it('AT-5: keeps who set the stock of an item', async () => {
    const item = must(
      await owner.from('items').update({ stock: 500 }).eq('sku', '85123A').select('id').single(),
    )
    const latest = must(
      await owner
        .from('stock_history')
        .select('new_stock, changed_by')
        .eq('item_id', item.id)
        .order('seq', { ascending: false })
        .limit(1)
        .single(),
    )
    expect(latest).toEqual({ new_stock: 500, changed_by: ownerId })
  })
})

describe('the README’s first five minutes', () => {
  it('work as they are printed: orders, a live change, who made it, and the way back', async () => {
    const cakestand = async () =>
      must(await owner.from('items').select('stock').eq('sku', '22423').single()).stock as number
    const before = await cakestand()
    const printed = await runSnippet(plinth, `REGENCY CAKESTAND 3 TIER: ${before} → ${before - 3}`)
    expect(printed.filter((line) => /^\d+ Completed: \d+ lines, the first \d+ × /.test(line))).toHaveLength(5)

    // Realtime may tell of a change before the journal has stored it.
    const changed = { column: 'stock', from: `${before}`, to: `${before - 3}` }
    await expect.poll(async () => (await latestChange()).changes, { timeout: 60_000 }).toContainEqual(changed)
    const change = await latestChange()
    expect(change.actor.user).toBe(ownerId)
    const rewind = (...given: string[]) =>
      runPlinth(data.dataDir, ['rewind', 'shops', shopId, '--to', justBefore(change.committedAt), ...given])
    const verify = runPlinth(data.dataDir, ['journal', 'verify', 'shops'])
    const dry = await rewind('--dry-run')
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('public.items') })
    expect((await verify).stdout).toMatch(/^sound: /)
    expect(await cakestand()).toBe(before - 3)
    expect(await rewind('--yes')).toMatchObject({ code: 0, stderr: expect.stringContaining('To undo it') })
    expect(await cakestand()).toBe(before)
  })

  const latestChange = async () => {
    const shown = ['journal', 'show', 'shops', '--table', 'public.items', '--limit', '1', '--json']
    return JSON.parse((await runPlinth(data.dataDir, shown)).stdout)[0]
  }

  /** As the README says: without its fraction. */
  const justBefore = (instant: string) => instant.replace(/\.\d+Z$/, 'Z')
})

/** Runs the README's JavaScript until it prints the line that is waited for. Gives all it printed. */
async function runSnippet({ systems }: Plinth, awaited: string): Promise<readonly string[]> {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const [, snippet] = /^```js\n(.*?)^```/ms.exec(readme) ?? []
  const { api_url, anon_key } = systems.shops!
  const running = spawn(process.execPath, ['--input-type=module'], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: { ...process.env, API_URL: api_url, ANON_KEY: anon_key },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  running.stdin.end(snippet)
  let printed = ''
  running.stdout.on('data', (text) => {
    printed += text
  })
  try {
    await expect.poll(() => printed.split('\n'), { timeout: 30_000 }).toContain(awaited)
  } finally {
    running.kill()
  }
  return printed.split('\n')
}
