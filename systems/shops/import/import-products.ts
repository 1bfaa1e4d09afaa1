import { performance } from 'node:perf_hooks'
import {
  type CsvRecord,
  createTimeReader,
  type Header,
  type OpenedSource,
  openSource,
} from '@plinth/platform/tabular'
import { type ProductFormat, type ProductReading, shopifyProductsFormat } from './formats/shopify-products.ts'
import type { ImportOptions, ImportResult } from './import-options.ts'
import { type ImportSession, importTransaction, withSession } from './open-session.ts'
import { readSql } from './read-sql.ts'
import { type StagedRow, stageFile, stageRemarks, wrongColumns } from './stage-file.ts'
import { openReport, writeReport } from './write-report.ts'

export const productFormats: readonly ProductFormat[] = [shopifyProductsFormat]

export type ImportProductsOptions = ImportOptions

export interface ImportProductsResult extends ImportResult {
  readonly format: ProductFormat['name']
  readonly items: { readonly added: number; readonly alreadyThere: number; readonly refused: number }
}

const columns = [
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
    return await withSession(options.openSession, options.shopId, async (session) => {
      // A catalogue has no times.
      const values = { decimalSign: options.decimalSign ?? 'either', readTime: createTimeReader('UTC') }
      const { format, lines } = await stageFile(session, opened, options, {
        formats: productFormats,
        format: undefined,
        reserve: 0,
        table: 'import_products',
        tableSql: 'stage-products',
        columns,
        createRowReader: (found, header) => createRowReader(header, found.createReader(header, values)),
      })
      await session.query(readSql('plan-products'))
      const items = await countItems(session)
      const findings = await writeReport(session, report)
      if (!options.dryRun) await writeProducts(session, opened, items.added, options)
      return {
        shopId: session.shop.id,
        format: format.name,
        dryRun: options.dryRun ?? false,
        lines,
        refusedLines: items.refused,
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

/** What turns the records of a file into rows of `import_products`. */
function createRowReader(header: Header, read: (fields: readonly string[]) => ProductReading) {
  return (record: CsvRecord): StagedRow<(typeof columns)[number]> => {
    if (record.fields.length !== header.columns.length) {
      return { remarks: stageRemarks(record, [wrongColumns(record, header)]) }
    }
    const { line, remarks } = read(record.fields)
    if (!line) return { remarks: stageRemarks(record, remarks) }
    const { compareAtPrice, imageUrl, ...same } = line
    return {
      ...same,
      compare_at_price: compareAtPrice,
      image_url: imageUrl,
      remarks: stageRemarks(record, remarks),
    }
  }
}

async function countItems(session: ImportSession): Promise<ImportProductsResult['items']> {
  const { rows } = await session.query<{ items: ImportProductsResult['items'] }>(
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
    const work = () => session.query(readSql('write-products'), [first, last])
    await importTransaction(session, `products of ${opened.name}`, work, { isLast: last === count })
    options.onProgress?.({
      phase: 'writing',
      lines: last,
      linesTotal: count,
      bytesRead: opened.readBytes(),
      bytesTotal: opened.totalBytes,
    })
  }
}
