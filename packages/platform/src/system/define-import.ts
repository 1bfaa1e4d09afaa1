import type { OpenOwnerSession } from '../database/index.ts'
import type { ColumnNames, DecimalSign } from '../tabular/index.ts'

/** How far a long piece of work is; `total` is null while nobody knows. */
export interface Progress {
  /** `reading`, `writing`: what is being done, for a person. */
  readonly phase: string
  readonly done: number
  readonly total: number | null
}

/** What the command line gives to an import. */
export interface ImportRun {
  /** A connection as the owner of the system's database, whose transactions the journal ascribes to the import. */
  readonly openSession: OpenOwnerSession
  /** Path of the file. */
  readonly file: string
  /** Key of the tenant that the rows are for. */
  readonly tenant: string
  /** IANA zone of times that carry none. */
  readonly zone: string
  /** Name of the file's format; undefined: found out from its header. */
  readonly format: string | undefined
  /** Columns that the file calls otherwise than its format does: the file's names as keys. */
  readonly columns: ColumnNames
  /** The decimal sign of numbers. */
  readonly decimalSign: DecimalSign
  /** Reads and checks everything, and writes nothing. */
  readonly dryRun: boolean
  /** Path for one JSON object per odd line; undefined: only their counts are wanted. */
  readonly report: string | undefined
  readonly onProgress: (progress: Progress) => void
  /** Aborted by Ctrl-C; what was committed stays. */
  readonly signal: AbortSignal
}

/** What an import did, or with `dryRun` would have done; every member is printed. */
export interface ImportOutcome {
  /** Lines of the file after its header, refused ones included. */
  readonly lines: number
  /** Lines that were left out. When all were, the command ends with exit code 1. */
  readonly refusedLines: number
}

/** Rows that a system can take in from a file: `plinth import <system> <name> <file> --<tenantOption> <key>`. */
export interface ImportDeclaration {
  readonly name: string
  readonly summary: string
  /** How the command line names the tenant: `shop`. */
  readonly tenantOption: string
  /** The names that `--format` takes. */
  readonly formats: readonly string[]
  run(run: ImportRun): Promise<ImportOutcome>
}

/** What a demonstration is given. */
export interface DemoRun {
  /** A connection as the owner of the system's database, whose transactions the journal ascribes to the demonstration. */
  readonly openSession: OpenOwnerSession
  /** The project's address and its service key, for the examples that the banner shows. */
  readonly url: string
  readonly serviceRoleKey: string
  /** Makes an account, or finds the one with this address. Gives its id. */
  createUser(email: string, password: string): Promise<string>
  readonly onProgress: (progress: Progress) => void
}

/** Data to try a system with: `npm start -- --demo`. Running it again changes nothing. */
export type Demo = (run: DemoRun) => Promise<{
  /** Lines that the banner shows: who can sign in, what to ask. */
  readonly tryNext: readonly string[]
}>
