import { setTimeout as delay } from 'node:timers/promises'
import { type Statement, sql } from '@plinth/platform/database'
import { notifications } from '@plinth/platform/notifications'
import { defineSystem, useCapabilities } from '@plinth/platform/system'
import { Logger, run } from 'graphile-worker'
import { z } from 'zod'
import { type Figure, median } from '../figure.ts'
import { type BenchProject, openBenchProject } from './open-bench-project.ts'

const count = 500
const callersAtOnce = 16
const rounds = 5
const warmRounds = 1
/** Runs at the same time, of either queue of jobs. */
const concurrency = 4

let ran = 0
const { uses, defineJob } = useCapabilities(notifications())
const idle = defineJob({
  name: 'idle',
  summary: 'Does nothing.',
  payload: z.object({}),
  concurrency,
  run: async () => {
    ran += 1
  },
})
const system = defineSystem({
  name: 'sample',
  summary: 'Sends messages.',
  tenant: null,
  uses,
  migrations: async () => ({ name: 'sample', migrations: [] }),
  functions: [],
  jobs: [idle],
  realtimeTables: [],
  journalledTables: [],
})

/** Messages that are queued one by one and delivered in the app, beside jobs that do nothing: bare, and with their history. */
export async function* benchNotifications(): AsyncIterable<Figure> {
  const project = await openBenchProject(system, callersAtOnce)
  const bare = await run({
    connectionString: project.database.addresses.ownerDirect,
    concurrency,
    noHandleSignals: true,
    taskList: {
      bare: async () => {
        ran += 1
      },
    },
    logger: new Logger(() => () => undefined),
  })
  try {
    yield* compare(project)
  } finally {
    await bare.stop()
    await project.close()
  }
}

async function* compare(project: BenchProject): AsyncIterable<Figure> {
  const { database, person } = project
  const message = JSON.stringify([{ person, channel: 'in_app', subject: 'Hello', body: 'World' }])
  const jobsRan = async () => ran
  const arrived = async () => {
    const { rows } = await database.asOwner<{ n: number }>(
      sql`select count(*)::int as n from public.in_app_notifications`,
    )
    return rows[0]!.n
  }
  const kinds = {
    bare: { add: sql`select graphile_worker.add_job('bare')`, done: jobsRan },
    job: { add: sql`select plinth.add_job('idle', '{}')`, done: jobsRan },
    message: { add: sql`select plinth.queue_messages(${message})`, done: arrived },
  }
  const rates = { bare: [] as number[], job: [] as number[], message: [] as number[] }
  for (let round = -warmRounds; round < rounds; round += 1) {
    for (const kind of ['bare', 'job', 'message'] as const) {
      const rate = await measure(project, kinds[kind].add, kinds[kind].done)
      if (round >= 0) rates[kind].push(rate)
    }
  }
  const rate = median(rates.message)
  const figure = (name: string, against: string, other: readonly number[], goal: string | null) => ({
    name,
    value: rate,
    unit: 'msg/s',
    ratio: rate / median(other),
    against,
    goal,
  })
  yield figure(
    'notifications: queued and delivered in the app',
    'the bare queue’s jobs',
    rates.bare,
    'ratio ≥ 0.5',
  )
  yield figure(
    'notifications: queued and delivered in the app',
    'the project’s jobs, with history',
    rates.job,
    null,
  )
}

/** Messages or jobs a second, from the first that is added to the last that is done. */
async function measure(
  { database }: BenchProject,
  add: Statement,
  done: () => Promise<number>,
): Promise<number> {
  const before = await done()
  const began = performance.now()
  let left = count
  const caller = async () => {
    while (left > 0) {
      left -= 1
      await database.asOwner(add)
    }
  }
  await Promise.all(Array.from({ length: callersAtOnce }, caller))
  while ((await done()) - before < count) await delay(5)
  return (count / (performance.now() - began)) * 1000
}
