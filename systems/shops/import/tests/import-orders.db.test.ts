import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { type ProjectDatabase, sql } from '@plinth/platform/database'
import { actor, waitFor } from '@plinth/testing'
import { describe, expect, it } from 'vitest'
import { findDrift, openShop, useShopDatabase } from '../../tests/shop-fixture.ts'
import { importOrders } from '../import-orders.ts'
import {
  bytesOf,
  createShop,
  importText,
  picture,
  retailFile,
  retailHeader,
  sessionsOf,
} from './import-fixture.ts'

const shared = useShopDatabase()

const mugs = '700001,MUG,BLUE MUG,6,2011-06-01 09:00:00,2.55,17850.0,Norway'
const plates = '700001,PLATE,TIN PLATE,3,2011-06-01 09:00:00,1.005,17850.0,Norway'
const postage = '700001,POST,POSTAGE,1,2011-06-01 09:00:00,18.00,17850.0,Norway'
const moreMugs = '700002,MUG,BLUE MUG,4,2011-06-02 09:00:00,2.55,,United Kingdom'
const mugsBack = 'C700003,MUG,BLUE MUG,-2,2011-06-03 09:00:00,2.55,17850.0,Norway'
const broken = '700004,MUG,smashed,-1,2011-06-04 09:00:00,0,,United Kingdom'
const found = '700005,PLATE,found,5,2011-06-05 09:00:00,0,,United Kingdom'
const badDebt = 'A700006,B,Adjust bad debt,1,2011-06-06 09:00:00,-11062.06,,United Kingdom'

