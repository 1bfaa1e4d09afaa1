import { createFakeClock, createTestDatabase, service, waitFor } from '@plinth/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { sql } from '../database/index.ts'
import { defineErrors, silentLog, systemClock } from '../kernel/index.ts'
import {
  defineJob,
  type JobRunner,
  migrateJobQueue,
  pruneRunsJob,
  readJobMigrations,
  startJobRunner,
} from './index.ts'

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

const refused = defineJob({
  name: 'refused',
  summary: 'Does what SQL refuses.',
  payload: z.object({}),
  run: async ({ db }) => {
    await db.query(sql`select plinth.refuse('seat_taken', 409, 'Seat 7 is taken.', '{"seat": 7}')`)
  },
})
const errors = defineErrors({
  seat_taken: { status: 409, message: 'It is taken.', hint: 'Choose another one.' },
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

/** A system has many kinds of jobs, and a worker for each of their runs. */
const others = Array.from({ length: 40 }, (_, n) =>
  defineJob({
    name: `other-${n}`,
    summary: 'Does nothing.',
    payload: z.object({}),
    run: async () => undefined,
  }),
)

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

  it('for later run when they come due, however many kinds there are', async () => {
    await runner.queue('mark', { name: 'later' }, { runAt: new Date(Date.now() + 1_500) })
    await waitFor(async () => (await marksOf(test, 'later')) === 1)
  })

  beforeAll(async () => {
    test = await createJobDatabase()
    runner = await startJobRunner({
      database: test.database,
      jobs: [mark, refused, ...others],
      errors,
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
    const queued = async () => (await test.database.asOwner(sql`select from graphile_worker.jobs`)).rowCount
    await waitFor(async () => (await queued()) === 0)
    expect(await marksOf(test, 'rolled back')).toBe(0)
  })

  it('are added by nobody who may not', async () => {
    const add = test.database.asCaller({ role: 'anon', claims: {} }, sql`select plinth.add_job('mark')`)
    await expect(add).rejects.toMatchObject({ code: '42501' })
  })

  it('are tried again after a failure, and each attempt is on record', async () => {
    const id = await runner.queue('mark', { name: 'second try', failures: 1 })
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

  it('that SQL refuses leave the code of the system’s catalogue in their history', async () => {
    const id = await runner.queue('refused')
    const errorOf = async () => {
      const { rows } = await test.database.asOwner<{ error: string | null }>(
        sql`select error from plinth.job_runs where job_id = ${id}`,
      )
      return rows[0]?.error ?? undefined
    }
    expect(await waitFor(errorOf)).toBe('seat_taken: Seat 7 is taken.')
  })

  it('unknown names and payloads are refused where they are added', async () => {
    await expect(runner.queue('march')).rejects.toMatchObject({ code: 'unknown_job' })
    await expect(runner.queue('mark', { failures: 'many' })).rejects.toMatchObject({
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

  it.each(['at dawn', '30 5 31 2 *'])('refuse to start with a line that means nothing: %s', async (line) => {
    const test = await createJobDatabase()
    const broken = { ...nightly, schedule: { line, catchUp: 'skip' as const } }
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

describe('a clock that was set', () => {
  const scheduled = async (start: string) => {
    const test = await createJobDatabase()
    const clock = createFakeClock(start)
    const hourly = { ...nightly, name: 'hourly', schedule: { line: '0 * * * *', catchUp: 'all' as const } }
    const runner = await startJobRunner({ database: test.database, jobs: [hourly], clock, log: silentLog })
    const end = async () => {
      await runner.stop()
      await test.drop()
    }
    return { clock, runner, end }
  }

  it('back a little repeats no tick', async () => {
    const { clock, runner, end } = await scheduled('2026-06-01T11:30:00Z')
    clock.set('2026-06-01T12:10:00Z')
    expect(await runner.tick()).toBe(1)
    clock.set('2026-06-01T11:50:00Z')
    expect(await runner.tick()).toBe(0)
    clock.set('2026-06-01T12:15:00Z')
    expect(await runner.tick()).toBe(0)
    clock.set('2026-06-01T13:00:00Z')
    expect(await runner.tick()).toBe(1)
    await end()
  })

  it('back by far, because it had been wrong, does not silence schedules until it gets there again', async () => {
    const { clock, runner, end } = await scheduled('2031-01-01T00:30:00Z')
    clock.set('2026-06-01T12:10:00Z')
    expect(await runner.tick()).toBe(0)
    clock.set('2026-06-01T13:10:00Z')
    expect(await runner.tick()).toBe(1)
    await end()
  })
})

describe('the history', () => {
  it('forgets what is old, and jobs that failed for good with it', async () => {
    const test = await createJobDatabase()
    const prune = pruneRunsJob(test.database)
    const options = { database: test.database, jobs: [mark, prune], clock: systemClock, log: silentLog }
    const record = (job: number, age: string, outcome: string) =>
      test.database.asOwner(sql`
        insert into plinth.job_runs (job_id, attempt, job, scheduled_for, started_at, outcome, node)
        values (${job}, 1, 'mark', now(), now() - ${age}::interval, ${outcome}, 'n')`)
    await record(-1, '91 days', 'succeeded')
    await record(-2, '89 days', 'failed')
    await record(-3, '200 days', 'running')
    await (await startJobRunner(options)).stop()
    await test.database.asOwner(sql`select plinth.add_job('mark', '{"name": "for good"}')`)
    await test.database.asOwner(sql`
      update graphile_worker._private_jobs set attempts = max_attempts, updated_at = now() - interval '91 days'`)
    const runner = await startJobRunner(options)
    await runner.queue('prune-job-runs')
    const left = async () => {
      const { rows } = await test.database.asOwner<{ id: string }>(
        sql`select job_id as id from plinth.job_runs where job_id < 0 order by job_id desc`,
      )
      return rows.map(({ id }) => id)
    }
    await waitFor(async () => (await left()).length === 2)
    expect(await left()).toEqual(['-2', '-3'])
    const queued = sql`select from graphile_worker.jobs`
    await waitFor(async () => (await test.database.asOwner(queued)).rowCount === 0)
    await runner.stop()
    await test.drop()
  })
})

it('a job that is no longer declared is forgotten, so that nobody queues what no node runs', async () => {
  const test = await createJobDatabase()
  const options = { database: test.database, clock: systemClock, log: silentLog }
  await (await startJobRunner({ ...options, jobs: [mark, nightly] })).stop()
  await (await startJobRunner({ ...options, jobs: [mark] })).stop()
  const add = test.database.asCaller(service, sql`select plinth.add_job('nightly')`)
  await expect(add).rejects.toMatchObject({ code: '42704' })
  await test.drop()
})

it('a job that does not end is asked to, given up by the stop, recorded as lost, and tried again', async () => {
  const test = await createJobDatabase()
  const [asked, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const stubborn = defineJob({
    ...mark,
    run: async ({ signal }) => {
      signal.addEventListener('abort', () => asked.resolve())
      await over.promise
    },
  })
  const options = { database: test.database, clock: systemClock, log: silentLog }
  const runner = await startJobRunner({ ...options, jobs: [stubborn], stopGrace: 200 })
  const id = await runner.queue('mark', { name: 'patient' })
  const outcomes = async () => {
    const { rows } = await test.database.asOwner<{ outcome: string }>(
      sql`select outcome from plinth.job_runs where job_id = ${id} order by attempt`,
    )
    return rows.map(({ outcome }) => outcome)
  }
  await waitFor(async () => (await outcomes())[0] === 'running')
  await runner.stop()
  await asked.promise
  expect(await outcomes()).toEqual(['lost'])

  const next = await startJobRunner({ ...options, jobs: [mark] })
  await waitFor(async () => (await marksOf(test, 'patient')) === 1)
  await next.stop()
  over.resolve()
  await test.drop()
})

it('a job that is asked for twice runs twice', async () => {
  const test = await createJobDatabase()
  const options = { database: test.database, jobs: [mark], clock: systemClock, log: silentLog }
  const runner = await startJobRunner(options)
  await Promise.all([runner.queue('mark', { name: 'twice' }), runner.queue('mark', { name: 'twice' })])
  await waitFor(async () => (await marksOf(test, 'twice')) === 2)
  await runner.stop()
  await test.drop()
})

describe('a node that dies', () => {
  /** A runner whose job does not end. */
  async function startEndless(test: TestDatabase) {
    const over = Promise.withResolvers<void>()
    // One at a time: what it loses is no job that it could take again.
    const endless = defineJob({ ...mark, concurrency: 1, run: () => over.promise })
    const options = { database: test.database, jobs: [endless], clock: systemClock, log: silentLog }
    const runner = await startJobRunner(options)
    const id = await runner.queue('mark', { name: 'orphan' })
    const running = sql`select from plinth.job_runs where job_id = ${id} and outcome = 'running'`
    await waitFor(async () => (await test.database.asOwner(running)).rowCount === 1)
    const end = async () => {
      over.resolve()
      await runner.stop()
    }
    return { id, end }
  }

  const survive = (test: TestDatabase) =>
    startJobRunner({ database: test.database, jobs: [mark], clock: systemClock, log: silentLog })

  it('loses its jobs to the others at once', async () => {
    const test = await createJobDatabase()
    const dying = await startEndless(test)
    // As if a node of that name had held them: nobody has its lease.
    const dead = '00000000-dead-4000-8000-000000000000'
    await test.database.asOwner(sql`update plinth.job_nodes set node = ${dead}`)
    await test.database.asOwner(sql`update plinth.job_runs set node = ${dead}`)
    const survivor = await survive(test)
    await waitFor(async () => (await marksOf(test, 'orphan')) === 1)
    const { rows } = await test.database.asOwner(
      sql`select outcome from plinth.job_runs where job_id = ${dying.id} order by attempt`,
    )
    expect(rows[0]).toEqual({ outcome: 'lost' })
    await dying.end()
    await survivor.stop()
    await test.drop()
  })

  it('that only lost its lease, as when PostgreSQL was restarted, takes it again', async () => {
    const test = await createJobDatabase()
    const living = await startEndless(test)
    const lease = sql`select pid from pg_locks where locktype = 'advisory' and classid = 7077002 and granted
      and database = (select oid from pg_database where datname = current_database())`
    const holder = async () => (await test.database.asOwner<{ pid: number }>(lease)).rows[0]?.pid
    const before = await holder()
    await test.database.asOwner(sql`delete from plinth.job_nodes`)
    await test.database.asOwner(sql`select pg_terminate_backend(${before}::int)`)
    await waitFor(async () => ![undefined, before].includes(await holder()), { what: 'the lease' })
    const noted = sql`select from plinth.job_nodes join graphile_worker.jobs on worker = locked_by`
    await waitFor(async () => (await test.database.asOwner(noted)).rowCount === 1, { what: 'the note' })
    await living.end()
    await test.drop()
  })

  it('keeps a job for as long as it lives, however long that takes', async () => {
    const test = await createJobDatabase()
    const living = await startEndless(test)
    await test.database.asOwner(
      sql`update graphile_worker._private_jobs set locked_at = now() - interval '3 hours' where id = ${living.id}`,
    )
    const other = await survive(test)
    const { rows } = await test.database.asOwner(
      sql`select locked_at is not null as locked from graphile_worker.jobs where id = ${living.id}`,
    )
    expect(rows).toEqual([{ locked: true }])
    expect(await marksOf(test, 'orphan')).toBe(0)
    await living.end()
    await other.stop()
    await test.drop()
  })
})

it('two slow jobs of one kind do not hold up another kind', async () => {
  const test = await createJobDatabase()
  const release = Promise.withResolvers<void>()
  let running = 0
  let most = 0
  const slow = defineJob({
    name: 'slow',
    summary: 'Takes as long as the test likes.',
    payload: z.object({}),
    concurrency: 2,
    run: async () => {
      running += 1
      most = Math.max(most, running)
      await release.promise
      running -= 1
    },
  })
  const runner = await startJobRunner({
    database: test.database,
    jobs: [slow, mark],
    clock: systemClock,
    log: silentLog,
  })
  for (let count = 0; count < 6; count += 1) await runner.queue('slow')
  await waitFor(() => running === 2, { what: 'two slow runs' })
  await runner.queue('mark', { name: 'not held up' })
  await waitFor(async () => (await marksOf(test, 'not held up')) === 1)
  expect(running).toBe(2)
  release.resolve()
  await waitFor(async () => {
    const { rows } = await test.database.asOwner<{ done: number }>(
      sql`select count(*)::int as done from plinth.job_runs where job = 'slow' and outcome = 'succeeded'`,
    )
    return rows[0]!.done === 6
  })
  expect(most).toBe(2)
  await runner.stop()
  await test.drop()
})
