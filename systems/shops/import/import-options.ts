import type { OpenOwnerSession } from '@plinth/platform/database'
import type { ColumnNames, DecimalSign, TabularSource } from '@plinth/platform/tabular'
import type { Finding, FindingCode } from './findings.ts'
import type { OnProgress } from './progress.ts'
import type { ReportTarget } from './write-report.ts'

/** What every import of a shop is told. */
export interface ImportOptions {
  /** A connection as the owner of the system's database. */
  readonly openSession: OpenOwnerSession
  readonly shopId: string
  /** A path (`.csv`, `.csv.gz`) or the bytes themselves. */
  readonly source: TabularSource
  /** Columns that the file calls otherwise than its format does: the file's names as keys. */
  readonly columns?: ColumnNames
  /** The decimal sign of prices. Default `either`. */
  readonly decimalSign?: DecimalSign
  /** Reads and checks everything, and writes nothing. Default false. */
  readonly dryRun?: boolean
  readonly onProgress?: OnProgress
  /** Where every finding goes, in the order of lines; the result has their counts in any case. */
  readonly report?: ReportTarget
  /** Ends the import after the transaction under way; what was committed stays, and running it again goes on. */
  readonly signal?: AbortSignal
}

/** What every import says of itself. */
export interface ImportResult {
  readonly shopId: string
  readonly dryRun: boolean
  /** Lines of the file after its header, refused ones included. */
  readonly lines: number
  /** Lines that are not in the shop afterwards. */
  readonly refusedLines: number
  readonly findings: Readonly<Partial<Record<FindingCode, number>>>
  /** The first twenty findings. */
  readonly firstFindings: readonly Finding[]
  readonly seconds: number
}