describe('what becomes of a retail file (S-T1)', () => {
  it('makes items, orders with lines, credits, corrections and the history of stock', async () => {
    const shopId = await createShop(shared.database)
    const file = retailFile(mugs, plates, postage, moreMugs, mugsBack, broken, found, badDebt)
    const result = await importText(shared.database, shopId, file)
    expect(result).toMatchObject({
      format: 'retail',
      lines: 8,
      orders: { added: 6, alreadyThere: 0, refused: 0 },
      orderLines: { added: 8 },
      items: { added: 4 },
      amount: '-11020.645',
    })
    const { items, orders, lines, history } = await picture(shared.database, shopId)
    expect(items).toEqual([
      { sku: 'B', name: 'Adjust bad debt', item_type: 'service', retail_price: '0', stock: null },
      { sku: 'MUG', name: 'BLUE MUG', item_type: 'product', retail_price: '2.55', stock: 1 },
      { sku: 'PLATE', name: 'TIN PLATE', item_type: 'product', retail_price: '1.005', stock: 5 },
      { sku: 'POST', name: 'POSTAGE', item_type: 'service', retail_price: '18.00', stock: null },
    ])
    expect(
      orders.map(({ submission_id, status, custom_fields }) => [submission_id, status, custom_fields]),
    ).toEqual([
      ['700001', 'Completed', { kind: 'sale', customer: '17850', country: 'Norway' }],
      ['700002', 'Completed', { kind: 'sale', country: 'United Kingdom' }],
      ['700004', 'Cancelled', { kind: 'adjustment', country: 'United Kingdom' }],
      ['700005', 'Cancelled', { kind: 'adjustment', country: 'United Kingdom' }],
      ['A700006', 'Completed', { kind: 'accounting', country: 'United Kingdom' }],
      [
        'C700003',
        'Completed',
        { kind: 'cancellation', customer: '17850', country: 'Norway', cancels: ['700001'] },
      ],
    ])
    expect(lines.filter(({ submission_id }) => submission_id === '700001')).toMatchObject([
      {
        line_no: 1,
        sku: 'MUG',
        quantity: 6,
        unit_price: '2.55',
        amount: '15.30',
        amount_minor: '1530',
        currency: 'GBP',
      },
      { line_no: 2, sku: 'PLATE', amount: '3.015', amount_minor: '302' },
      { line_no: 3, sku: 'POST', amount: '18.00' },
    ])
    expect(
      history
        .filter(({ sku }) => sku === 'MUG')
        .map((row) => [row.change, row.new_stock, row.reason, row.order_ref]),
    ).toEqual([
      [10, 10, 'Opening stock', null],
      [-6, 4, 'Order 700001: Completed', '700001'],
      [-4, 0, 'Order 700002: Completed', '700002'],
      [2, 2, 'Cancellation C700003', 'C700003'],
      [-1, 1, 'Written off: smashed', '700004'],
    ])
    expect(history.find(({ order_ref }) => order_ref === '700001')?.timestamp).toBe('2011-06-01 08:00:00+00')
    expect(result.codes).toEqual([
      '2 opening_assumed',
      '3 fractional_minor_unit',
      '3 opening_assumed',
      '5 no_customer',
      '7 stock_written_off',
      '8 stock_found',
      '9 accounting_entry',
      '9 negative_price',
    ])
    expect(await findDrift(shared.database)).toEqual([])
  })

  it('leaves the same books as orders that come in one by one', async () => {
    const imported = await createShop(shared.database)
    await importText(shared.database, imported, retailFile(mugs, plates, postage, moreMugs))
    const live = await createShop(shared.database)
    await shared.database.asOwner(sql`
      insert into public.items (shop_id, sku, name, item_type, retail_price, stock, created_at)
      select ${live}, sku, name, item_type, retail_price,
        (select h.new_stock from public.stock_history h where h.item_id = i.id order by seq limit 1),
        '2011-06-01 07:59:59Z'
      from public.items i where shop_id = ${imported}`)
    await shared.database.asOwner(sql`
      insert into public.form_submissions (shop_id, submission_id, status, custom_fields, imported, submitted_at, ordered_products)
      select ${live}, o.submission_id, o.status, o.custom_fields, true, o.submitted_at, (
        select jsonb_agg(jsonb_build_object('productId', mine.id, 'quantity', l.quantity, 'unitPrice', l.unit_price) order by l.line_no)
        from public.order_lines l
        join public.items theirs on theirs.id = l.item_id
        join public.items mine on mine.shop_id = ${live} and mine.sku = theirs.sku
        where l.order_id = o.id)
      from public.form_submissions o where o.shop_id = ${imported}`)
    expect(await picture(shared.database, live)).toEqual(await picture(shared.database, imported))
  })

  it('keeps goods of a customer’s own return, which go back on the shelf when an order is returned later', async () => {
    const shopId = await createShop(shared.database)
    await importText(shared.database, shopId, retailFile(mugs))
    await shared.database.asOwner(
      sql`update public.form_submissions set status = 'Return' where shop_id = ${shopId} and submission_id = '700001'`,
    )
    const { items } = await picture(shared.database, shopId)
    expect(items).toMatchObject([{ sku: 'MUG', stock: 6 }])
    expect(await findDrift(shared.database)).toEqual([])
  })

  it('reads times of the hours that clocks skip and repeat, and says so', async () => {
    const shopId = await createShop(shared.database)
    const skipped = '1,MUG,BLUE MUG,1,2011-03-27 01:30:00,2.55,1.0,Norway'
    const repeated = '2,MUG,BLUE MUG,1,2011-10-30 01:30:00,2.55,1.0,Norway'
    const { codes } = await importText(shared.database, shopId, retailFile(skipped, repeated))
    expect(codes).toEqual(['2 opening_assumed', '2 time_skipped', '3 time_repeated'])
    const { orders } = await picture(shared.database, shopId)
    expect(orders.map(({ submitted_at }) => submitted_at)).toEqual([
      '2011-03-27 01:30:00+00',
      '2011-10-30 00:30:00+00',
    ])
  })

  it('takes orders in the order of their time, however the file is sorted', async () => {
    const sorted = await createShop(shared.database)
    const shuffled = await createShop(shared.database)
    const lines = [mugs, plates, postage, moreMugs, mugsBack, broken, found]
    await importText(shared.database, sorted, retailFile(...lines))
    await importText(
      shared.database,
      shuffled,
      retailFile(found, mugsBack, broken, moreMugs, mugs, plates, postage),
    )
    expect(await picture(shared.database, shuffled)).toEqual(await picture(shared.database, sorted))
  })

  it('leaves a share of what sold on the shelf when asked to', async () => {
    const shopId = await createShop(shared.database)
    await importText(shared.database, shopId, retailFile(mugs, moreMugs), { reserve: 0.25 })
    expect((await picture(shared.database, shopId)).items).toMatchObject([{ sku: 'MUG', stock: 3 }])
  })

  it('keeps formulas as the text they are', async () => {
    const shopId = await createShop(shared.database)
    await importText(
      shared.database,
      shopId,
      retailFile('1,=1+1,"=HYPERLINK(""http://x"")",1,2011-06-01 09:00:00,1,1.0,@SUM(A1)'),
    )
    const { items, orders } = await picture(shared.database, shopId)
    expect(items).toMatchObject([{ sku: '=1+1', name: '=HYPERLINK("http://x")' }])
    expect(orders).toMatchObject([{ custom_fields: { country: '@SUM(A1)' } }])
  })
})

