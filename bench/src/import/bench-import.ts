import { execFile } from 'node:child_process'
import { createReadStream, existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createGunzip } from 'node:zlib'
import { demoFile } from '@plinth/shops/demo'
import type { ImportOrdersResult } from '@plinth/shops/import'
import { from as copyFrom } from 'pg-copy-streams'
import { type Figure, median } from '../figure.ts'
import { type BenchTarget, openImportBench, withClient } from './open-import-bench.ts'

const run = promisify(execFile)

const besideTheRepository = fileURLToPath(
  new URL('../../../../shared/data/online-retail.csv.gz', import.meta.url),
)

/** What the data's own description says of the whole year. */
const wholeYear = { lines: 541_909, orders: 25_900, items: 4_070, amount: '9747747.934' }

/**
 * The import of a year of retail beside plain set-based SQL that builds the same rows from a staged table. The file
 * is `PLINTH_TEST_RETAIL_CSV`, else the one beside the repository; without either, the shipped December stands in, and
 * the figures say so.
 */
export async function* benchImport(
  file = process.env.PLINTH_TEST_RETAIL_CSV ?? besideTheRepository,
): AsyncIterable<Figure> {
  const isWhole = existsSync(file)
  const source = isWhole ? file : demoFile
  const what = isWhole ? 'import: a year of orders' : 'import: December only, the full year is not here'
  const bench = await openImportBench()
  try {
    const december = await measure(await bench.createTarget('december'), demoFile)
    const before = await buildPlain(await bench.createTarget('plain_before'), source)
    const target = await bench.createTarget('imported')
    const { result, seconds, peak } = await measure(target, source)
    const after = await buildPlain(await bench.createTarget('plain_after'), source)
    if (isWhole) requireFigures(result)
    const plain = median([before, after])
    yield figure(`${what}, lines`, result.orderLines.added, 'lines', null, null, isWhole ? '541909' : null)
    yield figure(
      what,
      seconds,
      's',
      plain / seconds,
      'plain set-based SQL',
      isWhole ? '≤ 90 s, ratio ≥ 0.5' : 'ratio ≥ 0.5',
    )
    yield figure('import: rate', result.orderLines.added / seconds, 'lines/s', null, null, null)
    yield figure('import: plain set-based SQL from a staged table', plain, 's', null, null, null)
    yield figure(
      'import: peak memory of the process',
      peak,
      'MB',
      december.peak / peak,
      'a thirteenth of the lines',
      'flat',
    )
    const again = await measure(target, source)
    yield figure('import: the same file again, which adds nothing', again.seconds, 's', null, null, null)
    yield figure('import: the demonstration (December)', december.seconds, 's', null, null, '< 10 s')
  } finally {
    await bench.close()
  }
}

interface Measured {
  readonly result: ImportOrdersResult
  readonly seconds: number
  /** Highest resident size of the importing process, megabytes. */
  readonly peak: number
}

async function measure({ addresses, shopId }: BenchTarget, source: string): Promise<Measured> {
  const script = fileURLToPath(new URL('run-import.ts', import.meta.url))
  const { stdout } = await run(process.execPath, [script, addresses.ownerDirect, shopId, source])
  return JSON.parse(stdout) as Measured
}

/** Seconds from a staged table to all rows; staging itself is not counted. */
async function buildPlain({ addresses }: BenchTarget, source: string): Promise<number> {
  const read = (name: string) => readFile(new URL(name, import.meta.url), 'utf8')
  return withClient(addresses.ownerDirect, async (client) => {
    await client.query(await read('stage-plain.sql'))
    const columns = 'document, code, description, quantity, at, unit_price, customer, country'
    const copy = client.query(copyFrom(`copy staged (${columns}) from stdin with (format csv, header)`))
    await pipeline(createReadStream(source), createGunzip(), copy)
    await client.query('analyze staged')
    const started = performance.now()
    await client.query(await read('build-plain.sql'))
    return (performance.now() - started) / 1000
  })
}

/** A fast import of something else would be worth nothing. */
function requireFigures({ orderLines, orders, items, amount }: ImportOrdersResult): void {
  const got = { lines: orderLines.added, orders: orders.added, items: items.added, amount }
  if (JSON.stringify(got) !== JSON.stringify(wholeYear))
    throw new Error(`The import gave ${JSON.stringify(got)}, the file holds ${JSON.stringify(wholeYear)}.`)
}

function figure(
  name: string,
  value: number,
  unit: string,
  ratio: number | null,
  against: string | null,
  goal: string | null,
): Figure {
  return { name, value, unit, ratio, against, goal }
}
