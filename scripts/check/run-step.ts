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
  /** What failed beside other tests and passed by itself. */
  readonly unsteady: readonly Failure[]
}

interface Tests {
  readonly passed: number
  readonly failed: number
  readonly failures: readonly Failure[]
  /** Full names of tests that cannot run here, or were not asked for. */
  readonly skipped: readonly string[]
  readonly files: readonly { readonly path: string; readonly seconds: number }[]
}

export interface Failure {
  /** From the root of the repository. */
  readonly path: string
  /** Full name of the test, or none where the file itself failed. */
  readonly name: string
  readonly message: string
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
    readonly status: string
    /** Why the file itself failed. */
    readonly message: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

const none: Tests = { passed: 0, failed: 0, failures: [], skipped: [], files: [] }

/** More files than this do not fail by chance. */
const mostUnsteadyFiles = 12

/**
 * Runs one step, and prints what failed. Test files that fail are run once more by themselves: a machine that other
 * programs load makes waits end early, and a test that then passes is named as unsteady instead of failing the run.
 */
export async function runStep(step: Step): Promise<Outcome> {
  const first = await runOnce(step)
  const { failures } = first.tests
  const paths = [...new Set(failures.map(({ path }) => path))]
  const again =
    paths.length > 0 && paths.length <= mostUnsteadyFiles ? await runOnce(alone(step, paths)) : undefined
  const isUnsteady = again?.code === 0 && again.tests.passed > 0
  const code = isUnsteady ? 0 : first.code
  const tests = isUnsteady
    ? { ...first.tests, passed: first.tests.passed + first.tests.failed, failed: 0 }
    : first.tests
  const seconds = first.seconds + (again?.seconds ?? 0)
  print(`${code === 0 ? 'ok    ' : 'FAILED'} ${step.name} (${seconds.toFixed(1)} s)`)
  for (const failure of failures) print(describe(failure, isUnsteady ? 'unsteady, passes alone' : 'failed'))
  if (code !== 0 && failures.length === 0) print(first.output.slice(-longestOutput))
  return { ...first, code, seconds, tests, unsteady: isUnsteady ? failures : [] }
}

/** The same step for these files only, one at a time. */
const alone = (step: Step, paths: readonly string[]): Step => {
  const [program, run, project, name] = step.command
  return { ...step, command: [program, run!, project!, name!, '--maxWorkers=1', ...paths] }
}

const longestMessage = 1500

/** Characters of what a step wrote; the reason stands at its end. */
const longestOutput = 10_000

const describe = ({ path, name, message }: Failure, verdict: string): string =>
  `  ${verdict}: ${path}: ${name}\n    ${message.slice(0, longestMessage).replaceAll('\n', '\n    ')}`

const print = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

async function runOnce(step: Step): Promise<Outcome> {
  const started = performance.now()
  const folder = await mkdtemp(join(tmpdir(), 'plinth-check-'))
  const report = join(folder, 'report.json')
  const [program, ...given] = step.command
  const reporting = step.counted ? ['--reporter=default', '--reporter=json', `--outputFile=${report}`] : []
  const environment = { NO_COLOR: '1', ...step.environment }
  const { code, output } = await executePackage(program, [...given, ...reporting], environment)
  const seconds = (performance.now() - started) / 1000
  const tests = step.counted ? await readTests(report) : none
  await rm(folder, { recursive: true })
  return { step, code, seconds, output, tests, unsteady: [] }
}

function failuresOf(file: Report['testResults'][number]): readonly Failure[] {
  const path = relative(root, file.name)
  const failed = file.assertionResults.filter(({ status }) => status === 'failed')
  if (failed.length === 0 && file.status === 'failed') return [{ path, name: '', message: file.message }]
  return failed.map(({ fullName, failureMessages }) => ({
    path,
    name: fullName,
    message: failureMessages.join('\n'),
  }))
}

async function readTests(file: string): Promise<Tests> {
  try {
    const report = JSON.parse(await readFile(file, 'utf8')) as Report
    const all = report.testResults.flatMap(({ assertionResults }) => assertionResults)
    const skipped = all.filter(({ status }) => status === 'skipped' || status === 'pending')
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests,
      failures: report.testResults.flatMap(failuresOf),
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