describe('running again', () => {
  it('adds nothing the second time', async () => {
    const shopId = await createShop(shared.database)
    const file = retailFile(mugs, plates, moreMugs, mugsBack)
    await importText(shared.database, shopId, file)
    const before = await picture(shared.database, shopId)
    expect(await importText(shared.database, shopId, file)).toMatchObject({
      orders: { added: 0, alreadyThere: 3 },
      orderLines: { added: 0, alreadyThere: 4 },
      items: { added: 0 },
      movements: 0,
      transactions: 0,
    })
    expect(await picture(shared.database, shopId)).toEqual(before)
  })

  it('goes on where an interrupted import stopped, to the same end', async () => {
    const file = manyOrders(14, 900)
    const whole = await createShop(shared.database)
    await importText(shared.database, whole, file)
    const torn = await createShop(shared.database)
    const stop = new AbortController()
    const interrupted = importText(shared.database, torn, file, {
      signal: stop.signal,
      onProgress: ({ phase }) => phase === 'writing' && stop.abort(),
    })
    await expect(interrupted).rejects.toMatchObject({ name: 'AbortError' })
    const { orders } = await picture(shared.database, torn)
    expect(orders.length).toBeGreaterThan(0)
    expect(orders.length).toBeLessThan(14)
    expect(await findDrift(shared.database)).toEqual([])
    expect(await importText(shared.database, torn, file)).toMatchObject({
      orders: { alreadyThere: orders.length },
    })
    expect(await picture(shared.database, torn)).toEqual(await picture(shared.database, whole))
  })

  it('tops stock up when a later file sells more than an earlier one left', async () => {
    const shopId = await createShop(shared.database)
    await importText(shared.database, shopId, retailFile(mugs))
    await importText(shared.database, shopId, retailFile(moreMugs, mugsBack))
    const { history } = await picture(shared.database, shopId)
    expect(history.map(({ change, new_stock }) => [change, new_stock])).toEqual([
      [6, 6],
      [-6, 0],
      [4, 4],
      [-4, 0],
      [2, 2],
    ])
    expect(await findDrift(shared.database)).toEqual([])
  })

  it('leaves a counted stock as it was counted, whatever sold before', async () => {
    const shopId = await createShop(shared.database)
    await shared.database.asOwner(
      sql`insert into public.items (shop_id, sku, name, stock) values (${shopId}, 'MUG', 'Counted mug', 7)`,
    )
    await importText(shared.database, shopId, retailFile(mugs, moreMugs, mugsBack))
    expect((await picture(shared.database, shopId)).items).toMatchObject([{ name: 'Counted mug', stock: 7 }])
    expect(await findDrift(shared.database)).toEqual([])
  })
})

