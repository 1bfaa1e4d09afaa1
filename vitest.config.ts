import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The longest ones first, so that none of them begins when the others are done. */
const longest = [
  'fuzz/src/run-fuzz.e2e',
  'server/tests/kill.e2e',
  'acceptance/src/commands.e2e',
  'server/tests/start-server.e2e',
  'acceptance/src/import.e2e',
  'engine-crash.db',
  'watch-exact.db',
  'metrics-stream.db',
  'bin/plinth',
  'server/src/cli',
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const place = ({ moduleId }: TestSpecification) => {
      const found = longest.findIndex((part) => moduleId.includes(part))
      return found < 0 ? longest.length : found
    }
    return sorted.toSorted((a, b) => place(a) - place(b))
  }
}

const processors = Math.max(2, availableParallelism())

/** `.test.ts` is pure, `.db.test.ts` runs on a real PostgreSQL that `global-setup` starts once for the run. */
export default defineConfig({
  test: {
    pool: 'forks',
    // A worker reads the code once and not again for each file: half of what a run took.
    isolate: false,
    maxWorkers: processors,
    testTimeout: 90_000,
    hookTimeout: 120_000,
    sequence: { sequencer: LongestFirst },
    // Programs that tests start share what Node has compiled.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('.plinth/compile-cache', import.meta.url)) },
    projects: [
      {
        extends: true,
        test: {
          name: 'pure',
          include: ['{bin,packages,systems,examples,server,scripts}/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/*.db.test.ts', '**/*.e2e.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'database',
          include: ['{packages,systems,examples,server}/**/*.db.test.ts'],
          globalSetup: ['packages/testing/src/global-setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'end-to-end',
          include: ['{acceptance,server,fuzz}/**/*.e2e.test.ts'],
          // Servers run in these processes: each file has one of its own.
          isolate: true,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
