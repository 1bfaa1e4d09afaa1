import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedEngine } from '@plinth/platform/database'
import { silentLog } from '@plinth/platform/kernel'
import type { TestProject } from 'vitest/node'
import { testBinaries } from './programs/index.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** An administrator's address of the run's own PostgreSQL. */
    clusterUrl: string
    postgresMajor: number
  }
}

/** Faster and as correct as long as the machine does not lose power in the middle of a test run. */
const throwawaySettings = { fsync: 'off', full_page_writes: 'off', max_connections: '300' }

/** Starts one PostgreSQL for all test files of a run, on an empty folder that is removed afterwards. */
export default async function setup(project: TestProject) {
  const dataDir = await mkdtemp(join(tmpdir(), 'plinth-test-'))
  const engine = await startEmbeddedEngine({
    dataDir,
    log: silentLog,
    settings: throwawaySettings,
    ...testBinaries(),
  })
  // A run that is ended by Ctrl-C can await nothing: its folder goes when PostgreSQL, which ends with it, is gone.
  const remove = () =>
    spawn('sh', ['-c', 'sleep 3; rm -rf "$0"', dataDir], { detached: true, stdio: 'ignore' }).unref()
  process.once('exit', remove)
  project.provide('clusterUrl', engine.adminUrl())
  project.provide('postgresMajor', engine.majorVersion)
  return async () => {
    process.off('exit', remove)
    await engine.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}