/** Orders one a minute, each with the same number of lines. */
function manyOrders(orders: number, lines: number): string {
  const rows = Array.from({ length: orders * lines }, (_, index) => {
    const minute = String(Math.floor(index / lines)).padStart(2, '0')
    return `8000${minute},ITEM-${index % 50},THING ${index % 50},${1 + (index % 3)},2011-06-01 09:${minute}:00,1.25,1.0,Norway`
  })
  return retailFile(...rows)
}

describe('transactions', () => {
  it('write at most 10,000 lines each, and an order never in two', async () => {
    const shopId = await createShop(shared.database)
    const { transactions } = await importText(shared.database, shopId, manyOrders(12, 1000))
    expect(transactions).toBe(1 + 2 + 1)
    const { rows } = await shared.database.asOwner<{ most: string; torn: string }>(sql`
      with written as (
        select xmin::text as transaction from public.order_lines where shop_id = ${shopId}
      )
      select (select max(count) from (select count(*) from written group by transaction) t)::text as most,
        (select count(*) from (select order_id from public.order_lines where shop_id = ${shopId}
          group by order_id having count(distinct xmin::text) > 1) o)::text as torn`)
    expect(rows[0]!.most).toBe('10000')
    expect(rows[0]!.torn).toBe('0')
  })

  it('are undone when the books do not add up (import_inconsistent)', async () => {
    const shopId = await createShop(shared.database)
    await shared.database.asOwner({
      text: `create function private.lose_a_line() returns trigger language plpgsql as $$ begin return null; end $$;
        create trigger lose_a_line before insert on public.order_lines for each row
        when (new.item_name = 'TIN PLATE') execute function private.lose_a_line()`,
      values: [],
    })
    try {
      await expect(importText(shared.database, shopId, retailFile(mugs, plates))).rejects.toMatchObject({
        code: 'import_inconsistent',
      })
    } finally {
      await shared.database.asOwner(sql`drop trigger lose_a_line on public.order_lines`)
    }
    expect((await picture(shared.database, shopId)).orders).toEqual([])
    expect(await findDrift(shared.database)).toEqual([])
  })

  it('are planned anew when somebody sells the same goods meanwhile', async () => {
    const shopId = await createShop(shared.database)
    await importText(shared.database, shopId, retailFile(mugs, mugsBack.replace('-2', '-6')))
    let sold = false
    await importText(shared.database, shopId, retailFile(moreMugs), {
      report: async () => {
        if (!sold) await sellAllMugs(shared.database, shopId)
        sold = true
      },
    })
    expect(sold).toBe(true)
    const { items, orders } = await picture(shared.database, shopId)
    expect(items).toMatchObject([{ stock: 0 }])
    expect(orders).toHaveLength(3)
    expect(await findDrift(shared.database)).toEqual([])
  })
})

async function sellAllMugs(database: ProjectDatabase, shopId: string): Promise<void> {
  const { rowCount } = await database.asOwner(
    sql`update public.items set stock = 0 where shop_id = ${shopId} and sku = 'MUG' and stock > 0`,
  )
  expect(rowCount).toBe(1)
}

