import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CsvError, type Info, parse } from 'csv-parse'
import { decodeLines } from './decode-lines.ts'
import { tabularErrors } from './errors.ts'
import { explainSourceFailure, type OpenedSource } from './open-source.ts'
import type { DecimalSign } from './read-decimal.ts'
import type { OpenWorkbook } from './workbook/open-workbook.ts'
import { readSheet } from './workbook/read-sheet.ts'

/** One record of a CSV file, or one row of a workbook's first sheet. */
export interface CsvRecord {
  /** The line of the file on which the record starts, from 1 (the header is line 1). */
  readonly line: number
  readonly fields: readonly string[]
  /** True when the record's bytes were not UTF-8 and were read as Windows-1252. */
  readonly foreign: boolean
}

/** Most characters of one record; a quote that is never closed meets this bound instead of the memory's. */
export const recordLimit = 1_000_000

/**
 * The records of a source, the header first, as a stream: at most a few hundred are in memory at once.
 * Fails with `import_malformed_csv`, `import_record_too_long`, `import_source_damaged`, `import_source_missing`,
 * `import_workbook_unreadable`. `decimalSign`: how the caller reads numbers; those of a workbook are written so.
 *
 * A quoting mistake in CSV ends the whole file rather than being skipped: after it nobody can tell where records start.
 */
export function readRecords(
  opened: OpenedSource,
  signal?: AbortSignal,
  decimalSign: DecimalSign = 'either',
): AsyncGenerator<CsvRecord> {
  return opened.openWorkbook
    ? readRows(opened.openWorkbook, opened.name, decimalSign, signal)
    : readCsv(opened, signal)
}

async function* readRows(
  open: () => Promise<OpenWorkbook>,
  source: string,
  decimalSign: DecimalSign,
  signal: AbortSignal | undefined,
): AsyncGenerator<CsvRecord> {
  let workbook: OpenWorkbook | undefined
  try {
    workbook = await open()
    for await (const row of readSheet(workbook.zip, { decimalSign, longestRow: recordLimit })) {
      signal?.throwIfAborted()
      yield { ...row, foreign: false }
    }
  } catch (error) {
    throw explainSourceFailure(error, source)
  } finally {
    await workbook?.close()
  }
}

async function* readCsv(opened: OpenedSource, signal?: AbortSignal): AsyncGenerator<CsvRecord> {
  const foreignLines = new Set<number>()
  const decoder = decodeLines({
    source: opened.name,
    limit: recordLimit,
    onForeignLine: (line) => foreignLines.add(line),
  })
  const text = new PassThrough()
  const failures: unknown[] = []
  const keep = (error: unknown) => {
    failures.push(error)
  }
  const feeding = pipeline([...opened.stages, decoder, text], signal ? { signal } : {}).catch(keep)
  const delimiter = await findDelimiter(text).catch(() => ',')
  let parsed = 0
  const parser = createParser(delimiter, (line) => {
    parsed = line
  })
  const parsing = pipeline(text, parser).catch(keep)
  // The parser counts a CRLF inside quotes twice.
  let surplus = 0
  try {
    for await (const fields of parser as AsyncIterable<string[]>) {
      const counted = Number(fields.pop())
      const breaks = countIn(fields, '\n')
      if (breaks > 0) surplus += countIn(fields, '\r\n')
      const end = counted - surplus
      const line = end - breaks
      yield { line, fields, foreign: foreignLines.size > 0 && takeForeign(foreignLines, line, end) }
    }
  } catch (error) {
    throw explain(failures[0] ?? error, opened.name, parsed + 1)
  } finally {
    text.destroy()
    parser.destroy()
    await Promise.all([feeding, parsing])
  }
}

function createParser(delimiter: string, onParsed: (line: number) => void) {
  return parse({
    bom: true,
    delimiter,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: recordLimit,
    // The line on which the record ends rides along as a last field.
    on_record: (fields: string[], { lines }: Info) => {
      onParsed(lines)
      fields.push(String(lines))
      return fields
    },
  })
}

/** Spreadsheets write semicolons or tabs where the comma is the decimal sign. */
async function findDelimiter(text: PassThrough): Promise<string> {
  if (text.readableLength === 0) await once(text, 'readable')
  const chunk = (text.read() as Buffer | null) ?? Buffer.alloc(0)
  text.unshift(chunk)
  const header = chunk.toString('utf8').split(/[\r\n]/, 1)[0] ?? ''
  const counts = [',', ';', '\t'].map((sign) => ({ sign, count: header.split(sign).length }))
  return counts.reduce((best, next) => (next.count > best.count ? next : best)).sign
}

function countIn(fields: readonly string[], text: string): number {
  let count = 0
  for (const field of fields) if (field.includes(text)) count += field.split(text).length - 1
  return count
}

function takeForeign(foreign: Set<number>, first: number, last: number): boolean {
  let found = false
  for (let line = first; line <= last; line += 1) found = foreign.delete(line) || found
  return found
}

const problems: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quoted field is never closed',
  CSV_INVALID_CLOSING_QUOTE: 'text follows a closing quote',
  INVALID_OPENING_QUOTE: 'a quote stands inside an unquoted field',
}

function explain(error: unknown, source: string, line: number): unknown {
  if (!(error instanceof CsvError)) return explainSourceFailure(error, source)
  if (error.code === 'CSV_MAX_RECORD_SIZE') {
    return tabularErrors.import_record_too_long({ source, line, limit: recordLimit }, error)
  }
  return tabularErrors.import_malformed_csv(
    { source, line, problem: problems[error.code] ?? error.message },
    error,
  )
}
