import { type ChildProcess, execFile } from 'node:child_process'
import { environmentOf, launcher } from './start-plinth.ts'

/** How a command ended and what it said. */
export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Given the command's process as soon as it runs. */
  readonly onStart?: (command: ChildProcess) => void
}

/** Runs `plinth …` on a data folder as a person would, and waits for its end. */
export function runPlinth(
  dataDir: string,
  given: readonly string[],
  { onStart }: RunOptions = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const command = execFile(
      process.execPath,
      [launcher, ...given],
      { env: environmentOf(dataDir) },
      (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr })
      },
    )
    onStart?.(command)
  })
}
