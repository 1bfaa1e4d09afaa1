import { performance } from 'node:perf_hooks'
import { type CsvRecord, createTimeReader, type Header, openSource } from '@plinth/platform/tabular'
import type { LineReading, OrderFormat } from './formats/order-format.ts'
import { longestName } from './formats/read-fields.ts'
import { retailFormat } from './formats/retail.ts'
import { shopifyOrdersFormat } from './formats/shopify-orders.ts'
import type { ImportOptions, ImportResult } from './import-options.ts'
import { withSession } from './open-session.ts'
import { readSql } from './read-sql.ts'
import { type StagedRow, stageFile, stageRemarks, wrongColumns } from './stage-file.ts'
import { planOrders, writeOrders } from './write-orders.ts'
import { openReport, writeReport } from './write-report.ts'

export const orderFormats: readonly OrderFormat[] = [retailFormat, shopifyOrdersFormat]

export interface ImportOrdersOptions extends ImportOptions {
  /** IANA zone of times that carry none. */
  readonly zone: string
  /** Default: what the header says. */
  readonly format?: OrderFormat['name']
  /** Share of the units a new item sells in the file that is left on its shelf at the end, for what no file knows.
   * From 0; default 0: only what must have been there. */
  readonly reserve?: number
}

/** What an import did, or with `dryRun` would have done. */
export interface ImportOrdersResult extends ImportResult {
  readonly format: OrderFormat['name']
  readonly orders: { readonly added: number; readonly alreadyThere: number; readonly refused: number }
  readonly orderLines: { readonly added: number; readonly alreadyThere: number; readonly refused: number }
  readonly items: { readonly added: number; readonly alreadyThere: number }
  /** Movements of stock, opening balances not counted. */
  readonly movements: number
  /** Sum of quantity × price of the added lines: exact decimal text, major units. */
  readonly amount: string
  /** Transactions that were committed. */
  readonly transactions: number
}

const columns = [
  'document',
  'kind',
  'code',
  'description',
  'quantity',
  'unit_price',
  'at',
  'customer',
  'country',
  'service',
  'facts',
  'remarks',
] as const

/**
 * Imports the orders of another system: items, orders with lines, cancellations, and the history of stock.
 *
 * The file is read and judged as a whole before anything is written, so a file that cannot be read changes nothing.
 * Then orders are written in the order of their time, whole, in transactions of at most 10,000 lines. Safe to run
 * again: an order that the shop has is left alone, so an import that was interrupted goes on where it stopped.
 * Fails with a code of `importErrors`; `docs/import.md` says what becomes of each kind of line.
 */
export async function importOrders(options: ImportOrdersOptions): Promise<ImportOrdersResult> {
  const started = performance.now()
  const readTime = createTimeReader(options.zone)
  const opened = await openSource(options.source)
  const report = options.report === undefined ? undefined : await openReport(options.report)
  const tell = (phase: 'planning' | 'writing', lines: number, linesTotal: number) =>
    options.onProgress?.({
      phase,
      lines,
      linesTotal,
      bytesRead: opened.readBytes(),
      bytesTotal: opened.totalBytes,
    })
  try {
    return await withSession(options.openSession, options.shopId, async (session) => {
      const values = { decimalSign: options.decimalSign ?? 'either', readTime }
      const { format, lines } = await stageFile(session, opened, options, {
        formats: orderFormats,
        format: options.format,
        reserve: options.reserve ?? 0,
        table: 'import_lines',
        columns,
        createRowReader: (found, header) =>
          createRowReader(found, header, found.createReader(header, values)),
      })
      await session.query(readSql('index-lines'))
      tell('planning', 0, lines)
      const plan = await planOrders(session)
      await session.query(readSql('find-oddities'))
      const findings = await writeReport(session, report)
      const done = options.dryRun
        ? { transactions: 0 }
        : await writeOrders(session, {
            source: opened.name,
            onLines: (written) => tell('writing', written, plan.orderLines.added),
            ...(options.signal ? { signal: options.signal } : {}),
          })
      return {
        shopId: session.shop.id,
        format: format.name,
        dryRun: options.dryRun ?? false,
        lines,
        refusedLines: plan.orderLines.refused,
        ...plan,
        ...done,
        findings: findings.counts,
        firstFindings: findings.first,
        seconds: (performance.now() - started) / 1000,
      }
    })
  } finally {
    await report?.close()
  }
}

/** What turns the records of a file into rows of `import_lines`: the line, or whose it is and why it is refused. */
function createRowReader(
  format: OrderFormat,
  header: Header,
  read: (fields: readonly string[]) => LineReading,
) {
  const documentPlace = header.places.get(format.columns[0] ?? '') ?? 0
  return (record: CsvRecord): StagedRow<(typeof columns)[number]> => {
    const { fields } = record
    if (fields.length !== header.columns.length) {
      const remarks = stageRemarks(record, [wrongColumns(record, header)])
      return { document: orderNumber(fields[documentPlace]), remarks }
    }
    const { document, line, remarks } = read(fields)
    if (!line) return { document: orderNumber(document), remarks: stageRemarks(record, remarks) }
    const { unitPrice, order, ...same } = line
    const facts = order ? JSON.stringify(order) : null
    return { ...same, unit_price: unitPrice, facts, remarks: stageRemarks(record, remarks) }
  }
}

/** The order that a refused line belongs to, so that it is left out as a whole; null when no order can be called so. */
function orderNumber(text: string | null | undefined): string | null {
  const number = text?.trim().replaceAll('\0', '') ?? ''
  return number === '' || number.length > longestName ? null : number
}
