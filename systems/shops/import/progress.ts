/** How far an import is. `reading` counts bytes and lines of the file, `writing` the lines that are stored. */
export interface ImportProgress {
  readonly phase: 'reading' | 'planning' | 'writing'
  /** Of the file as stored (compressed). */
  readonly bytesRead: number
  /** Null when the source is a stream. */
  readonly bytesTotal: number | null
  /** Lines done in this phase. */
  readonly lines: number
  /** Null while the file is being read. */
  readonly linesTotal: number | null
}

export type OnProgress = (progress: ImportProgress) => void

/** How many records pass between two reports of progress while reading. */
export const progressStep = 5_000
