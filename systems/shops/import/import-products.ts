import { performance } from 'node:perf_hooks'
import { importErrors } from './errors.ts'
import type { Remark } from './findings.ts'
import { detectFormat } from './formats/detect-format.ts'
import { type ProductFormat, shopifyProductsFormat } from './formats/shopify-products.ts'
import type { ImportOptions, ImportResult } from './import-options.ts'
import { type ImportSession, importTransaction, withSession } from './open-session.ts'
import { progressStep } from './progress.ts'
import { readSql } from './read-sql.ts'
import { type OpenedSource, openSource } from './source/open-source.ts'
import { type CsvRecord, readRecords } from './source/read-records.ts'
import { copyRows, type StagedValue } from './stage-lines.ts'
import { openReport, writeReport } from './write-report.ts'

export const productFormats: readonly ProductFormat[] = [shopifyProductsFormat]

export type ImportProductsOptions = ImportOptions

export interface ImportProductsResult extends ImportResult {
  readonly format: ProductFormat['name']
  readonly items: { readonly added: number; readonly alreadyThere: number; readonly refused: number }
}

const columns = [
  'line',
  'code',
  'name',
  'description',
  'service',
  'price',
  'compare_at_price',
  'cost',
  'counted',
  'category',
  'image_url',
  'remarks',
] as const

/** New rows of a transaction: an item has its opening movement and its pool. */
const itemsPerTransaction = 3_000

/**
 * Imports the catalogue of another system with what it counted in stock. An item that the shop has by its code is
 * left as it is, so running the same file again adds nothing. Fails with a code of `importErrors`.
 */
export async function importProducts(options: ImportProductsOptions): Promise<ImportProductsResult> {
  const started = performance.now()
  const opened = await openSource(options.source)
  const report = options.report === undefined ? undefined : await openReport(options.report)
  try {
    return await withSession({ addresses: options.addresses, shopId: options.shopId }, async (session) => {
      const { lines } = await stageProducts(session, opened, options)
      await session.client.query(readSql('plan-products'))
      const items = await countItems(session)
      const findings = await writeReport(session, report)
      if (!options.dryRun) await writeProducts(session, opened, items.added, options)
      return {
        shopId: session.shop.id,
        format: shopifyProductsFormat.name,
        dryRun: options.dryRun ?? false,
        lines,
        items,
        findings: findings.counts,
        firstFindings: findings.first,
        seconds: (performance.now() - started) / 1000,
      }
    })
  } finally {
    await report?.close()
  }
}

async function stageProducts(session: ImportSession, opened: OpenedSource, options: ImportProductsOptions) {
  const records = readRecords(opened, options.signal)
  const first = await records.next()
  if (first.done) throw importErrors.import_source_empty({ source: opened.name })
  const { places, width } = detectFormat(first.value.fields, productFormats, opened.name)
  await session.client.query(readSql('stage'))
  await session.client.query(readSql('stage-products'))
  await session.client.query(
    'insert into import_run (shop_id, currency, format, reserve) values ($1, $2, $3, 0)',
    [session.shop.id, session.shop.currency, shopifyProductsFormat.name],
  )
  const read = shopifyProductsFormat.createReader(places)
  const state = { lines: 0 }
  const rows = async function* () {
    for await (const record of records) {
      state.lines += 1
      if (state.lines % progressStep === 0) tell(opened, options, 'reading', state.lines, null)
      yield stageRow(record, width, read)
    }
    tell(opened, options, 'reading', state.lines, null)
  }
  await copyRows(session, 'import_products', columns, rows())
  return state
}

function stageRow(
  { line, fields, foreign }: CsvRecord,
  width: number,
  read: ReturnType<ProductFormat['createReader']>,
): readonly StagedValue[] {
  const wrong: Remark = ['wrong_columns', `${fields.length} columns where the header has ${width}`]
  const reading = fields.length === width ? read(fields) : { line: null, remarks: [wrong] }
  const remarks: readonly Remark[] = foreign
    ? [...reading.remarks, ['read_as_windows_1252', 'bytes that are not UTF-8 were read as Windows-1252']]
    : reading.remarks
  const product = reading.line
  const said = remarks.length > 0 ? JSON.stringify(remarks) : null
  if (!product) return [line, null, null, null, null, null, null, null, null, null, null, said]
  const { code, name, description, service, price, compareAtPrice, cost, counted, category, imageUrl } =
    product
  return [
    line,
    code,
    name,
    description,
    service,
    price,
    compareAtPrice,
    cost,
    counted,
    category,
    imageUrl,
    said,
  ]
}

async function countItems({ client }: ImportSession): Promise<ImportProductsResult['items']> {
  const { rows } = await client.query<{ items: ImportProductsResult['items'] }>(
    `select jsonb_build_object(
       'added', (select count(*) from import_new_products),
       'alreadyThere', (select count(distinct code) from import_products) - (select count(*) from import_new_products),
       'refused', (select count(*) from import_products where code is null and remarks is not null)) as items`,
  )
  return rows[0]!.items
}

async function writeProducts(
  session: ImportSession,
  opened: OpenedSource,
  count: number,
  options: ImportProductsOptions,
): Promise<void> {
  for (let first = 0; first < count; first += itemsPerTransaction) {
    options.signal?.throwIfAborted()
    const last = Math.min(count, first + itemsPerTransaction)
    const work = () => session.client.query(readSql('write-products'), [first, last])
    await importTransaction(session, `products of ${opened.name}`, work, { isLast: last === count })
    tell(opened, options, 'writing', last, count)
  }
}

function tell(
  opened: OpenedSource,
  { onProgress }: ImportProductsOptions,
  phase: 'reading' | 'writing',
  lines: number,
  linesTotal: number | null,
): void {
  onProgress?.({ phase, lines, linesTotal, bytesRead: opened.readBytes(), bytesTotal: opened.totalBytes })
}
