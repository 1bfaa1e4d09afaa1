/** What the bench tells each server program, as JSON in its only argument. */
export interface Told {
  /** Address of the login that becomes the callers' roles. */
  readonly requests: string
  readonly owner: string
  /** Key of HS256 tokens, the same for all. */
  readonly jwtSecret: string
  /** Folder for files of its own. */
  readonly folder: string
  readonly connections: number
}

export const told = (): Told => JSON.parse(process.argv[2]!) as Told

/** The first line on standard output says where the server answers. */
export const tell = (port: number): void => void process.stdout.write(`${port}\n`)