describe('bad input', () => {
  it('leaves an order out as a whole when one of its lines is refused, and takes it once the file is mended', async () => {
    const shopId = await createShop(shared.database)
    const bad = '700001,PLATE,TIN PLATE,0,2011-06-01 09:00:00,1.005,17850.0,Norway'
    const short = '700009,MUG'
    const first = await importText(shared.database, shopId, retailFile(mugs, bad, moreMugs, short))
    expect(first).toMatchObject({ orders: { added: 1, refused: 2 }, orderLines: { added: 1, refused: 3 } })
    expect(
      first.found.filter(({ severity }) => severity === 'refused').map(({ line, code }) => [line, code]),
    ).toEqual([
      [2, 'order_incomplete'],
      [3, 'zero_quantity'],
      [5, 'wrong_columns'],
    ])
    await importText(shared.database, shopId, retailFile(mugs, plates, moreMugs))
    const { orders } = await picture(shared.database, shopId)
    expect(orders.map(({ submission_id }) => submission_id)).toEqual(['700001', '700002'])
    expect(await findDrift(shared.database)).toEqual([])
  })

  it('refuses a known number with other lines, too many lines, and more units than stock can hold', async () => {
    const shopId = await createShop(shared.database)
    await importText(shared.database, shopId, retailFile(mugs))
    const huge = '2,HUGE,HUGE,2147483647,2011-06-02 09:00:00,1,1.0,Norway'
    const hugeToo = '3,HUGE,HUGE,2147483647,2011-06-03 09:00:00,1,1.0,Norway'
    const long = Array.from({ length: 5000 }, () => '4,LONG,LONG,1,2011-06-03 09:00:00,1,1.0,Norway')
    const result = await importText(shared.database, shopId, retailFile(mugs, plates, huge, hugeToo, ...long))
    expect(result.findings).toMatchObject({ order_differs: 2, stock_out_of_range: 2, order_too_long: 5000 })
    expect(result.orders).toEqual({ added: 0, alreadyThere: 0, refused: 4 })
    expect((await picture(shared.database, shopId)).items).toHaveLength(1)
  })

  it('takes lines that are not UTF-8 as Windows-1252 and names them', async () => {
    const shopId = await createShop(shared.database)
    const file = Buffer.from(retailFile(mugs.replace('BLUE MUG', 'CAF\u00c9 MUG \u00a35')), 'latin1')
    const { codes } = await importText(shared.database, shopId, file)
    expect(codes).toContain('2 read_as_windows_1252')
    expect((await picture(shared.database, shopId)).items).toMatchObject([{ name: 'CAFÉ MUG £5' }])
  })

  it.each([
    ['truncated gzip', () => gzipSync(manyOrders(20, 500)).subarray(0, 5000), 'import_source_damaged'],
    ['an open quote', () => retailFile(mugs, '700002,MUG,"BLUE,1'), 'import_malformed_csv'],
    [
      'a record without end',
      () => retailFile(mugs, `1,MUG,${'x'.repeat(1_100_000)}`),
      'import_record_too_long',
    ],
    ['no header', () => `${mugs}\n${plates}\n`, 'import_unknown_columns'],
    [
      'a header that lacks a column',
      () => `${retailHeader.replace('UnitPrice,', '')}\n`,
      'import_missing_columns',
    ],
    ['an empty file', () => '', 'import_source_empty'],
    ['UTF-16', () => Buffer.from(`\uFEFF${retailFile(mugs)}`, 'utf16le'), 'import_source_encoding'],
  ])('changes nothing for %s', async (_what, file, code) => {
    const shopId = await createShop(shared.database)
    await expect(importText(shared.database, shopId, file())).rejects.toMatchObject({ code })
    expect((await picture(shared.database, shopId)).items).toEqual([])
  })

  it('reports each line of a file that holds nothing usable', async () => {
    const shopId = await createShop(shared.database)
    const result = await importText(shared.database, shopId, retailFile('a', 'b,c', ''))
    expect(result).toMatchObject({ lines: 2, orders: { added: 0 }, items: { added: 0 }, amount: '0' })
    expect(result.codes).toEqual(['2 wrong_columns', '3 wrong_columns'])
  })

  it.each(['00000000-0000-4000-8000-000000000000', 'not-an-id', "'; drop table shops; --"])(
    'knows no shop %s',
    async (shopId) => {
      await expect(importText(shared.database, shopId, retailFile(mugs))).rejects.toMatchObject({
        code: 'import_unknown_shop',
      })
    },
  )

  it('knows no zone Europe/Londn', async () => {
    const shopId = await createShop(shared.database)
    const work = importText(shared.database, shopId, retailFile(mugs), { zone: 'Europe/Londn' })
    await expect(work).rejects.toMatchObject({ code: 'import_unknown_zone' })
  })

  it('refuses a second import into the same shop while one runs', async () => {
    const shopId = await createShop(shared.database)
    const slow = new PassThrough()
    slow.write(`${retailHeader}\n`)
    const first = importOrders({
      openSession: sessionsOf(shared.database),
      shopId,
      zone: 'Europe/London',
      source: slow,
    })
    await waitFor(async () => {
      const { rowCount } = await shared.database.asOwner(
        sql`select from pg_locks l join pg_stat_activity a using (pid)
            where a.datname = current_database() and a.application_name = 'plinth import' and l.locktype = 'advisory'`,
      )
      return rowCount === 1
    })
    await expect(importText(shared.database, shopId, retailFile(mugs))).rejects.toMatchObject({
      code: 'import_running',
    })
    slow.end(`${plates}\n`)
    expect(await first).toMatchObject({ orders: { added: 1 } })
  })
})

