import type { ProjectAddresses } from '@plinth/platform/database'
import type { Finding, FindingCode } from './findings.ts'
import type { OnProgress } from './progress.ts'
import type { ImportSource } from './source/open-source.ts'
import type { ReportTarget } from './write-report.ts'

/** What every import of a shop is told. */
export interface ImportOptions {
  /** The system's database, as its owner and past any pooler. */
  readonly addresses: Pick<ProjectAddresses, 'ownerDirect' | 'actorSecret'>
  readonly shopId: string
  /** A path (`.csv`, `.csv.gz`) or the bytes themselves. */
  readonly source: ImportSource
  /** Reads and judges everything, and writes nothing. Default false. */
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
  readonly findings: Readonly<Partial<Record<FindingCode, number>>>
  /** The first twenty findings. */
  readonly firstFindings: readonly Finding[]
  readonly seconds: number
}
