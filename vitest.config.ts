import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

/** `.test.ts` is pure, `.db.test.ts` runs on a real PostgreSQL that `global-setup` starts once for the run. */
export default defineConfig({
  test: {
    pool: 'forks',
    // PostgreSQL works beside the tests; one worker more than Vitest would start keeps two processors busy.
    maxWorkers: Math.max(2, availableParallelism()),
    testTimeout: 90_000,
    hookTimeout: 120_000,
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
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
