import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** Runs a program of npm packages, by its path below `node_modules`, and gives its exit code and all it wrote. */
export function executePackage(
  program: string,
  given: readonly string[],
  environment: Readonly<Record<string, string>> = {},
) {
  return execute(process.execPath, [join(root, 'node_modules', program), ...given], environment)
}

export interface Surroundings {
  /** Default: the root of the repository. */
  readonly cwd?: string
  /** Milliseconds after which the program is ended. Default: never. */
  readonly patience?: number
}

export function execute(
  program: string,
  given: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  { cwd = root, patience }: Surroundings = {},
): Promise<{ readonly code: number; readonly output: string }> {
  const child = spawn(program, given, {
    cwd,
    ...(patience === undefined ? {} : { timeout: patience }),
    env: { ...process.env, ...environment, PATH: `${join(process.execPath, '..')}:${process.env.PATH}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (text) => (output += text))
  child.stderr.on('data', (text) => (output += text))
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: 1, output: error.message }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}
