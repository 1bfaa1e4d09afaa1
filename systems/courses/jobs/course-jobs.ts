import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { processReferrals } from '../referrals/process-referrals.ts'
import { defineJob } from '../uses.ts'

const nothing = z.object({})

/** Counts paid referrals and grants rewards (C-J1). */
export const processReferralsJob = defineJob({
  name: 'process-referrals',
  summary: 'Counts paid referrals and grants free access for two of them.',
  schedule: { line: '*/15 * * * *', zone: 'UTC', catchUp: 'once' },
  payload: nothing,
  concurrency: 1,
  run: async ({ db, log }) => {
    const { processedReferrals, rewardsGranted } = await processReferrals(db)
    if (processedReferrals + rewardsGranted > 0)
      log.info({ processedReferrals, rewardsGranted }, 'referrals processed')
  },
})

/** Queues reminders that are due, and delivers what the platform’s own jobs have left (C-J2). */
export const sendNotificationsJob = defineJob({
  name: 'send-notifications',
  summary: 'Queues reminders and delivers messages that are due.',
  schedule: { line: '*/5 * * * *', zone: 'UTC', catchUp: 'once' },
  payload: nothing,
  concurrency: 1,
  run: async ({ db, notifications, signal }) => {
    await db.query(sql`select private.plan_reminders()`)
    await notifications.deliverDue({ most: 100, signal })
  },
})

/** Sets the status of events by their times (C-J3). */
export const updateEventStatusJob = defineJob({
  name: 'update-event-status',
  summary: 'Sets the status of events by their times.',
  schedule: { line: '0 0 * * *', zone: 'UTC', catchUp: 'once' },
  payload: nothing,
  concurrency: 1,
  run: async ({ db }) => {
    await db.query(sql`select private.advance_events()`)
  },
})

/** Mends what differs from its order; `reconcile-payments` compares the orders with Razorpay at the same time (C-J4). */
export const paymentReconciliationJob = defineJob({
  name: 'payment-reconciliation',
  summary: 'Compares registrations with their orders, and mends those that differ.',
  schedule: { line: '0 2 * * *', zone: 'UTC', catchUp: 'once' },
  payload: nothing,
  concurrency: 1,
  run: async ({ db, log }) => {
    const { rows } = await db.query<{ id: string }>(sql`select private.differing_orders() as id`)
    for (const { id } of rows) await db.query(sql`select private.mend_order(${id})`)
    if (rows.length > 0) log.warn({ mended: rows.length }, 'registrations differed from their orders')
  },
})

/** Ends stays of sessions that are over and registrations that were not paid, and says why webhooks fail. */
export const tendSessions = defineJob({
  name: 'tend-sessions',
  summary: 'Ends stays and unpaid registrations whose time is over.',
  schedule: { line: '*/5 * * * *', zone: 'UTC', catchUp: 'once' },
  payload: nothing,
  concurrency: 1,
  run: async ({ db }) => {
    await db.query(sql`select private.close_stays()`)
    await db.query(sql`select private.expire_registrations()`)
    await db.query(sql`select private.fail_webhooks()`)
  },
})

/** A reward goes back when a referral that it was given for was paid back. */
export const clawBackReward = defineJob({
  name: 'claw-back-reward',
  summary: 'Takes a reward back whose referrals do not count any more.',
  payload: z.object({ referrer: z.uuid(), event: z.uuid() }),
  run: async ({ db }, { referrer, event }) => {
    await db.query(sql`select private.claw_back(${referrer}, ${event})`)
  },
})

/** Gives everybody of a cancelled event their money back, one after the other, and goes on where it was stopped. */
export const settleCancelledEvent = defineJob({
  name: 'settle-cancelled-event',
  summary: 'Ends the registrations of a cancelled event and gives their money back.',
  payload: z.object({ event: z.uuid() }),
  attempts: 20,
  concurrency: 1,
  run: async ({ db, signal }, { event }) => {
    const { rows } = await db.query<{ id: string }>(sql`select private.cancelled_seats(${event}) as id`)
    for (const { id } of rows) {
      if (signal.aborted)
        throw new Error('The server stops; the rest of the seats is settled when it is back.')
      await db.query(sql`select private.settle_seat(${id})`)
    }
  },
})
