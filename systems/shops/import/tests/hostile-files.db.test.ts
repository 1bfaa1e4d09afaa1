import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip, gzipSync } from 'node:zlib'
import { hasCode } from '@plinth/platform/kernel'
import { waitFor } from '@plinth/testing'
import { makeWorkbook } from '@plinth/testing/workbook'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findDrift, useShopDatabase } from '../../tests/shop-fixture.ts'
import { importOrders } from '../import-orders.ts'
import { createShop, importText, picture, retailFile, retailHeader, sessionsOf } from './import-fixture.ts'

const isLong = process.env.PLINTH_TEST_LONG === '1'
const shared = useShopDatabase()
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plinth-hostile-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const line = (number: string, code = 'MUG', customer = '1') =>
  `${number},${code},BLUE MUG,1,2011-06-01 09:00:00,2.55,${customer},Norway`

/** Text that nothing compresses: indexes have no trick left. */
function noise(length: number, from = 0x4e00): string {
  let state = 7
  return Array.from({ length }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return String.fromCodePoint(from + ((state >> 8) % 20_000))
  }).join('')
}

describe('text that is too long for what it names', () => {
  it.each([
    ['an order number that no order can have', line(`N${'1'.repeat(300)}`)],
    ['an order number that no index can hold, in a line with too few columns', `${noise(5000)},MUG`],
    ['a code and a customer that no index can hold', line('700002', noise(450), noise(450, 0x5000))],
  ])('%s is a refused line', async (_, bad) => {
    const shopId = await createShop(shared.database)
    const { orders, found } = await importText(shared.database, shopId, retailFile(line('700001'), bad))
    expect(orders).toMatchObject({ added: 1 })
    const severities = found.filter(({ line }) => line === 3).map(({ severity }) => severity)
    expect(new Set(severities)).toEqual(new Set(['refused']))
  })
})

describe('line ends', () => {
  it.each([
    ['CRLF', '\r\n'],
    ['a lone CR, as old spreadsheets write', '\r'],
  ])('of %s are line ends, a byte order mark is none', async (_, end) => {
    const shopId = await createShop(shared.database)
    const text = [retailHeader, line('700001'), line('700002', 'CAF\u00c9'), 'x'].join(end)
    const file = Buffer.concat([Buffer.from('\uFEFF'), Buffer.from(text)])
    const { orders, codes } = await importText(shared.database, shopId, file)
    expect(orders).toMatchObject({ added: 2 })
    expect(codes.filter((code) => !code.endsWith('opening_assumed'))).toEqual(['4 wrong_columns'])
    const latin = Buffer.from(
      [retailHeader, line('700003'), line('700004', 'CAF\u00c9'), ''].join(end),
      'latin1',
    )
    const again = await importText(shared.database, shopId, latin)
    expect(again.codes).toContain('3 read_as_windows_1252')
    expect(again.codes).not.toContain('2 read_as_windows_1252')
    expect((await picture(shared.database, shopId)).items.map(({ sku }) => sku)).toEqual(['CAF\u00c9', 'MUG'])
  })

  it('that are lone CRs do not make a file one endless line', async () => {
    const shopId = await createShop(shared.database)
    const lines = Array.from({ length: isLong ? 20_000 : 5_000 }, (_, n) => line(`N${n % 100}`))
    const { orders } = await importText(shared.database, shopId, [retailHeader, ...lines].join('\r'))
    expect(orders).toMatchObject({ added: 100, refused: 0 })
  })
})

describe('bombs', () => {
  /** A file in a process of its own: what it ended with, and by how many megabytes its memory grew. */
  async function importInChild(shopId: string, file: string) {
    const child = spawn(process.execPath, [
      new URL('./import-in-child.ts', import.meta.url).pathname,
      shared.database.addresses.ownerDirect,
      shopId,
      file,
    ])
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        said += String(chunk)
      })
    }
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, said, grown: Number(/"grownMegabytes":(\d+)/.exec(said)?.[1] ?? Number.NaN) }
  }

  it.each<[string, (n: number) => string, number, string]>([
    [
      'hundreds of megabytes of nothing',
      () => 'x'.repeat(1_000_000),
      isLong ? 300 : 20,
      'import_record_too_long',
    ],
    [
      'a field that does not end',
      (n: number) => (n === 0 ? '"' : 'y\n'.repeat(500_000)),
      isLong ? 100 : 10,
      'import_record_too_long',
    ],
    ['ten million columns', () => ','.repeat(1_000_000), 10, 'import_record_too_long'],
    ['millions of columns in lines that fit', () => `${','.repeat(900_000)}\n`, isLong ? 11 : 2, 'added'],
  ])('%s', { timeout: 60_000 }, async (_, block, times, ends) => {
    const file = join(folder, 'bomb.csv.gz')
    const text = function* () {
      yield `${retailHeader}\n${line('700001')}\n`
      for (let n = 0; n < times; n += 1) yield block(n)
    }
    await pipeline(Readable.from(text()), createGzip({ level: 1 }), createWriteStream(file))
    const shopId = await createShop(shared.database)
    const { said } = await importInChild(shopId, file)
    expect(said).toContain(ends)
  })

  it('dates of a megabyte each are not kept', { timeout: 60_000 }, async () => {
    const file = join(folder, 'dates.csv.gz')
    const text = function* () {
      yield `${retailHeader}\n${line('700001')}\n`
      for (let n = 0; n < (isLong ? 120 : 40); n += 1) {
        yield `${line(`N${n}`).replace('2011-06-01 09:00:00', `${n}${'9'.repeat(900_000)}`)}\n`
      }
    }
    await pipeline(Readable.from(text()), createGzip({ level: 1 }), createWriteStream(file))
    const { code, grown } = await importInChild(await createShop(shared.database), file)
    expect(code).toBe(0)
    expect(grown).toBeLessThan(120)
  })
})

