import { performance } from 'node:perf_hooks'
import { importErrors } from './errors.ts'
import type { Remark } from './findings.ts'
import { detectFormat } from './formats/detect-format.ts'
import type { LineReader, OrderFormat } from './formats/order-format.ts'
import { longestName } from './formats/read-fields.ts'
import { retailFormat } from './formats/retail.ts'
import { shopifyOrdersFormat } from './formats/shopify-orders.ts'
import type { ImportOptions, ImportResult } from './import-options.ts'
import { type ImportSession, withSession } from './open-session.ts'
import { type OnProgress, progressStep } from './progress.ts'
import { readSql } from './read-sql.ts'
import { createTimeReader, type TimeReader } from './source/local-time.ts'
import { type OpenedSource, openSource } from './source/open-source.ts'
import { type CsvRecord, readRecords } from './source/read-records.ts'
import { copyRows, type StagedValue } from './stage-lines.ts'
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
  'line',
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
  try {
    return await withSession({ addresses: options.addresses, shopId: options.shopId }, async (session) => {
      const staged = await stageOrders(session, opened, readTime, options)
      const tell = tellFrom(opened, options.onProgress)
      tell({ phase: 'planning', lines: 0, linesTotal: staged.lines })
      const plan = await planOrders(session)
      await session.client.query(readSql('find-oddities'))
      const findings = await writeReport(session, report)
      const done = options.dryRun
        ? { transactions: 0 }
        : await writeOrders(session, {
            source: opened.name,
            onLines: (lines) => tell({ phase: 'writing', lines, linesTotal: plan.orderLines.added }),
            ...(options.signal ? { signal: options.signal } : {}),
          })
      return {
        shopId: session.shop.id,
        format: staged.format,
        dryRun: options.dryRun ?? false,
        lines: staged.lines,
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

type Tell = (part: {
  phase: 'reading' | 'planning' | 'writing'
  lines: number
  linesTotal: number | null
}) => void

function tellFrom(opened: OpenedSource, onProgress?: OnProgress): Tell {
  return (part) => onProgress?.({ ...part, bytesRead: opened.readBytes(), bytesTotal: opened.totalBytes })
}

/** Reads the whole file into the session's temporary tables. */
async function stageOrders(
  session: ImportSession,
  opened: OpenedSource,
  readTime: TimeReader,
  options: ImportOrdersOptions,
) {
  const records = readRecords(opened, options.signal)
  const first = await records.next()
  if (first.done) throw importErrors.import_source_empty({ source: opened.name })
  const { format, places, width } = detectFormat(
    first.value.fields,
    orderFormats,
    opened.name,
    options.format,
  )
  await session.client.query(readSql('stage'))
  await session.client.query(
    'insert into import_run (shop_id, currency, format, reserve) values ($1, $2, $3, $4)',
    [session.shop.id, session.shop.currency, format.name, options.reserve ?? 0],
  )
  const state = { lines: 0 }
  const tell = tellFrom(opened, options.onProgress)
  const read = format.createReader(places, readTime)
  const document = places.get(format.columns[0] ?? '') ?? 0
  await copyRows(
    session,
    'import_lines',
    columns,
    stagedRows(records, { read, width, document }, state, tell),
  )
  await session.client.query(readSql('index-lines'))
  return { format: format.name, lines: state.lines }
}

interface RowReader {
  readonly read: LineReader
  readonly width: number
  /** Where the order's number stands. */
  readonly document: number
}

async function* stagedRows(
  records: AsyncIterable<CsvRecord>,
  reader: RowReader,
  state: { lines: number },
  tell: Tell,
): AsyncGenerator<readonly StagedValue[]> {
  for await (const record of records) {
    state.lines += 1
    if (state.lines % progressStep === 0) tell({ phase: 'reading', lines: state.lines, linesTotal: null })
    yield stageRow(record, reader)
  }
  tell({ phase: 'reading', lines: state.lines, linesTotal: null })
}

/** The order that a refused line belongs to, so that it is left out as a whole; null when no order can be called so. */
function ownerOf(text: string | null | undefined): string | null {
  const owner = text?.trim().replaceAll('\0', '') ?? ''
  return owner === '' || owner.length > longestName ? null : owner
}

function stageRow(
  { line, fields, foreign }: CsvRecord,
  { read, width, document }: RowReader,
): readonly StagedValue[] {
  if (fields.length !== width) {
    const owner = ownerOf(fields[document])
    const remark: Remark = ['wrong_columns', `${fields.length} columns where the header has ${width}`]
    return [line, owner, null, null, null, null, null, null, null, null, null, null, JSON.stringify([remark])]
  }
  const reading = read(fields)
  const remarks: readonly Remark[] = foreign
    ? [...reading.remarks, ['read_as_windows_1252', 'bytes that are not UTF-8 were read as Windows-1252']]
    : reading.remarks
  const said = remarks.length > 0 ? JSON.stringify(remarks) : null
  const row = reading.line
  if (!row) {
    const owner = ownerOf(reading.document)
    return [line, owner, null, null, null, null, null, null, null, null, null, null, said]
  }
  return [
    line,
    row.document,
    row.kind,
    row.code,
    row.description,
    row.quantity,
    row.unitPrice,
    row.at,
    row.customer,
    row.country,
    row.service,
    row.order ? JSON.stringify(row.order) : null,
    said,
  ]
}