describe('alerts', () => {
  it('tell what is low at the end of the import, not what was low on its way', async () => {
    const shopId = await createShop(shared.database)
    const many = mugs.replace(',6,', ',500,')
    await importText(shared.database, shopId, retailFile(many, plates, mugsBack.replace('-2', '-400')))
    const { rows } = await shared.database.asOwner(
      sql`select i.sku, a.stock, a.resolved_at from public.low_stock_alerts a join public.items i on i.id = a.item_id
          where a.shop_id = ${shopId}`,
    )
    expect(rows).toEqual([{ sku: 'PLATE', stock: 0, resolved_at: null }])
    await importText(shared.database, shopId, retailFile(found))
    await importText(
      shared.database,
      shopId,
      retailFile(found.replace('700005', '700015').replace(',5,', ',50,')),
    )
    const { rows: open } = await shared.database.asOwner(
      sql`select from public.low_stock_alerts where shop_id = ${shopId} and resolved_at is null`,
    )
    expect(open).toEqual([])
  })
})

describe('a dry run', () => {
  it('says what an import would do, and does nothing', async () => {
    const shopId = await createShop(shared.database)
    const file = retailFile(mugs, plates, mugsBack, '9,MUG,BLUE MUG,zero,2011-06-01 09:00:00,1,1.0,Norway')
    const dry = await importText(shared.database, shopId, file, { dryRun: true })
    expect(await picture(shared.database, shopId)).toEqual({
      items: [],
      orders: [],
      lines: [],
      stock: [],
      history: [],
    })
    const real = await importText(shared.database, shopId, file)
    const { dryRun: _a, seconds: _b, transactions: _c, ...planned } = dry
    const { dryRun: _d, seconds: _e, transactions: _f, ...done } = real
    expect(planned).toEqual(done)
    expect(dry.dryRun).toBe(true)
  })
})

