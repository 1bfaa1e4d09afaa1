/**
 * Runs everything that CI runs: types, lint, architecture, unused code, every test on PostgreSQL 18 and the platform's on
 * 15. Brings what tests need; what cannot be had here is named at the end. Words narrow the tests down to files whose
 * path has one of them: `npm test -- systems/shops`.
 */
import { availableParallelism } from 'node:os'
import { findPostgres15 } from '@plinth/testing/programs'
import { bringPrograms } from './check/bring-programs.ts'
import { type Outcome, runStep, type Step } from './check/run-step.ts'
import { summarise } from './check/summarise.ts'

const words = process.argv.slice(2)

const processors = Math.max(2, availableParallelism())

/** Tests that ask PostgreSQL wait for it, for commits and for streams: one more than there are processors keeps them busy. */
const databaseWorkers = processors + 1

const parts = ['packages', 'systems', 'examples', 'server', 'acceptance', 'bench', 'fuzz', 'scripts']

/** Cheap ones first and side by side; tests one after the other, they fill the machine by themselves. */
const staticSteps: readonly Step[] = [
  { name: 'types', command: ['typescript-native/bin/tsc', '-p', '.'] },
  { name: 'format and lint', command: ['.bin/biome', 'ci', '--error-on-warnings'] },
  {
    name: 'architecture',
    command: ['.bin/depcruise', '--config', '.dependency-cruiser.cjs', ...parts],
  },
  { name: 'unused code', command: ['.bin/knip'] },
  { name: 'regular expressions', command: ['../scripts/check-regular-expressions.ts'] },
]

const tests = (
  name: string,
  project: string,
  given: readonly string[] = words,
  workers = processors,
): Step => ({
  name,
  command: [
    '.bin/vitest',
    'run',
    '--project',
    project,
    `--maxWorkers=${workers}`,
    '--passWithNoTests',
    ...given,
  ],
  counted: true,
})

/** These start servers of their own, of both versions where it matters. */
const ownEngines = 'packages/platform/src/database/engine/**'

/** The platform's tests, and of each system one that applies its SQL and writes to each of its tables. */
const onBoth = ['packages/', 'server/', 'isolation.db.test.ts']

const missing = await bringPrograms()
const testSteps: readonly Step[] = [
  tests('pure tests', 'pure'),
  tests('database tests on PostgreSQL 18', 'database', words, databaseWorkers),
  ...(findPostgres15()
    ? [
        {
          ...tests(
            'database tests on PostgreSQL 15',
            'database',
            ['--exclude', ownEngines, ...(words.length > 0 ? words : onBoth)],
            databaseWorkers,
          ),
          environment: { PLINTH_TEST_POSTGRES: '15' },
        },
      ]
    : []),
  tests('end-to-end tests', 'end-to-end'),
]

const outcomes: Outcome[] = await Promise.all(staticSteps.map(runStep))
for (const step of testSteps) outcomes.push(await runStep(step))
process.exitCode = summarise(outcomes, missing, process.env.CI === 'true')
