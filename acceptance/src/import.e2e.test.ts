import type { ChildProcess } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { must, signUp } from './clients.ts'
import { runPlinth } from './run-plinth.ts'
import { createDataDir, type Plinth, startPlinth } from './start-plinth.ts'

const columns = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country'

/** Two sales, one of them taken back in part, and something that broke. */
const spring = [
  columns,
  '700001,MUG,"Mug, blue",10,2020-03-28 09:15:00,2.50,501.0,United Kingdom',
  '700001,POST,Postage,1,2020-03-28 09:15:00,4.995,501.0,United Kingdom',
  '700002,MUG,"Mug, blue",4,2020-03-29 10:00:00,2.50,502.0,France',
  'C700003,MUG,"Mug, blue",-3,2020-03-30 11:00:00,2.50,501.0,United Kingdom',
  '700004,BOWL,broken,-2,2020-03-31 12:00:00,0,,United Kingdom',
]
const inSpring = { orders: 4, orderLines: 5, items: 3, amount: '32.495' }

let data: Awaited<ReturnType<typeof createDataDir>>
let plinth: Plinth
let owner: SupabaseClient
let ownerId: string
let shopId: string
beforeAll(async () => {
  data = await createDataDir()
  plinth = await startPlinth({ dataDir: data.dataDir })
  const account = await signUp(plinth.systems.shops!, 'importer')
  owner = account.client
  ownerId = account.userId
  shopId = await openShop('Spring')
})
afterAll(async () => {
  await plinth.stop()
  await data.remove()
})

const openShop = async (name: string) =>
  must(await owner.from('shops').insert({ name, owner_id: ownerId }).select('id').single()).id as string

async function write(name: string, lines: readonly string[]): Promise<string> {
  const path = join(data.dataDir, name)
  await writeFile(path, `${lines.join('\n')}\n`)
  return path
}

const command = (file: string, shop: string, ...given: string[]) => [
  ...['import', 'shops', 'orders', file, '--shop', shop, '--zone', 'Europe/London'],
  ...given,
]
const importFile = (file: string, shop: string, ...given: string[]) =>
  runPlinth(data.dataDir, command(file, shop, ...given))

