import type { ProjectAddresses } from '../database/index.ts'

/** How far a long piece of work is; `total` is null while nobody knows. */
export interface Progress {
  /** `reading`, `writing`: what is being done, for a person. */
  readonly phase: string
  readonly done: number
  readonly total: number | null
}

/** What the command line gives to an import. */
export interface ImportRun {
  readonly addresses: ProjectAddresses
  /** Path of the file. */
  readonly file: string
  /** Key of the tenant that the rows are for. */
  readonly tenant: string
  /** IANA zone of times that carry none. */
  readonly zone: string
  /** Name of the file's format; undefined: found out from its header. */
  readonly format: string | undefined
  /** Reads and judges everything, and writes nothing. */
  readonly dryRun: boolean
  /** Path for one JSON object per odd line; undefined: only their counts are wanted. */
  readonly report: string | undefined
  readonly onProgress: (progress: Progress) => void
  /** Aborted by Ctrl-C; what was committed stays. */
  readonly signal: AbortSignal
}

/** Rows that a system can take in from a file: `plinth import <system> <name> <file> --<tenantOption> <key>`. */
export interface ImportDeclaration {
  readonly name: string
  readonly summary: string
  /** How the command line names the tenant: `shop`. */
  readonly tenantOption: string
  /** The names that `--format` takes. */
  readonly formats: readonly string[]
  /** Gives what was done, for a person and as JSON. */
  run(run: ImportRun): Promise<object>
}

/** What a demonstration is given. */
export interface DemoRun {
  readonly addresses: ProjectAddresses
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
