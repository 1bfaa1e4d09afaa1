import { readRealtimeMigrations } from '@plinth/platform/realtime'
import { readTailMigrations } from '@plinth/platform/tail'
import { afterAll, beforeAll } from 'vitest'
import { type TestDatabase, type TestDatabaseOptions, useTestDatabase } from '../test-database.ts'
import { type ServedRealtime, type ServeOptions, serveRealtime } from './serve-realtime.ts'

export type UseRealtimeOptions = Pick<TestDatabaseOptions, 'seed' | 'connections'> &
  Omit<ServeOptions, 'database' | 'keys' | 'port'>

/** Filled before the first test of the file runs. */
export interface TestRealtime extends TestDatabase {
  readonly served: ServedRealtime
}

/** A database of its own for the test file, with realtime served from it. */
export function useRealtime({ seed, connections, ...serving }: UseRealtimeOptions): TestRealtime {
  const test = useTestDatabase({
    migrations: [readTailMigrations(), readRealtimeMigrations()],
    ...(seed === undefined ? {} : { seed }),
    ...(connections ? { connections } : {}),
  })
  let served: ServedRealtime | undefined
  beforeAll(async () => {
    served = await serveRealtime({ database: test.database, ...serving })
  })
  afterAll(async () => {
    await served?.stop()
  })
  return {
    get database() {
      return test.database
    },
    get addresses() {
      return test.addresses
    },
    get served() {
      return served!
    },
  }
}