/** The report of an import that must go well; progress does not belong on the standard output. */
async function report(file: string, shop: string, ...given: string[]) {
  const { code, stdout, stderr } = await importFile(file, shop, '--json', ...given)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

const countOf = async (table: string, shop: string) => {
  const { count, error } = await owner
    .from(table)
    .select('*', { count: 'exact', head: true })
    .eq('shop_id', shop)
  if (error) throw error
  return count!
}
const countShop = async (shop: string) => ({
  orders: await countOf('form_submissions', shop),
  orderLines: await countOf('order_lines', shop),
  items: await countOf('items', shop),
})

describe('plinth import beside a server', () => {
  it('reads columns under other names, and decimal commas', async () => {
    const names = 'Rechnung;StockCode;Text;Quantity;InvoiceDate;Preis = brutto;CustomerID;Country'
    const german = await write('german.csv', [names, 'G1;TASSE;Tasse;2;2020-03-28 09:15:00;1.234,50;7;DE'])
    const given = [
      '--map',
      'Rechnung=InvoiceNo',
      '--map',
      'Text=Description',
      '--map',
      'Preis = brutto=UnitPrice',
    ]
    const shop = await openShop('German')
    expect(await report(german, shop, ...given, '--decimal', 'comma')).toMatchObject({ amount: '2469.00' })
    const { code, stderr } = await importFile(german, shop, '--map', 'Rechnung')
    expect({ code, stderr: stderr.includes('their column=our column') }).toEqual({ code: 1, stderr: true })
  })

  it('fails when every line was refused, and says where to look', async () => {
    const bad = await write('all-bad.csv', [columns, '700001,MUG,Mug,two,2020-03-28 09:15:00,2.50,1,UK'])
    const { code, stdout, stderr } = await importFile(bad, shopId)
    expect(code).toBe(1)
    expect(stdout).toContain('bad_quantity')
    expect(stderr).toContain('[import_all_refused]')
  })

  let file: string
  beforeAll(async () => {
    file = await write('spring.csv', spring)
  })

  it('says with --dry-run what it would do, and does nothing', async () => {
    expect(await report(file, shopId, '--dry-run')).toMatchObject({
      dryRun: true,
      lines: 5,
      orders: { added: inSpring.orders, alreadyThere: 0, refused: 0 },
      orderLines: { added: inSpring.orderLines, alreadyThere: 0, refused: 0 },
      items: { added: inSpring.items },
      amount: inSpring.amount,
      transactions: 0,
    })
    expect(await countShop(shopId)).toEqual({ orders: 0, orderLines: 0, items: 0 })
  })

  it('brings orders, lines and stock in, in the zone that it was told', async () => {
    expect(await report(file, shopId)).toMatchObject({ dryRun: false, orders: { added: inSpring.orders } })
    const { orders, orderLines, items } = inSpring
    expect(await countShop(shopId)).toEqual({ orders, orderLines, items })
    const mugs = must(
      await owner.from('items').select('id, stock').eq('shop_id', shopId).eq('sku', 'MUG').single(),
    )
    expect(mugs.stock).toBe(3)
    const sold = must(
      await owner
        .from('form_submissions')
        .select('submission_id, submitted_at')
        .eq('shop_id', shopId)
        .order('submitted_at'),
    )
    expect(
      sold.map(({ submission_id, submitted_at }) => [submission_id, new Date(submitted_at).toISOString()]),
    ).toEqual([
      ['700001', '2020-03-28T09:15:00.000Z'],
      ['700002', '2020-03-29T09:00:00.000Z'],
      ['C700003', '2020-03-30T10:00:00.000Z'],
      ['700004', '2020-03-31T11:00:00.000Z'],
    ])
  })

  it('adds nothing the second time, and says so to people too', async () => {
    const again = await importFile(file, shopId)
    expect(again).toMatchObject({ code: 0, stderr: '' })
    expect(again.stdout).toMatch(/^orders: 0 added.* 4 already there$/m)
    expect(await countOf('form_submissions', shopId)).toBe(inSpring.orders)
  })

  it('ends with one clear line for what it cannot import, and changes nothing', async () => {
    const broken = await write('broken.csv', [
      ...spring,
      '700005,MUG,"never closed,1,2020-04-01 09:00:00,2.5,,UK',
    ])
    const strange = await write('strange.csv', ['name,age', 'Ann,7'])
    const other = await openShop('Other')
    const refusals = [
      [command(broken, shopId), 'import_malformed_csv'],
      [command(strange, other), 'import_unknown_columns'],
      [command(join(data.dataDir, 'missing.csv'), shopId), 'import_source_missing'],
      [command(file, '00000000-0000-4000-8000-000000000000'), 'import_unknown_shop'],
      [command(file, 'the-shop'), 'import_unknown_shop'],
      [command(file, other, '--zone', 'Europe/Londn'), 'import_unknown_zone'],
    ] as const
    const ended = refusals.map(async ([given, code]) =>
      requireOneLine(await runPlinth(data.dataDir, given), code),
    )
    await Promise.all(ended)
    expect(await countShop(other)).toEqual({ orders: 0, orderLines: 0, items: 0 })
    expect(await countOf('form_submissions', shopId)).toBe(inSpring.orders)
  })

  it('keeps what is committed at a Ctrl-C, and completes it when it is run again', async () => {
    const shop = await openShop('Interrupted')
    const long = await write('long.csv', manyOrders)
    const interrupt = async (running: ChildProcess) => {
      await expect
        .poll(() => countOf('form_submissions', shop), { interval: 20, timeout: 60_000 })
        .toBeGreaterThan(0)
      running.kill('SIGINT')
    }
    const interrupted: Promise<void>[] = []
    const outcome = await runPlinth(data.dataDir, command(long, shop, '--json'), {
      onStart: (running) => interrupted.push(interrupt(running)),
    })
    await Promise.all(interrupted)
    requireOneLine(outcome, 'import_interrupted')
    const kept = await countOf('form_submissions', shop)
    expect(kept).toBeGreaterThan(0)
    expect(kept).toBeLessThan(2_500)
    expect(await countOf('order_lines', shop)).toBe(kept * 10)

    expect(await report(long, shop)).toMatchObject({
      orders: { added: 2_500 - kept, alreadyThere: kept, refused: 0 },
      items: { added: 0, alreadyThere: 100 },
    })
    expect(await countShop(shop)).toEqual({ orders: 2_500, orderLines: 25_000, items: 100 })
  })
})

describe('plinth import without a server', () => {
  beforeAll(() => plinth.stop())

  it('starts PostgreSQL itself; another one at the same time is told to wait', async () => {
    const file = await write('autumn.csv', [
      columns,
      '700009,CUP,Cup,2,2020-10-01 09:00:00,3.10,,United Kingdom',
    ])
    const both = await Promise.all([importFile(file, shopId, '--json'), importFile(file, shopId, '--json')])
    const [done, ...more] = both.filter(({ code }) => code === 0)
    expect(more).toEqual([])
    expect(JSON.parse(done!.stdout)).toMatchObject({ orders: { added: 1 }, amount: '6.20' })
    requireOneLine(both.find(({ code }) => code !== 0)!, 'data_folder_in_use')
    expect(await report(file, shopId)).toMatchObject({ orders: { added: 0, alreadyThere: 1 } })
  })
})

/** Orders of ten lines, more than two transactions take. */
const manyOrders = [
  columns,
  ...Array.from({ length: 25_000 }, (_, line) => {
    const order = Math.floor(line / 10)
    const at = new Date(Date.UTC(2021, 0, 1, 9, order)).toISOString().slice(0, 19).replace('T', ' ')
    return `${800_000 + order},SKU-${line % 100},Thing ${line % 100},${1 + (line % 7)},${at},1.25,77.0,United Kingdom`
  }),
]

/** A message, and what to do about it with the code. */
function requireOneLine(outcome: { code: number; stdout: string; stderr: string }, code: string): void {
  expect(outcome).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(`[${code}]`) })
  expect(outcome.stderr.trim().split('\n')).toHaveLength(2)
}
