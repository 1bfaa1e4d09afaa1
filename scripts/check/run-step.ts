import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { executePackage, root } from './execute.ts'

export interface Step {
  readonly name: string
  /** A program of npm packages, by its path below `node_modules`, and its arguments. */
  readonly command: readonly [string, ...string[]]
  readonly environment?: Readonly<Record<string, string>>
  /** Runs tests with Vitest. */
  readonly counted?: boolean
}

export interface Outcome {
  readonly step: Step
  readonly code: number
  readonly seconds: number
  readonly output: string
  readonly tests: Tests
}

interface Tests {
  readonly passed: number
  readonly failed: number
  /** Full names of tests that cannot run here, or were not asked for. */
  readonly skipped: readonly string[]
  readonly files: readonly { readonly path: string; readonly seconds: number }[]
}

/** The part of Vitest's JSON report that is read. */
interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly {
    readonly name: string
    /** Milliseconds since 1970. */
    readonly startTime: number
    readonly endTime: number
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

const none: Tests = { passed: 0, failed: 0, skipped: [], files: [] }

/** Runs one step, with what it wrote when it failed. */
export async function runStep(step: Step): Promise<Outcome> {
  const started = performance.now()
  const folder = await mkdtemp(join(tmpdir(), 'plinth-check-'))
  const report = join(folder, 'report.json')
  const [program, ...given] = step.command
  const reporting = step.counted ? ['--reporter=default', '--reporter=json', `--outputFile=${report}`] : []
  const { code, output } = await executePackage(program, [...given, ...reporting], step.environment)
  const seconds = (performance.now() - started) / 1000
  const tests = step.counted ? await readTests(report) : none
  await rm(folder, { recursive: true })
  process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${step.name} (${seconds.toFixed(1)} s)\n`)
  if (code !== 0) process.stdout.write(`${output}\n`)
  return { step, code, seconds, output, tests }
}

async function readTests(file: string): Promise<Tests> {
  try {
    const report = JSON.parse(await readFile(file, 'utf8')) as Report
    const all = report.testResults.flatMap(({ assertionResults }) => assertionResults)
    const skipped = all.filter(({ status }) => status === 'skipped' || status === 'pending')
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests,
      skipped: skipped.map(({ fullName }) => fullName),
      files: report.testResults.map(({ name, startTime, endTime }) => ({
        path: relative(root, name),
        seconds: (endTime - startTime) / 1000,
      })),
    }
  } catch {
    return { ...none, failed: 1 }
  }
}
