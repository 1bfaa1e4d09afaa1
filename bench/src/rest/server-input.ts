/** What each server program of the bench works on, as JSON in its only argument. */
export interface ServerInput {
  /** Address of the login that becomes the callers' roles. */
  readonly requests: string
  readonly owner: string
  /** Key of HS256 tokens, the same for all. */
  readonly jwtSecret: string
  /** Folder for files of its own. */
  readonly folder: string
  readonly connections: number
}

export const readInput = (): ServerInput => JSON.parse(process.argv[2]!) as ServerInput

/** Writes the port of the server as the first line of standard output. */
export const reportPort = (port: number): void => void process.stdout.write(`${port}\n`)