describe('the report', () => {
  it('is a file of one JSON object per finding, in the order of lines', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plinth-import-'))
    try {
      const shopId = await createShop(shared.database)
      const path = join(folder, 'report.ndjson')
      const result = await importText(shared.database, shopId, retailFile(mugs, mugs, found), {
        report: path,
      })
      const findings = (await readFile(path, 'utf8'))
        .trimEnd()
        .split('\n')
        .map((text) => JSON.parse(text) as unknown)
      expect(findings).toEqual(result.firstFindings)
      expect(findings).toMatchObject([
        { line: 2, severity: 'noted', code: 'opening_assumed' },
        {
          line: 3,
          severity: 'noted',
          code: 'duplicate_line',
          text: 'the same as line 2 of 700001; both are taken',
        },
        { line: 4, severity: 'noted', code: 'stock_found' },
      ])
      const nowhere = importText(shared.database, shopId, retailFile(mugs), {
        report: join(folder, 'no', 'report'),
      })
      await expect(nowhere).rejects.toMatchObject({ code: 'import_report_unwritable' })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})

describe('Shopify orders', () => {
  const header =
    'Name,Email,Financial Status,Fulfillment Status,Currency,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku'
  const paid = '#1001,ada@example.test,paid,fulfilled,GBP,2024-01-15 10:30:00 -0500,2,Mug - Blue,7.95,MUG'
  const second = '#1001,ada@example.test,,,,,1,Tin plate,3.00,PLATE'
  const pending =
    '#1002,bob@example.test,pending,unfulfilled,GBP,2024-01-16 10:30:00 -0500,1,Mug - Blue,7.95,MUG'
  const refunded =
    '#1003,eve@example.test,refunded,fulfilled,GBP,2024-01-17 10:30:00 -0500,5,Mug - Blue,7.95,MUG'
  const dollars = '#1004,eve@example.test,paid,fulfilled,USD,2024-01-17 10:30:00 -0500,5,Mug - Blue,7.95,MUG'

  it('come with their statuses; only what was sold moves stock', async () => {
    const shopId = await createShop(shared.database)
    const file = [header, paid, second, pending, refunded, dollars, ''].join('\n')
    const result = await importText(shared.database, shopId, file)
    expect(result).toMatchObject({ format: 'shopify-orders', orders: { added: 3, refused: 1 } })
    expect(result.codes).toContain('6 mixed_currency')
    const { orders, stock, history } = await picture(shared.database, shopId)
    expect(
      orders.map(({ submission_id, status, customer_email }) => [submission_id, status, customer_email]),
    ).toEqual([
      ['#1001', 'Completed', 'ada@example.test'],
      ['#1002', 'Pending', 'bob@example.test'],
      ['#1003', 'Return', 'eve@example.test'],
    ])
    expect(stock).toEqual([
      { order_ref: '#1001', state: 'taken', demand: { MUG: 2, PLATE: 1 } },
      { order_ref: '#1002', state: 'held', demand: { MUG: 1 } },
      { order_ref: '#1003', state: 'none', demand: { MUG: 5 } },
    ])
    expect(history.filter(({ order_ref }) => order_ref !== null)).toHaveLength(2)
  })

  it('that are pending take their units when they are confirmed, if these are free', async () => {
    const shopId = await createShop(shared.database)
    await importText(shared.database, shopId, [header, paid, pending, ''].join('\n'))
    const confirm = sql`update public.form_submissions set status = 'Confirmed' where shop_id = ${shopId} and submission_id = '#1002'`
    await expect(shared.database.asOwner(confirm)).rejects.toThrow('Insufficient stock')
    await shared.database.asOwner(
      sql`update public.items set stock = 3 where shop_id = ${shopId} and sku = 'MUG'`,
    )
    await shared.database.asOwner(confirm)
    expect((await picture(shared.database, shopId)).items).toMatchObject([{ sku: 'MUG', stock: 2 }])
    expect(await findDrift(shared.database)).toEqual([])
  })
})

it('lets nobody but the owner’s own session write orders without their stock', async () => {
  const ada = actor('ada')
  const shopId = await openShop(shared.database, ada)
  await shared.database.asOwner(
    sql`insert into public.items (id, shop_id, name, stock) values (${shopId}, ${shopId}, 'Mug', 5)`,
  )
  await shared.database.transactionAs(ada, async ({ query }) => {
    await query(sql`select set_config('plinth.importing', 'on', true)`)
    await query(sql`insert into public.form_submissions (shop_id, submission_id, status, ordered_products)
      values (${shopId}, 'sly', 'Confirmed', ${JSON.stringify([{ productId: shopId, quantity: 2, unitPrice: 1 }])}::jsonb)`)
  })
  const { rows } = await shared.database.asOwner(sql`select stock from public.items where id = ${shopId}`)
  expect(rows).toEqual([{ stock: 3 }])
})

it('reads from a stream as from a file', async () => {
  const shopId = await createShop(shared.database)
  const source = bytesOf(gzipSync(retailFile(mugs)))
  const result = await importOrders({
    openSession: sessionsOf(shared.database),
    shopId,
    zone: 'Europe/London',
    source,
  })
  expect(result).toMatchObject({ orders: { added: 1 }, findings: { opening_assumed: 1 } })
})
