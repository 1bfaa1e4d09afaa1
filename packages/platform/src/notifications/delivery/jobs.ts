import { z } from 'zod'
import { type ProjectDatabase, sql } from '../../database/index.ts'
import { defineJob, type JobDefinition } from '../../jobs/index.ts'
import { type Channel, channels } from '../model/message.ts'
import { deliverChannel } from './deliver-channel.ts'
import type { DeliveryOptions } from './options.ts'
import { pruneNotifications } from './prune.ts'

/** As `plinth.wake_notifications` names them. */
const jobOf = (channel: Channel): string => `deliver-${channel.replace('_', '-')}`

/** Runs of one channel that one node has at the same time; each sends several messages side by side. */
const concurrency = 2
/** What is due later is found by the tick of its minute. Milliseconds. */
const ahead = 60_000

export const deliveryJobs = (options: DeliveryOptions, keepDays: number): JobDefinition[] => [
  ...channels.map((channel) => deliver(options, channel)),
  plan(options),
  prune(options, keepDays),
]

const deliver = (options: DeliveryOptions, channel: Channel) =>
  defineJob({
    name: jobOf(channel),
    summary: `Delivers what is due by ${channel.replace('_', '-')}, the most urgent first.`,
    payload: z.object({}),
    concurrency,
    run: async ({ runId, signal }) => {
      const { database, clock } = options
      await takeWakes(database, channel, runId)
      const { pausedUntil } = await deliverChannel(options, { channel, signal })
      await wakeNext(database, channel, clock.now(), pausedUntil)
    },
  })

/**
 * One run stands for all that were asked for before it began: what they were asked for is committed, so this run finds it.
 * Each transaction that queues messages adds a job of its own; waiting for one of another's would hold it up.
 */
async function takeWakes(database: ProjectDatabase, channel: Channel, runId: string): Promise<void> {
  const own = runId.split('/')[0]
  await database.asOwner(sql`
    select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs
    where task_identifier = ${jobOf(channel)} and locked_at is null and run_at <= now() and id <> ${own}::bigint
    having count(*) > 0`)
}

/** Adds the job for the next message that is due soon; of several nodes that do, the last one wins, and all mean the same. */
async function wakeNext(
  database: ProjectDatabase,
  channel: Channel,
  now: Date,
  notBefore: Date = now,
): Promise<void> {
  const until = new Date(Math.max(now.getTime(), notBefore.getTime()) + ahead)
  await database.asOwner(sql`
    select plinth.add_job(${jobOf(channel)}, '{}', greatest(next, ${notBefore}), ${`again ${channel}`})
    from plinth.next_notification(${channel}) as next where next <= ${until}`)
}

/** For messages of later, for those whose worker died, and for whatever a job that failed left behind. */
const plan = ({ database }: DeliveryOptions) =>
  defineJob({
    name: 'plan-notifications',
    summary: 'Wakes the channels that have something to deliver within a minute.',
    schedule: { line: '* * * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({}),
    concurrency: 1,
    run: async ({ clock }) => {
      for (const channel of channels) await wakeNext(database, channel, clock.now())
    },
  })

const prune = ({ database }: DeliveryOptions, keepDays: number) =>
  defineJob({
    name: 'prune-notifications',
    summary: 'Forgets messages, and what providers said of them, that are older than their retention.',
    schedule: { line: '15 2 * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({ keepDays: z.number().int().min(1).default(keepDays) }),
    concurrency: 1,
    run: async ({ clock, log }, payload) => {
      const pruned = await pruneNotifications(database, clock, payload.keepDays)
      if (pruned > 0) log.info({ pruned }, 'messages forgotten')
    },
  })
