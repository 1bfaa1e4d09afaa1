/** Runs everything that CI runs: types, lint, architecture, unused code, every test on PostgreSQL 18 and 15. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface Step {
  readonly name: string
  /** A program of npm packages, by its path below `node_modules`, and its arguments. */
  readonly command: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** Counts its tests by a report file. */
  readonly counted?: boolean
}

interface Outcome {
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
}

/** The part of vitest's JSON report that is read. */
interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

const root = fileURLToPath(new URL('..', import.meta.url))
const reports = await mkdtemp(join(tmpdir(), 'plinth-check-'))
const secondMajor = '15'
const hasSecondMajor = existsSync(`/usr/lib/postgresql/${secondMajor}/bin/postgres`)

/** These start servers of their own, of both versions where it matters. */
const ownEngines = 'packages/platform/src/database/engine/**'

/** Cheap ones first and side by side; tests one after the other, they fill the machine by themselves. */
const staticSteps: readonly Step[] = [
  { name: 'types', command: ['typescript-native/bin/tsc', '-p', '.'] },
  { name: 'format and lint', command: ['.bin/biome', 'ci', '--error-on-warnings'] },
  {
    name: 'architecture',
    command: [
      '.bin/depcruise',
      '--config',
      '.dependency-cruiser.cjs',
      'packages',
      'systems',
      'examples',
      'server',
      'acceptance',
      'bench',
      'scripts',
    ],
  },
  { name: 'unused code', command: ['.bin/knip'] },
]

const testSteps: readonly Step[] = [
  { name: 'pure tests', command: ['.bin/vitest', 'run', '--project', 'pure'], counted: true },
  {
    name: 'database tests on PostgreSQL 18',
    command: ['.bin/vitest', 'run', '--project', 'database'],
    counted: true,
  },
  ...(hasSecondMajor
    ? [
        {
          name: `database tests on PostgreSQL ${secondMajor}`,
          command: ['.bin/vitest', 'run', '--project', 'database', '--exclude', ownEngines],
          environment: { PLINTH_TEST_POSTGRES: secondMajor },
          counted: true,
        },
      ]
    : []),
  { name: 'end-to-end tests', command: ['.bin/vitest', 'run', '--project', 'end-to-end'], counted: true },
]

const outcomes = [...(await Promise.all(staticSteps.map(run)))]
for (const step of testSteps) outcomes.push(await run(step))
await rm(reports, { recursive: true })
summarise()

async function run(step: Step): Promise<Outcome> {
  const started = performance.now()
  const report = join(reports, `${step.name.replaceAll(' ', '-')}.json`)
  const [program = '', ...given] = step.command
  const reporting = step.counted ? ['--reporter=default', '--reporter=json', `--outputFile=${report}`] : []
  const { code, output } = await execute(program, [...given, ...reporting], step.environment ?? {})
  const seconds = (performance.now() - started) / 1000
  const outcome = {
    step,
    code,
    seconds,
    output,
    tests: step.counted ? await readTests(report) : { passed: 0, failed: 0, skipped: [] },
  }
  print(`${code === 0 ? 'ok    ' : 'FAILED'} ${step.name} (${seconds.toFixed(1)} s)`)
  if (code !== 0) print(output)
  return outcome
}

function execute(program: string, given: readonly string[], environment: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [join(root, 'node_modules', program), ...given], {
    cwd: root,
    env: { ...process.env, ...environment, PATH: `${join(process.execPath, '..')}:${process.env.PATH}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (text) => (output += text))
  child.stderr.on('data', (text) => (output += text))
  return new Promise<{ code: number; output: string }>((resolve) => {
    child.on('error', (error) => resolve({ code: 1, output: error.message }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
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
    }
  } catch {
    return { passed: 0, failed: 1, skipped: [] }
  }
}

function summarise(): void {
  if (!hasSecondMajor) {
    print(
      `Not run: database tests on PostgreSQL ${secondMajor}, which is not installed (Debian: apt-get install postgresql-${secondMajor}).`,
    )
  }
  const broken = outcomes.filter(({ code }) => code !== 0)
  const passed = outcomes.reduce((sum, { tests }) => sum + tests.passed, 0)
  const failed = Math.max(
    outcomes.reduce((sum, { tests }) => sum + tests.failed, 0),
    broken.length,
  )
  const skipped = outcomes.flatMap(({ step, tests }) => tests.skipped.map((name) => `${step.name}: ${name}`))
  for (const name of skipped) print(`Skipped: ${name}`)
  print(`${passed} passed, ${failed} failed, ${skipped.length} skipped`)
  process.exitCode = broken.length === 0 ? 0 : 1
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
