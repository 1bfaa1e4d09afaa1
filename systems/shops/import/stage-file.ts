import type { CopiedRow, CopiedValue } from '@plinth/platform/database'
import {
  type CsvRecord,
  type Header,
  type OpenedSource,
  readHeader,
  readRecords,
  tabularErrors,
} from '@plinth/platform/tabular'
import type { Remark } from './findings.ts'
import { detectFormat, type RecognisableFormat } from './formats/detect-format.ts'
import type { ImportOptions } from './import-options.ts'
import type { ImportSession } from './open-session.ts'
import { progressStep } from './progress.ts'
import { readSql } from './read-sql.ts'

/** A row of a staged table. The line's number is added to it. */
export type StagedRow<Column extends string> = Readonly<Partial<Record<Column, CopiedValue>>>

/** Where the records of a file are staged, and how. */
export interface Staging<Format extends RecognisableFormat, Column extends string> {
  readonly formats: readonly Format[]
  /** Name of the format; undefined: found out from the header. */
  readonly format: string | undefined
  /** Share of sold units that is left on the shelf. */
  readonly reserve: number
  readonly table: string
  /** The SQL that creates the table, unless `stage` does. */
  readonly tableSql?: string
  readonly columns: readonly Column[]
  /** Makes what turns the records of this file into rows. */
  createRowReader(format: Format, header: Header): (record: CsvRecord) => StagedRow<Column>
}

/** Reads a whole file into a temporary table of the session. Gives its format, and how many lines it had. */
export async function stageFile<Format extends RecognisableFormat, Column extends string>(
  session: ImportSession,
  opened: OpenedSource,
  options: ImportOptions,
  staging: Staging<Format, Column>,
): Promise<{ readonly format: Format; readonly lines: number }> {
  const records = readRecords(opened, options.signal, options.decimalSign)
  const first = await records.next()
  if (first.done) throw tabularErrors.import_source_empty({ source: opened.name })
  const header = readHeader(first.value.fields, opened.name, options.columns)
  const format = detectFormat(header, staging.formats, opened.name, staging.format)
  await session.query(readSql('stage'))
  if (staging.tableSql) await session.query(readSql(staging.tableSql))
  await session.query('insert into import_run (shop_id, currency, format, reserve) values ($1, $2, $3, $4)', [
    session.shop.id,
    session.shop.currency,
    format.name,
    staging.reserve,
  ])
  let lines = 0
  const tell = () =>
    options.onProgress?.({
      phase: 'reading',
      lines,
      linesTotal: null,
      bytesRead: opened.readBytes(),
      bytesTotal: opened.totalBytes,
    })
  const rowOf = staging.createRowReader(format, header)
  const rows = async function* () {
    for await (const record of records) {
      lines += 1
      if (lines % progressStep === 0) tell()
      const row: CopiedRow = { line: record.line, ...rowOf(record) }
      yield row
    }
    tell()
  }
  await session.copyInto(staging.table, ['line', ...staging.columns], rows())
  return { format, lines }
}

/** What a record is refused for when it has more or fewer fields than the header. */
export const wrongColumns = ({ fields }: CsvRecord, { columns }: Header): Remark => [
  'wrong_columns',
  `${fields.length} columns where the header has ${columns.length}`,
]

/** Remarks of a record as they are staged; null when there are none. */
export function stageRemarks({ foreign }: CsvRecord, remarks: readonly Remark[]): string | null {
  const encoding: Remark = ['read_as_windows_1252', 'bytes that are not UTF-8 were read as Windows-1252']
  const all = foreign ? [...remarks, encoding] : remarks
  return all.length > 0 ? JSON.stringify(all) : null
}
