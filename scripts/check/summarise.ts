import type { Missing } from './bring-programs.ts'
import type { Outcome } from './run-step.ts'

/** Seconds that all test files of one system may take together, in a whole run on two processors. */
const systemBudget = 25

/** Prints what was slow, what was not run and what failed. Gives the exit code: in CI, what was not run fails as well. */
export function summarise(outcomes: readonly Outcome[], missing: readonly Missing[], isCi: boolean): number {
  const files = outcomes.flatMap(({ step, tests }) =>
    tests.files.map((file) => ({ ...file, step: step.name })),
  )
  print('The ten slowest files:')
  for (const { path, seconds, step } of files.toSorted((a, b) => b.seconds - a.seconds).slice(0, 10))
    print(`  ${seconds.toFixed(1).padStart(6)} s  ${path} (${step})`)
  const systems = Map.groupBy(
    files.filter(({ path }) => path.startsWith('systems/')),
    ({ path }) => path.split('/')[1]!,
  )
  for (const [system, its] of systems) {
    const seconds = its.reduce((sum, file) => sum + file.seconds, 0)
    print(`Tests of ${system}: ${seconds.toFixed(0)} s; a system may take ${systemBudget} s`)
  }
  for (const { step, tests } of outcomes)
    for (const name of tests.skipped) print(`Skipped: ${step.name}: ${name}`)
  for (const { step, unsteady } of outcomes)
    for (const { path, name } of unsteady) print(`Unsteady: ${step.name}: ${path}: ${name}`)
  for (const { tests, reason } of missing) print(`Not run: ${tests}: ${reason}`)
  const broken = outcomes.filter(({ code }) => code !== 0).length
  const sum = (count: (outcome: Outcome) => number) =>
    outcomes.reduce((total, each) => total + count(each), 0)
  const passed = sum(({ tests }) => tests.passed)
  const failed = Math.max(
    sum(({ tests }) => tests.failed),
    broken,
  )
  const skipped = sum(({ tests }) => tests.skipped.length)
  const minutes = (performance.now() / 60_000).toFixed(1)
  print(`${passed} passed, ${failed} failed, ${skipped} skipped in ${minutes} minutes`)
  if (isCi && missing.length > 0) print('CI=true: what was not run counts as failed')
  return broken > 0 || (isCi && missing.length > 0) ? 1 : 0
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
