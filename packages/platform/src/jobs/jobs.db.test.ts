import { createFakeClock, createTestDatabase, service, waitFor } from '@plinth/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { sql } from '../database/index.ts'
import { silentLog, systemClock } from '../kernel/index.ts'
import { defineJob, type JobRunner, migrateJobQueue, readJobMigrations, startJobRunner } from './index.ts'

type TestDatabase = Awaited<ReturnType<typeof createTestDatabase>>

/** A job that leaves a mark for each run, and fails as often as its payload says. */
const mark = defineJob({
  name: 'mark',
  summary: 'Leaves a mark.',
  payload: z.object({ name: z.string().default('mark'), failures: z.number().int().default(0) }),
  attempts: 3,
  run: async ({ db, runId }, { name, failures }) => {
    if (Number(runId.split('/')[1]) <= failures) throw new Error('not yet')
    await db.query(sql`insert into public.marks (name) values (${name})`)
  },
})

const nightly = defineJob({
  name: 'nightly',
  summary: 'Runs at half past two in New York.',
  schedule: { line: '30 2 * * *', zone: 'America/New_York', catchUp: 'all' },
  payload: z.object({}),
  run: async ({ db, scheduledFor }) => {
    await db.query(sql`insert into public.marks (name) values (${scheduledFor.toISOString()})`)
  },
})

const seed = `create table public.marks (id bigint generated always as identity, name text not null);
  alter table public.marks enable row level security;`

async function createJobDatabase(): Promise<TestDatabase> {
  const test = await createTestDatabase({ migrations: [readJobMigrations()], seed })
  await migrateJobQueue(test.addresses.ownerDirect)
  return test
}

const marksOf = async ({ database }: TestDatabase, name: string) =>
  (await database.asOwner(sql`select from public.marks where name = ${name}`)).rowCount ?? 0

describe('jobs', () => {
  let test: TestDatabase
  let runner: JobRunner
  beforeAll(async () => {
    test = await createJobDatabase()
    runner = await startJobRunner({
      database: test.database,
      jobs: [mark],
      clock: systemClock,
      log: silentLog,
    })
  })
  afterAll(async () => {
    await runner.stop()
    await test.drop()
  })

  it('run when the transaction that added them commits', async () => {
    await test.database.asCaller(service, sql`select plinth.add_job('mark', '{"name": "committed"}')`)
    await waitFor(async () => (await marksOf(test, 'committed')) === 1)
  })

  it('do not exist when it rolls back', async () => {
    const add = sql`select plinth.add_job('mark', '{"name": "rolled back"}')`
    await test.database.asCaller(service, add, { rollback: true })
    const { rows } = await test.database.asOwner(sql`select from graphile_worker.jobs`)
    expect(rows).toHaveLength(0)
  })

  it('are added by nobody who may not', async () => {
    const add = test.database.asCaller({ role: 'anon', claims: {} }, sql`select plinth.add_job('mark')`)
    await expect(add).rejects.toMatchObject({ code: '42501' })
  })

  it('are tried again after a failure, and each attempt is on record', async () => {
    const id = await runner.runNow('mark', { name: 'second try', failures: 1 })
    await test.database.asOwner(sql`update graphile_worker._private_jobs set run_at = now() where id = ${id}`)
    await waitFor(async () => {
      await test.database.asOwner(
        sql`update graphile_worker._private_jobs set run_at = now() where id = ${id} and attempts = 1`,
      )
      await test.database.asCaller(service, sql`select plinth.add_job('mark', '{"name": "wake"}')`)
      return (await marksOf(test, 'second try')) === 1
    })
    const history = () =>
      test.database.asOwner(
        sql`select outcome, error from plinth.job_runs where job_id = ${id} order by attempt`,
      )
    await waitFor(async () => (await history()).rows[1]?.outcome === 'succeeded')
    expect((await history()).rows).toEqual([
      { outcome: 'failed', error: 'not yet' },
      { outcome: 'succeeded', error: null },
    ])
  })

  it('unknown names and payloads are refused where they are added', async () => {
    await expect(runner.runNow('march')).rejects.toMatchObject({ code: 'unknown_job' })
    await expect(runner.runNow('mark', { failures: 'many' })).rejects.toMatchObject({
      code: 'invalid_payload',
    })
    const add = test.database.asCaller(service, sql`select plinth.add_job('march')`)
    await expect(add).rejects.toMatchObject({ code: '42704' })
  })
})

describe('schedules', () => {
  it('AT-11: queue each tick once, however many nodes look at the clock, and catch up', async () => {
    const test = await createJobDatabase()
    const clock = createFakeClock('2026-03-07T12:00:00Z')
    const options = { database: test.database, jobs: [nightly], clock, log: silentLog }
    const nodes = await Promise.all([
      startJobRunner(options),
      startJobRunner(options),
      startJobRunner(options),
    ])
    clock.set('2026-03-10T12:00:00Z')
    const queued = await Promise.all(nodes.map((node) => node.tick()))
    expect(queued.reduce((sum, count) => sum + count, 0)).toBe(3)
    await waitFor(async () => (await test.database.asOwner(sql`select from public.marks`)).rowCount === 3)
    const { rows } = await test.database.asOwner(sql`select name from public.marks order by name`)
    expect(rows.map(({ name }) => name)).toEqual([
      '2026-03-08T07:00:00.000Z',
      '2026-03-09T06:30:00.000Z',
      '2026-03-10T06:30:00.000Z',
    ])
    await Promise.all(nodes.map((node) => node.stop()))
    await test.drop()
  })

  it('refuse to start with a line that means nothing', async () => {
    const test = await createJobDatabase()
    const broken = { ...nightly, schedule: { line: 'at dawn', catchUp: 'skip' as const } }
    const start = startJobRunner({
      database: test.database,
      jobs: [broken],
      clock: systemClock,
      log: silentLog,
    })
    await expect(start).rejects.toMatchObject({ code: 'invalid_schedule' })
    await test.drop()
  })
})

describe('a node that dies', () => {
  it('loses its jobs to the others at once', async () => {
    const test = await createJobDatabase()
    const dead = '00000000-dead-4000-8000-000000000000'
    const options = { database: test.database, jobs: [mark], clock: systemClock, log: silentLog }
    await (await startJobRunner(options)).stop()
    await test.database.asOwner(sql`select plinth.add_job('mark', '{"name": "orphan"}')`)
    await test.database.asOwner(
      sql`update graphile_worker._private_jobs set locked_by = 'worker-dead', locked_at = now()`,
    )
    await test.database.asOwner(sql`insert into plinth.job_nodes values ('worker-dead', ${dead})`)
    const survivor = await startJobRunner(options)
    await waitFor(async () => (await marksOf(test, 'orphan')) === 1)
    await survivor.stop()
    await test.drop()
  })
})