it('a process that was killed in the middle is gone on with, to the same end (kill -9)', {
  timeout: 120_000,
}, async () => {
  const lines = Array.from({ length: 13_000 }, (_, n) => line(`K${n % 650}`, `CODE-${n % 50}`))
  const text = retailFile(...lines)
  const file = join(folder, 'killed.csv.gz')
  await writeFile(file, gzipSync(text))
  const torn = await createShop(shared.database)
  const child = spawn(process.execPath, [
    new URL('./import-in-child.ts', import.meta.url).pathname,
    shared.database.addresses.ownerDirect,
    torn,
    file,
  ])
  for await (const chunk of child.stdout) if (String(chunk).includes('writing')) break
  child.kill('SIGKILL')
  await once(child, 'close')
  const { orders } = await picture(shared.database, torn)
  expect(orders.length).toBeGreaterThan(0)
  expect(orders.length).toBeLessThan(650)
  // The lock of the dead import goes with its server process, within a second.
  const again = () =>
    importOrders({
      openSession: sessionsOf(shared.database),
      shopId: torn,
      source: file,
      zone: 'Europe/London',
    })
  let result: Awaited<ReturnType<typeof again>> | undefined
  await waitFor(async () => {
    result = await again().catch((error: unknown) => {
      if (hasCode(error, 'import_running')) return undefined
      throw error
    })
    return result !== undefined
  })
  expect(result?.orders.added).toBeGreaterThan(0)
  expect(result!.orders.added + result!.orders.alreadyThere).toBe(650)
  const whole = await createShop(shared.database)
  await importText(shared.database, whole, text)
  expect(await picture(shared.database, torn)).toEqual(await picture(shared.database, whole))
  expect(await findDrift(shared.database)).toEqual([])
})

describe('a workbook', () => {
  it('is read as the same rows in CSV are, whatever sign its reader expects', async () => {
    const rows = [
      ['700001', 'MUG', 'BLUE MUG', 2, new Date('2011-06-01T09:00:00Z'), 1234.55, 17850, 'Norway'],
      [700002, 'CUP', 'Tasse <groß>', 1, new Date('2011-06-02T00:00:00Z'), 0.1 + 0.2, null, 'Norway'],
    ]
    const bytes = makeWorkbook([retailHeader.split(','), ...rows])
    const csv = [
      '700001,MUG,BLUE MUG,2,2011-06-01 09:00:00,1234.55,17850,Norway',
      '700002,CUP,Tasse <groß>,1,2011-06-02 00:00:00,0.3,,Norway',
    ]
    const [fromCsv, ...shops] = await Promise.all([1, 2, 3].map(() => createShop(shared.database)))
    await importText(shared.database, fromCsv!, [retailHeader, ...csv, ''].join('\n'))
    for (const [index, decimalSign] of (['either', 'comma'] as const).entries()) {
      await importText(shared.database, shops[index]!, bytes, { decimalSign })
      expect(await picture(shared.database, shops[index]!)).toEqual(await picture(shared.database, fromCsv!))
    }
  })
})

describe('a header', () => {
  const refusalOf = async (header: string, columns = {}) => {
    const shopId = await createShop(shared.database)
    return importText(shared.database, shopId, `${header}\n${line('700001')}\n`, { columns }).then(
      () => 'imported',
      (error: { code: string }) => error.code,
    )
  }

  it('that names a column twice is refused: nobody can tell which one counts', async () => {
    expect(await refusalOf(retailHeader.replace('CustomerID', 'UnitPrice'))).toBe('import_duplicate_column')
    expect(await refusalOf(retailHeader, { CustomerID: 'UnitPrice' })).toBe('import_duplicate_column')
  })

  it('is read under the names that were given', async () => {
    expect(await refusalOf(retailHeader.replace('InvoiceNo', 'Nr'), { Nr: 'InvoiceNo' })).toBe('imported')
    expect(await refusalOf(retailHeader, { Nr: 'InvoiceNo' })).toBe('import_unknown_column')
  })
})
